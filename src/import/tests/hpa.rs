//! `HorizontalPodAutoscaler`.

use super::*;

#[test]
fn utilization_is_held_against_what_pods_request() {
    check(
        r#"
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: checkout
  namespace: shop
  labels: {team: shop, app.kubernetes.io/name: checkout}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: checkout}
  minReplicas: 2
  maxReplicas: 60
  metrics:
    - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}
    - {type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 500Mi}}}
    - {type: ContainerResource, containerResource: {name: cpu, container: app, target: {type: Utilization, averageUtilization: 60}}}
  behavior:
    scaleUp:
      stabilizationWindowSeconds: 0
      selectPolicy: Max
      policies: [{type: Pods, value: 4, periodSeconds: 60}, {type: Percent, value: 50, periodSeconds: 60}]
    scaleDown: {stabilizationWindowSeconds: 120, selectPolicy: Min, tolerance: 0.05}
status: {currentReplicas: 3}
"#,
        expect![[r#"
              - name: shop
                rules:
                  # From HorizontalPodAutoscaler shop/checkout.
                  - scale: checkout
                    target: {kind: Deployment, namespace: shop, name: checkout}
                    replicas: {min: 2, max: 60}
                    metrics:
                      # 70% of the cpu that a pod requests.
                      - name: cpu
                        per_pod: sum by (pod) (rate(container_cpu_usage_seconds_total{namespace="shop",pod=~"checkout-[a-z0-9]+-[a-z0-9]+",container!=""}[1m])) / on (pod) sum by (pod) (kube_pod_container_resource_requests{namespace="shop",pod=~"checkout-[a-z0-9]+-[a-z0-9]+",resource="cpu"})
                        utilization: 0.7
                        ready: max by (pod) (kube_pod_status_ready{namespace="shop",pod=~"checkout-[a-z0-9]+-[a-z0-9]+",condition="true"})
                      # So much memory for each pod.
                      - name: memory
                        per_pod: sum by (pod) (container_memory_working_set_bytes{namespace="shop",pod=~"checkout-[a-z0-9]+-[a-z0-9]+",container!=""})
                        per_replica: 524288000
                      # 60% of the cpu of container app that a pod requests.
                      - name: cpu_app
                        per_pod: sum by (pod) (rate(container_cpu_usage_seconds_total{namespace="shop",pod=~"checkout-[a-z0-9]+-[a-z0-9]+",container="app"}[1m])) / on (pod) sum by (pod) (kube_pod_container_resource_requests{namespace="shop",pod=~"checkout-[a-z0-9]+-[a-z0-9]+",container="app",resource="cpu"})
                        utilization: 0.6
                        ready: max by (pod) (kube_pod_status_ready{namespace="shop",pod=~"checkout-[a-z0-9]+-[a-z0-9]+",condition="true"})
                    behavior:
                      scale_up:
                        stabilization_window: 0s
                        policies:
                          - {type: Pods, value: 4, period: 1m}
                          - {type: Percent, value: 50, period: 1m}
                      scale_down:
                        stabilization_window: 2m
                        select_policy: Min
                        tolerance: 0.05
                    labels: {team: shop}
            ---
        "#]],
    );
}

#[test]
fn metrics_of_adapters_become_series() {
    check(
        r#"
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: db, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: db}
  maxReplicas: 5
  metrics:
    - type: Pods
      pods: {metric: {name: http_requests_per_second, selector: {matchLabels: {verb: GET}}}, target: {type: AverageValue, averageValue: 500m}}
    - type: Object
      object:
        describedObject: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: main}
        metric: {name: requests-per-second}
        target: {type: Value, value: 10k}
    - type: External
      external:
        metric:
          name: queue_depth
          selector: {matchExpressions: [{key: queue, operator: In, values: [a.b, c]}, {key: dead, operator: DoesNotExist}]}
        target: {type: AverageValue, averageValue: 30}
"#,
        expect![[r#"
              - name: shop
                rules:
                  # From HorizontalPodAutoscaler shop/db.
                  - scale: db
                    target: {kind: StatefulSet, namespace: shop, name: db}
                    replicas: {min: 1, max: 5}
                    metrics:
                      - name: http_requests_per_second
                        per_pod: sum by (pod) (http_requests_per_second{namespace="shop",pod=~"db-[0-9]+",verb="GET"})
                        per_replica: 0.5
                      # A target for all pods together: its ratio to the pods that are ready, as HPA takes it.
                      - name: requests_per_second
                        demand: sum(requests_per_second{namespace="shop",ingress="main"}) * clamp_min(max(kube_statefulset_status_replicas_ready{namespace="shop",statefulset="db"}), 1)
                        per_replica: 10000
                      - name: queue_depth
                        demand: sum(queue_depth{queue=~"a\\.b|c",dead=""})
                        per_replica: 30
            ---
            in.yaml: HorizontalPodAutoscaler shop/db: spec.metrics[0].pods.metric: changed: "http_requests_per_second" is a name of the metrics API; it is taken for a series of Prometheus. Where an adapter makes it from other series, put the adapter's expression in its place
            in.yaml: HorizontalPodAutoscaler shop/db: spec.metrics[1].object.metric: changed: "requests-per-second" is a name of the metrics API; it is taken for a series of Prometheus. Where an adapter makes it from other series, put the adapter's expression in its place
            in.yaml: HorizontalPodAutoscaler shop/db: spec.metrics[2].external.metric: changed: "queue_depth" is a name of the metrics API; it is taken for a series of Prometheus. Where an adapter makes it from other series, put the adapter's expression in its place
        "#]],
    );
}

#[test]
fn the_first_version_keeps_the_rest_in_annotations() {
    check(
        r#"
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata:
  name: web
  annotations:
    autoscaling.alpha.kubernetes.io/metrics: '[{"type":"Pods","pods":{"metricName":"packets","targetAverageValue":"1k"}},{"type":"Object","object":{"target":{"kind":"Service","name":"web"},"metricName":"hits","targetValue":"5","averageValue":"2"}}]'
    autoscaling.alpha.kubernetes.io/behavior: '{"ScaleDown":{"StabilizationWindowSeconds":60,"Policies":[{"Type":"Pods","Value":1,"PeriodSeconds":30}]}}'
spec:
  scaleTargetRef: {apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: web}
  maxReplicas: 4
  targetCPUUtilizationPercentage: 50
"#,
        expect![[r#"
              - name: default
                rules:
                  # From HorizontalPodAutoscaler default/web.
                  - scale: web
                    target: {api_version: argoproj.io/v1alpha1, kind: Rollout, namespace: default, name: web}
                    replicas: {min: 1, max: 4}
                    metrics:
                      # 50% of the cpu that a pod requests.
                      - name: cpu
                        per_pod: sum by (pod) (rate(container_cpu_usage_seconds_total{namespace="default",pod=~"web-[a-z0-9]+-[a-z0-9]+",container!=""}[1m])) / on (pod) sum by (pod) (kube_pod_container_resource_requests{namespace="default",pod=~"web-[a-z0-9]+-[a-z0-9]+",resource="cpu"})
                        utilization: 0.5
                        ready: max by (pod) (kube_pod_status_ready{namespace="default",pod=~"web-[a-z0-9]+-[a-z0-9]+",condition="true"})
                      - name: packets
                        per_pod: sum by (pod) (packets{namespace="default",pod=~"web-[a-z0-9]+-[a-z0-9]+"})
                        per_replica: 1000
                      - name: hits
                        demand: sum(hits{namespace="default",service="web"})
                        per_replica: 2
                    behavior:
                      scale_down:
                        stabilization_window: 1m
                        policies:
                          - {type: Pods, value: 1, period: 30s}
            ---
            in.yaml: HorizontalPodAutoscaler default/web: metadata.annotations[autoscaling.alpha.kubernetes.io/metrics][0].pods.metric: changed: "packets" is a name of the metrics API; it is taken for a series of Prometheus. Where an adapter makes it from other series, put the adapter's expression in its place
            in.yaml: HorizontalPodAutoscaler default/web: metadata.annotations[autoscaling.alpha.kubernetes.io/metrics][1].object.metric: changed: "hits" is a name of the metrics API; it is taken for a series of Prometheus. Where an adapter makes it from other series, put the adapter's expression in its place
        "#]],
    );
}

#[test]
fn an_adapter_s_annotation_says_what_a_metric_is() {
    check(
        r#"
apiVersion: autoscaling/v2beta2
kind: HorizontalPodAutoscaler
metadata:
  name: web
  namespace: shop
  annotations:
    metric-config.external.backlog.prometheus/query: |
      sum(rate(jobs_total{queue="a"}[1m]))
        - sum(rate(done_total[1m]))
    metric-config.external.backlog.prometheus/prometheus-server: http://prometheus
spec:
  scaleTargetRef: {kind: Deployment, name: web}
  maxReplicas: 4
  metrics: [{type: External, external: {metric: {name: backlog}, target: {type: AverageValue, averageValue: "20"}}}]
"#,
        expect![[r#"
              - name: shop
                rules:
                  # From HorizontalPodAutoscaler shop/web.
                  - scale: web
                    target: {kind: Deployment, namespace: shop, name: web}
                    replicas: {min: 1, max: 4}
                    metrics:
                      - name: backlog
                        demand: sum(rate(jobs_total{queue="a"}[1m])) - sum(rate(done_total[1m]))
                        per_replica: 20
            ---
        "#]],
    );
}

#[test]
fn what_can_t_be_carried_over_is_told() {
    check(
        r#"
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {kind: Deployment, name: web}
  maxReplicas: lots
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: odd, namespace: shop}
spec:
  scaleTargetRef: {kind: Deployment, name: odd}
  maxReplicas: 5
  novelty: {a: 1}
  metrics:
    - {type: Resource, resource: {name: nvidia.com/gpu, target: {type: Utilization, averageUtilization: 70}}}
    - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 0}}}
    - {type: Sorcery}
  behavior: {scaleUp: {policies: [{type: Pods, value: 0, periodSeconds: 15}]}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: keda-hpa-queue
  namespace: shop
  ownerReferences: [{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: queue}]
spec: {scaleTargetRef: {kind: Deployment, name: queue}, maxReplicas: 5}
"#,
        expect![[r#"
            ---
            in.yaml, document 1: HorizontalPodAutoscaler shop/web: spec.maxReplicas: left out: expected a whole number, found "lots"; correct it and import again
            in.yaml, document 1: HorizontalPodAutoscaler shop/web: spec.maxReplicas: left out: it is missing, and a rule needs it; set it and import again
            in.yaml, document 2: HorizontalPodAutoscaler shop/odd: spec.metrics[0].resource: left out: no usual series tells what pods use of "nvidia.com/gpu"; add a metric with the PromQL that your cluster has for it
            in.yaml, document 2: HorizontalPodAutoscaler shop/odd: spec.metrics[1].resource: left out: a target of 0 asks for no count; it must be more than zero
            in.yaml, document 2: HorizontalPodAutoscaler shop/odd: spec.metrics[2]: left out: "Sorcery" is no type of metric that is known here
            in.yaml, document 2: HorizontalPodAutoscaler shop/odd: spec.behavior.scaleUp.policies[0]: left out: a policy needs type (Pods or Percent), value and periodSeconds above zero
            in.yaml, document 2: HorizontalPodAutoscaler shop/odd: spec.novelty: left out: no such field is known here; see whether the rule needs it
            in.yaml, document 2: HorizontalPodAutoscaler shop/odd: spec: left out: none of its metrics can be carried over, so there is no rule; write one by hand
            in.yaml, document 3: HorizontalPodAutoscaler shop/keda-hpa-queue: metadata.ownerReferences: left out: it is made from ScaledObject shop/queue, which says more; import that one instead
        "#]],
    );
}
