//! OpenTelemetry's metrics: the same bodies at a real Prometheus and here, and a real sender.

mod bodies;
mod differential;
mod make;
mod sender;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use headroom::proto::otlp::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use prost::Message as _;
use serde_json::Value;

use crate::peers::http::{self, form};
use crate::service::Headroom;

const PATH: &str = "/api/v1/otlp/v1/metrics";

/// A rule file must hold something; nothing of it matters here.
const RULES: &str = "groups: [{name: none, rules: [{record: nothing, expr: vector(0)}]}]\n";

/// A service that keeps all that comes in. The settings' file goes with the folder.
async fn headroom(otlp: &str) -> Result<(Headroom, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    let settings: PathBuf = folder.path().join("headroom.yaml");
    std::fs::write(&settings, format!("ingest: {{keep: all}}\notlp: {otlp}\n"))?;
    let settings = settings.to_str().context("a path in UTF-8")?;
    Ok((Headroom::start(RULES, &["--config", settings]).await?, folder))
}

/// Status and body of the answer to a request that is posted plain.
async fn post(address: SocketAddr, request: &ExportMetricsServiceRequest) -> Result<(u16, Vec<u8>)> {
    let headers = "Content-Type: application/x-protobuf\r\n";
    http::post_bytes(address, PATH, headers, &request.encode_to_vec()).await
}

/// What is said of a body that was taken in part; `None` where all was taken.
fn partial((status, body): &(u16, Vec<u8>)) -> Result<Option<(i64, String)>> {
    anyhow::ensure!(*status == 200, "{status}: {}", String::from_utf8_lossy(body));
    let answer = ExportMetricsServiceResponse::decode(body.as_slice())?;
    Ok(answer.partial_success.map(|partial| (partial.rejected_data_points, partial.error_message)))
}

/// The answer to an instant query, as both APIs have it.
async fn query(address: SocketAddr, expr: &str) -> Result<Vec<Value>> {
    let reply = http::get(address, &format!("/api/v1/query?{}", form(&[("query", expr)]))).await?;
    let mut answer: Value = serde_json::from_str(&reply.body).with_context(|| reply.body.clone())?;
    match answer["data"]["result"].take() {
        Value::Array(result) => Ok(result),
        _ => anyhow::bail!("{expr}: {}", reply.body),
    }
}
