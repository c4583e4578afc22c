//! The time machine as users have it: the service records, and the other commands replay.

use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use headroom::labels::NAME;
use headroom::proto::{Label, Sample, TimeSeries, WriteRequest};
use headroom::sim::Sender;

use super::{Headroom, SOON};
use crate::peers::process::{Folder, eventually};

const RULES: &str = r#"
groups:
  - name: shop
    interval: 15s
    rules:
      - scale: checkout
        target: {kind: Deployment, namespace: shop, name: checkout}
        replicas: {min: 2, max: 20}
        metrics:
          - name: requests
            demand: sum(rate(http_requests_total{app="checkout"}[1m]))
            per_replica: 50
"#;

const SETTINGS: &str = "recording: {directory: recording, retention: 1d, size_bytes_max: 64MiB}\n";

/// What one scrape finds; three quarters of an hour, a step up halfway.
const SCRAPES: i64 = 180;

fn request(at_ms: i64, scrape: i64) -> WriteRequest {
    let series = |app: &str, value: f64| {
        let labels = [(NAME, "http_requests_total"), ("app", app), ("pod", "a")];
        let labels = labels.map(|(name, value)| Label { name: name.to_owned(), value: value.to_owned() }).to_vec();
        TimeSeries {
            labels,
            samples: vec![Sample { value, timestamp: at_ms }],
            exemplars: Vec::new(),
            histograms: Vec::new(),
        }
    };
    let slow = scrape.min(SCRAPES / 2);
    let counted = slow * 15 * 100 + (scrape - slow) * 15 * 400;
    let counted = f64::from(i32::try_from(counted).unwrap_or(i32::MAX));
    WriteRequest { timeseries: vec![series("checkout", counted), series("other", 1.0)], metadata: Vec::new() }
}

fn headroom(folder: &Folder, args: &[&str]) -> Result<(Output, String, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_headroom")).args(args).current_dir(folder.path()).output()?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout).into(), String::from_utf8_lossy(&output.stderr).into());
    Ok((output, out, err))
}

/// The value of a metric without labels, or of all its labels together.
async fn metric(headroom: &Headroom, name: &str) -> Result<f64> {
    let metrics = headroom.get("/metrics").await?.body;
    let lines = metrics.lines().filter(|line| line.starts_with(name) && !line.starts_with('#'));
    let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    Ok(values.sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_service_recorded_is_replayed_and_judges_a_change_of_rules() -> Result<()> {
    let (folder, address) = Headroom::folder(RULES)?;
    folder.write("headroom.yaml", SETTINGS)?;
    let mut process = Headroom::spawn(&folder, address, &["--config", "headroom.yaml"])?;
    process.wait_http(address, "/-/ready", SOON).await?;
    let headroom_ = Headroom { process, address, folder };
    let mut sender = Sender::new(format!("http://{address}/api/v1/write").parse()?);
    let now = headroom::app::clock::now().as_millis();
    for scrape in 0..SCRAPES {
        sender.send(&request(now - (SCRAPES - scrape) * 15_000, scrape)).await?;
    }
    ensure!(metric(&headroom_, "headroom_recording_limit_bytes").await? > 6e7);
    ensure!(metric(&headroom_, "headroom_recording_samples_dropped_total").await? == 0.0);
    let Headroom { mut process, folder, .. } = headroom_;
    // As a shutdown is asked for; what is gathered is written before the end.
    let told = Command::new("kill").args(["-TERM", &process.id().to_string()]).status()?;
    ensure!(told.success());
    let written = || -> Result<Option<()>> {
        let files = std::fs::read_dir(folder.path().join("recording"))?;
        let bytes: u64 = files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum();
        Ok((bytes > 100).then_some(()))
    };
    eventually("the recording is written", SOON, async || written()).await.with_context(|| process.log_tail(40))?;
    eventually("the service ends", SOON, async || Ok(process.check().is_err().then_some(()))).await?;

    let (output, table, errors) = headroom(&folder, &["simulate", "--from", "recording", "--rules", "rules.yaml"])?;
    ensure!(output.status.success(), "{errors}");
    ensure!(table.contains("shop/checkout: ") && table.contains("rule checkout of 2 to 20"), "{table}");
    for policy in ["headroom", "hpa", "keda", "oracle"] {
        ensure!(table.lines().any(|line| line.trim_start().starts_with(policy)), "{policy}: {table}");
    }

    let same = headroom(&folder, &["diff", "rules.yaml", "rules.yaml", "--from", "recording", "--fail-on", "change"])?;
    ensure!(same.0.status.code() == Some(0), "{}{}", same.1, same.2);
    ensure!(same.1.ends_with("shop/checkout: the same at all times\n"), "{}", same.1);

    folder.write("new.yaml", &RULES.replace("per_replica: 50", "per_replica: 25"))?;
    let args = ["diff", "rules.yaml", "new.yaml", "--from", "recording", "--fail-on", "cost", "--json", "diff.json"];
    let (output, table, errors) = headroom(&folder, &args)?;
    ensure!(output.status.code() == Some(3), "{table}{errors}");
    ensure!(errors.contains("headroom diff: cost: "), "{errors}");
    ensure!(table.contains("the new rule plans 2.00 times the replicas for the same time"), "{table}");
    ensure!(table.contains("    old ") && table.contains("requests "), "{table}");
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(folder.path().join("diff.json"))?)?;
    ensure!(json["workloads"][0]["workload"] == "shop/checkout" && json["tripped"][0].is_string(), "{json}");

    let (output, _, errors) = headroom(&folder, &["diff", "rules.yaml", "new.yaml", "--from", "nowhere"])?;
    ensure!(output.status.code() == Some(1) && errors.contains("nowhere"), "{errors}");
    Ok(())
}
