//! What the terminal shows at one moment, gathered from the simulated world and from the running service.

use std::collections::VecDeque;
use std::time::Duration;

use crate::decision::Decision;
use crate::engine::{View, WorkloadView};
use crate::sim::{Pace, Replay, Sent, Totals};
use crate::time::{Timestamp, format_duration};
use crate::workload::{Replicas, Workload};

/// Columns of a curve; a column is a second for whoever watches.
pub(super) const COLUMNS: usize = 60;

/// One picture.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) title: &'static str,
    /// The time of day at which the traffic was measured.
    pub(super) clock: String,
    pub(super) speed: u32,
    /// Real time since the start.
    pub(super) elapsed: Duration,
    /// What happened in the outside world, where something did within three hours.
    pub(super) mark: Option<String>,
    /// The web page's address.
    pub(super) page: String,
    pub(super) sent: Sent,
    /// Why the last request failed that did.
    pub(super) failure: Option<String>,
    pub(super) rows: Vec<Row>,
    /// The newest last.
    pub(super) decisions: Vec<Line>,
}

/// One workload.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) workload: Workload,
    /// Requests a second, as the rule's expression found them; `None` where it found none.
    pub(super) demand: Option<f64>,
    /// Requests a second that the ready pods can serve.
    pub(super) capacity: f64,
    /// What Headroom wants; `None` before its first decision.
    pub(super) wanted: Option<Replicas>,
    pub(super) ready: Replicas,
    /// Requests a second, over the curve's last column.
    pub(super) dropped: f64,
    /// From 0 to 1, since the start.
    pub(super) dropped_share: f64,
    /// Why Headroom wants what it wants, or what keeps it from knowing.
    pub(super) reason: String,
    /// At most [`COLUMNS`], the newest last.
    pub(super) points: Vec<Point>,
}

/// A column of a workload's curves, in requests a second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Point {
    pub(super) offered: f64,
    pub(super) capacity: f64,
    pub(super) dropped: f64,
}

/// A decision that changed something.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) id: u64,
    pub(super) clock: String,
    pub(super) workload: Workload,
    pub(super) from: Replicas,
    pub(super) to: Replicas,
    pub(super) reason: String,
}

/// The curves so far.
#[derive(Debug)]
pub(super) struct History {
    column: Duration,
    noted_at: Timestamp,
    /// One for each workload of the replay.
    curves: Vec<Curve>,
}

#[derive(Debug, Default)]
struct Curve {
    totals: Totals,
    points: VecDeque<Point>,
}

impl History {
    /// Curves that begin at `now` and get a point every `column` of virtual time.
    pub(super) fn new(replay: &Replay, column: Duration, now: Timestamp) -> Self {
        let curves = replay.scenario().loads.iter().map(|_| Curve::default()).collect();
        Self { column, noted_at: now, curves }
    }

    /// Adds a point where one is due.
    pub(super) fn note(&mut self, replay: &Replay, now: Timestamp) {
        let time = now.since(self.noted_at);
        if time < self.column {
            return;
        }
        self.noted_at = now;
        for (curve, pace) in self.curves.iter_mut().zip(replay.paces()) {
            if curve.points.len() == COLUMNS {
                curve.points.pop_front();
            }
            curve.points.push_back(Point {
                offered: (pace.totals.offered - curve.totals.offered).rate_over(time),
                capacity: pace.capacity,
                dropped: (pace.totals.dropped - curve.totals.dropped).rate_over(time),
            });
            curve.totals = pace.totals;
        }
    }

    /// A row for each workload.
    pub(super) fn rows(&self, replay: &Replay, view: &View) -> Vec<Row> {
        replay.paces().into_iter().zip(&self.curves).map(|(pace, curve)| row(pace, curve, view)).collect()
    }
}

fn row(pace: Pace, curve: &Curve, view: &View) -> Row {
    let seen = view.workloads.iter().find(|seen| same(&seen.workload, &pace.workload));
    let decision = seen.and_then(|seen| seen.decision.as_ref());
    Row {
        demand: seen.and_then(|seen| seen.metrics.first()?.demand.value()),
        capacity: pace.capacity,
        wanted: decision.map(|decision| decision.to),
        ready: pace.pods.ready,
        dropped: curve.points.back().map(|point| point.dropped).unwrap_or_default(),
        dropped_share: pace.totals.dropped.share_of(pace.totals.offered),
        reason: seen.map_or_else(|| "waiting for the first evaluation".to_owned(), |seen| reason(seen)),
        points: curve.points.iter().copied().collect(),
        workload: pace.workload,
    }
}

/// Whether two names mean one object; a rule may leave the API version out.
fn same(one: &Workload, other: &Workload) -> bool {
    (&one.kind, &one.namespace, &one.name) == (&other.kind, &other.namespace, &other.name)
}

fn reason(seen: &WorkloadView) -> String {
    let problem = seen.problem.clone().or_else(|| seen.last_error.clone());
    problem.or_else(|| seen.decision.as_ref().map(why)).unwrap_or_else(|| "waiting for the first samples".to_owned())
}

/// The step that had the last word: the last one that changed what was wanted.
fn why(decision: &Decision) -> String {
    let steps = decision.steps.as_slice();
    let mut changes = steps.iter().zip(steps.iter().skip(1)).filter(|(before, step)| before.wants != step.wants);
    let deciding = changes.next_back().map(|(_, step)| step).or(steps.first());
    deciding.map(|step| format!("{}: {}", step.layer.as_str(), step.reason)).unwrap_or_default()
}

/// The newest decisions that the service remembers, by the replay's time of day.
pub(super) fn decisions(replay: &Replay, view: &View) -> Vec<Line> {
    view.decisions
        .iter()
        .map(|entry| Line {
            id: entry.id,
            clock: time_of_day(replay.measured_at(entry.decision.at)),
            workload: entry.workload.clone(),
            from: entry.decision.from,
            to: entry.decision.to,
            reason: why(&entry.decision),
        })
        .collect()
}

/// The mark that is nearest in time, as "17m after …", where it lies within three hours.
pub(super) fn nearest_mark(replay: &Replay, now: Timestamp) -> Option<String> {
    const NEAR: Duration = Duration::from_hours(3);
    let into = replay.progress(now);
    let mark = replay.scenario().marks.iter().min_by_key(|mark| mark.into.abs_diff(into))?;
    let minutes = Duration::from_mins(mark.into.abs_diff(into).as_secs() / 60);
    let side = if mark.into > into { "before" } else { "after" };
    (minutes <= NEAR).then(|| format!("{} {side} {}", format_duration(minutes), mark.what))
}

/// `14:47:30`, UTC.
pub(super) fn time_of_day(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
    at.strftime("%H:%M:%S").to_string()
}
