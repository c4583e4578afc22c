use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::{Server, check, read_all, read_until};
use crate::web::Limits;

const HEALTHY: &[u8] = b"GET /-/healthy HTTP/1.1\r\nhost: test\r\n\r\n";

#[tokio::test]
async fn a_connection_over_the_limit_is_told_so() {
    let server = Server::start(Limits { connections_max: 1, ..Limits::default() }).await;
    let mut first = server.connect().await;
    first.write_all(HEALTHY).await.unwrap();
    check(&read_until(&mut first, "healthy.\n").await, "200 OK", &[]);
    check(&read_all(&mut server.connect().await).await, "503 Service Unavailable", &["retry-after: 2\r\n"]);
    assert_eq!(server.telemetry.web.connections.get(), 1.0);
}

#[tokio::test]
async fn who_says_nothing_is_sent_away() {
    let server = Server::start(Limits { head_timeout: Duration::from_millis(100), ..Limits::default() }).await;
    let mut silent = server.connect().await;
    assert_eq!(read_all(&mut silent).await, "");
    let mut slow = server.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nhost: a-long-name-so-that-the-version-is-known\r\n").await.unwrap();
    let _ = read_all(&mut slow).await;
}

#[tokio::test]
async fn who_takes_no_bytes_is_sent_away() {
    let server = Server::start(Limits { stall_timeout: Duration::from_millis(200), ..Limits::default() }).await;
    let mut client = server.connect().await;
    // Answers pile up, for nobody reads them.
    let burst = b"GET /page.js HTTP/1.1\r\nhost: test\r\n\r\n".repeat(5000);
    let sent = tokio::time::timeout(Duration::from_secs(10), client.write_all(&burst)).await;
    let gone = async {
        while server.telemetry.web.connections.get() > 0.0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap_or_else(|_| panic!("still there, sent: {sent:?}"));
}

#[tokio::test]
async fn a_shutdown_answers_what_is_on_its_way_and_ends() {
    let server = Server::start(Limits::default()).await;
    let mut idle = server.connect().await;
    idle.write_all(HEALTHY).await.unwrap();
    check(&read_until(&mut idle, "healthy.\n").await, "200 OK", &[]);
    // An empty metadata field, of which the last byte is yet to come.
    let mut busy = server.connect().await;
    busy.write_all(b"POST /api/v1/write HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\n\x02\x04\x1a")
        .await
        .unwrap();
    while server.telemetry.ingest.in_flight_bytes.get() == 0.0 {
        tokio::task::yield_now().await;
    }
    server.shutdown.cancel();
    assert_eq!(read_all(&mut idle).await, "", "idle connections are closed at once");
    busy.write_all(b"\0").await.unwrap();
    check(&read_all(&mut busy).await, "204 No Content", &[]);
    tokio::time::timeout(Duration::from_secs(5), server.serving).await.unwrap().unwrap().unwrap();
    tokio::net::TcpStream::connect(server.address).await.expect_err("nobody listens any more");
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let limits = Limits { drain_timeout: Duration::from_millis(100), ..Limits::default() };
    let server = Server::start(limits).await;
    let mut stuck = server.connect().await;
    stuck.write_all(b"POST /api/v1/write HTTP/1.1\r\nhost: test\r\ncontent-length: 3\r\n\r\nab").await.unwrap();
    while server.telemetry.ingest.in_flight_bytes.get() == 0.0 {
        tokio::task::yield_now().await;
    }
    server.shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(5), server.serving).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn http_2_is_spoken_on_the_same_port() {
    use http_body_util::{BodyExt as _, Empty};
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;

    let server = Server::start(Limits::default()).await;
    let client: Client<_, Empty<bytes::Bytes>> = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let uri = format!("http://{}/-/healthy", server.address).parse().unwrap();
    let answer = client.get(uri).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "Headroom is healthy.\n");
}
