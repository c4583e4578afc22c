//! Observations, and what may go wrong with a watch.

use std::sync::atomic::{AtomicUsize, Ordering};

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::server::{Reply, Server, failure, next};
use super::*;
use crate::workload::ObjectRef;

fn object(name: &str, replicas: u32, ready: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": "5"},
        "spec": {"replicas": replicas}, "status": {"readyReplicas": ready},
    })
}

fn list(objects: &[Value]) -> Reply {
    Reply::Json(
        200,
        json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "5"}, "items": objects}),
    )
}

fn event(kind: &str, object: &Value) -> Value {
    json!({"type": kind, "object": object})
}

fn is_watch(line: &str) -> bool {
    line.contains("watch=")
}

#[tokio::test]
async fn one_watch_serves_all_workloads_of_a_kind_and_namespace() {
    let server = Server::start(|asked| {
        if is_watch(asked.line) {
            return Reply::Watch(vec![
                event("MODIFIED", &object("web", 4, 3)),
                event("MODIFIED", &object("unasked", 9, 9)),
                event("DELETED", &object("api", 1, 1)),
            ]);
        }
        list(&[object("web", 4, 2), object("api", 1, 1), object("unasked", 9, 9)])
    })
    .await;
    let (kubernetes, mut observations) = server.actuator().await;
    for name in ["api", "web", "gone", "web"] {
        kubernetes.watch(&deployment(name), None);
    }
    let mut lines = Vec::new();
    for _ in 0..5 {
        lines.push(wrapped(&next(&mut observations).await));
    }
    expect![[r#"
        shop/api 1/1
        shop/gone unknown: Deployment shop/gone does not exist; create it, or correct the rule's target
        shop/web 2/4
        shop/web 3/4
        shop/api unknown: Deployment shop/api does not exist; create it, or correct the rule's target (it
        was deleted)"#]]
    .assert_eq(&lines.join("\n"));

    // Asked for later: known at once, with no further request.
    kubernetes.watch(&deployment("unasked"), None);
    assert_eq!(next(&mut observations).await, "shop/unasked 9/9");
    expect![[r#"
        GET /apis/apps/v1/namespaces/shop/deployments?&limit=500
        GET /apis/apps/v1/namespaces/shop/deployments?&watch=true&timeoutSeconds=30&allowWatchBookmarks=true&resourceVersion=5"#]].assert_eq(&server.log().join("\n"));
}

#[tokio::test]
async fn what_is_forgotten_is_told_again_when_somebody_asks_again() {
    let server = Server::start(|asked| {
        if is_watch(asked.line) { Reply::Watch(vec![]) } else { list(&[object("web", 4, 4), object("api", 1, 1)]) }
    })
    .await;
    let (kubernetes, mut observations) = server.actuator().await;
    kubernetes.watch(&deployment("web"), None);
    assert_eq!(next(&mut observations).await, "shop/web 4/4");
    kubernetes.forget(&deployment("web"));
    kubernetes.forget(&deployment("never asked for"));
    kubernetes.watch(&deployment("api"), None);
    assert_eq!(next(&mut observations).await, "shop/api 1/1");
    kubernetes.watch(&deployment("web"), None);
    assert_eq!(next(&mut observations).await, "shop/web 4/4");
}

/// What is told at first where the list is answered by `reply`.
async fn check(workload: Workload, reply: impl Fn() -> Reply + Send + Sync + 'static, want: Expect) {
    let server = Server::start(move |_| reply()).await;
    let (kubernetes, mut observations) = server.actuator().await;
    kubernetes.watch(&workload, None);
    want.assert_eq(&wrapped(&next(&mut observations).await));
}

#[tokio::test]
async fn what_can_t_be_watched_is_told_with_the_way_out() {
    let of_kind = |api_version: &str, kind: &str| {
        Workload::from(ObjectRef {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            ..ObjectRef::from(deployment("web"))
        })
    };
    let forbidden = || failure(403, "deployments.apps is forbidden");
    check(
        deployment("web"),
        forbidden,
        expect![[r#"
            shop/web unknown: list deployments in shop: not allowed (403); the role needs {apiGroups: ["apps"],
            resources: [deployments], verbs: [list, watch]}, see rbac.yaml: deployments.apps is forbidden"#]],
    )
    .await;
    let unauthorized = || failure(401, "Unauthorized");
    check(
        deployment("web"),
        unauthorized,
        expect![[r#"
        shop/web unknown: list deployments in shop: the API server doesn't accept the credentials (401),
        check the ServiceAccount's token or the kubeconfig: Unauthorized"#]],
    )
    .await;
    let nothing = || list(&[]);
    check(
        of_kind("", "Rolout"),
        nothing,
        expect![[r#"
        Rolout/shop/web unknown: no API of this cluster serves kind "Rolout"; check its spelling, or install
        its custom resource definition"#]],
    )
    .await;
    check(
        of_kind("", "DaemonSet"),
        nothing,
        expect![[r#"
        DaemonSet/shop/web unknown: kind "DaemonSet" of apps/v1 has no scale subresource, so it can't be
        scaled; target one that has"#]],
    )
    .await;
    check(
        of_kind("apps/v1beta1", "Deployment"),
        nothing,
        expect![[r#"
        shop/web unknown: apps/v1beta1 doesn't serve kind "Deployment", which is served by
        argoproj.io/v1alpha1 and apps/v1; correct the target's apiVersion"#]],
    )
    .await;
}

#[tokio::test]
async fn a_watch_recovers_by_itself_and_tells_what_it_missed() {
    let lists = AtomicUsize::new(0);
    let server = Server::start(move |asked| match (is_watch(asked.line), lists.load(Ordering::SeqCst)) {
        (true, _) => Reply::Watch(vec![]),
        (false, 0) => {
            lists.fetch_add(1, Ordering::SeqCst);
            failure(503, "apiserver is starting")
        }
        (false, _) => list(&[object("web", 4, 4)]),
    })
    .await;
    let (kubernetes, mut observations) = server.actuator().await;
    kubernetes.watch(&deployment("web"), None);
    expect!["shop/web unknown: list deployments in shop: the API server answered 503: apiserver is starting"]
        .assert_eq(&next(&mut observations).await);
    assert_eq!(next(&mut observations).await, "shop/web 4/4");
}

#[tokio::test]
async fn a_watch_that_breaks_off_begins_anew_without_a_word() {
    let watches = AtomicUsize::new(0);
    let server = Server::start(move |asked| {
        if !is_watch(asked.line) {
            return list(&[object("web", 4, 4)]);
        }
        match watches.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::Watch(vec![event(
                "ERROR",
                &json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}),
            )]),
            _ => Reply::Watch(vec![]),
        }
    })
    .await;
    let (kubernetes, mut observations) = server.actuator().await;
    kubernetes.watch(&deployment("web"), None);
    assert_eq!(next(&mut observations).await, "shop/web 4/4");
    assert_eq!(next(&mut observations).await, "shop/web 4/4");
}

#[tokio::test]
async fn a_custom_kind_is_counted_by_its_scale_subresource() {
    let rollout = || Workload::from(ObjectRef { kind: "Rollout".to_owned(), ..ObjectRef::from(deployment("web")) });
    let server = Server::start(|asked| {
        if asked.line.ends_with("/scale") {
            return Reply::Json(
                200,
                json!({
                    "metadata": {"name": "web", "namespace": "shop", "resourceVersion": "5"},
                    "spec": {"replicas": 7}, "status": {"replicas": 6},
                }),
            );
        }
        if is_watch(asked.line) {
            return Reply::Watch(vec![event("MODIFIED", &object("web", 1, 5))]);
        }
        // It keeps its count elsewhere, and says nothing of ready pods.
        list(&[json!({"metadata": {"name": "web", "resourceVersion": "5"}, "spec": {"size": 7}})])
    })
    .await;
    let (kubernetes, mut observations) = server.actuator().await;
    kubernetes.watch(&rollout(), None);
    assert_eq!(next(&mut observations).await, "Rollout/shop/web 6/7");
    assert_eq!(next(&mut observations).await, "Rollout/shop/web 5/7");
}

#[tokio::test]
async fn dropping_the_actuator_ends_its_watches() {
    let server =
        Server::start(|asked| if is_watch(asked.line) { Reply::Watch(vec![]) } else { list(&[object("web", 1, 1)]) })
            .await;
    let (kubernetes, mut observations) = server.actuator().await;
    kubernetes.watch(&deployment("web"), None);
    assert_eq!(next(&mut observations).await, "shop/web 1/1");
    drop(kubernetes);
    assert_eq!(next(&mut observations).await, "closed");
}
