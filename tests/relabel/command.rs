//! `headroom relabel`: a real Prometheus under its output sends what rules read, and nothing else.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::exposition::{Exposition, Series};
use crate::peers::process::eventually;
use crate::peers::prometheus::Prometheus;
use crate::peers::{self, Peers, http};
use crate::service::Headroom;

const SOON: Duration = Duration::from_secs(30);

/// Runs `headroom relabel` on a file or a folder.
fn relabel(path: &Path) -> Result<Output> {
    Ok(Command::new(env!("CARGO_BIN_EXE_headroom")).arg("relabel").arg(path).output()?)
}

/// Its output, where it has one.
fn configs(path: &Path) -> Result<String> {
    let output = relabel(path)?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn promtool(peers: &Peers, config: &str) -> Result<()> {
    let file = peers.folder()?.write("prometheus.yml", config)?;
    let checked = Command::new(peers.program("promtool")).args(["check", "config"]).arg(file).output()?;
    ensure!(checked.status.success(), "{}\n{config}", String::from_utf8_lossy(&checked.stderr));
    Ok(())
}

/// A metric of the page, with a label that no two have alike.
fn named(name: &'static str) -> Series {
    vec![("__name__", name), ("of", name)]
}

/// What the rules of `rules/` read, with the labels that they ask for.
fn read_by_the_rules() -> Vec<Series> {
    vec![
        vec![("__name__", "http_requests_total"), ("app", "checkout")],
        vec![
            ("__name__", "container_cpu_usage_seconds_total"),
            ("namespace", "shop"),
            ("pod", "checkout-1"),
            ("container", "web"),
        ],
        vec![("__name__", "orders_processed_total"), ("namespace", "shop")],
        vec![("__name__", "rabbitmq_queue_messages_published_total"), ("queue", "orders")],
        vec![("__name__", "rabbitmq_queue_messages_ready"), ("queue", "orders")],
    ]
}

/// What they don't read; the last one is a series that a rule makes, as a Prometheus with the same rules has it too.
const UNREAD: [&str; 5] = [
    "go_goroutines",
    "http_requests_total_created",
    "new_http_requests_total",
    "rabbitmq_queue_messages",
    "app:http_requests:rate1m",
];

fn sending(exposition: &Exposition, headroom: &Headroom, configs: &str) -> String {
    format!(
        "
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: app
    static_configs: [{{targets: ['{}']}}]
remote_write:
  - url: http://{}/api/v1/write
{configs}    metadata_config: {{send: false}}
    queue_config: {{batch_send_deadline: 100ms}}
",
        exposition.address, headroom.address
    )
}

/// A count of Headroom's own metrics.
async fn count(headroom: &Headroom, series: &str) -> Result<f64> {
    let metrics = http::get(headroom.address, "/metrics").await?.body;
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).with_context(|| format!("/metrics has no {series}"))
}

const KEPT: &str = "headroom_ingest_samples_kept_total";
const DROPPED: &str = "headroom_ingest_samples_not_kept_total{reason=\"unread\"}";

/// The names of a vector's series.
fn names(answer: &Value) -> BTreeSet<String> {
    let series = answer["result"].as_array().into_iter().flatten();
    series.filter_map(|series| series["metric"]["__name__"].as_str()).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_the_rules_read_arrives() -> Result<()> {
    let Some(peers) = peers::need(&["prometheus", "promtool"]) else { return Ok(()) };
    let wanted = read_by_the_rules();
    let mut series = wanted.clone();
    series.extend(UNREAD.map(named));
    let exposition = Exposition::start(&series).await?;
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let all = rules.join("*.yaml").display().to_string();
    let headroom = Headroom::start("groups: []\n", &["--dry-run", "--rules", &all]).await?;

    let config = sending(&exposition, &headroom, &configs(&rules)?);
    promtool(&peers, &config)?;
    let prometheus = Prometheus::start(&peers, &config, &[]).await?;
    let rounds = (10 * wanted.len()) as f64;
    eventually("ten scrapes have arrived", SOON, async || Ok((count(&headroom, KEPT).await? >= rounds).then_some(())))
        .await?;
    ensure!(count(&headroom, DROPPED).await? == 0.0, "series arrived that no rule reads");
    let query = format!("/api/v1/query?{}", http::form(&[("query", "{job=\"app\"}")]));
    let answer: Value = serde_json::from_str(&http::get(headroom.address, &query).await?.body)?;
    let arrived = names(&answer["data"]);
    let wanted: BTreeSet<String> = wanted.iter().map(|series| series[0].1.to_owned()).collect();
    ensure!(arrived == wanted, "{arrived:?}");

    // Without it the others come too.
    prometheus.reload(&sending(&exposition, &headroom, "")).await?;
    eventually("unread series arrive", SOON, async || Ok((count(&headroom, DROPPED).await? > 0.0).then_some(()))).await
}

/// Names of every kind, for a Prometheus reads the output by its own YAML and its own regular expressions.
const ODD: [&str; 7] = ["http.requests", "a b", " begins with a space", "quo\"ted\\", "dollar$1|or", "é(", "plain_1"];
const NEAR: [&str; 8] = ["httpXrequests", "ab", "begins with a space", "quo", "dollar", "é", "plain_10", "not_plain_1"];

#[tokio::test(flavor = "multi_thread")]
async fn names_of_any_kind_and_number_are_kept() -> Result<()> {
    let Some(peers) = peers::need(&["prometheus", "promtool"]) else { return Ok(()) };
    let odd = ODD.iter().map(|name| format!("{{__name__={}}}", Value::from(*name)));
    let many = (2..300).map(|number| format!("plain_{number}_total{{a=\"b\"}}"));
    let exprs = odd.chain(many).chain([r#"{__name__=~"pattern_(\\d|x)+"}"#.to_owned()]);
    let rules: Vec<Value> = exprs.map(|expr| json!({"record": "made", "expr": expr})).collect();
    // JSON is YAML too.
    let rules = json!({"groups": [{"name": "odd", "rules": rules}]}).to_string();
    let folder = peers.folder()?;
    let configs = configs(&folder.write("rules.yaml", &rules)?)?;

    let wanted = [&ODD[..], &["plain_77_total", "plain_299_total", "pattern_1x"]].concat();
    let unwanted = [&NEAR[..], &["plain_1_total", "plain_300_total", "pattern_y", "pattern_٣", "made"]].concat();
    let series: Vec<Series> = wanted.iter().chain(&unwanted).map(|name| named(name)).collect();
    let exposition = Exposition::start(&series).await?;
    let scrape = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n  - job_name: app\n    static_configs: [{{targets: ['{}']}}]\n{}",
        exposition.address,
        configs.replace("write_relabel_configs", "metric_relabel_configs")
    );
    promtool(&peers, &scrape)?;
    let prometheus = Prometheus::start(&peers, &scrape, &[]).await?;
    prometheus.wait_for("up == 1", SOON).await?;
    let kept = names(&prometheus.query("{of!=\"\"}").await?);
    ensure!(kept == wanted.iter().map(|name| (*name).to_owned()).collect(), "{kept:?}\n{configs}");
    Ok(())
}

#[test]
fn a_selector_without_a_name_leaves_nothing_out() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("rules.yaml");
    std::fs::write(&file, "groups:\n- name: g\n  rules:\n  - {record: r, expr: 'a + count({job=\"x\"})'}\n")?;
    let output = relabel(&file)?;
    let said = String::from_utf8(output.stderr)?;
    ensure!(output.status.code() == Some(1) && output.stdout.is_empty(), "{said}");
    ensure!(said.contains("{job=\"x\"} of the rule \"r\""), "{said}");
    Ok(())
}
