//! The same rules over the same samples, evaluated at the same times by a real Prometheus and by us.
//!
//! Samples are sent at once and lie in the near future, so that each evaluation of Prometheus sees those up to its
//! time and no race decides. Its own `ALERTS` series then tell when it evaluated and what it found.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use headroom::config::Settings;
use headroom::labels::Labels;
use headroom::proto;
use headroom::rule::{self, AlertPhase, AlertStates, BoundAlert, BoundRule, External};
use headroom::sample::{STALE, Sample, is_stale};
use headroom::series::{Limits, Store, Touched};
use headroom::sim::Sender;
use headroom::time::Timestamp;
use serde_json::Value as Json;

use crate::peers::prometheus::{Prometheus, RECEIVER};
use crate::peers::{self, http};

const URL: &str = "http://headroom.test/prefix";

/// How long samples change, and how long it is watched after that.
const CHANGES: Duration = Duration::from_secs(12);
const QUIET: Duration = Duration::from_secs(3);

/// A metric's name, its labels, and its values.
type Series = (&'static str, &'static [(&'static str, &'static str)], &'static str);

/// Series and their values, a word for each second from two seconds after the rules are loaded: `_` is no sample,
/// `stale` ends the series.
const SERIES: [Series; 9] = [
    ("load", &[("job", "web"), ("instance", "a:80")], "0 20 20 20 20 20 20 0 0 30 0 0"),
    ("load", &[("job", "web"), ("instance", "b:80")], "0 0 50 _ _ _ _ _ _ _ _ 2e6"),
    ("flap", &[("job", "web")], "1 1 0 1 1 1 0 1 0 0 0 0"),
    ("numbers", &[("n", "million")], "1e6"),
    ("numbers", &[("n", "tiny")], "0.0000123"),
    ("numbers", &[("n", "negative")], "-1234.5678"),
    ("numbers", &[("n", "zero")], "0"),
    ("numbers", &[("n", "day \"two\"")], "100000"),
    ("numbers", &[("n", "gone")], "5 5 5 5 stale"),
];

/// What is known of the alerts after one evaluation: their series, with the value of `ALERTS_FOR_STATE`.
type Seen = BTreeMap<Labels, f64>;

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_alerts_as_we_do() -> Result<()> {
    let Some(peers) = peers::need(&["prometheus"]) else { return Ok(()) };
    let global = "global: {evaluation_interval: 1s, external_labels: {region: eu}}\nscrape_configs: []\n";
    let flags = [RECEIVER, "--web.external-url", URL, "--web.route-prefix=/"];
    let prometheus = Prometheus::start(&peers, global, &flags).await?;
    let samples = samples(now(&prometheus).await? + Duration::from_secs(2))?;
    send(&prometheus, &samples).await?;
    // Rules that come with a reload write their series from the first evaluation on.
    let folder = peers.folder()?;
    let text = include_str!("rules.yaml");
    let rules = folder.write("rules.yaml", text)?;
    prometheus.reload(&format!("{global}rule_files: ['{}']\n", rules.display())).await?;
    tokio::time::sleep(Duration::from_secs(2) + CHANGES + QUIET).await;

    let alerts = http::get(prometheus.address(), "/api/v1/alerts").await?;
    let alerts: Json = serde_json::from_str(&alerts.body)?;
    let theirs = theirs(&prometheus).await?;
    ensure!(theirs.len() > 10, "only {} evaluations", theirs.len());
    let mut ours = Ours::new(text)?;
    let mut samples = samples.into_iter().peekable();
    let mut pending = BTreeSet::new();
    for (at, seen) in &theirs {
        while let Some((labels, sample)) = samples.next_if(|(_, sample)| sample.at <= *at) {
            ours.store.batch(&mut Touched::default()).write(&labels, sample)?;
        }
        let own = ours.eval(*at);
        ensure!(own == *seen, "at {at}:\n{}", difference(seen, &own));
        let state = |labels: &Labels| labels.get("alertstate").map(str::to_owned);
        pending.extend(own.keys().filter(|labels| state(labels).is_some()).cloned());
    }
    let states: BTreeSet<&str> = pending.iter().filter_map(|labels| labels.get("alertstate")).collect();
    ensure!(states.len() == 2 && pending.len() > 15, "little was seen: {pending:?}");
    compare(alerts["data"]["alerts"].as_array().context("alerts are a list")?, &ours)
}

/// What Prometheus takes for the time.
async fn now(prometheus: &Prometheus) -> Result<Timestamp> {
    let data = prometheus.query("time()").await?;
    millis(data["result"][0].as_f64())
}

/// A time of Prometheus's API, which is in seconds.
fn millis(seconds: Option<f64>) -> Result<Timestamp> {
    let ms = (seconds.context("a time is a number")? * 1000.0).round();
    #[allow(clippy::cast_possible_truncation, reason = "a time of today in milliseconds")]
    Ok(Timestamp::from_millis(ms as i64))
}

/// All samples in order of time.
fn samples(start: Timestamp) -> Result<Vec<(Labels, Sample)>> {
    let mut samples = Vec::new();
    for (name, pairs, words) in SERIES {
        let labels = Labels::from_pairs([("__name__", name)].iter().chain(pairs).copied())?;
        for (second, word) in words.split(' ').enumerate() {
            let at = start + Duration::from_secs(second as u64);
            match word {
                "_" => {}
                "stale" => samples.push((labels.clone(), Sample::new(at, STALE))),
                word => samples.push((labels.clone(), Sample::new(at, word.parse()?))),
            }
        }
    }
    samples.sort_by_key(|(_, sample)| sample.at);
    Ok(samples)
}

async fn send(prometheus: &Prometheus, samples: &[(Labels, Sample)]) -> Result<()> {
    let label = |(name, value): (&str, &str)| proto::Label { name: name.to_owned(), value: value.to_owned() };
    let timeseries = samples.iter().map(|(labels, sample)| proto::TimeSeries {
        labels: labels.iter().map(label).collect(),
        samples: vec![proto::Sample { value: sample.value, timestamp: sample.at.as_millis() }],
        exemplars: Vec::new(),
        histograms: Vec::new(),
    });
    let request = proto::WriteRequest { timeseries: timeseries.collect(), metadata: Vec::new() };
    Sender::new(format!("{}/api/v1/write", prometheus.url()).parse()?).send(&request).await?;
    Ok(())
}

/// What Prometheus wrote at each of its evaluations.
async fn theirs(prometheus: &Prometheus) -> Result<BTreeMap<Timestamp, Seen>> {
    let mut seen: BTreeMap<Timestamp, Seen> = BTreeMap::new();
    let data = prometheus.query(r#"{__name__=~"ALERTS|ALERTS_FOR_STATE"}[5m]"#).await?;
    for series in data["result"].as_array().context("a matrix is a list")? {
        let pairs = series["metric"].as_object().context("a metric is a mapping")?;
        let labels =
            Labels::from_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap_or(""))))?;
        for point in series["values"].as_array().context("values are a list")? {
            let at = millis(point[0].as_f64())?;
            let value = point[1].as_str().context("a value is a text")?.parse()?;
            seen.entry(at).or_default().insert(labels.clone(), value);
        }
    }
    // An evaluation takes a moment, and the last may not have ended.
    seen.pop_last();
    Ok(seen)
}

/// Our side.
struct Ours {
    store: Store,
    rules: Vec<(std::sync::Arc<BoundAlert>, AlertStates)>,
    external: External,
}

impl Ours {
    fn new(text: &str) -> Result<Self> {
        let files = [("rules.yaml".into(), text.to_owned())];
        let rules = rule::compile(&files, &Settings::default())
            .map_err(|findings| anyhow!("{}", findings.first().expect("there is a finding")))?;
        let store = Store::new(Limits::default());
        let subscriptions = store.subscribe(&rules.selectors());
        let groups = rules.bind(subscriptions).groups;
        let bound = groups.into_iter().flat_map(|group| group.rules).filter_map(|rule| match rule {
            BoundRule::Alert(bound) => Some((bound, AlertStates::default())),
            _ => None,
        });
        let external = External { url: URL.into(), labels: Labels::from_pairs([("region", "eu")])? };
        Ok(Self { store, rules: bound.collect(), external })
    }

    fn eval(&mut self, now: Timestamp) -> Seen {
        let mut seen = Seen::new();
        for (bound, states) in &mut self.rules {
            // What fails writes nothing, on both sides.
            let Ok(samples) = bound.eval(now, &self.external, states) else { continue };
            seen.extend(samples.into_iter().filter(|(_, value)| !is_stale(*value)));
        }
        seen
    }
}

fn difference(theirs: &Seen, ours: &Seen) -> String {
    let only = |one: &Seen, other: &Seen, whose: &str| -> String {
        let lines = one.iter().filter(|(labels, value)| other.get(labels) != Some(value));
        lines.fold(String::new(), |text, (labels, value)| format!("{text}  {whose} {labels} {value}\n"))
    };
    only(theirs, ours, "theirs") + &only(ours, theirs, "ours  ")
}

/// The API's alerts against our states.
fn compare(theirs: &[Json], ours: &Ours) -> Result<()> {
    let texts = |json: &Json| -> BTreeMap<String, String> {
        let pairs = json.as_object().into_iter().flatten();
        pairs.map(|(name, value)| (name.clone(), shown(value.as_str().unwrap_or("")))).collect()
    };
    let mut wanted = BTreeMap::new();
    for alert in theirs {
        let active_at: jiff::Timestamp = alert["activeAt"].as_str().context("activeAt is a text")?.parse()?;
        let value: f64 = alert["value"].as_str().context("a value is a text")?.parse()?;
        let state = alert["state"].as_str().unwrap_or("").to_owned();
        let about = (texts(&alert["annotations"]), state, active_at.as_millisecond(), value.to_string());
        wanted.insert(Labels::from_pairs(texts(&alert["labels"]))?, about);
    }
    let states = ours.rules.iter().flat_map(|(_, states)| states.iter());
    let found: BTreeMap<Labels, _> = states
        .filter(|alert| alert.phase() != AlertPhase::Resolved)
        .map(|alert| {
            let annotations = alert.annotations.iter().map(|(name, text)| (name.clone(), shown(text))).collect();
            let state = alert.phase().as_str().to_owned();
            (alert.labels.clone(), (annotations, state, alert.active_at.as_millis(), alert.value.to_string()))
        })
        .collect();
    for (labels, want) in &wanted {
        let have = found.get(labels);
        ensure!(have == Some(want), "{labels}:\n  theirs {want:?}\n  ours   {have:?}");
    }
    ensure!(wanted.len() == found.len() && wanted.len() > 12, "{} alerts, ours {}", wanted.len(), found.len());
    Ok(())
}

/// How an error is told is each program's own.
fn shown(text: &str) -> String {
    if text.starts_with("<error expanding template: ") { "<error>".to_owned() } else { text.to_owned() }
}
