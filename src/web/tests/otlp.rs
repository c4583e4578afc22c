use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message as _;

use super::{Server, check, parts};
use crate::proto::otlp::metric::Data;
use crate::proto::otlp::{ExportMetricsServiceRequest, Gauge, Metric, ResourceMetrics, ScopeMetrics};
use crate::telemetry::{Message, RequestOutcome};
use crate::web::Limits;

const PATH: &str = "/api/v1/otlp/v1/metrics";
const PROTOBUF: &str = "content-type: application/x-protobuf\r\n";
const GZIP: &str = "content-type: application/x-protobuf\r\ncontent-encoding: gzip\r\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A metric without a point: it is warned of.
fn pointless() -> Vec<u8> {
    let data = Some(Data::Gauge(Gauge::default()));
    let metrics = vec![Metric { name: "pointless".to_owned(), data, ..Metric::default() }];
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

#[tokio::test]
async fn a_good_body_is_answered_with_a_message_that_says_nothing() {
    let server = Server::start(Limits::default()).await;
    let answer = server.post(PATH, PROTOBUF, "").await;
    check(&answer, "200 OK", &["content-type: application/x-protobuf"]);
    assert_eq!(parts(&answer).1, "");
    check(&server.post(PATH, GZIP, gzip(b"")).await, "200 OK", &[]);
    let ingest = &server.telemetry.ingest;
    assert_eq!((ingest.requests.get(RequestOutcome::Accepted), ingest.messages.get(Message::Otlp)), (2, 2));
    assert_eq!(ingest.in_flight_bytes.get(), 0.0, "all room is given back");
}

#[tokio::test]
async fn what_is_taken_in_part_is_answered_200_and_says_so() {
    let server = Server::start(Limits::default()).await;
    let answer = server.post(PATH, GZIP, gzip(&pointless())).await;
    check(&answer, "200 OK", &["1 with no data points, the first in pointless"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_so_that_it_is_not_sent_again() {
    let server = Server::start(Limits::default()).await;
    check(&server.post(PATH, PROTOBUF, "\u{1}").await, "400 Bad Request", &["no ExportMetricsServiceRequest"]);
    check(&server.post(PATH, GZIP, "plain").await, "400 Bad Request", &["no gzip"]);
    let json = "content-type: application/json\r\n";
    check(&server.post(PATH, json, "{}").await, "415 Unsupported Media Type", &["send application/x-protobuf"]);
    check(&server.post(PATH, "", "").await, "415 Unsupported Media Type", &["send application/x-protobuf"]);
    let zstd = format!("{PROTOBUF}content-encoding: zstd\r\n");
    check(&server.post(PATH, &zstd, "").await, "415 Unsupported Media Type", &["send gzip or none"]);
    check(&server.get(PATH).await, "405 Method Not Allowed", &["POST"]);
    let ingest = &server.telemetry.ingest;
    assert_eq!(
        (ingest.requests.get(RequestOutcome::Invalid), ingest.requests.get(RequestOutcome::Unsupported)),
        (2, 3)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_inflates_beyond_its_limit_is_too_large() {
    let server = Server::start(Limits::default()).await;
    let bomb = gzip(&vec![0; 40 << 20]);
    assert!(bomb.len() < 64 << 10);
    check(&server.post(PATH, GZIP, bomb).await, "413 Payload Too Large", &["ingest.decompressed_bytes_max"]);
    assert_eq!(server.telemetry.ingest.requests.get(RequestOutcome::TooLarge), 1);
    assert_eq!(server.telemetry.ingest.in_flight_bytes.get(), 0.0);
}
