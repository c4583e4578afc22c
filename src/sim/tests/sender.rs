use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use prost::Message as _;
use tokio::net::TcpListener;

use super::*;
use crate::proto::WriteRequest;

/// What a peer was sent.
type Taken = Arc<Mutex<Vec<(String, HeaderMap, WriteRequest)>>>;

/// A receiver that answers everything with `status`.
async fn receiver(status: StatusCode, text: &'static str) -> (SocketAddr, Taken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let taken = Taken::default();
    let all = Arc::clone(&taken);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let all = Arc::clone(&all);
            let answer = service_fn(move |request| take(request, Arc::clone(&all), status, text));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    (addr, taken)
}

async fn take(
    request: Request<Incoming>,
    all: Taken,
    status: StatusCode,
    text: &'static str,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut unpacked = vec![0; snap::raw::decompress_len(&body).unwrap()];
    snap::raw::Decoder::new().decompress(&body, &mut unpacked).unwrap();
    let message = WriteRequest::decode(unpacked.as_slice()).unwrap();
    all.lock().unwrap().push((format!("{} {}", head.method, head.uri), head.headers, message));
    Ok(Response::builder().status(status).body(Full::new(text.into())).unwrap())
}

fn sender(addr: SocketAddr) -> Sender {
    Sender::new(format!("http://{addr}/api/v1/write").parse().unwrap())
}

fn message() -> WriteRequest {
    Scraper::default().scrape(&cluster(2))
}

#[tokio::test]
async fn a_request_has_the_headers_of_the_specification_and_says_what_was_scraped() {
    let (addr, taken) = receiver(StatusCode::NO_CONTENT, "").await;
    let mut sender = sender(addr);
    sender.send(&message()).await.unwrap();
    assert_eq!(sender.sent(), Sent { requests: 1, samples: 6, failures: 0 });

    let taken = taken.lock().unwrap();
    let [(line, headers, got)] = taken.as_slice() else { panic!("{} requests", taken.len()) };
    assert_eq!(line, "POST /api/v1/write");
    assert_eq!(headers["content-type"], "application/x-protobuf");
    assert_eq!(headers["content-encoding"], "snappy");
    assert_eq!(headers["x-prometheus-remote-write-version"], "0.1.0");
    assert!(headers["user-agent"].to_str().unwrap().starts_with("headroom-sim/"));
    assert_eq!(got, &message());
    for series in &got.timeseries {
        assert!(series.labels.is_sorted_by_key(|label| &label.name), "{series:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_counted_and_tells_what_the_receiver_said() {
    let (addr, _) = receiver(StatusCode::TOO_MANY_REQUESTS, "too many samples in flight\n").await;
    let mut sender = sender(addr);
    let error = sender.send(&message()).await.unwrap_err();
    let want = format!("http://{addr}/api/v1/write answered 429 Too Many Requests: too many samples in flight");
    assert_eq!(error.to_string(), want);
    assert_eq!(sender.sent(), Sent { requests: 0, samples: 0, failures: 1 });
}

#[tokio::test]
async fn nobody_listening_is_an_error_that_names_the_address() {
    let addr = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = sender(addr).send(&message()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("can't reach http://{addr}/api/v1/write"));
}
