//! Objects of autoscalers that look ahead.

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "four tools and what comes of them")]
fn crane_phpa_ahpa_and_predictkube() {
    check(
        r#"
apiVersion: autoscaling.crane.io/v1alpha1
kind: EffectiveHorizontalPodAutoscaler
metadata:
  name: php
  namespace: shop
  annotations: {metric-query.autoscaling.crane.io/pods.http_requests: 'sum(rate(http_requests_total[3m]))'}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: php}
  minReplicas: 1
  maxReplicas: 10
  scaleStrategy: Preview
  metrics: [{type: Pods, pods: {metric: {name: http_requests}, target: {type: AverageValue, averageValue: 500m}}}]
  crons: [{name: day, timezone: Local, description: x, start: 0 8 * * *, end: 0 20 * * *, targetReplicas: 5}]
  prediction:
    predictionWindowSeconds: 3600
    predictionAlgorithm: {algorithmType: dsp, dsp: {sampleInterval: 60s, historyLength: 3d}}
---
apiVersion: jamiethompson.me/v1alpha1
kind: PredictiveHorizontalPodAutoscaler
metadata: {name: simple, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: simple}
  minReplicas: 1
  maxReplicas: 10
  syncPeriod: 10000
  tolerance: 0.05
  decisionType: mean
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
  models: [{type: Linear, name: linear, perSyncPeriod: 1, linear: {lookAhead: 30000, historySize: 6}}]
---
apiVersion: autoscaling.alibabacloud.com/v1beta1
kind: AdvancedHorizontalPodAutoscaler
metadata: {name: fib, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: fib}
  minReplicas: 2
  maxReplicas: 100
  scaleStrategy: observer
  stabilizationWindowSeconds: 300
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 40}}}]
  prediction: {quantile: 95, scaleUpForward: 180}
  instanceBounds: [{startTime: "2024-12-16 00:00:00", endTime: "2034-12-16 00:00:00", bounds: [{cron: "* 0-8 ? * MON-FRI", maxReplicas: 15, minReplicas: 4}]}]
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: ahead, namespace: shop}
spec:
  scaleTargetRef: {name: ahead}
  minReplicaCount: 3
  triggers:
    - {type: predictkube, metadata: {predictHorizon: 2h, historyTimeWindow: 7d, prometheusAddress: "http://p", query: "sum(irate(hits[2m]))", queryStep: 2m, threshold: "2000"}}
"#,
        expect![[r#"
              - name: shop
                rules:
                  # From EffectiveHorizontalPodAutoscaler shop/php.
                  # It looked ahead (algorithm dsp); in our words: forecast: {horizon: 1h}
                  - scale: php
                    target: {kind: Deployment, namespace: shop, name: php}
                    replicas: {min: 1, max: 10}
                    pause: {reason: 'scaleStrategy: Preview'}
                    metrics:
                      - name: http_requests
                        demand: sum(rate(http_requests_total[3m]))
                        per_replica: 0.5
                    schedules:
                      - name: day
                        start: '0 8 * * *'
                        end: '0 20 * * *'
                        timezone: UTC
                        min: 5

                  # From PredictiveHorizontalPodAutoscaler shop/simple.
                  # It looked ahead (model Linear); in our words: forecast: {horizon: 30s}
                  - scale: simple
                    target: {kind: Deployment, namespace: shop, name: simple}
                    replicas: {min: 1, max: 10}
                    metrics:
                      # 50% of the cpu that a pod requests.
                      - name: cpu
                        per_pod: sum by (pod) (rate(container_cpu_usage_seconds_total{namespace="shop",pod=~"simple-[a-z0-9]+-[a-z0-9]+",container!=""}[1m])) / on (pod) sum by (pod) (kube_pod_container_resource_requests{namespace="shop",pod=~"simple-[a-z0-9]+-[a-z0-9]+",resource="cpu"})
                        utilization: 0.5
                        ready: max by (pod) (kube_pod_status_ready{namespace="shop",pod=~"simple-[a-z0-9]+-[a-z0-9]+",condition="true"})
                    behavior:
                      scale_up:
                        tolerance: 0.05
                      scale_down:
                        tolerance: 0.05

                  # From AdvancedHorizontalPodAutoscaler shop/fib.
                  # It looked ahead (its own model); in our words: forecast: {horizon: 3m, quantile: 0.95}
                  - scale: fib
                    target: {kind: Deployment, namespace: shop, name: fib}
                    replicas: {min: 2, max: 100}
                    pause: {reason: 'scaleStrategy: observer'}
                    metrics:
                      # 40% of the cpu that a pod requests.
                      - name: cpu
                        per_pod: sum by (pod) (rate(container_cpu_usage_seconds_total{namespace="shop",pod=~"fib-[a-z0-9]+-[a-z0-9]+",container!=""}[1m])) / on (pod) sum by (pod) (kube_pod_container_resource_requests{namespace="shop",pod=~"fib-[a-z0-9]+-[a-z0-9]+",resource="cpu"})
                        utilization: 0.4
                        ready: max by (pod) (kube_pod_status_ready{namespace="shop",pod=~"fib-[a-z0-9]+-[a-z0-9]+",condition="true"})
                    behavior:
                      scale_down:
                        stabilization_window: 5m

                  # From ScaledObject shop/ahead.
                  # It looked ahead (PredictKube); in our words: forecast: {horizon: 2h}
                  - scale: ahead
                    target: {kind: Deployment, namespace: shop, name: ahead}
                    replicas: {min: 3, max: 100}
                    metrics:
                      - name: trigger_1
                        demand: sum(irate(hits[2m]))
                        per_replica: 2000
            ---
            in.yaml, document 1: EffectiveHorizontalPodAutoscaler shop/php: spec.prediction: left out: the forecast (algorithm dsp, horizon 1h) is noted in a comment; decisions follow the load of the moment until the rule has a forecast
            in.yaml, document 2: PredictiveHorizontalPodAutoscaler shop/simple: spec.models[0]: left out: the forecast (model Linear, horizon 30s) is noted in a comment; decisions follow the load of the moment until the rule has a forecast
            in.yaml, document 2: PredictiveHorizontalPodAutoscaler shop/simple: spec.decisionType: left out: the largest answer of all metrics and forecasts counts here
            in.yaml, document 3: AdvancedHorizontalPodAutoscaler shop/fib: spec.prediction: left out: the forecast (its own model, horizon 3m) is noted in a comment; decisions follow the load of the moment until the rule has a forecast
            in.yaml, document 3: AdvancedHorizontalPodAutoscaler shop/fib: spec.instanceBounds: left out: its cron expressions say during which minutes bounds hold, not when they begin and end; write them as schedules with start, end, timezone and min
            in.yaml, document 4: ScaledObject shop/ahead: spec.triggers[0].metadata: left out: the forecast (PredictKube, horizon 2h) is noted in a comment; decisions follow the load of the moment until the rule has a forecast
        "#]],
    );
}
