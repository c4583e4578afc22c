//! The same load to kube-controller-manager's HPA and to `headroom serve`, on one real API server: the replica counts
//! that each moves its Deployment through are the same.
//!
//! Each scenario has two Deployments of one shape, `<name>-theirs` under an HPA and `<name>-ours` under a scale rule
//! with the same `behavior`, word for word. HPA reads a value from the metrics API when it looks, each second; Headroom
//! gets it by remote write, twice a second. They look at their own instants, so what is compared is the series of
//! distinct counts, and a plateau lasts until both have come to rest. The cases run side by side, too.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use headroom::app::clock;
use headroom::proto::{Label, Sample, TimeSeries, WriteRequest};
use headroom::sample::STALE;
use headroom::sim::Sender;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::ListParams;
use kube::runtime::watcher::{self, watcher};
use tokio::time::Instant;

use super::metrics_api::MetricsApi;
use super::of_pods;
use super::scenarios::{self, PER_REPLICA, Plateau, Scenario};

use crate::peers::cluster::{Cluster, NODE};
use crate::peers::process::eventually;
use crate::peers::{self, CLUSTER};
use crate::service::Headroom;

/// How long a start or an answer may take on a machine that is busy with other tests.
pub(super) const SOON: Duration = Duration::from_mins(1);
pub(super) const NAMESPACE: &str = "side-by-side";

/// Who rests for so long, and has been looked at so often since the plateau began, is taken to have come to rest.
pub(super) const REST: Duration = Duration::from_secs(3);
pub(super) const LOOKS: usize = 3;
/// The longest that a plateau takes; the slowest case waits 30 s for a period to end.
pub(super) const PLATEAU_MAX: Duration = Duration::from_secs(75);
/// How often Headroom hears of each value.
const SEND_EVERY: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn hpa_and_headroom_move_through_the_same_counts() -> Result<()> {
    let Some(peers) = peers::need(&CLUSTER) else { return Ok(()) };
    let began = Instant::now();
    // Not the shared one: an APIService concerns all of a cluster.
    let cluster = Cluster::start(&peers).await?;
    cluster.node(NODE).await?;
    cluster.namespace(NAMESPACE).await?;
    let metrics = MetricsApi::start(&cluster).await?;
    let scenarios = scenarios::all();
    let cluster_up = began.elapsed();

    let load = Arc::new(Load::default());
    for scenario in &scenarios {
        load.set(&metrics, scenario, &scenario.plateaus[0]);
    }
    let mut deployments: Vec<String> = scenarios.iter().map(deployments).collect();
    deployments.push(of_pods::manifests());
    cluster.apply(NAMESPACE, &deployments.join("\n---\n")).await?;
    wait_ready(&cluster).await?;
    let counts = Counts::watch(&cluster, scenarios.len() * 2 + of_pods::DEPLOYMENTS).await?;
    let headroom = install(&cluster, &scenarios).await?;
    let sender = tokio::spawn(send(
        Sender::new(format!("http://{}/api/v1/write", headroom.address).parse()?),
        Arc::clone(&load),
    ));
    let hpas: Vec<String> = scenarios.iter().map(hpa).collect();
    cluster.apply(NAMESPACE, &hpas.join("\n---\n")).await?;
    let (installed, driven) = (began.elapsed(), Instant::now());

    let drives = scenarios.iter().map(|scenario| drive(scenario, &metrics, &load, &counts));
    let (drives, of_pods) = tokio::join!(join_all(drives), of_pods::drive(&cluster, &metrics, &counts));
    let mut wrong: Vec<String> = drives.into_iter().filter_map(Result::err).collect();
    wrong.extend(of_pods?);
    sender.abort();
    println!(
        "{} scenarios and {} rows of pods in {:.0} s, after {:.0} s for the cluster and {:.0} s for all Deployments",
        scenarios.len(),
        of_pods::DEPLOYMENTS,
        driven.elapsed().as_secs_f64(),
        cluster_up.as_secs_f64(),
        installed.saturating_sub(cluster_up).as_secs_f64(),
    );
    ensure!(wrong.is_empty(), "these went another way:\n{}", wrong.join("\n"));
    Ok(())
}

/// What each metric says now; `None` while it is missing. Keyed `<scenario>-<number>`.
#[derive(Default)]
struct Load(Mutex<BTreeMap<String, Option<f64>>>);

impl Load {
    /// Both hear of a plateau's values.
    fn set(&self, metrics: &MetricsApi, scenario: &Scenario, plateau: &Plateau) {
        for (number, value) in plateau.values.iter().enumerate() {
            let metric = format!("{}-{number}", scenario.name);
            metrics.set(NAMESPACE, &metric, *value);
            self.0.lock().unwrap().insert(metric, *value);
        }
    }

    fn request(&self) -> WriteRequest {
        let timestamp = clock::now().as_millis();
        let load = self.0.lock().unwrap();
        let series = load.iter().map(|(metric, value)| TimeSeries {
            labels: vec![label("__name__", "load"), label("metric", metric)],
            samples: vec![Sample { value: value.unwrap_or(STALE), timestamp }],
            exemplars: Vec::new(),
            histograms: Vec::new(),
        });
        WriteRequest { timeseries: series.collect(), metadata: vec![] }
    }
}

fn label(name: &str, value: &str) -> Label {
    Label { name: name.to_owned(), value: value.to_owned() }
}

async fn send(mut sender: Sender, load: Arc<Load>) {
    loop {
        // One that is lost is followed by the next.
        let _ = sender.send(&load.request()).await;
        tokio::time::sleep(SEND_EVERY).await;
    }
}

/// Leads one scenario through its load; the error tells where the counts went instead.
async fn drive(scenario: &Scenario, metrics: &MetricsApi, load: &Load, counts: &Counts) -> Result<(), String> {
    let (ours, theirs) = (scenario.ours(), scenario.theirs());
    let last = scenario.plateaus.len() - 1;
    for (number, plateau) in scenario.plateaus.iter().enumerate() {
        load.set(metrics, scenario, plateau);
        let our_rest = plateau.counts.last().copied();
        let their_rest = if number == last { theirs.last().copied() } else { our_rest };
        rest(scenario, plateau, metrics, counts, [("ours", our_rest), ("theirs", their_rest)]).await;
    }
    let went = |whose: &str| counts.of(&format!("{}-{whose}", scenario.name)).went;
    let (we, they) = (went("ours"), went("theirs"));
    if we == ours && they == theirs {
        return Ok(());
    }
    Err(format!("{}: ours {we:?} for {ours:?}, theirs {they:?} for {theirs:?}", scenario.name))
}

/// Between two looks of the test at what became of a case.
pub(super) async fn pause() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// Waits for a plateau's end.
async fn rest(
    scenario: &Scenario,
    plateau: &Plateau,
    metrics: &MetricsApi,
    counts: &Counts,
    rests: [(&str, Option<u32>); 2],
) {
    let metric = format!("{}-0", scenario.name);
    let (began, asked) = (Instant::now(), metrics.asked(NAMESPACE, &metric));
    while began.elapsed() < PLATEAU_MAX {
        pause().await;
        let looks = metrics.asked(NAMESPACE, &metric) - asked;
        if let Some(lasts) = plateau.lasts {
            if began.elapsed() >= lasts && looks > 0 {
                return;
            }
            continue;
        }
        // HPA does not look at all where the count is zero.
        let looked = looks >= LOOKS || (scenario.start == 0 && began.elapsed() >= REST * 2);
        let at_rest = rests.iter().all(|(whose, rest)| {
            let count = counts.of(&format!("{}-{whose}", scenario.name));
            rest.is_none_or(|rest| count.went.last() == Some(&rest)) && count.moved_at.elapsed() >= REST
        });
        if looked && at_rest && began.elapsed() >= REST {
            return;
        }
    }
}

/// The counts that each Deployment was moved through, from a watch.
pub(super) struct Counts {
    seen: Arc<Mutex<BTreeMap<String, Count>>>,
    watch: tokio::task::AbortHandle,
}

#[derive(Debug, Clone)]
pub(super) struct Count {
    now: u32,
    pub(super) went: Vec<u32>,
    moved_at: Instant,
}

impl Counts {
    /// Watches, and returns once what is there now is known.
    async fn watch(cluster: &Cluster, wanted: usize) -> Result<Self> {
        let deployments = Api::<Deployment>::namespaced(cluster.admin().await?, NAMESPACE);
        let seen = Arc::new(Mutex::new(BTreeMap::new()));
        let kept = Arc::clone(&seen);
        let watch = tokio::spawn(async move {
            // The admin's client gives up what is silent for ten seconds; each watch ends before.
            let mut events = pin!(watcher(deployments, watcher::Config::default().timeout(8)));
            while let Some(event) = events.next().await {
                if let Ok(watcher::Event::Apply(deployment) | watcher::Event::InitApply(deployment)) = event {
                    note(&kept, &deployment);
                }
            }
        });
        let counts = Self { seen, watch: watch.abort_handle() };
        eventually("the watch shows the Deployments", SOON, async || {
            Ok((counts.seen.lock().unwrap().len() == wanted).then_some(()))
        })
        .await?;
        Ok(counts)
    }

    pub(super) fn of(&self, deployment: &str) -> Count {
        self.seen.lock().unwrap()[deployment].clone()
    }
}

impl Drop for Counts {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

fn note(seen: &Mutex<BTreeMap<String, Count>>, deployment: &Deployment) {
    let replicas = deployment.spec.as_ref().and_then(|spec| spec.replicas);
    let (Some(name), Some(replicas)) = (deployment.metadata.name.clone(), replicas) else { return };
    let now = u32::try_from(replicas).unwrap();
    let mut seen = seen.lock().unwrap();
    let first = || Count { now, went: Vec::new(), moved_at: Instant::now() };
    let count = seen.entry(name).or_insert_with(first);
    if count.now != now {
        count.now = now;
        count.went.push(now);
        count.moved_at = Instant::now();
    }
}

/// Waits until every Deployment has its pods.
async fn wait_ready(cluster: &Cluster) -> Result<()> {
    let deployments = Api::<Deployment>::namespaced(cluster.admin().await?, NAMESPACE);
    eventually("all pods of all scenarios are ready", SOON, async || {
        let Ok(list) = deployments.list(&ListParams::default()).await else { return Ok(None) };
        let ready = |deployment: &Deployment| {
            let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas);
            let status = deployment.status.as_ref();
            status.and_then(|status| status.ready_replicas).unwrap_or(0) == wanted.unwrap_or(1)
        };
        Ok(list.items.iter().all(ready).then_some(()))
    })
    .await
}

/// The two Deployments of a scenario.
fn deployments(scenario: &Scenario) -> String {
    let one = |whose: &str| deployment(&format!("{}-{whose}", scenario.name), scenario.start);
    [one("ours"), one("theirs")].join("\n---\n")
}

pub(super) fn deployment(name: &str, replicas: u32) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      nodeName: {NODE}
      terminationGracePeriodSeconds: 0
      containers: [{{name: web, image: web}}]
"
    )
}

/// The HPA of a scenario.
fn hpa(scenario: &Scenario) -> String {
    let Scenario { name, min, max, behavior, .. } = scenario;
    let metrics: Vec<String> = (0..scenario.metrics())
        .map(|number| {
            format!(
                "{{type: External, external: {{metric: {{name: {name}-{number}}}, \
                 target: {{type: AverageValue, averageValue: '{PER_REPLICA}'}}}}}}"
            )
        })
        .collect();
    let behavior = if behavior.is_empty() { String::new() } else { format!("  behavior: {behavior}\n") };
    format!(
        "
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: {name}}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}-theirs}}
  minReplicas: {min}
  maxReplicas: {max}
  metrics: [{}]
{behavior}",
        metrics.join(", ")
    )
}

/// The scale rule of a scenario: the same words.
fn rule(scenario: &Scenario) -> String {
    let Scenario { name, min, max, behavior, .. } = scenario;
    let metrics: Vec<String> = (0..scenario.metrics())
        .map(|number| {
            format!(
                "          - {{name: metric-{number}, demand: 'sum(load{{metric=\"{name}-{number}\"}})', \
                 per_replica: {PER_REPLICA}}}\n"
            )
        })
        .collect();
    let behavior = if behavior.is_empty() { String::new() } else { format!("        behavior: {behavior}\n") };
    format!(
        "      - scale: {name}
        target: {{kind: Deployment, namespace: {NAMESPACE}, name: {name}-ours}}
        replicas: {{min: {min}, max: {max}}}
        metrics:
{}{behavior}",
        metrics.concat()
    )
}

/// The service, with the rights that users give it.
async fn install(cluster: &Cluster, scenarios: &[Scenario]) -> Result<Headroom> {
    cluster.namespace("headroom").await?;
    cluster.apply("headroom", &std::fs::read_to_string("deploy/kubernetes/rbac.yaml")?).await?;
    let token = cluster.token("headroom", "headroom").await?;
    let kubeconfig = cluster.kubeconfig("headroom", &token)?;
    let settings = kubeconfig.with_file_name("headroom.yaml");
    // Only what HPA has, too: no breaker, however many cases go down together.
    let text = format!(
        "kubernetes: {{enabled: true, kubeconfig: '{}'}}\nguards: {{breaker_workloads: 1000}}\n",
        kubeconfig.display()
    );
    std::fs::write(&settings, text)?;
    let rules: Vec<String> = scenarios.iter().map(rule).collect();
    let rules = format!("groups:\n  - name: side-by-side\n    interval: 1s\n    rules:\n{}", rules.concat());
    Headroom::start(&rules, &["--config", &settings.display().to_string()]).await
}
