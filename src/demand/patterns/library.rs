//! All patterns that are known: learned, judged, edited, matched.

mod edit;
mod judge;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

pub use edit::{Edit, EditError, LABELS_MAX, Posted, TEXT_CHARS_MAX};

use super::grid::Grid;
use super::matching::{Match, best, distance, look};
use super::{DAY_MS, Found, Kind, Pattern, Stretch, find};
use crate::time::Timestamp;
use crate::workload::Workload;

/// Patterns of one workload, those that were removed among them: 12 of at most 168 points, 10 kB.
pub const PATTERNS_OF_ONE: usize = 12;

/// How often a workload's history is looked through.
pub const LEARN_EVERY: Duration = Duration::from_hours(1);

/// What has not been judged for so long is of a workload that is no more; what a person removed is found again after it.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(90 * 24);

/// Below this validity a pattern that nobody cares for is forgotten.
const VALIDITY_KEPT: f64 = 0.1;
/// Below this it is not matched.
const VALIDITY_MATCHED: f64 = 0.3;

/// Found anew this near to its time (in minutes) a pattern is the same.
const SAME_TIME: i64 = 45;
/// And this near to its shape a flash crowd is.
const SAME_SHAPE: f64 = 0.6;

/// What is to be written down: a row of the journal each.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Put(Arc<Pattern>),
    /// By its id.
    Delete(String),
}

/// What looking through a history brought.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Learned {
    /// Patterns that were not known before.
    pub new: usize,
    pub changes: Vec<Change>,
}

/// All patterns, by workload.
#[derive(Debug, Default)]
pub struct Library {
    known: BTreeMap<Workload, Vec<Arc<Pattern>>>,
    /// What may be shown, sorted by workload.
    shown: Arc<Vec<Arc<Pattern>>>,
}

/// When a workload's history is to be looked through next: once an hour, each workload at a minute of its own, so that
/// the work is spread.
#[must_use]
pub fn due_at(workload: &Workload, now: Timestamp) -> Timestamp {
    let every = i64::try_from(LEARN_EVERY.as_millis()).unwrap_or(3_600_000);
    let share = i128::from(xxh3_64(workload.to_string().as_bytes())).rem_euclid(i128::from(every));
    let share = i64::try_from(share).unwrap_or(0);
    let turn = now.as_millis().saturating_sub(share).div_euclid(every).saturating_add(1);
    Timestamp::from_millis(turn.saturating_mul(every).saturating_add(share))
}

impl Library {
    /// Takes in what the journal has; what can't be relied on is left out.
    pub fn restore(&mut self, rows: impl IntoIterator<Item = Pattern>) {
        for pattern in rows.into_iter().filter(Pattern::is_sound) {
            let known = self.known.entry(pattern.workload.clone()).or_default();
            if known.len() < PATTERNS_OF_ONE && known.iter().all(|other| other.id != pattern.id) {
                known.push(Arc::new(pattern));
            }
        }
        self.show();
    }

    /// All that may be shown, for the price of a reference count.
    #[must_use]
    pub fn all(&self) -> Arc<Vec<Arc<Pattern>>> {
        Arc::clone(&self.shown)
    }

    /// The patterns of one demand, those that were removed left out.
    pub fn of<'a>(&'a self, workload: &Workload, metric: &'a str) -> impl Iterator<Item = &'a Arc<Pattern>> {
        let known = self.known.get(workload).map(Vec::as_slice).unwrap_or_default();
        known.iter().filter(move |pattern| !pattern.removed && *pattern.metric == *metric)
    }

    /// Looks through a demand's history: judges what is known by what came since the last time, finds what is new, forgets
    /// what is not valid any more. `stretch` may be as long as it likes; its newest four weeks count, in means of five
    /// minutes at least. Some milliseconds: call it when [`due_at`] says.
    pub fn learn(&mut self, workload: &Workload, metric: &Arc<str>, stretch: &Stretch<'_>, now: Timestamp) -> Learned {
        let mut learned = Learned::default();
        let known = self.known.entry(workload.clone()).or_default();
        let found = find(stretch);
        let grid = Grid::of(stretch);
        for pattern in known.iter_mut().filter(|pattern| pattern.metric == *metric) {
            let again = found.iter().find(|found| is_same(pattern, found));
            let judged = judge::judged(pattern, grid.as_ref(), again, now);
            if let Some(judged) = judged {
                *pattern = Arc::new(judged);
                learned.changes.push(Change::Put(Arc::clone(pattern)));
            }
        }
        for found in found {
            let is_known = known.iter().any(|pattern| pattern.metric == *metric && is_same(pattern, &found));
            if is_known || !has_room(known, found.validity, &mut learned.changes) {
                continue;
            }
            let pattern = Arc::new(pattern(workload, metric, found, now));
            learned.changes.push(Change::Put(Arc::clone(&pattern)));
            learned.new += 1;
            known.push(pattern);
        }
        known.retain(|pattern| {
            let stays = pattern.removed || pattern.is_cared_for() || pattern.validity >= VALIDITY_KEPT;
            if !stays {
                learned.changes.push(Change::Delete(pattern.id.clone()));
            }
            stays
        });
        if known.is_empty() {
            self.known.remove(workload);
        }
        if !learned.changes.is_empty() {
            self.show();
        }
        learned
    }

    /// The patterns that the recent minutes look like, the weightiest first. `recent` are the newest values of the demand;
    /// what is older than a pattern is long, or than six hours, is not looked at. A dozen patterns take some 100 µs.
    #[must_use]
    pub fn matches(&self, workload: &Workload, metric: &str, recent: &Stretch<'_>) -> Vec<Match> {
        let valid = self.of(workload, metric).filter(|pattern| pattern.validity >= VALIDITY_MATCHED);
        let mut matches: Vec<Match> = valid.filter_map(|pattern| look(pattern, recent)).collect();
        matches.sort_by(|one, other| other.weight().total_cmp(&one.weight()));
        matches
    }

    /// What is under way or near, and not the usual course of a day or a week: of the events that the recent minutes look
    /// like, the one whose word counts.
    #[must_use]
    pub fn event(&self, workload: &Workload, metric: &str, recent: &Stretch<'_>) -> Option<Match> {
        let events = self.of(workload, metric).filter(|pattern| !pattern.kind.is_profile());
        let valid = events.filter(|pattern| pattern.validity >= VALIDITY_MATCHED);
        let matches: Vec<Match> = valid.filter_map(|pattern| look(pattern, recent)).collect();
        best(&matches).cloned()
    }

    /// Whether any event of this demand is known.
    #[must_use]
    pub fn has_events(&self, workload: &Workload, metric: &str) -> bool {
        self.of(workload, metric).any(|pattern| !pattern.kind.is_profile() && pattern.validity >= VALIDITY_MATCHED)
    }

    /// Forgets what has not been looked at for a quarter of a year: call it now and then.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        for known in self.known.values_mut() {
            known.retain(|pattern| {
                let touched = pattern.edited.as_ref().map_or(pattern.judged_at, |(_, at)| pattern.judged_at.max(*at));
                let stays = now.since(touched) < FORGOTTEN_AFTER || (pattern.is_cared_for() && !pattern.removed);
                if !stays {
                    changes.push(Change::Delete(pattern.id.clone()));
                }
                stays
            });
        }
        self.known.retain(|_, known| !known.is_empty());
        if !changes.is_empty() {
            self.show();
        }
        changes
    }

    fn show(&mut self) {
        let shown = self.known.values().flatten().filter(|pattern| !pattern.removed);
        self.shown = Arc::new(shown.cloned().collect());
    }
}

/// Whether what was found is what is known.
fn is_same(known: &Pattern, found: &Found) -> bool {
    if known.kind != found.kind {
        return false;
    }
    match (known.anchor, found.anchor) {
        _ if known.kind.is_profile() => true,
        (Some(one), Some(other)) => {
            let apart = (i64::from(one.minute) - i64::from(other.minute) + 720).rem_euclid(1440) - 720;
            apart.abs() <= SAME_TIME && one.weekdays & other.weekdays != 0
        }
        (None, None) => {
            let values = |shape: &[f32]| shape.iter().map(|point| f64::from(*point)).collect::<Vec<_>>();
            distance(&values(&known.shape), &values(&found.shape)) <= SAME_SHAPE
        }
        _ => false,
    }
}

/// Makes room for one more, where it is more valid than the least one that nobody cares for.
fn has_room(known: &mut Vec<Arc<Pattern>>, validity: f64, changes: &mut Vec<Change>) -> bool {
    if known.len() < PATTERNS_OF_ONE {
        return true;
    }
    let free = known.iter().enumerate().filter(|(_, pattern)| !pattern.removed && !pattern.is_cared_for());
    let least = free.min_by(|one, other| one.1.validity.total_cmp(&other.1.validity));
    match least.filter(|(_, pattern)| pattern.validity < validity).map(|(at, _)| at) {
        Some(at) => {
            changes.push(Change::Delete(known.remove(at).id.clone()));
            true
        }
        None => false,
    }
}

/// An id that says nothing and is the same for the same: no chance is drawn here.
fn id(workload: &Workload, metric: &str, found: &Found, now: Timestamp) -> String {
    let mut text = format!("{workload}\n{metric}\n{}\n{}\n", found.kind, now.as_millis());
    let _ = write!(text, "{:?} {:?} {:?}", found.anchor, found.seen_at, found.shape);
    format!("{:016x}", xxh3_64(text.as_bytes()))
}

/// What people call it until they give it a name.
fn name(found: &Found) -> String {
    match (found.kind, found.anchor) {
        (Kind::Daily, _) => "course of the day".to_owned(),
        (Kind::Weekly, _) => "course of the week".to_owned(),
        (Kind::BatchWindow, Some(anchor)) => format!("batch window {anchor}"),
        (Kind::Ramp, Some(anchor)) => format!("ramp {anchor}"),
        (kind, _) => kind.as_str().replace('_', " "),
    }
}

fn pattern(workload: &Workload, metric: &Arc<str>, found: Found, now: Timestamp) -> Pattern {
    Pattern {
        id: id(workload, metric, &found, now),
        name: name(&found),
        kind: found.kind,
        workload: workload.clone(),
        metric: Arc::clone(metric),
        anchor: found.anchor,
        step_ms: u64::try_from(found.step.as_millis()).unwrap_or(DAY_MS.unsigned_abs()),
        shape: found.shape,
        level: found.level,
        scale: found.scale,
        found_at: now,
        seen_at: found.seen_at,
        seen: found.seen,
        validity: found.validity,
        judged_at: now,
        labels: BTreeMap::new(),
        author: None,
        edited: None,
        removed: false,
    }
}
