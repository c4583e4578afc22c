use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::{EMPTY, Server, check, large, read_all, read_until};
use crate::telemetry::RequestOutcome;
use crate::web::Limits;

const PATH: &str = "/api/v1/write";

#[tokio::test]
async fn a_good_body_is_answered_with_nothing() {
    let server = Server::start(Limits::default()).await;
    let answer = server.post(PATH, "content-type: application/x-protobuf\r\n", EMPTY).await;
    check(&answer, "204 No Content", &[]);
    check(&server.post("/api/v1/push", "", EMPTY).await, "204 No Content", &[]);
    let ingest = &server.telemetry.ingest;
    assert_eq!((ingest.requests.get(RequestOutcome::Accepted), ingest.bytes.get()), (2, 2));
    assert_eq!(server.telemetry.latency.request.snapshot().count(), 2);
    assert_eq!(ingest.in_flight_bytes.get(), 0.0, "all room is given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_is_put_together() {
    let server = Server::start(Limits::default()).await;
    let body = large(3 << 20);
    check(&server.post(PATH, "", &body).await, "204 No Content", &[]);
    assert_eq!(server.telemetry.ingest.bytes.get(), body.len() as u64);
    assert_eq!(server.telemetry.ingest.in_flight_bytes.get(), 0.0);
}

#[tokio::test]
async fn a_body_that_is_declared_too_long_is_never_read() {
    let server = Server::start(Limits::default()).await;
    let head = "POST /api/v1/write HTTP/1.1\r\nhost: test\r\ncontent-length: 4294967295\r\n\r\n";
    let mut stream = server.connect().await;
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, "ingest.body_bytes_max").await;
    check(&answer, "413 Payload Too Large", &[]);
    assert_eq!(server.telemetry.ingest.requests.get(RequestOutcome::TooLarge), 1);
}

#[tokio::test]
async fn a_chunked_body_is_measured_as_it_comes() {
    let server = Server::start(Limits::default()).await;
    let head = "POST /api/v1/write HTTP/1.1\r\nhost: test\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, "x".repeat(1 << 20));
    let mut stream = server.connect().await;
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..33 {
        // The server closes when it has seen enough.
        if stream.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    let _ = stream.write_all(b"0\r\n\r\n").await;
    let _ = read_all(&mut stream).await;
    assert_eq!(server.telemetry.ingest.requests.get(RequestOutcome::TooLarge), 1);
    assert_eq!(server.telemetry.ingest.in_flight_bytes.get(), 0.0);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let limits = Limits { body_timeout: Duration::from_millis(100), ..Limits::default() };
    let server = Server::start(limits).await;
    let mut stream = server.connect().await;
    stream.write_all(b"POST /api/v1/write HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\nabc").await.unwrap();
    check(&read_all(&mut stream).await, "503 Service Unavailable", &["did not arrive", "retry-after: "]);
    assert_eq!(server.telemetry.ingest.requests.get(RequestOutcome::Slow), 1);
    assert_eq!(server.telemetry.ingest.in_flight_bytes.get(), 0.0);
}

#[tokio::test]
async fn who_promises_much_and_sends_little_takes_little() {
    let server = Server::start(Limits::default()).await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut stream = server.connect().await;
        let head = "POST /api/v1/write HTTP/1.1\r\nhost: test\r\ncontent-length: 33554432\r\n\r\nx";
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    check(&server.post(PATH, "", EMPTY).await, "204 No Content", &[]);
    let taken = server.telemetry.ingest.in_flight_bytes.get();
    assert!(taken <= 20.0 * 65536.0, "{taken}");
}

#[tokio::test]
async fn without_room_a_sender_is_asked_to_come_again() {
    let limits =
        Limits { in_flight_bytes_max: 64 * 1024, admission_wait: Duration::from_millis(50), ..Limits::default() };
    let server = Server::start(limits).await;
    let mut first = server.connect().await;
    let head = "POST /api/v1/write HTTP/1.1\r\nhost: test\r\ncontent-length: 65536\r\n\r\nx";
    first.write_all(head.as_bytes()).await.unwrap();
    while server.telemetry.ingest.in_flight_bytes.get() == 0.0 {
        tokio::task::yield_now().await;
    }
    let answer = server.post(PATH, "retry-attempt: 3\r\n", EMPTY).await;
    check(&answer, "503 Service Unavailable", &["retry-after: 8\r\n", "retry\n"]);
    assert_eq!(server.telemetry.ingest.requests.get(RequestOutcome::Overloaded), 1);

    drop(first);
    while server.telemetry.ingest.in_flight_bytes.get() > 0.0 {
        tokio::task::yield_now().await;
    }
    check(&server.post(PATH, "", EMPTY).await, "204 No Content", &[]);
}

#[tokio::test]
async fn a_body_larger_than_all_room_still_fits_alone() {
    let limits = Limits { in_flight_bytes_max: 64 * 1024, ..Limits::default() };
    let server = Server::start(limits).await;
    check(&server.post(PATH, "", large(300_000)).await, "204 No Content", &[]);
}

#[tokio::test]
async fn before_rules_are_loaded_senders_keep_their_samples() {
    let server = Server::start(Limits::default()).await;
    server.missing.send_replace(vec!["rules are not loaded".to_owned()]);
    let answer = server.post(PATH, "", EMPTY).await;
    check(&answer, "503 Service Unavailable", &["rules are not loaded", "retry-after: "]);
}

#[tokio::test]
async fn expect_continue_is_answered_before_the_body() {
    let server = Server::start(Limits::default()).await;
    let mut stream = server.connect().await;
    let head = "POST /api/v1/write HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n").await;
    check(&answer, "100 Continue", &[]);
    stream.write_all(EMPTY.as_bytes()).await.unwrap();
    check(&read_until(&mut stream, "\r\n\r\n").await, "204 No Content", &[]);
}
