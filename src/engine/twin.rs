//! The twin: what other scalers would have done with a workload, from the same demand, over pods that are only counted.
//!
//! A rule names them (`compare`). Each is a [`Run`], as the simulator plays it; a [`Ledger`] has what it would have
//! cost and missed beside what there was. A sample is handed on every ten seconds at most, so a fleet that is evaluated
//! many times a second pays for none of it: 2 kB and 3 µs every ten seconds for a rival.

use std::sync::Arc;
use std::time::Duration;

use super::view::ShadowView;
use super::workloads::{Ledgers, Memory};
use crate::decision::MetricInput;
use crate::demand::Presence;
use crate::dispatch::Status;
use crate::rivals::{Change, Hpa, Keda, Kind, Ledger, Predictive, Rival, Run, Setup, Side, Span, Track};
use crate::rule::ScaleRule;
use crate::time::Timestamp;
use crate::workload::Replicas;

/// Samples that come faster are not handed on: two thirds of the usual scrape interval, so that of scrapes each counts
/// though it be early.
const SAMPLE_EVERY: Duration = Duration::from_secs(10);

/// After a longer silence nobody knows what would have been: what is compared begins anew from what there is.
const GAP_MAX: Duration = Duration::from_mins(10);

/// What there really is, since the last sample.
#[derive(Debug, Clone)]
pub(super) struct Reality {
    sampled_at: Timestamp,
    track: Track,
}

impl Reality {
    /// Begins with what the cluster says.
    pub(super) fn new(status: Option<&Status>, now: Timestamp) -> Option<Self> {
        Some(Self { sampled_at: now, track: Track::new(change(status?, now)?) })
    }

    /// How many replicas there are.
    pub(super) fn replicas(&self) -> Replicas {
        self.track.newest().requested
    }

    /// Takes note of what the cluster says now.
    pub(super) fn observe(&mut self, status: &Status, now: Timestamp) {
        let Some(change) = change(status, now) else { return };
        let newest = self.track.newest();
        if (change.requested, change.ready) != (newest.requested, newest.ready) {
            self.track.note(change);
        }
    }

    /// Whether it is time for the next sample.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        now.since(self.sampled_at) >= SAMPLE_EVERY
    }

    /// The last sample is so old that all has to begin anew.
    pub(super) fn is_lost(&self, now: Timestamp) -> bool {
        now.since(self.sampled_at) > GAP_MAX
    }

    /// The time since the last sample, and what it cost and missed. The next begins now.
    pub(super) fn close(&mut self, load: Option<f64>, now: Timestamp) -> (Span, Side) {
        let span = Span { from: self.sampled_at, until: now, load };
        self.sampled_at = now;
        (span, self.track.close(span))
    }
}

fn change(status: &Status, at: Timestamp) -> Option<Change> {
    match status {
        Status::Found { replicas, ready, .. } => Some(Change { at, requested: *replicas, ready: *ready }),
        Status::Unknown(_) => None,
    }
}

/// The demand in replicas: what so many of them are planned to take, by the metric that asks for the most. Whether some
/// metric can't be read is told besides.
pub(super) fn load(metrics: &[MetricInput]) -> (Option<f64>, bool) {
    let mut holes = false;
    let mut load: Option<f64> = None;
    for metric in metrics.iter().filter(|metric| !metric.paused) {
        holes |= !matches!((metric.demand, metric.per_replica), (Presence::Present(_), Presence::Present(_)));
        let (Some(demand), Some(per_replica)) = (metric.demand.value(), metric.per_replica.value()) else { continue };
        let replicas = demand / per_replica;
        if replicas.is_finite() && replicas >= 0.0 {
            load = Some(load.map_or(replicas, |load| load.max(replicas)));
        }
    }
    (load, holes)
}

/// The rivals of one workload.
#[derive(Debug)]
pub(super) struct Twin {
    reality: Reality,
    runs: Vec<(Kind, Run, Track)>,
}

impl Twin {
    /// Begins with what there is.
    fn new(rule: &ScaleRule, startup: Duration, status: Option<&Status>, now: Timestamp) -> Option<Self> {
        let reality = Reality::new(status, now)?;
        let setup = Setup { min: rule.policy.min, max: rule.policy.max, per_replica: 1.0, start: now };
        let run = |kind: &Kind| {
            let rival = match kind {
                Kind::Hpa => Rival::Hpa(Hpa::new(&setup)),
                Kind::Keda => Rival::Keda(Keda::new(&setup)),
                Kind::PredictiveHpa => Rival::Predictive(Predictive::new(&setup, startup)),
                // They know the future, or a peak that somebody has planned for.
                Kind::Static | Kind::Oracle => return None,
            };
            let run = Run::new(rival, reality.replicas(), startup);
            let track = Track::new(run.pods().since(now));
            Some((*kind, run, track))
        };
        let runs = rule.compare.iter().filter_map(run).collect();
        Some(Self { reality, runs })
    }

    /// Takes note of what the cluster says now.
    pub(super) fn observe(&mut self, status: &Status, now: Timestamp) {
        self.reality.observe(status, now);
    }

    /// Lets the rivals of a workload live up to now, and hands them its demand. Begins where that is to begin, and ends
    /// where the rule compares no more.
    pub(super) fn live(
        twin: &mut Option<Box<Self>>,
        rule: &ScaleRule,
        memory: &mut Memory,
        (status, startup): (Option<&Status>, Duration),
        metrics: &[MetricInput],
        now: Timestamp,
    ) {
        if rule.compare.is_empty() {
            *twin = None;
            return;
        }
        if twin.as_ref().is_some_and(|twin| !twin.reality.is_due(now)) {
            return;
        }
        let (load, holes) = load(metrics);
        let present = match twin.take_if(|twin| !twin.reality.is_lost(now)) {
            Some(mut present) => {
                present.close(&mut memory.ledgers, startup, load, now);
                Some(present)
            }
            // Without a demand there is nothing to begin with.
            None => load.and_then(|_| Self::new(rule, startup, status, now)).map(Box::new),
        };
        *twin = present.map(|mut present| {
            present.hand_on(load, holes, now);
            present
        });
    }

    /// All live up to now, and are charged for it.
    fn close(&mut self, ledgers: &mut Ledgers, startup: Duration, load: Option<f64>, now: Timestamp) {
        let (span, live) = self.reality.close(load, now);
        for (kind, run, track) in &mut self.runs {
            run.set_startup(startup);
            while let Some(change) = run.next(now) {
                track.note(change);
            }
            charge(ledgers, kind.as_str(), span, track.close(span), live);
        }
    }

    /// Hands them the demand of now. While some metric can't be read, nobody comes down on the others', as in HPA.
    fn hand_on(&mut self, load: Option<f64>, holes: bool, now: Timestamp) {
        for (_, run, _) in &mut self.runs {
            let floor = if holes { f64::from(run.pods().requested()) } else { 0.0 };
            run.observe(now, load.map(|load| load.max(floor)));
        }
    }

    /// What people see of them.
    pub(super) fn views<'a>(&'a self, ledgers: &'a Ledgers) -> impl Iterator<Item = ShadowView> + 'a {
        self.runs.iter().map(|(kind, run, _)| ShadowView {
            name: kind.as_str().into(),
            rule: false,
            replicas: run.pods().requested(),
            ready: run.pods().ready(),
            ledger: ledgers.get(kind.as_str()).copied().unwrap_or_default(),
            decision: None,
        })
    }
}

/// Adds a span to the ledger of this name, which begins with it where there is none.
pub(super) fn charge(ledgers: &mut Ledgers, name: &str, span: Span, shadow: Side, live: Side) {
    if let Some(ledger) = ledgers.get_mut(name) {
        ledger.add(span, shadow, live);
    } else {
        let mut ledger = Ledger { since: span.from, ..Ledger::default() };
        ledger.add(span, shadow, live);
        ledgers.insert(Arc::from(name), ledger);
    }
}
