//! KEDA's `ScaledObject`.

use super::*;

#[test]
fn prometheus_cron_cpu_and_memory_triggers() {
    check(
        r#"
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: worker, namespace: jobs, labels: {team: jobs}}
spec:
  scaleTargetRef: {name: worker}
  pollingInterval: 10
  cooldownPeriod: 120
  initialCooldownPeriod: 30
  maxReplicaCount: 20
  fallback: {failureThreshold: 3, replicas: 6, behavior: currentReplicasIfHigher}
  advanced:
    horizontalPodAutoscalerConfig:
      name: worker-hpa
      behavior: {scaleDown: {stabilizationWindowSeconds: 60}}
  triggers:
    - type: prometheus
      name: backlog
      metadata:
        serverAddress: http://prometheus:9090
        query: sum(queue_length{queue="mails"})
        threshold: "100"
        activationThreshold: "5"
        ignoreNullValues: "false"
    - type: cron
      metadata: {timezone: Europe/Berlin, start: 0 8 * * 1-5, end: 0 18 * * 1-5, desiredReplicas: "4"}
    - {type: cpu, metricType: Utilization, metadata: {value: "60"}}
    - {type: memory, metricType: AverageValue, metadata: {value: 1Gi, containerName: app}}
"#,
        expect![[r#"
              - name: jobs
                rules:
                  # From ScaledObject jobs/worker.
                  - scale: worker
                    target: {kind: Deployment, namespace: jobs, name: worker}
                    replicas: {min: 0, max: 20}
                    metrics:
                      - name: backlog
                        demand: sum(queue_length{queue="mails"})
                        per_replica: 100
                        activation: 5
                      # 60% of the cpu that a pod requests.
                      - name: cpu
                        per_pod: sum by (pod) (rate(container_cpu_usage_seconds_total{namespace="jobs",pod=~"worker-[a-z0-9]+-[a-z0-9]+",container!=""}[1m])) / on (pod) sum by (pod) (kube_pod_container_resource_requests{namespace="jobs",pod=~"worker-[a-z0-9]+-[a-z0-9]+",resource="cpu"})
                        utilization: 0.6
                        ready: max by (pod) (kube_pod_status_ready{namespace="jobs",pod=~"worker-[a-z0-9]+-[a-z0-9]+",condition="true"})
                      # So much memory of container app for each pod.
                      - name: memory_app
                        per_pod: sum by (pod) (container_memory_working_set_bytes{namespace="jobs",pod=~"worker-[a-z0-9]+-[a-z0-9]+",container="app"})
                        per_replica: 1073741824
                    schedules:
                      - name: cron_1
                        start: '0 8 * * 1-5'
                        end: '0 18 * * 1-5'
                        timezone: Europe/Berlin
                        min: 4
                    behavior:
                      scale_down:
                        stabilization_window: 1m
                    cooldown: 2m
                    initial_cooldown: 30s
                    fallback: {after: 3, replicas: 6, behavior: current_if_higher}
                    labels: {team: jobs}
            ---
            in.yaml: ScaledObject jobs/worker: spec.cooldownPeriod: changed: KEDA waits so long before the step to zero only, and after activity; here it is before every step down, and after the last change
        "#]],
    );
}

#[test]
fn a_formula_becomes_one_metric() {
    check(
        r#"
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: api, namespace: shop}
spec:
  scaleTargetRef: {kind: Deployment, name: api}
  minReplicaCount: 1
  advanced:
    scalingModifiers: {formula: "max(web, mobile) + 1", target: "50", activationTarget: "2"}
  triggers:
    - {type: prometheus, name: web, metadata: {query: 'rate(hits{app="web"}[1m])', threshold: "1", ignoreNullValues: "false"}}
    - {type: prometheus, name: mobile, metadata: {query: "sum(rate(hits_mobile[1m]))", threshold: "1", ignoreNullValues: "false"}}
"#,
        expect![[r#"
              - name: shop
                rules:
                  # From ScaledObject shop/api.
                  - scale: api
                    target: {kind: Deployment, namespace: shop, name: api}
                    replicas: {min: 1, max: 100}
                    metrics:
                      # formula: max(web, mobile) + 1
                      - name: formula
                        demand: (((sum(rate(hits{app="web"}[1m])) > sum(rate(hits_mobile[1m]))) or sum(rate(hits_mobile[1m]))) + vector(1))
                        per_replica: 50
                        activation: 2
            ---
        "#]],
    );
}

#[test]
fn clock_alone_idle_and_pauses() {
    check(
        r#"
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: office, namespace: jobs, annotations: {autoscaling.keda.sh/paused-replicas: "2"}}
spec:
  scaleTargetRef: {name: office}
  minReplicaCount: 1
  triggers: [{type: cron, metadata: {timezone: Asia/Tokyo, start: 0 9 * * *, end: 0 17 * * *, desiredReplicas: "400"}}]
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: batch, namespace: jobs, annotations: {autoscaling.keda.sh/paused-scale-in: "true"}}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: batch}
  idleReplicaCount: 0
  minReplicaCount: 3
  triggers:
    - {type: prometheus, metricType: Value, metadata: {query: "max(age_seconds)", threshold: "60", activationThreshold: "1", ignoreNullValues: "false"}}
"#,
        expect![[r#"
              - name: jobs
                rules:
                  # From ScaledObject jobs/office.
                  - scale: office
                    target: {kind: Deployment, namespace: jobs, name: office}
                    replicas: {min: 1, max: 100}
                    pause: {at: 2, reason: 'annotation autoscaling.keda.sh/paused-replicas'}
                    metrics:
                      # Nothing but the clock asks for replicas.
                      - name: none
                        demand: vector(0)
                        per_replica: 1
                    schedules:
                      - name: cron_1
                        start: '0 9 * * *'
                        end: '0 17 * * *'
                        timezone: Asia/Tokyo
                        min: 100

                  # From ScaledObject jobs/batch.
                  - scale: batch
                    target: {kind: StatefulSet, namespace: jobs, name: batch}
                    replicas: {min: 0, max: 100}
                    metrics:
                      # A value for all pods together: its ratio to the pods that are ready, as HPA takes it.
                      - name: trigger_1
                        demand: sum(max(age_seconds)) * clamp_min(max(kube_statefulset_status_replicas_ready{namespace="jobs",statefulset="batch"}), 1)
                        per_replica: 60
                        activation: 1
                      # idleReplicaCount 0: at least 3 while there is anything to do, else 0.
                      - name: floor_while_active
                        replicas: '3 * ((sum(max(age_seconds)) * clamp_min(max(kube_statefulset_status_replicas_ready{namespace="jobs",statefulset="batch"}), 1)) > bool 1)'
                    behavior:
                      scale_down:
                        select_policy: Disabled
                    cooldown: 5m
            ---
            in.yaml, document 2: ScaledObject jobs/batch: spec.cooldownPeriod: changed: KEDA waits so long before the step to zero only, and after activity; here it is before every step down, and after the last change
        "#]],
    );
}

#[test]
fn what_can_t_be_carried_over_is_told_with_the_way_out() {
    check(
        r#"
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: mixed, namespace: jobs, annotations: {autoscaling.keda.sh/paused: "true"}}
spec:
  scaleTargetRef: {name: mixed}
  minReplicaCount: 1
  fallback: {failureThreshold: 3, replicas: 6, behavior: triggerFormula}
  advanced:
    restoreToOriginalReplicaCount: true
    scalingModifiers: {formula: "count([lag], # > 1)", target: "1"}
  triggers:
    - {type: kafka, name: lag, metadata: {bootstrapServers: "kafka:9092", consumerGroup: mails, topic: out, lagThreshold: "50"}}
    - {type: sorcery, metadata: {}}
    - {type: prometheus, metadata: {query: "sum(", threshold: "1"}}
    - {type: prometheus, metadata: {query: "sum(x)", threshold: "0"}}
    - {type: prometheus, authenticationRef: {name: a}, metadata: {query: "sum(x) # all of it\n", threshold: "5"}}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: none, namespace: jobs}
spec:
  scaleTargetRef: {name: none}
  triggers: [{type: rabbitmq, metadata: {queueName: q, mode: QueueLength, value: "20"}}]
---
{apiVersion: keda.sh/v1alpha1, kind: ScaledJob, metadata: {name: job, namespace: jobs}, spec: {}}
"#,
        expect![[r#"
              - name: jobs
                rules:
                  # From ScaledObject jobs/mixed.
                  # Left out: trigger kafka. With kafka_exporter: demand:
                  # sum(kafka_consumergroup_lag{consumergroup="mails",topic="out"}), per_replica: 50
                  - scale: mixed
                    target: {kind: Deployment, namespace: jobs, name: mixed}
                    replicas: {min: 1, max: 100}
                    pause: {reason: 'annotation autoscaling.keda.sh/paused'}
                    metrics:
                      - name: trigger_5
                        demand: sum(x)
                        per_replica: 5
            ---
            in.yaml, document 1: ScaledObject jobs/mixed: spec.fallback: left out: "triggerFormula" is no behavior that is known here
            in.yaml, document 1: ScaledObject jobs/mixed: spec.triggers[0]: left out: trigger "kafka" asks a system that Headroom does not ask; kafka_exporter has the same number: add a metric with demand sum(kafka_consumergroup_lag{consumergroup="mails",topic="out"}) and per_replica 50
            in.yaml, document 1: ScaledObject jobs/mixed: spec.triggers[1]: left out: trigger "sorcery" asks a system that Headroom does not ask; have an exporter turn its number into a series, and add a metric that reads it
            in.yaml, document 1: ScaledObject jobs/mixed: spec.triggers[2].metadata: left out: its query can't be used here: expression ends too early; expected an expression; write it in another way: sum(
            in.yaml, document 1: ScaledObject jobs/mixed: spec.triggers[3].metadata: left out: it needs a threshold of more than zero: the work that one replica takes
            in.yaml, document 1: ScaledObject jobs/mixed: spec.triggers[4].metadata.ignoreNullValues: changed: KEDA takes an empty result for 0; here it holds the count. Where no series means no work, append "or vector(0)" to the demand
            in.yaml, document 1: ScaledObject jobs/mixed: spec.advanced.scalingModifiers: left out: the formula "count([lag], # > 1)" can't be carried over: "[" is not known there
            in.yaml, document 1: ScaledObject jobs/mixed: spec.advanced.restoreToOriginalReplicaCount: left out: a workload whose rule is removed keeps the count that it has; scale it by hand then
            in.yaml, document 2: ScaledObject jobs/none: spec.triggers[0]: left out: trigger "rabbitmq" asks a system that Headroom does not ask; RabbitMQ's own endpoint /metrics/per-object has the same number: add a metric with demand sum(rabbitmq_queue_messages{queue="q"}) and per_replica 20
            in.yaml, document 2: ScaledObject jobs/none: spec.cooldownPeriod: changed: KEDA waits so long before the step to zero only, and after activity; here it is before every step down, and after the last change
            in.yaml, document 2: ScaledObject jobs/none: spec: left out: none of its metrics can be carried over, so there is no rule; write one by hand
            in.yaml, document 3: ScaledJob jobs/job: spec: left out: a ScaledJob starts Jobs; Headroom scales what has a scale subresource
        "#]],
    );
}

#[test]
fn the_hpa_that_keda_made_is_passed_over() {
    let yaml = r#"
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: queue, namespace: shop}
spec: {scaleTargetRef: {name: queue}, minReplicaCount: 1, triggers: [{type: cpu, metricType: Utilization, metadata: {value: "60"}}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: keda-hpa-queue, namespace: shop, ownerReferences: [{kind: ScaledObject, name: queue}]}
spec: {scaleTargetRef: {kind: Deployment, name: queue}, maxReplicas: 5}
"#;
    let imported = imported(yaml);
    assert_eq!((imported.files[0].rules, imported.notes), (1, Vec::new()));
}
