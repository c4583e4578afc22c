//! The whole way, from a sample's arrival to the decision: the real service in this process, real HTTP on loopback,
//! 200,000 samples a second as a fleet sends them, of which scaling rules read some.
//!
//! Unit: milliseconds from the arrival of a request that makes a rule due to the end of the step that decides from it;
//! budget: p99 under 10 ms at 200,000 samples/s on two cores, sender included.

mod measure;
#[path = "measure/payload.rs"]
mod payload;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headroom::actuate::DryRun;
use headroom::app::{App, Options, RuleSource, clock};
use headroom::config::{Journal, Settings};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use measure::{heading, line, si};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// A hundred scale rules, each on the CPU of one namespace's pods; one series in a hundred is read.
fn rules() -> &'static str {
    let rule = |team: usize| {
        format!(
            "      - scale: team-{team}
        target: {{kind: Deployment, namespace: team-{team}, name: web}}
        replicas: {{min: 2, max: 500}}
        metrics:
          - name: cpu
            demand: sum(rate(container_cpu_usage_seconds_total{{namespace=\"team-{}\"}}[1m]))
            per_replica: 50
",
            team % 50
        )
    };
    let rules: String = (0..100).map(rule).collect();
    format!("groups:\n  - name: fleet\n    interval: 15s\n    rules:\n{rules}").leak()
}

/// Requests of rounds half a second apart, encoded beforehand: what a sender costs is not what is measured.
fn encode(series: usize, rounds: usize, start_ms: i64) -> Vec<Vec<Vec<u8>>> {
    let start = |round: usize| start_ms + i64::try_from(round).unwrap_or(0) * 500;
    let payload = payload::Payload::new(headroom::ingest::Protocol::V1, series);
    (0..rounds).map(|round| payload.round(start(round), round)).collect()
}

/// Sends the rounds, each spread evenly over half a second; gives the samples sent.
async fn send(address: std::net::SocketAddr, rounds: Vec<Vec<Vec<u8>>>) -> usize {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let uri: http::Uri = format!("http://{address}/api/v1/write").parse().expect("a good address");
    let (mut due, mut sent) = (Instant::now(), 0);
    for bodies in rounds {
        let pause = Duration::from_millis(500) / u32::try_from(bodies.len()).unwrap_or(1);
        for body in bodies {
            sleep_until(due).await;
            due += pause;
            let request = http::Request::post(uri.clone())
                .header("content-type", "application/x-protobuf")
                .header("content-encoding", "snappy")
                .body(Full::new(Bytes::from(body)))
                .expect("a good request");
            let answer = client.request(request).await.expect("the service answers");
            assert_eq!(answer.status(), 204, "{:?}", answer.into_body().collect().await);
            sent += payload::SAMPLES_PER_REQUEST;
        }
    }
    sent
}

async fn run(series: usize, rounds: usize) {
    let (observed, observations) = mpsc::channel(1_000);
    let journal = Journal { directory: None, ..Journal::default() };
    let settings = Settings { listen: ([127, 0, 0, 1], 0).into(), journal, ..Settings::default() };
    let app = App::start(Options {
        settings,
        rules: RuleSource::Embedded("bench.yaml", rules()),
        actuator: Arc::new(DryRun::alone(|_| 2, observed)),
        observations,
        clock: clock::system(),
        speed: 1,
    })
    .await
    .expect("the service starts");
    let start_ms = clock::now().as_millis();
    // Warm up: every series is met once.
    send(app.addr, encode(series, 2, start_ms - 2_000)).await;
    let encoded = encode(series, rounds, start_ms);
    let before = app.telemetry.latency.sample_to_decision.snapshot().count();
    let (cpu, began) = (measure::process_cpu(), Instant::now());
    let sent = send(app.addr, encoded).await;
    let (cpu, elapsed) = (measure::process_cpu().saturating_sub(cpu), began.elapsed());
    let latency = app.telemetry.latency.sample_to_decision.snapshot();
    let per_second = sent as f64 / elapsed.as_secs_f64();
    line("samples sent a second", &si(per_second));
    line("CPU-seconds a second, sender included", &format!("{:.2}", cpu.as_secs_f64() / elapsed.as_secs_f64()));
    line("decisions awaited", &format!("{}", latency.count() - before));
    for (name, quantile) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)] {
        line(
            &format!("sample to decision, {name}"),
            &format!("{:.2} ms", latency.quantile(quantile).as_secs_f64() * 1e3),
        );
    }
    let request = app.telemetry.latency.request.snapshot();
    line("of a request: arrival to stored, p99", &format!("{:.2} ms", request.quantile(0.99).as_secs_f64() * 1e3));
    line("sample to decision, longest", &format!("{:.2} ms", latency.max().as_secs_f64() * 1e3));
    app.shutdown().await;
}

fn main() {
    heading("pipeline: remote write over HTTP, 100 scale rules, 1 series in 20 read", "");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    // 100,000 series every half second are 200,000 samples a second.
    runtime.expect("a runtime").block_on(run(measure::size(100_000, 4_000), measure::size(20, 2)));
}
