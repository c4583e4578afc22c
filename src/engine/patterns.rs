//! Patterns of demand in the loop: what people change, what is found in the histories of demand, what is written down,
//! and what a pattern says of the minutes to come.
//!
//! Each workload is looked through once an hour, at a time of its own ([`patterns::due_at`]), one metric in a step and one
//! workload in a step: some milliseconds at most, whatever the size of the fleet.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::command::Answer;
use super::foresight::Foresight;
use super::{Due, Effect, Engine};
use crate::decision::Matched;
use crate::demand::History;
use crate::demand::patterns::{self, Edit, EditError, Library, Match, Pattern, Stretch, continuation};
use crate::journal::{Change, Recovered, Table};
use crate::time::Timestamp;
use crate::workload::Workload;

/// A row that has changed.
pub(super) type Row = patterns::Change;

/// Between two looks through histories: others have their turn.
const PAUSE: Duration = Duration::from_millis(50);

/// Steps of the recent past that patterns are laid over: nine hours of minutes, the longest event and its lead.
const RECENT: i64 = 9 * 60;

/// What the loop knows when a workload is heard.
pub(super) struct Lore<'a> {
    /// What was known of demands before a restart.
    pub(super) foreseen: &'a mut HashMap<String, Vec<u8>>,
    pub(super) patterns: &'a Library,
}

impl Engine {
    /// All patterns, for forecasts.
    #[must_use]
    pub fn patterns(&self) -> &Library {
        &self.patterns
    }

    /// Looks through the history of a workload's demand for patterns, and judges those that are known; what has changed is
    /// written down with this step. Gives how many are new.
    pub fn study(&mut self, workload: &Workload, metric: &Arc<str>, stretch: &Stretch<'_>, now: Timestamp) -> usize {
        let learned = self.patterns.learn(workload, metric, stretch, now);
        self.kept_patterns.extend(learned.changes);
        learned.new
    }

    /// Studies the next metric of a workload whose turn it is, where nobody else had a turn in this step.
    pub(super) fn study_due(&mut self, workload: Workload, now: Timestamp) {
        if self.studied_at == Some(now) {
            self.agenda.set(Due::Study(workload), Some(now + PAUSE));
            return;
        }
        self.studied_at = Some(now);
        let Some(known) = self.workloads.get_mut(&workload) else { return };
        let nth = known.studied.unwrap_or(0);
        let Some((metric, foresight)) = known.foresights.iter().nth(nth) else {
            // All have been, or there is none any more.
            known.studied = (!known.foresights.is_empty()).then_some(0);
            if known.studied.is_some() {
                self.agenda.set(Due::Study(workload.clone()), Some(patterns::due_at(&workload, now)));
            }
            return;
        };
        known.studied = Some(nth + 1);
        self.agenda.set(Due::Study(workload.clone()), Some(now + PAUSE));
        // It is away to be fitted: the next time.
        let Some(history) = foresight.history() else { return };
        let (metric, (start, step, values)) = (Arc::clone(metric), history.means());
        if self.lend(&workload, &metric) {
            // Nothing comes again within a day.
            return;
        }
        self.study(&workload, &metric, &Stretch { start, step, values: &values }, now);
    }

    pub(super) fn edit_pattern(&mut self, edit: Edit, now: Timestamp) -> Answer {
        match self.patterns.edit(edit, now) {
            Ok((id, changes)) => {
                self.kept_patterns.extend(changes);
                Answer::Pattern(id)
            }
            Err(error @ EditError::NotFound(_)) => Answer::NotFound(error.to_string()),
            Err(error) => Answer::Refused(error.to_string()),
        }
    }

    /// Writes down what has changed.
    pub(super) fn keep_patterns(&mut self, effects: &mut Vec<Effect>) {
        let rows = std::mem::take(&mut self.kept_patterns).into_iter().filter_map(|row| match row {
            Row::Put(pattern) => Change::put(Table::Patterns, pattern.id.as_str(), &*pattern).ok(),
            Row::Delete(id) => Some(Change::delete(Table::Patterns, id)),
        });
        effects.extend(rows.map(Effect::Keep));
    }

    pub(super) fn recover_patterns(&mut self, recovered: &Recovered) {
        self.patterns.restore(recovered.rows::<Pattern>(Table::Patterns).into_iter().map(|(_, pattern)| pattern));
    }
}

/// The event that the newest steps of a history look like.
pub(super) fn event(library: &Library, workload: &Workload, metric: &str, history: &History) -> Option<Match> {
    let open = history.open().filter(|_| library.has_events(workload, metric))?;
    let begin = history.first().max(open.saturating_sub(RECENT - 1));
    let unit = history.unit();
    let values: Vec<f64> = (begin..=open).map(|number| history.units(number) * unit).collect();
    library.event(workload, metric, &Stretch { start: history.start_of(begin), step: history.step(), values: &values })
}

/// What an event says of the largest demand between `lead` and `until` from `now`, where that is more than the `demand` of
/// this moment. Of the rise that it foresees only the part counts that it weighs: what was seen twice may come otherwise.
pub(super) fn voice(found: &Match, demand: f64, now: Timestamp, lead: Duration, until: Duration) -> Option<Matched> {
    let step = found.pattern.step().min(Duration::from_mins(5));
    let ahead = |at: Timestamp| at.since(found.seen_until).as_millis() / step.as_millis().max(1);
    let first = usize::try_from(ahead(now + lead)).ok()?;
    let last = usize::try_from(ahead(now + until)).ok()?.max(first);
    let path = continuation(found, step, last.min(STEPS_MAX) + 1);
    let crest = path.get(first..)?.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weight = found.weight().clamp(0.0, 1.0);
    let told = demand + weight * (crest - demand);
    let more = told.is_finite() && told > demand;
    more.then(|| Matched { pattern: found.pattern.title().into(), weight, demand: told, by: now + until })
}

/// Steps that a pattern is asked for, at most: a day of five minutes.
const STEPS_MAX: usize = 288;

/// What is known of the event that a metric's demand looks like.
#[derive(Debug, Default)]
pub(super) struct Under {
    /// The step of the history for which it was looked up.
    step: Option<i64>,
    found: Option<Match>,
}

impl Under {
    /// What the event says that is under way or near; it is looked up once in each step of the history.
    pub(super) fn voice(
        &mut self,
        (library, workload, metric): (&Library, &Workload, &str),
        foresight: &Foresight,
        demand: Option<f64>,
        now: Timestamp,
    ) -> Option<Matched> {
        if let Some(history) = foresight.history()
            && history.open() != self.step
        {
            (self.step, self.found) = (history.open(), event(library, workload, metric, history));
        }
        let (lead, until) = foresight.window()?;
        voice(self.found.as_ref()?, demand?, now, lead, until)
    }
}
