//! Pods in trouble: which count, and when anybody looks.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::super::trouble::{Suspects, count};
use super::server::{Reply, Server, failure};
use super::*;
use crate::actuate::Status;
use crate::dispatch::Trouble;

/// How many of the pods crash, and how many can't be scheduled.
#[track_caller]
fn check(pods: Vec<Value>, crash_looping: u32, unschedulable: u32) {
    let pods: Vec<Pod> = pods.into_iter().map(|pod| serde_json::from_value(pod).unwrap()).collect();
    assert_eq!(count(&pods), Trouble { crash_looping, unschedulable });
}

fn with_status(status: Value) -> Value {
    json!({"metadata": {"name": "web-1"}, "status": status})
}

fn container(state: &Value) -> Value {
    json!({"name": "web", "image": "web", "imageID": "", "ready": false, "restartCount": 5, "state": state})
}

fn waiting(reason: &str) -> Value {
    container(&json!({"waiting": {"reason": reason}}))
}

fn running() -> Value {
    container(&json!({"running": {}}))
}

fn scheduled(status: &str, reason: &str) -> Value {
    with_status(
        json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": status, "reason": reason}]}),
    )
}

fn crash_looping() -> Value {
    with_status(json!({"phase": "Running", "containerStatuses": [running(), waiting("CrashLoopBackOff")]}))
}

#[test]
fn a_pod_counts_once_for_each_trouble_that_waiting_does_not_end() {
    check(vec![], 0, 0);
    check(vec![json!({"metadata": {"name": "new"}})], 0, 0);
    check(vec![crash_looping(), crash_looping()], 2, 0);
    check(vec![with_status(json!({"containerStatuses": [running()]}))], 0, 0);
    check(vec![with_status(json!({"containerStatuses": [waiting("ContainerCreating")]}))], 0, 0);
    check(vec![with_status(json!({"containerStatuses": [waiting("ImagePullBackOff")]}))], 0, 0);
    check(vec![with_status(json!({"initContainerStatuses": [waiting("CrashLoopBackOff")]}))], 1, 0);
    let both = [waiting("CrashLoopBackOff"), waiting("CrashLoopBackOff")];
    check(vec![with_status(json!({"initContainerStatuses": both, "containerStatuses": both}))], 1, 0);
    check(vec![scheduled("False", "Unschedulable"), crash_looping()], 1, 1);
    check(vec![scheduled("False", "SchedulingGated")], 0, 0);
    check(vec![scheduled("True", "Unschedulable")], 0, 0);
}

#[test]
fn pods_on_their_way_out_do_not_count() {
    let mut deleted = crash_looping();
    deleted["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let mut failed = crash_looping();
    failed["status"]["phase"] = json!("Failed");
    check(vec![deleted, failed], 0, 0);
}

#[tokio::test]
async fn trouble_is_nobody_s_before_somebody_looked_and_ends_with_the_last_pod_s_readiness() {
    let mut suspects = Suspects::default();
    let mut check = |status: Status| assert_eq!(suspects.note("web", status.clone()), status);
    check(Status::found(4, 2));
    check(Status::found(4, 4));
    check(Status::Unknown("gone".to_owned()));
    // What others say of trouble is not taken over.
    let trouble = Trouble { crash_looping: 1, unschedulable: 0 };
    assert_eq!(suspects.note("web", Status::Found { replicas: 4, ready: 3, trouble }), Status::found(4, 3));
}

/// A server with Deployments that want four pods: `web` has two that crash, `mute` has a scale without a selector,
/// `well` all it wants.
fn shop(line: &str, pods: impl Fn() -> Reply) -> Reply {
    let object = |name: &str, ready: u32| {
        json!({
            "metadata": {"name": name, "namespace": "shop", "resourceVersion": "5"},
            "spec": {"replicas": 4}, "status": {"readyReplicas": ready},
        })
    };
    let scale = |status: Value| {
        let metadata = json!({"name": "x", "resourceVersion": "5"});
        Reply::Json(200, json!({"metadata": metadata, "spec": {"replicas": 4}, "status": status}))
    };
    match line {
        line if line.contains("watch=") => Reply::Watch(vec![]),
        line if line.contains("/web/scale") => scale(json!({"replicas": 4, "selector": "app=web,tier in (a,b)"})),
        line if line.contains("/mute/scale") => scale(json!({"replicas": 4})),
        line if line.contains("/pods") => pods(),
        _ => Reply::Json(
            200,
            json!({"metadata": {"resourceVersion": "5"}, "items": [object("web", 2), object("mute", 2), object("well", 4)]}),
        ),
    }
}

/// What is told of `web` in the seconds after it was found short of pods, and what was asked of the server.
async fn told_of_web(pods: impl Fn() -> Reply + Send + Sync + 'static) -> (Vec<Trouble>, Vec<String>) {
    let server = Server::start(move |asked| shop(asked.line, &pods)).await;
    let (kubernetes, mut observations) = server.actuator().await;
    for name in ["web", "mute", "well"] {
        kubernetes.watch(&deployment(name), None);
    }
    let mut told = Vec::new();
    while let Ok(Some(observation)) = tokio::time::timeout(Duration::from_secs(7), observations.recv()).await {
        if let (Status::Found { trouble, .. }, "web") = (observation.status, observation.workload.name.as_str()) {
            told.push(trouble);
        }
    }
    let asked = server.log().into_iter().filter(|line| line.contains("/scale") || line.contains("/pods"));
    (told, asked.collect())
}

#[tokio::test]
async fn pods_are_looked_at_while_a_workload_is_short_of_them_and_told_when_that_changes() {
    let pods = || Reply::Json(200, json!({"metadata": {}, "items": [crash_looping(), crash_looping()]}));
    let (told, asked) = told_of_web(pods).await;
    assert_eq!(told, [Trouble::default(), Trouble { crash_looping: 2, unschedulable: 0 }]);
    let of_web: Vec<&String> = asked.iter().filter(|line| !line.contains("/mute/")).collect();
    assert_eq!(
        of_web[..2],
        [
            "GET /apis/apps/v1/namespaces/shop/deployments/web/scale",
            "GET /api/v1/namespaces/shop/pods?&labelSelector=app%3Dweb%2Ctier+in+%28a%2Cb%29&limit=500",
        ]
    );
    let of_mute = asked.iter().filter(|line| line.contains("/mute/")).count();
    assert_eq!((of_mute, asked.iter().any(|line| line.contains("/well/"))), (1, false), "{asked:?}");
}

#[tokio::test]
async fn without_the_right_to_see_pods_nothing_is_said_of_trouble() {
    let (told, asked) = told_of_web(|| failure(403, "pods is forbidden")).await;
    assert_eq!(told, [Trouble::default()]);
    assert_eq!(asked.iter().filter(|line| line.contains("/pods")).count(), 1, "asked again a minute later: {asked:?}");
}
