//! All silences, with Alertmanager's rules for making, changing and ending them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::silence::{Silence, SilenceState};
use crate::labels::Labels;
use crate::time::Timestamp;

/// How long an expired silence can still be seen: Alertmanager's `--data.retention`.
const RETENTION: Duration = Duration::from_hours(120);

/// The most silences: at 1 KiB each some 10 MiB.
const SILENCES_MAX: usize = 10_000;

/// Why a silence can't be set or ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    #[error("silence {0} not found")]
    NotFound(String),
    #[error("a silence needs at least one matcher")]
    NoMatcher,
    #[error("at least one matcher must not match the empty string, or everything would be silenced")]
    MatchesAll,
    #[error("a silence ends after it starts")]
    EndsBeforeStart,
    #[error("a silence ends in the future")]
    EndsInPast,
    #[error("say who makes the silence: created_by is empty")]
    NoCreator,
    #[error("there are {0} silences already, which is the limit; expire some")]
    TooMany(usize),
}

/// All silences, by id.
#[derive(Debug, Default)]
pub struct Silences {
    by_id: BTreeMap<String, Arc<Silence>>,
}

impl Silences {
    /// Sets a silence. One whose id is known is changed, as long as that only moves its end, its words or a start that
    /// is still ahead; else the old one ends and `spare_id` names the new one. Gives the silences that are new or other
    /// than before, the one that counts last.
    pub fn set(
        &mut self,
        mut silence: Silence,
        spare_id: String,
        now: Timestamp,
    ) -> Result<Vec<Arc<Silence>>, SilenceError> {
        check(&silence, now)?;
        silence.updated_at = now;
        let before = self.by_id.get(&silence.id).cloned();
        if before.is_none() && self.by_id.len() >= SILENCES_MAX {
            return Err(SilenceError::TooMany(SILENCES_MAX));
        }
        let mut changed = Vec::new();
        if let Some(before) = before {
            if !changes_in_place(&before, &silence, now) {
                if before.state(now) != SilenceState::Expired {
                    changed.push(self.put(expired(&before, now)));
                }
                silence.id = spare_id;
            }
        }
        // A silence of the past begins now: it can't have silenced what was told already.
        if self.by_id.get(&silence.id).is_none_or(|before| before.starts_at != silence.starts_at) {
            silence.starts_at = silence.starts_at.max(now);
        }
        changed.push(self.put(silence));
        Ok(changed)
    }

    /// Ends a silence now; one that has ended stays as it is.
    pub fn expire(&mut self, id: &str, now: Timestamp) -> Result<Option<Arc<Silence>>, SilenceError> {
        let before = self.by_id.get(id).cloned().ok_or_else(|| SilenceError::NotFound(id.to_owned()))?;
        if before.state(now) == SilenceState::Expired {
            return Ok(None);
        }
        Ok(Some(self.put(expired(&before, now))))
    }

    /// Takes in a silence as it stands, from the journal.
    pub fn restore(&mut self, silence: Silence) {
        self.put(silence);
    }

    /// Forgets silences that ended long ago; gives their ids.
    pub fn forget_old(&mut self, now: Timestamp) -> Vec<String> {
        let old: Vec<String> =
            self.by_id.values().filter(|one| one.ends_at + RETENTION <= now).map(|one| one.id.clone()).collect();
        old.iter().for_each(|id| _ = self.by_id.remove(id));
        old
    }

    /// All silences, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Silence>> {
        self.by_id.values()
    }

    /// The active silences that mute what has these labels.
    pub fn muting(&self, labels: &Labels, now: Timestamp) -> impl Iterator<Item = &Arc<Silence>> {
        self.by_id.values().filter(move |silence| silence.mutes(labels, now))
    }

    /// When a silence begins or ends next.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.by_id.values().flat_map(|silence| [silence.starts_at, silence.ends_at]).filter(|at| *at > now).min()
    }

    fn put(&mut self, silence: Silence) -> Arc<Silence> {
        let silence = Arc::new(silence);
        self.by_id.insert(silence.id.clone(), Arc::clone(&silence));
        silence
    }
}

fn check(silence: &Silence, now: Timestamp) -> Result<(), SilenceError> {
    if silence.matchers.is_empty() {
        return Err(SilenceError::NoMatcher);
    }
    if silence.matchers.iter().all(|matcher| matcher.matches_value("")) {
        return Err(SilenceError::MatchesAll);
    }
    if silence.ends_at <= silence.starts_at {
        return Err(SilenceError::EndsBeforeStart);
    }
    if silence.ends_at <= now {
        return Err(SilenceError::EndsInPast);
    }
    if silence.created_by.trim().is_empty() {
        return Err(SilenceError::NoCreator);
    }
    Ok(())
}

fn changes_in_place(before: &Silence, after: &Silence, now: Timestamp) -> bool {
    let same_matchers = before.matchers == after.matchers;
    match before.state(now) {
        SilenceState::Active => same_matchers && before.starts_at == after.starts_at && after.ends_at > now,
        SilenceState::Pending => same_matchers && after.starts_at >= now,
        SilenceState::Expired => false,
    }
}

fn expired(before: &Silence, now: Timestamp) -> Silence {
    let starts_at = before.starts_at.min(now);
    Silence { starts_at, ends_at: now, updated_at: now, ..before.clone() }
}
