//! Explanations, and counts asked for by hand.

use std::sync::Arc;
use std::time::Duration;

use expect_test::expect;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::{Server, check, fake, parts};
use crate::engine::{Answer, Command, ManualScale};
use crate::web::{Ask, Context, Limits, serve};

/// A server, and what is asked of the loop behind it.
async fn start() -> (Server, mpsc::Receiver<Ask>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (view, viewed) = watch::channel(Arc::new(fake::view()));
    let (missing, still_missing) = watch::channel(Vec::new());
    let (reload, reloads) = mpsc::channel(1);
    let (commands, asked) = mpsc::channel(1);
    let context = Context { commands, ..fake::context(viewed, still_missing, reload) };
    let (telemetry, shutdown) = (Arc::clone(&context.telemetry), context.shutdown.clone());
    let serving = tokio::spawn(serve(listener, context));
    let (_, asks) = mpsc::channel(1);
    (Server { address, telemetry, view, missing, reloads, asks, shutdown, serving }, asked)
}

#[tokio::test]
async fn a_workload_is_explained_as_text_or_as_json() {
    let server = Server::start(Limits::default()).await;
    let request = "GET /api/v1/explain?workload=shop/checkout HTTP/1.1\r\nhost: test\r\naccept: text/plain\r\n\
                   connection: close\r\n\r\n";
    let answer = server.send(request).await;
    check(&answer, "200 OK", &["content-type: text/plain; charset=utf-8", "vary: accept"]);
    expect![[r#"
        shop/checkout has 6 replicas, 4 ready (rule checkout, 2 to 60)
          since    2023-11-14T22:13:20.000Z, 1m30s ago, when Headroom scaled it 4 -> 6: stability: 2 pods per 15s allows 6
          wants    6, up by 2 (stability: the policy of 2 pods per 15s allows 6); the load asks for 7: requests 340 / 50 = 7
          action   4 -> 6 is on its way to the cluster
          missing  cpu demand is absent: repair its source; the count may rise, and does not fall until the data is back
          shadows  hpa would have 7
    "#]].assert_eq(parts(&answer).1);

    let answer = server.get("/api/v1/explain?workload=search").await;
    let json: serde_json::Value = serde_json::from_str(parts(&answer).1).unwrap();
    assert_eq!(json["workload"], "shop/search");
    assert!(json["text"].as_str().unwrap().starts_with("shop/search can't be seen in the cluster"), "{json}");
}

#[tokio::test]
async fn a_workload_that_is_not_there_is_told_with_those_that_are() {
    let server = Server::start(Limits::default()).await;
    let known = "no rule scales a workload \\\"cart\\\"; there are: shop/checkout, shop/search";
    check(&server.get("/api/v1/explain?workload=cart").await, "404 Not Found", &[known]);
    check(&server.get("/api/v1/explain").await, "400 Bad Request", &["workload is missing"]);
}

const JSON: &str = "content-type: application/json; charset=utf-8\r\n";

#[tokio::test]
async fn a_count_by_hand_reaches_the_loop_and_its_answer_comes_back() {
    let (server, mut asked) = start().await;
    let body = r#"{"workload": "checkout", "replicas": 12, "author": "ada", "reason": "sale", "ttl": "90m"}"#;
    let answers = [
        (
            Answer::Scaled { decision: "shop/checkout 4 -> 12".to_owned() },
            "200 OK",
            r#"{"decision":"shop/checkout 4 -> 12"}"#,
        ),
        (Answer::Done, "200 OK", r#"{"status":"done"}"#),
        (Answer::Refused("above the maximum".to_owned()), "409 Conflict", "above the maximum"),
        (Answer::Unwritten("it is in effect".to_owned()), "500 Internal Server Error", "it is in effect"),
        (Answer::NotFound("no such workload".to_owned()), "404 Not Found", "no such workload"),
    ];
    for (answer, status, told) in answers {
        let engine = async {
            let (command, reply) = asked.recv().await.unwrap();
            let Command::Scale(scale) = command else { panic!("{command:?}") };
            let (author, reason) = ("ada".to_owned(), "sale".to_owned());
            let (workload, ttl) = (fake::workload("checkout"), Duration::from_mins(90));
            assert_eq!(scale, ManualScale { workload, replicas: Some(12), author, reason, ttl, dry_run: false });
            reply.send(answer).unwrap();
        };
        let (answered, ()) = tokio::join!(server.post("/api/v1/scale", JSON, body), engine);
        check(&answered, status, &[told]);
    }
    // The loop is gone: the service is stopping.
    drop(asked);
    check(&server.post("/api/v1/scale", JSON, body).await, "503 Service Unavailable", &["retry-after: 1", "try again"]);
}

#[tokio::test]
async fn what_is_asked_for_wrongly_never_reaches_the_loop() {
    let (server, mut asked) = start().await;
    let cases = [
        (r#"{"workload": "checkout", "author": "a", "reason": " "}"#, "400 Bad Request", "reason is empty"),
        (r#"{"workload": "checkout", "author": "", "reason": "b"}"#, "400 Bad Request", "author is empty"),
        (r#"{"workload": "cart", "author": "a", "reason": "b"}"#, "404 Not Found", "no rule scales"),
        (r#"{"workload": "checkout", "author": "a", "reason": "b", "ttl": "soon"}"#, "400 Bad Request", "ttl: "),
        (r#"{"workload": "checkout", "author": "a", "reason": "b", "ttl": "0"}"#, "400 Bad Request", "more than zero"),
        (r#"{"workload": "checkout", "author": "a", "reason": "b", "ttl": "1y"}"#, "400 Bad Request", "31d at most"),
        (
            r#"{"workload": "checkout", "author": "a", "reason": "b", "replicas": -1}"#,
            "400 Bad Request",
            "invalid value",
        ),
        (
            r#"{"workload": "checkout", "author": "a", "reason": "b", "repliacs": 1}"#,
            "400 Bad Request",
            "unknown field",
        ),
        ("", "400 Bad Request", "EOF"),
    ];
    for (body, status, told) in cases {
        check(&server.post("/api/v1/scale", JSON, body).await, status, &[told]);
    }
    let long = format!(r#"{{"workload": "checkout", "author": "a", "reason": "{}"}}"#, "x".repeat(1001));
    check(&server.post("/api/v1/scale", JSON, long).await, "400 Bad Request", &["longer than 1000"]);
    check(&server.post("/api/v1/scale", JSON, "x".repeat(70_000)).await, "400 Bad Request", &["limit"]);
    // As a form of another site would be sent.
    check(&server.post("/api/v1/scale", "", "{}").await, "415 Unsupported Media Type", &["application/json"]);
    check(&server.get("/api/v1/scale").await, "405 Method Not Allowed", &["allow: POST"]);
    assert!(asked.try_recv().is_err());
}
