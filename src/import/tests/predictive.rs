//! Objects of autoscalers that look ahead.

use super::*;

#[test]
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
        expect![[""]],
    );
}
