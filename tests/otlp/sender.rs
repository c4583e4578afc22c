//! A program with OpenTelemetry's own SDK and exporter, as services have it.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{PATH, headroom, query};
use crate::peers;
use crate::peers::http;
use crate::peers::process::{Process, eventually};

/// Three seconds of counting, and what a loaded machine takes longer.
const SOON: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_counts_with_the_sdk_is_read_by_query() -> Result<()> {
    let Some(peers) = peers::need(&["otel-sender"]) else { return Ok(()) };
    let (headroom, _settings) = headroom("{promote_resource_attributes: [k8s.namespace.name]}").await?;
    let folder = peers.folder()?;
    let mut command = Command::new(peers.program("otel-sender"));
    command.args([&format!("http://{}{PATH}", headroom.address), "3"]);
    let mut sender = Process::spawn("otel-sender", command, folder.path(), Duration::ZERO)?;
    eventually("the sender ends", SOON, async || Ok(sender.check().is_err().then_some(()))).await?;

    // Six rounds, as `tests/peers/otel/main.go` has them.
    for (expr, value) in [
        ("http_server_requests_total", 60.0),
        ("http_server_active_requests", 6.0),
        ("worker_utilization_ratio", 0.75),
        ("http_server_request_duration_seconds_count", 30.0),
        ("http_server_request_duration_seconds_sum", 6.0 * 11.65),
        (r#"http_server_request_duration_seconds_bucket{le="0.1"}"#, 6.0),
        (r#"http_server_request_duration_seconds_bucket{le="0.5"}"#, 18.0),
        (r#"http_server_request_duration_seconds_bucket{le="2.5"}"#, 24.0),
        (r#"http_server_request_duration_seconds_bucket{le="+Inf"}"#, 30.0),
        ("target_info", 1.0),
    ] {
        let found = query(headroom.address, expr).await?;
        ensure!(found.len() == 1, "{expr}: {found:?}; {}", sender.log_tail(20));
        let read: f64 = found[0]["value"][1].as_str().unwrap_or_default().parse()?;
        ensure!((read - value).abs() < 1e-9, "{expr}: {read}, not {value}");
        let labels = &found[0]["metric"];
        let says = |name: &str, value: &str| labels[name] == value;
        ensure!(says("job", "shop/checkout") && says("instance", "checkout-0"), "{labels}");
        let own = if expr == "target_info" { ("service_version", "1.2.3") } else { ("http_route", "/cart") };
        ensure!(says(own.0, own.1) && says("k8s_namespace_name", "shop"), "{labels}");
        ensure!(expr == "target_info" || says("http_response_status_code", "200"), "{labels}");
    }
    let waits = query(headroom.address, "queue_wait_milliseconds").await?;
    ensure!(waits.is_empty(), "exponential histograms are counted, not kept: {waits:?}");

    let metrics = http::get(headroom.address, "/metrics").await?.body;
    let counted = |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    let bodies = counted("headroom_ingest_messages_total{message=\"otlp\"}").unwrap_or_default();
    ensure!(bodies >= 5.0, "{metrics}");
    Ok(())
}
