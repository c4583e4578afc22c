//! All silences: set, changed, ended and forgotten as in Alertmanager.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::silence::{Silence, SilenceState};
use crate::labels::{Labels, MatchOp, Matcher};
use crate::time::Timestamp;

/// How long a silence that has ended can still be looked up: Alertmanager's `--data.retention`.
pub const SILENCE_RETENTION: Duration = Duration::from_hours(120);

/// Silences that are kept, ended ones included: some 5 MB at half a KiB each.
const SILENCES_MAX: usize = 10_000;

/// Why a silence can't be set or ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    #[error("there is no silence {0}")]
    NotFound(String),
    #[error("silence {0} has ended already")]
    Ended(String),
    #[error("a silence needs at least one matcher; without one it would mute everything")]
    NoMatcher,
    #[error("a matcher needs a label's name")]
    EmptyName,
    #[error("at least one matcher must not match an empty value; as it is, the silence would mute everything")]
    MatchesEverything,
    #[error("the silence ends at {ends_at}, which is not after its start at {starts_at}")]
    EndsBeforeStart { starts_at: Timestamp, ends_at: Timestamp },
    #[error("the silence ends at {0}, which is in the past")]
    EndsInPast(Timestamp),
    #[error("{limit} silences are kept already; end some and wait until they are forgotten")]
    Full { limit: usize },
}

/// What a change of silences came to.
#[derive(Debug, Clone)]
pub struct SilenceChange {
    /// The id under which the silence is known now.
    pub id: String,
    /// What is to be stored, in this order: the one that was ended, if any, and the one that is set.
    pub changed: Vec<Arc<Silence>>,
}

/// All silences.
#[derive(Debug, Default)]
pub struct Silences {
    by_id: BTreeMap<String, Arc<Silence>>,
    /// Those that have not ended when last looked at.
    current: Vec<Arc<Silence>>,
    version: u64,
}

impl Silences {
    /// Takes in what was stored.
    pub fn restore(&mut self, stored: impl IntoIterator<Item = Arc<Silence>>) {
        self.by_id.extend(stored.into_iter().map(|silence| (silence.id.clone(), silence)));
        self.current = self.by_id.values().cloned().collect();
        self.version += 1;
    }

    /// Sets a silence, or changes the one of its id. Where that can't be changed in place (it is active and its matchers
    /// or its start are to change), it is ended, and the new one gets the id `spare_id`, as does one without an id.
    pub fn set(
        &mut self,
        mut silence: Silence,
        spare_id: String,
        now: Timestamp,
    ) -> Result<SilenceChange, SilenceError> {
        check(&silence, now)?;
        silence.updated_at = now;
        let mut changed = Vec::new();
        if !silence.id.is_empty() {
            let before = self.by_id.get(&silence.id).ok_or_else(|| SilenceError::NotFound(silence.id.clone()))?;
            if can_change(before, &silence, now) {
                let id = silence.id.clone();
                changed.push(self.put(silence));
                return Ok(SilenceChange { id, changed });
            }
        }
        if self.by_id.len() >= SILENCES_MAX {
            return Err(SilenceError::Full { limit: SILENCES_MAX });
        }
        // One that has ended stays as it was.
        if !silence.id.is_empty()
            && let Ok(ended) = self.expire(&silence.id, now)
        {
            changed.push(ended);
        }
        silence.id.clone_from(&spare_id);
        silence.starts_at = silence.starts_at.max(now);
        changed.push(self.put(silence));
        Ok(SilenceChange { id: spare_id, changed })
    }

    /// Ends a silence now; one that hasn't begun never does.
    pub fn expire(&mut self, id: &str, now: Timestamp) -> Result<Arc<Silence>, SilenceError> {
        let silence = self.by_id.get(id).ok_or_else(|| SilenceError::NotFound(id.to_owned()))?;
        let mut silence = Silence::clone(silence);
        match silence.state(now) {
            SilenceState::Expired => return Err(SilenceError::Ended(id.to_owned())),
            SilenceState::Pending => silence.starts_at = now,
            SilenceState::Active => {}
        }
        (silence.ends_at, silence.updated_at) = (now, now);
        Ok(self.put(silence))
    }

    /// Forgets what ended [`SILENCE_RETENTION`] ago, and gives the ids.
    pub fn gc(&mut self, now: Timestamp) -> Vec<String> {
        let old = |silence: &Silence| silence.ends_at + SILENCE_RETENTION <= now;
        let gone: Vec<String> =
            self.by_id.values().filter(|silence| old(silence)).map(|silence| silence.id.clone()).collect();
        for id in &gone {
            self.by_id.remove(id);
        }
        self.current.retain(|silence| silence.state(now) != SilenceState::Expired);
        gone
    }

    fn put(&mut self, silence: Silence) -> Arc<Silence> {
        let silence = Arc::new(silence);
        self.by_id.insert(silence.id.clone(), Arc::clone(&silence));
        self.current.retain(|one| one.id != silence.id);
        self.current.push(Arc::clone(&silence));
        self.version += 1;
        silence
    }

    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<Silence>> {
        self.by_id.get(id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Silence>> {
        self.by_id.values()
    }

    /// Those that mute what has these labels now.
    pub fn muting<'a>(&'a self, labels: &'a Labels, now: Timestamp) -> impl Iterator<Item = &'a Arc<Silence>> {
        self.current.iter().filter(move |silence| silence.mutes(labels, now))
    }

    /// Grows with each change; time alone changes what is active too, at [`next_change`](Self::next_change).
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When the next one begins or ends.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let times = self.current.iter().flat_map(|silence| [silence.starts_at, silence.ends_at]);
        times.filter(|at| *at > now).min()
    }
}

fn check(silence: &Silence, now: Timestamp) -> Result<(), SilenceError> {
    let Silence { matchers, starts_at, ends_at, .. } = silence;
    if matchers.is_empty() {
        return Err(SilenceError::NoMatcher);
    }
    if matchers.iter().any(|matcher| matcher.name().is_empty()) {
        return Err(SilenceError::EmptyName);
    }
    if mutes_everything(matchers) {
        return Err(SilenceError::MatchesEverything);
    }
    if ends_at <= starts_at {
        return Err(SilenceError::EndsBeforeStart { starts_at: *starts_at, ends_at: *ends_at });
    }
    // One that would be over at once is refused too.
    if *ends_at <= now {
        return Err(SilenceError::EndsInPast(*ends_at));
    }
    Ok(())
}

/// Whether these would silence what has none of their labels, and so everything: each asks for a value, and an empty one
/// will do. As in Alertmanager, one that excludes a value is not held to this: `namespace!="prod"` is meant as it is.
#[must_use]
pub fn mutes_everything(matchers: &[Matcher]) -> bool {
    let asks = |matcher: &Matcher| matches!(matcher.op(), MatchOp::Equal | MatchOp::Regex);
    matchers.iter().all(|matcher| asks(matcher) && matcher.matches_value(""))
}

/// Whether a silence may become another in place, so that its id goes on to mean what it meant.
fn can_change(before: &Silence, after: &Silence, now: Timestamp) -> bool {
    // Alertmanager compares starts in whole seconds, for tools send no more.
    let seconds = |at: Timestamp| at.as_millis().div_euclid(1_000);
    before.matchers == after.matchers
        && match before.state(now) {
            SilenceState::Active => seconds(before.starts_at) == seconds(after.starts_at),
            SilenceState::Pending => after.starts_at >= now,
            SilenceState::Expired => false,
        }
}
