use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{Server, check, fake, parts, read_all, read_until};
use crate::engine::View;
use crate::web::Limits;

async fn listen(server: &Server, headers: &str) -> TcpStream {
    let mut stream = server.connect().await;
    let request = format!("GET /api/v1/stream HTTP/1.1\r\nhost: test\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// The loop's next snapshot: a second later, one decision more.
fn next(server: &Server, id: u64) {
    let before = server.view.borrow().clone();
    let mut decisions = before.decisions.clone();
    decisions.push_back(fake::entry(id, "checkout"));
    let at = before.at + Duration::from_secs(1);
    server.view.send_replace(Arc::new(View { at, decisions, ..(*before).clone() }));
}

#[tokio::test]
async fn a_listener_gets_what_there_is_and_then_what_changes() {
    let server = Server::start(Limits::default()).await;
    let mut stream = listen(&server, "").await;
    let first = read_until(&mut stream, "event: workloads\n").await;
    check(&first, "200 OK", &["content-type: text/event-stream", "event: hello\n", "id: 1700000000000-3\n"]);
    next(&server, 4);
    let then = read_until(&mut stream, "event: workloads\n").await;
    assert!(then.contains("id: 1700000000000-4\nevent: decision\n"), "{then}");
    assert!(!then.contains("id: 1700000000000-3\n"), "what was told is not told again: {then}");
    assert_eq!(server.telemetry.web.stream_clients.get(), 1.0);
}

#[tokio::test]
async fn a_listener_that_comes_back_gets_what_it_missed() {
    let server = Server::start(Limits::default()).await;
    let mut stream = listen(&server, "last-event-id: 1700000000000-2\r\n").await;
    let text = read_until(&mut stream, "event: workloads\n").await;
    assert!(text.contains("000-3\n") && !text.contains("000-2\n"), "{text}");
    // Ids of another process say nothing about ours.
    let mut stream = listen(&server, "last-event-id: 1600000000000-2\r\n").await;
    assert!(read_until(&mut stream, "event: workloads\n").await.contains("000-1\n"));
}

#[tokio::test]
async fn a_new_outcome_is_told_too() {
    let server = Server::start(Limits::default()).await;
    let mut stream = listen(&server, "last-event-id: 1700000000000-3\r\n").await;
    let _ = read_until(&mut stream, "event: workloads\n").await;
    // Once the first tick is out, the hub has seen what there was.
    tokio::time::sleep(Duration::from_millis(600)).await;
    let before = server.view.borrow().clone();
    let mut view = (*before).clone();
    Arc::make_mut(view.decisions.back_mut().unwrap()).outcome =
        Some(crate::dispatch::Outcome::Failed("forbidden".to_owned()));
    server.view.send_replace(Arc::new(view));
    let text = read_until(&mut stream, "failed: forbidden").await;
    assert!(!text.contains("000-2\n"), "{text}");
}

#[tokio::test]
async fn listeners_are_limited_and_leave_their_place() {
    let server = Server::start(Limits { stream_clients_max: 1, ..Limits::default() }).await;
    let mut first = listen(&server, "").await;
    let _ = read_until(&mut first, "event: workloads\n").await;
    let mut second = listen(&server, "connection: close\r\n").await;
    check(&read_all(&mut second).await, "503 Service Unavailable", &["retry-after: 5"]);
    drop(first);
    while server.telemetry.web.stream_clients.get() > 0.0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let _ = read_until(&mut listen(&server, "").await, "event: workloads\n").await;
}

#[tokio::test]
async fn a_shutdown_ends_the_stream() {
    let server = Server::start(Limits::default()).await;
    let mut stream = listen(&server, "").await;
    let _ = read_until(&mut stream, "event: workloads\n").await;
    server.shutdown.cancel();
    assert!(read_all(&mut stream).await.ends_with("0\r\n\r\n"), "the body ends as it should");
    tokio::time::timeout(Duration::from_secs(5), server.serving).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn the_recent_past_is_there_when_the_page_opens() {
    let server = Server::start(Limits::default()).await;
    let path = "/api/v1/history?workload=shop/checkout";
    let mut answer = server.get(path).await;
    while !answer.starts_with("HTTP/1.1 200") {
        answer = server.get(path).await;
    }
    let value: serde_json::Value = serde_json::from_str(parts(&answer).1).unwrap();
    assert_eq!(value["at_ms"][0], fake::NOW.as_millis());
    assert_eq!((&value["ready"][0], &value["desired"][0]), (&4.into(), &6.into()));
    assert_eq!(value["metrics"][0]["name"], "requests");
    assert_eq!(
        (&value["metrics"][0]["demand"][0], &value["metrics"][0]["capacity"][0]),
        (&340.0.into(), &200.0.into())
    );
    assert!(value["metrics"][1]["demand"][0].is_null(), "absence is not zero");
    check(&server.get("/api/v1/history?workload=shop/none").await, "404 Not Found", &["no history"]);
    check(&server.get("/api/v1/history").await, "400 Bad Request", &["workload is missing"]);
}

#[test]
fn the_past_is_bounded_and_spaced() {
    let mut history = crate::web::history::History::default();
    let mut view = fake::view();
    for half_seconds in 0..3000 {
        view.at = fake::NOW + Duration::from_millis(500 * half_seconds);
        history.observe(&view);
    }
    let past = history.of("shop/checkout").unwrap();
    let times = past["at_ms"].as_array().unwrap();
    assert_eq!(times.len(), 600);
    assert_eq!(times.last().unwrap().as_i64().unwrap(), fake::NOW.as_millis() + 1_499_000);

    view.at = fake::NOW;
    history.observe(&view);
    let past = history.of("shop/checkout").unwrap();
    assert_eq!(past["at_ms"].as_array().unwrap().len(), 1, "a clock that was set back begins again");

    view.workloads.clear();
    history.observe(&view);
    assert!(history.of("shop/checkout").is_none(), "what is gone is forgotten");
}
