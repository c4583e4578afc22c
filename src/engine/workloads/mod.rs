//! What the loop knows of each workload, and its decision.

mod act;
mod consider;
mod hear;
mod show;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::foresight::Foresight;
use super::learned::{Carried, Startup};
use super::notable::Notable;
use super::outlying::Replicated;
use super::patterns::Under;
use super::twin::Twin;
use super::verify::Trial;
use super::view::{ShadowView, Terms};
use crate::decision::economy::Spend;
use crate::decision::{Calendar, Decision, Manual, MetricInput, Rollback, State};
use crate::demand::Presence;
use crate::demand::anomaly::Detector;
use crate::demand::anomaly::robust::Robust;
use crate::demand::load::Load;
use crate::dispatch::{Drift, Muted, Status};
use crate::rivals::Ledger;
use crate::rule::ScaleRule;
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};
pub(super) use act::Set;
use act::Wait;
pub(super) use hear::foreseen_key;

/// Which start-up counts when something has to be ready in time.
const STARTUP_QUANTILE: f64 = 0.9;
/// Before the first scale-up was seen: pull an image, start a process, pass a probe.
const STARTUP_UNKNOWN: Duration = Duration::from_mins(1);

/// What shadows would have cost and missed, by their names.
pub(super) type Ledgers = BTreeMap<Arc<str>, Ledger>;

/// What of a workload outlives a restart, in the journal.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    pub(super) state: State,
    pub(super) manual: Option<Manual>,
    pub(super) rollback: Option<Rollback>,
    /// The scaling that is being watched.
    pub(super) trial: Option<Trial>,
    pub(super) startup: Startup,
    /// What one replica has carried while the objective held, by the metric's name.
    pub(super) carried: BTreeMap<Arc<str>, Carried>,
    /// The class of its load.
    pub(super) load: Load,
    /// What it has cost.
    pub(super) spend: Option<Spend>,
    /// How unusual each metric's demand is, by the metric's name.
    pub(super) detectors: BTreeMap<Arc<str>, Detector>,
    /// Whose day stands for its own, by the metric's name.
    pub(super) lent: BTreeMap<Arc<str>, Arc<str>>,
    pub(super) ledgers: Ledgers,
}

/// One workload.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) workload: Workload,
    pub(super) rule: Arc<ScaleRule>,
    /// No rule scales it any more; it is forgotten when its action has ended.
    pub(super) orphaned: bool,
    /// The context of the kubeconfig that its receiver names.
    pub(super) context: Option<Arc<str>>,
    pub(super) metrics: Vec<MetricInput>,
    /// Of the metrics whose demand is foreseen.
    pub(super) foresights: BTreeMap<Arc<str>, Foresight>,
    /// Which of these is looked through for patterns next; `None` where none is to be.
    pub(super) studied: Option<usize>,
    /// The event that each metric's demand looks like now.
    under: BTreeMap<Arc<str>, Under>,
    /// The values of single pods, of the metrics that have such.
    replicated: BTreeMap<Arc<str>, Replicated>,
    /// The newest values of each metric, and what they say of the last one.
    robust: BTreeMap<Arc<str>, (Robust, Option<f64>)>,
    /// The scalers that the rule compares itself with.
    twin: Option<Box<Twin>>,
    /// The shadow rules beside it.
    pub(super) shadows: Vec<ShadowView>,
    /// The value of the objective's condition.
    objective: Presence,
    evaluated_at: Timestamp,
    pub(super) status: Option<Status>,
    pub(super) memory: Memory,
    /// The memory is newer than what the journal has of it.
    pub(super) unkept: bool,
    /// When its schedules may say something else.
    calendar_until: Option<Timestamp>,
    /// When that was written down.
    pub(super) kept_at: Timestamp,
    pub(super) notable: Option<Notable>,
    /// What keeps the decision from being carried out.
    pub(super) muted: Option<Muted>,
    /// Somebody else changed what we had set.
    pub(super) drift: Option<Drift>,
    /// The workload as text.
    pub(super) named: String,
    pub(super) decision: Option<Decision>,
    pub(super) in_flight: bool,
    /// What the last action set, and when it began: what the cluster shows may be older.
    rising: Option<(Replicas, Timestamp)>,
    terms: Terms,
    failures: u32,
    last_error: Option<String>,
    /// No action before it has ended.
    wait: Option<Wait>,
    /// What a dry run was last told: from and to. It is told again when the decision is another.
    recommended: Option<(Replicas, Replicas)>,
    /// The last action failed, but its request may have been heard though its answer was not.
    unsure: Option<Set>,
}

impl Known {
    pub(super) fn new(workload: Workload, rule: Arc<ScaleRule>, memory: Memory) -> Self {
        let terms = Terms::of(&rule.policy, &Calendar::default());
        Self {
            named: workload.to_string(),
            workload,
            rule,
            orphaned: false,
            context: None,
            metrics: Vec::new(),
            foresights: BTreeMap::new(),
            studied: None,
            under: BTreeMap::new(),
            replicated: BTreeMap::new(),
            robust: BTreeMap::new(),
            twin: None,
            shadows: Vec::new(),
            objective: Presence::Absent,
            evaluated_at: Timestamp::MIN,
            status: None,
            memory,
            unkept: false,
            calendar_until: None,
            kept_at: Timestamp::MIN,
            notable: None,
            muted: None,
            drift: None,
            decision: None,
            in_flight: false,
            rising: None,
            terms,
            failures: 0,
            last_error: None,
            wait: None,
            recommended: None,
            unsure: None,
        }
    }
    /// Goes on under a rule.
    pub(super) fn adopt(&mut self, rule: &Arc<ScaleRule>) {
        let options = |rule: &ScaleRule| rule.forecast.as_ref().map(|forecast| forecast.options.clone());
        if options(rule) != options(&self.rule) {
            self.foresights.clear();
        }
        let compared = |rule: &ScaleRule| (rule.compare.clone(), rule.policy.min, rule.policy.max);
        if compared(rule) != compared(&self.rule) {
            self.twin = None;
            self.memory
                .ledgers
                .retain(|name, _| *name == rule.name || rule.compare.iter().any(|kind| kind.as_str() == &**name));
        }
        self.rule = Arc::clone(rule);
        self.orphaned = false;
    }

    /// Takes note of what the cluster says.
    pub(super) fn observe(&mut self, status: Status, now: Timestamp) {
        if let (Some((from, to)), Status::Found { replicas, .. }) = (self.recommended, &status)
            && *replicas == to
        {
            // Somebody followed the recommendation: it counts as scaled.
            self.memory.state.scaled(now, from, to);
            self.recommended = None;
        }
        if let Status::Found { replicas, ready, .. } = &status {
            self.memory.startup.observe(*replicas, *ready, now);
            if let Some(trial) = &mut self.memory.trial {
                trial.observe(*replicas, *ready, now);
            }
        }
        if self.wait.is_some_and(|wait| wait.ends_when_observed) {
            self.wait = None;
        }
        if let Some(twin) = &mut self.twin {
            twin.observe(&status, now);
        }
        self.status = Some(status);
    }

    /// How long its pods take to become ready: the 90 % quantile, or a minute as long as none is known.
    pub(super) fn startup(&self) -> Duration {
        self.memory.startup.quantile(STARTUP_QUANTILE).unwrap_or(STARTUP_UNKNOWN)
    }

    /// The cluster doesn't know it, or does not let us look.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self.status, Some(Status::Unknown(_)))
    }
}
