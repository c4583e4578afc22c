//! The scripts put to a real Prometheus: what they expect of us is what it answers.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use headroom::labels::Labels;
use headroom::promql::{Plan, Value};
use headroom::proto;
use headroom::sim::Sender;
use serde_json::Value as Json;

use super::{Scene, scenes};
use crate::peers;
use crate::peers::prometheus::{Prometheus, RECEIVER};

/// What every time of the scripts is moved by, so that no sample lies in the distant past: 1 October 2025, 00:00 UTC.
/// A multiple of a day, for functions of dates.
const EPOCH_MS: i64 = 1_759_276_800_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_answers_the_scripts_as_we_do() -> Result<()> {
    let Some(peers) = peers::need(&["prometheus"]) else { return Ok(()) };
    let (mut failures, mut judged) = (String::new(), 0);
    // What is in `time.test` depends on the time itself, which is moved.
    for scene in scenes().into_iter().filter(|scene| scene.script != "time.test") {
        let prometheus = Prometheus::start(&peers, "scrape_configs: []", &[RECEIVER]).await?;
        load(&scene, &prometheus).await.with_context(|| format!("loading a scene of {}", scene.script))?;
        for eval in &scene.evals {
            // We refuse what we don't have yet; Prometheus has it.
            if Plan::compile(&eval.expr).is_err_and(|error| error.message.contains("not supported yet")) {
                continue;
            }
            let at_s = (EPOCH_MS + eval.at_ms) as f64 / 1_000.0;
            let answer = prometheus.query_at(&eval.expr, at_s).await.map_err(|error| error.to_string());
            let answer = answer.and_then(|data| value(&data).map_err(|error| error.to_string()));
            judged += 1;
            if let Err(difference) = eval.judge(&answer) {
                let _ = writeln!(failures, "{}:{}: {}\n     {difference}", scene.script, eval.line, eval.expr);
            }
        }
    }
    ensure!(judged > 100, "only {judged} questions were put");
    ensure!(failures.is_empty(), "of {judged} answers of Prometheus these are not what the scripts say:\n{failures}");
    Ok(())
}

/// Sends the scene's samples by remote write, in order of time.
async fn load(scene: &Scene, prometheus: &Prometheus) -> Result<()> {
    let mut samples: Vec<(&Labels, i64, f64)> = scene
        .series
        .iter()
        .flat_map(|(labels, samples)| {
            samples.iter().map(move |sample| (labels, EPOCH_MS + sample.at.as_millis(), sample.value))
        })
        .collect();
    samples.sort_by_key(|(_, at, _)| *at);
    let label = |(name, value): (&str, &str)| proto::Label { name: name.to_owned(), value: value.to_owned() };
    let timeseries = samples.into_iter().map(|(labels, timestamp, value)| proto::TimeSeries {
        labels: labels.iter().map(label).collect(),
        samples: vec![proto::Sample { value, timestamp }],
        exemplars: Vec::new(),
        histograms: Vec::new(),
    });
    let request = proto::WriteRequest { timeseries: timeseries.collect(), metadata: Vec::new() };
    if !request.timeseries.is_empty() {
        Sender::new(format!("{}/api/v1/write", prometheus.url()).parse()?).send(&request).await?;
    }
    Ok(())
}

/// An answer of Prometheus's HTTP API.
fn value(data: &Json) -> Result<Value> {
    let number = |pair: &Json| -> Result<f64> {
        let text = pair[1].as_str().context("a value is a text")?;
        text.parse().with_context(|| format!("{text} is no number"))
    };
    match data["resultType"].as_str() {
        Some("scalar") => Ok(Value::Scalar(number(&data["result"])?)),
        Some("vector") => {
            let series = data["result"].as_array().context("a vector is a list")?;
            let one = |series: &Json| -> Result<(Labels, f64)> {
                let pairs = series["metric"].as_object().context("a metric is a mapping")?;
                let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()));
                Ok((Labels::from_pairs(pairs)?, number(&series["value"])?))
            };
            Ok(Value::Vector(series.iter().map(one).collect::<Result<_>>()?))
        }
        other => anyhow::bail!("a result of type {other:?}"),
    }
}
