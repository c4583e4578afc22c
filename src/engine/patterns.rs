//! Patterns of demand in the loop: what people change, what the finder finds, what is written down.

use std::sync::Arc;

use super::command::Answer;
use super::{Effect, Engine};
use crate::demand::patterns::{self, Edit, EditError, Library, Pattern, Stretch};
use crate::journal::{Change, Recovered, Table};
use crate::time::Timestamp;
use crate::workload::Workload;

/// A row that has changed.
pub(super) type Row = patterns::Change;

impl Engine {
    /// All patterns, for forecasts.
    #[must_use]
    pub fn patterns(&self) -> &Library {
        &self.patterns
    }

    /// Looks through the history of a workload's demand for patterns, and judges those that are known. It takes some
    /// milliseconds: call it when [`patterns::due_at`] says, between two steps; what has changed is written down with the
    /// next. Gives how many are new.
    pub fn study(&mut self, workload: &Workload, metric: &Arc<str>, stretch: &Stretch<'_>, now: Timestamp) -> usize {
        let learned = self.patterns.learn(workload, metric, stretch, now);
        self.kept_patterns.extend(learned.changes);
        learned.new
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
