//! A loop that never ran: one snapshot with what there is to see.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::config::Web;
use crate::decision::{Change, Decision, Inputs, MetricInput, Policy, ScalingPolicy, State, decide};
use crate::demand::Presence;
use crate::dispatch::{Alert, AlertState, AlertStatus, Outcome, Silence};
use crate::engine::{
    AlertView, Answer, Command, Counts, Entry, MetricForecast, MetricView, RuleHealth, ShadowView, Terms, View,
    WorkloadView,
};
use crate::forecast::{Forecast, Point};
use crate::ingest::{self, Receiver};
use crate::journal::{Filter, Page};
use crate::labels::Labels;
use crate::promql::Value;
use crate::rivals::{Ledger, Side};
use crate::series::{self, Store};
use crate::telemetry::{Telemetry, WebMetrics};
use crate::time::Timestamp;
use crate::web::{Ask, Context, Gate, Limits, QueryError, Reload, RoutingView};
use crate::workload::{ObjectRef, Workload};

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub(super) fn context(
    view: watch::Receiver<Arc<View>>,
    missing: watch::Receiver<Vec<String>>,
    reload: mpsc::Sender<Reload>,
) -> Context {
    let (store, telemetry) = (Arc::new(Store::new(series::Limits::default())), Arc::new(Telemetry::new()));
    let receiver = Receiver::new(store, ingest::Limits::default(), 1, || {});
    Context {
        receiver: Arc::new(receiver.counting(telemetry.ingest.clone())),
        telemetry,
        view,
        missing,
        reload,
        commands: mpsc::channel(1).0,
        routing: watch::Sender::new(Arc::new(RoutingView {
            receivers: vec!["default".to_owned(), "oncall".to_owned()],
            original: "route:\n  receiver: default\n".to_owned(),
        }))
        .subscribe(),
        decisions: Arc::new(decisions),
        query: Arc::new(query),
        gate: Arc::new(Gate::open(&Web::default(), WebMetrics::default()).unwrap()),
        clock: Arc::new(|| NOW + Duration::from_secs(90)),
        started_at: NOW,
        shutdown: CancellationToken::new(),
        limits: Limits::default(),
    }
}

/// As the journal would, of the view's decisions.
#[expect(clippy::unnecessary_wraps, reason = "the journal may fail")]
fn decisions(filter: &Filter) -> Result<Page, String> {
    let wanted = |entry: &&Arc<Entry>| {
        filter.workload.as_ref().is_none_or(|name| entry.workload.to_string() == *name)
            && filter.reason.as_ref().is_none_or(|reason| entry.reason_code() == reason)
            && filter.outcome.as_ref().is_none_or(|outcome| entry.outcome_code() == outcome)
            && filter.before_id.is_none_or(|before| entry.id < before)
    };
    let view = view();
    let mut entries: Vec<Entry> = view.decisions.iter().rev().filter(wanted).map(|entry| Entry::clone(entry)).collect();
    let more = entries.len() > filter.limit;
    entries.truncate(filter.limit);
    let next = entries.last().map(|entry| entry.id).filter(|_| more);
    Ok(Page { entries, next })
}

fn query(expr: &str, at: Timestamp) -> Result<Value, QueryError> {
    match expr {
        "up" => Ok(Value::Vector(vec![(Labels::from_pairs([("__name__", "up"), ("job", "a b")]).unwrap(), 1.5)])),
        "time()" => Ok(Value::Scalar(at.as_secs_f64())),
        "panic" => panic!("asked to"),
        "sum(" => Err(QueryError::BadData("unclosed parenthesis".to_owned())),
        _ => Err(QueryError::Execution("too many series".to_owned())),
    }
}

/// Keeps silences and alerts as the loop does, but for what each of them means.
pub(super) async fn keep(mut asks: mpsc::Receiver<Ask>, view: watch::Sender<Arc<View>>) {
    while let Some((command, answer)) = asks.recv().await {
        let mut next = View::clone(&view.borrow());
        let said = match command {
            Command::Silence { silence, .. } => {
                let id = silence.id.clone();
                next.silences.retain(|known| known.id != id);
                next.silences.push(Arc::new(silence));
                Answer::Silence(id)
            }
            Command::Expire { id } => match next.silences.iter_mut().find(|silence| silence.id == id) {
                Some(silence) => {
                    *silence = Arc::new(Silence { ends_at: NOW, ..Silence::clone(silence) });
                    Answer::Done
                }
                None => Answer::NotFound(format!("no silence {id}")),
            },
            Command::Alerts(alerts) => {
                next.alerts.extend(alerts.into_iter().map(|alert| Arc::new(routed(alert))));
                Answer::Done
            }
            Command::Forecasts { .. } => Answer::Forecasts(vec![foreseen()]),
            Command::Scale(_) | Command::Pattern(_) => Answer::Refused("not here".to_owned()),
        };
        view.send_replace(Arc::new(next));
        // Who asked may have gone.
        let _ = answer.send(said);
    }
}

/// A path of one step.
fn foreseen() -> MetricForecast {
    let point = Point { at: NOW, mean: 200.0, p10: 180.0, p50: 199.0, p90: 230.0, p95: 240.0, peak90: 235.0 };
    let forecast = Forecast { from: NOW, step: Duration::from_mins(1), points: vec![point] };
    MetricForecast {
        metric: "requests".into(),
        model: "rls".into(),
        trust: 0.84,
        forecast: Some(forecast),
        lent_by: None,
        matched: None,
    }
}

/// An alert that everybody is told of.
pub(super) fn routed(alert: Alert) -> AlertView {
    let status = AlertStatus {
        state: AlertState::Active,
        silenced_by: Vec::new(),
        inhibited_by: Vec::new(),
        muted_by: Vec::new(),
        receivers: vec!["default".to_owned()],
    };
    AlertView { alert, status }
}

pub(super) fn workload(name: &str) -> Workload {
    let (api_version, kind) = ("apps/v1".to_owned(), "Deployment".to_owned());
    Workload::from(ObjectRef { api_version, kind, namespace: "shop".to_owned(), name: name.to_owned() })
}

/// From 4 to 6: the demand needs 7, and no more than 2 pods come within 15 s.
pub(super) fn decision() -> Decision {
    let mut policy = Policy::new(2, 60);
    let two = ScalingPolicy { change: Change::Pods(2), period: Duration::from_secs(15) };
    policy.behavior.scale_up.policies = vec![two];
    let (demand, per_replica) = (Presence::Present(340.0), Presence::Present(50.0));
    let metrics = vec![MetricInput::new("requests", demand, per_replica)];
    decide(&policy, &Inputs { metrics, replicas: 4, ready: 4, ..Inputs::default() }, &State::default(), NOW).0
}

pub(super) fn entry(id: u64, name: &str) -> Arc<Entry> {
    let (rule, outcome) = (Arc::from("checkout"), Some(Outcome::Done));
    Arc::new(Entry { outcome, ..Entry::new(id, workload(name), rule, decision()) })
}

pub(super) fn view() -> View {
    let metric = |name: &str, demand, per_replica| MetricView {
        name: Arc::from(name),
        demand,
        per_replica,
        z_score: None,
        robust_score: None,
        odd_pods: None,
        paused: false,
        activation: 0.0,
        carried: None,
        outlook: None,
        point: None,
    };
    let checkout = WorkloadView {
        workload: workload("checkout"),
        rule: Arc::from("checkout"),
        labels: Labels::from_pairs([("team", "shop")]).unwrap(),
        min: 2,
        max: 60,
        terms: Terms { min: 2, max: 60, multiplier: 1.0, tolerance_up: 0.1, tolerance_down: 0.1, formula: false },
        replicas: Some(6),
        ready: Some(4),
        problem: None,
        metrics: vec![
            metric("requests", Presence::Present(340.0), Presence::Present(50.0)),
            metric("cpu", Presence::Absent, Presence::Present(0.7)),
        ],
        decision: Some(decision()),
        muted: None,
        drift: None,
        manual: None,
        rollback: None,
        startup: None,
        load: crate::demand::Load::Normal,
        cost: None,
        shadows: vec![ShadowView {
            name: Arc::from("hpa"),
            rule: false,
            replicas: 7,
            ready: 5,
            ledger: Ledger {
                since: NOW,
                seconds: 3600.0,
                offered: 18_000.0,
                shadow: Side { replica_seconds: 25_200.0, missed: 900.0 },
                live: Side { replica_seconds: 21_600.0, missed: 360.0 },
            },
            decision: None,
        }],
        in_flight: true,
        failures: 0,
        last_error: None,
    };
    let search = WorkloadView {
        workload: workload("search"),
        replicas: None,
        ready: None,
        problem: Some("deployments.apps \"search\" not found".to_owned()),
        decision: None,
        metrics: Vec::new(),
        muted: None,
        drift: None,
        manual: None,
        rollback: None,
        startup: None,
        load: crate::demand::Load::Normal,
        cost: None,
        shadows: Vec::new(),
        in_flight: false,
        failures: 3,
        last_error: Some("not found".to_owned()),
        ..checkout.clone()
    };
    let health = |rule: &str, last_error: Option<&str>| RuleHealth {
        group: Arc::from("shop"),
        rule: Arc::from(rule),
        last_error: last_error.map(str::to_owned),
        evaluated_at: Some(NOW),
    };
    View {
        at: NOW,
        workloads: vec![Arc::new(checkout), Arc::new(search)],
        decisions: VecDeque::from([entry(1, "checkout"), entry(2, "search"), entry(3, "checkout")]),
        // One name twice, as two records with different labels have it.
        rules: vec![
            Arc::new(health("app:rate", None)),
            Arc::new(health("app:rate", Some("vector holds a series twice"))),
            Arc::new(health("checkout", None)),
        ],
        counts: Counts::default(),
        ..View::default()
    }
}
