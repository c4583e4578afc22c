//! Actions, and what may happen to them.

use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::server::{Asked, Reply, Server, failure};
use super::*;

fn scale(version: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale",
        "metadata": {"name": "web", "namespace": "shop", "resourceVersion": version, "uid": "11-22"},
        "spec": {"replicas": replicas}, "status": {"replicas": replicas, "selector": "app=web"},
    })
}

/// Applies 4 -> 6 to `shop/web`, against a server that answers the scale's GET and PUT as told.
async fn check(
    get: impl Fn() -> Reply + Send + Sync + 'static,
    put: impl Fn() -> Reply + Send + Sync + 'static,
    want: Expect,
) {
    let server = Server::start(move |asked| match asked.line.split(' ').next() {
        Some("GET") => get(),
        Some("PUT") => put(),
        _ => Reply::Json(201, json!({})),
    })
    .await;
    let (kubernetes, _observations) = server.actuator().await;
    let outcome = kubernetes.apply(&action(deployment("web"), 4, 6)).await;
    want.assert_eq(&wrapped(&told(outcome)));
    // One try, no retry.
    for method in ["GET", "PUT"] {
        assert!(server.log().iter().filter(|line| line.starts_with(method)).count() <= 1, "{:?}", server.log());
    }
}

fn four() -> Reply {
    Reply::Json(200, scale("7", 4))
}

fn unasked() -> Reply {
    panic!("must not be asked")
}

#[tokio::test]
async fn a_change_replaces_the_scale_that_was_read_and_tells_why() {
    let (send, mut asked) = mpsc::unbounded_channel();
    let server = Server::start(move |Asked { line, body }| {
        send.send(format!("{line} {body:#}")).unwrap();
        match line.split(' ').next() {
            Some("GET") => four(),
            _ => Reply::Json(200, body),
        }
    })
    .await;
    let (kubernetes, _observations) = server.actuator().await;
    assert_eq!(kubernetes.apply(&action(deployment("web"), 4, 6)).await, Outcome::Done);

    let mut lines = Vec::new();
    for _ in 0..3 {
        lines.push(tokio::time::timeout(Duration::from_secs(10), asked.recv()).await.unwrap().unwrap());
    }
    expect![[r#"
        GET /apis/apps/v1/namespaces/shop/deployments/web/scale null
        PUT /apis/apps/v1/namespaces/shop/deployments/web/scale? {
          "apiVersion": "autoscaling/v1",
          "kind": "Scale",
          "metadata": {
            "name": "web",
            "namespace": "shop",
            "resourceVersion": "7",
            "uid": "11-22"
          },
          "spec": {
            "replicas": 6
          },
          "status": {
            "replicas": 4,
            "selector": "app=web"
          }
        }
        POST /apis/events.k8s.io/v1/namespaces/shop/events? {
          "action": "Scale",
          "apiVersion": "events.k8s.io/v1",
          "eventTime": "2026-01-01T00:00:00.000000Z",
          "kind": "Event",
          "metadata": {
            "generateName": "web-",
            "namespace": "shop"
          },
          "note": "4 -> 6: reactive: requests 190 / 50 = 4",
          "reason": "Scaled",
          "regarding": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": "web",
            "namespace": "shop",
            "uid": "11-22"
          },
          "reportingController": "headroom.dev/headroom",
          "reportingInstance": "headroom-0",
          "type": "Normal"
        }"#]]
    .assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn a_count_that_somebody_else_changed_is_left_alone() {
    let five = || Reply::Json(200, scale("8", 5));
    check(five, unasked, expect!["Conflict"]).await;
}

#[tokio::test]
async fn a_change_between_read_and_replace_is_a_conflict() {
    let modified = || failure(409, "the object has been modified");
    check(four, modified, expect!["Conflict"]).await;
}

#[tokio::test]
async fn a_missing_object_is_named() {
    let missing = || failure(404, "deployments.apps \"web\" not found");
    check(
        missing,
        unasked,
        expect!["refused: Deployment shop/web does not exist; create it, or correct the rule's target"],
    )
    .await;
}

#[tokio::test]
async fn a_missing_right_is_named_as_the_role_rule_that_gives_it() {
    let forbidden = || failure(403, "deployments.apps \"web\" is forbidden");
    check(
        four,
        forbidden,
        expect![[r#"
            refused: update deployments/scale in shop/web: not allowed (403); the role needs {apiGroups:
            ["apps"], resources: [deployments/scale], verbs: [get, update]}, see rbac.yaml: deployments.apps
            "web" is forbidden"#]],
    )
    .await;
}

#[tokio::test]
async fn a_refusal_by_the_server_is_no_case_for_another_try() {
    let invalid = || failure(422, "spec.replicas: Invalid value");
    check(
        four,
        invalid,
        expect![[r#"
        refused: update deployments/scale in shop/web: the API server refused it (422): spec.replicas:
        Invalid value"#]],
    )
    .await;
    let no_such_method = || failure(405, "the server does not allow this method");
    check(
        four,
        no_such_method,
        expect![[r#"
        refused: update deployments/scale in shop/web: the API server refused it (405): the server does not
        allow this method"#]],
    )
    .await;
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_once_and_may_recover() {
    let broken = || failure(500, "etcdserver: request timed out");
    check(
        broken,
        unasked,
        expect![[r#"
        failed: get deployments/scale in shop/web: the API server answered 500: etcdserver: request timed
        out"#]],
    )
    .await;
    let overloaded = || failure(429, "too many requests");
    check(
        four,
        overloaded,
        expect!["failed: update deployments/scale in shop/web: the API server answered 429: too many requests"],
    )
    .await;
    let stopping = || failure(503, "apiserver is shutting down");
    check(
        four,
        stopping,
        expect![[r#"
        failed: update deployments/scale in shop/web: the API server answered 503: apiserver is shutting
        down"#]],
    )
    .await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for() {
    check(
        four,
        || Reply::Silence,
        expect!["failed: update deployments/scale in shop/web: the API server gave no answer within 300ms"],
    )
    .await;
}

#[tokio::test]
async fn a_scale_without_a_version_is_not_overwritten_blindly() {
    let without = || {
        let mut scale = scale("7", 4);
        scale["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        Reply::Json(200, scale)
    };
    check(without, unasked, expect!["refused: get deployments/scale in shop/web: the scale has no resourceVersion"])
        .await;
}

#[tokio::test]
async fn an_event_that_can_t_be_written_does_not_fail_the_action() {
    let server = Server::start(|asked| match asked.line.split(' ').next() {
        Some("GET" | "PUT") => four(),
        _ => failure(403, "events.events.k8s.io is forbidden"),
    })
    .await;
    let (kubernetes, _observations) = server.actuator().await;
    assert_eq!(kubernetes.apply(&action(deployment("web"), 4, 6)).await, Outcome::Done);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_the_way_out() {
    // Port 1 on loopback: nothing listens there.
    let config = kube::Config::new(http::Uri::from_static("http://127.0.0.1:1"));
    let client = Client::try_from(config).unwrap();
    let (send, _observations) = mpsc::channel(1);
    let kubernetes = Kubernetes::with_client(client, Options::default(), send, Arc::new(new_year));
    let outcome = kubernetes.apply(&action(deployment("web"), 4, 6)).await;
    expect![[r#"
        failed: can't discover the cluster's APIs, check that the API server is up and accepts the
        credentials: client error (Connect): tcp connect error: Connection refused (os error 111)"#]]
    .assert_eq(&wrapped(&told(outcome)));
}
