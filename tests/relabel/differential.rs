//! The same series through the same configurations, in a real Prometheus and here.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use headroom::labels::Labels;

use super::exposition::{Exposition, Series};
use super::{cases, compile};
use crate::peers;
use crate::peers::process::eventually;
use crate::peers::prometheus::Prometheus;

/// Some 250 jobs are scraped within two seconds; the rest is for a loaded machine.
const SCRAPED: Duration = Duration::from_mins(1);

/// Follows each case: a series that lost its name gets one, as a scrape would fail without, and each tells its case.
fn with_marker(case: &str, number: usize) -> String {
    let named = "{source_labels: [__name__], regex: '', target_label: __name__, replacement: nameless}";
    format!("[{case}, {named}, {{target_label: __case__, replacement: '{number}'}}]")
}

fn config(cases: &[String], target: &str) -> String {
    let mut config = "global: {scrape_interval: 2s, scrape_timeout: 2s}\nscrape_configs:\n".to_owned();
    for (number, case) in cases.iter().enumerate() {
        // Writing to a String can't fail.
        let _ = writeln!(config, "- job_name: case-{number}\n  static_configs: [{{targets: ['{target}']}}]");
        let _ = writeln!(config, "  metric_relabel_configs: {}", with_marker(case, number));
    }
    config
}

/// The series that a case makes here of what Prometheus scrapes.
fn ours(case: &str, number: usize, series: &[Series], target: &str) -> Result<BTreeSet<String>> {
    let relabel = compile(&with_marker(case, number)).map_err(|findings| {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{case}\n{}", lines.join("\n"))
    })?;
    let job = format!("case-{number}");
    let relabelled = series.iter().filter_map(|series| {
        let scraped = series.iter().copied().chain([("job", job.as_str()), ("instance", target)]);
        relabel.apply(scraped)
    });
    Ok(relabelled.map(|labels| labels.to_string()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn series_get_the_labels_that_a_real_prometheus_gives_them() -> Result<()> {
    let Some(peers) = peers::need(&["prometheus"]) else { return Ok(()) };
    let series = cases::series();
    let exposition = Exposition::start(&series).await?;
    let target = exposition.address.to_string();
    let cases: Vec<String> = cases::BY_HAND.map(str::to_owned).into_iter().chain(cases::by_chance()).collect();
    let prometheus = Prometheus::start(&peers, &config(&cases, &target), &[]).await?;

    let all = cases.len().to_string();
    eventually("every job is scraped without an error", SCRAPED, async || {
        let up = prometheus.query("sum(up)").await?;
        Ok((up["result"][0]["value"][1].as_str() == Some(&*all)).then_some(()))
    })
    .await?;
    let answer = prometheus.query(r#"{__case__!=""}"#).await?;
    let mut theirs = vec![BTreeSet::new(); cases.len()];
    for found in answer["result"].as_array().context("a vector")? {
        let labels: Labels = serde_json::from_value(found["metric"].clone())?;
        let case: usize = labels.get("__case__").context("__case__")?.parse()?;
        theirs[case].insert(labels.to_string());
    }

    let (mut wrong, mut changed) = (String::new(), 0);
    for (number, (case, theirs)) in cases.iter().zip(&theirs).enumerate() {
        let ours = ours(case, number, &series, &target)?;
        if ours != *theirs {
            let (only_ours, only_theirs) = (ours.difference(theirs), theirs.difference(&ours));
            let _ = writeln!(wrong, "{case}");
            only_ours.for_each(|series| _ = writeln!(wrong, "  ours   {series}"));
            only_theirs.for_each(|series| _ = writeln!(wrong, "  theirs {series}"));
        }
        changed += usize::from(*theirs != self::ours("{target_label: d}", number, &series, &target)?);
    }
    ensure!(wrong.is_empty(), "{wrong}");
    ensure!(changed > cases.len() / 2, "most of the cases do something: {changed}");
    Ok(())
}
