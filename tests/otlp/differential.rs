//! The same bodies at a real Prometheus and here: the same series with the same samples come of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use headroom::labels::Labels;

use super::{RULES, bodies, headroom, partial, post, query};
use crate::peers;
use crate::peers::prometheus::Prometheus;

/// A sample of each series: times in milliseconds, values as bits with one NaN for all.
type Samples = BTreeMap<String, Vec<(i64, u64)>>;

#[allow(clippy::cast_possible_truncation, reason = "milliseconds of this century")]
async fn samples(address: SocketAddr) -> Result<Samples> {
    let mut all = Samples::new();
    for series in query(address, r#"{__name__!="", __name__!="nothing"}[20m]"#).await? {
        let labels: Labels = serde_json::from_value(series["metric"].clone())?;
        // Native histograms are told apart; we don't keep them.
        let Some(values) = series["values"].as_array() else { continue };
        let sample = |pair: &serde_json::Value| {
            let value = match pair[1].as_str()? {
                "NaN" => f64::NAN,
                text => text.parse().ok()?,
            };
            Some(((pair[0].as_f64()? * 1_000.0).round() as i64, value.to_bits()))
        };
        let values: Option<Vec<_>> = values.iter().map(sample).collect();
        all.insert(labels.to_string(), values.with_context(|| series.to_string())?);
    }
    Ok(all)
}

async fn check(otlp: &str) -> Result<()> {
    let Some(peers) = peers::need(&["prometheus"]) else { return Ok(()) };
    let flags = ["--web.enable-otlp-receiver"];
    let config = format!("otlp: {otlp}\nstorage: {{tsdb: {{out_of_order_time_window: 1h}}}}\n");
    let prometheus = Prometheus::start(&peers, &config, &flags).await?;
    let (headroom, _settings) = headroom(otlp).await?;
    ensure!(RULES.contains("record: nothing"), "what the rule makes is left out of the comparison");

    let now = u64::try_from(headroom::app::clock::now().as_millis())? * 1_000_000 - 30_000_000_000 + 987_654;
    let sound = bodies::by_hand(now).into_iter().chain(bodies::by_chance(now, 7));
    for (number, body) in sound.enumerate() {
        let (status, said) = post(prometheus.address(), &body).await?;
        ensure!(status == 200, "body {number}: Prometheus: {}", String::from_utf8_lossy(&said));
        let ours = partial(&post(headroom.address, &body).await?)?;
        ensure!(ours.is_none(), "body {number}: {ours:?}");
    }
    let mut wrong = String::new();
    for (number, body) in bodies::faulty(now).into_iter().enumerate() {
        // A Prometheus that leaves names alone takes a series without one, which no selector of a rule can name.
        if number == bodies::NAMELESS && otlp.contains("No") {
            continue;
        }
        let (status, said) = post(prometheus.address(), &body).await?;
        let ours = partial(&post(headroom.address, &body).await?)?;
        if (status == 200) != ours.is_none() {
            let said = String::from_utf8_lossy(&said);
            writeln!(wrong, "faulty body {number}: theirs {status} {}, ours {ours:?}", said.trim())?;
        }
    }

    let (theirs, ours) = (samples(prometheus.address()).await?, samples(headroom.address).await?);
    for (series, values) in &theirs {
        if ours.get(series) != Some(values) {
            writeln!(wrong, "{series}\n  theirs {values:?}\n  ours   {:?}", ours.get(series))?;
        }
    }
    for series in ours.keys().filter(|series| !theirs.contains_key(*series)) {
        writeln!(wrong, "{series}\n  ours alone")?;
    }
    ensure!(wrong.is_empty(), "{wrong}");
    ensure!(theirs.len() > 4_000, "all have been compared: {}", theirs.len());
    let told = ours.iter().filter(|(series, samples)| series.contains("target_info") && samples.len() == 5).count();
    ensure!(told > 0, "ten minutes of target_info, a sample each two and a half, are among them");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_become_the_series_that_a_real_prometheus_makes_of_them() -> Result<()> {
    check("{}").await
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_and_scopes_are_promoted_as_by_a_real_prometheus() -> Result<()> {
    check(
        "{promote_resource_attributes: [k8s.namespace.name, _os, service.name], promote_scope_metadata: true, \
         keep_identifying_resource_attributes: true, translation_strategy: UnderscoreEscapingWithoutSuffixes, \
         label_name_preserve_multiple_underscores: false}",
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn names_stay_as_they_are_where_a_real_prometheus_leaves_them() -> Result<()> {
    check(
        "{promote_all_resource_attributes: true, ignore_resource_attributes: [host.name, job, __name__], \
         promote_scope_metadata: true, translation_strategy: NoUTF8EscapingWithSuffixes}",
    )
    .await?;
    check("{translation_strategy: NoTranslation}").await
}
