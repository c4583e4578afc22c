//! The alerts of all alert rules: kept from evaluation to evaluation, over reloads and restarts.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::RuleId;
use crate::dispatch::{Alert, valid_until};
use crate::promql::Vector;
use crate::rule::{AlertPhase, AlertState, AlertStates, BoundAlert, BoundRule, BoundRules, External};
use crate::sample::Sample;
use crate::series::{Store, Touched};
use crate::time::Timestamp;

/// An alert rule by what stays over a reload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AlertKey {
    pub group: Arc<str>,
    /// The rule's name and its labels as written.
    pub rule: String,
    /// Which of those that are equal in all this, in the order of the files.
    pub nth: usize,
}

/// The alerts of all rules.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    external: External,
    states: BTreeMap<AlertKey, AlertStates>,
    keys: BTreeMap<RuleId, AlertKey>,
    /// From before a restart, until their rules come.
    stored: BTreeMap<AlertKey, (Vec<AlertState>, Timestamp)>,
    /// Rules that are gone, whose rows are to be removed.
    gone: Vec<AlertKey>,
    /// Markers that end the series of rules that are gone.
    farewells: Vector,
}

impl Alerts {
    pub(super) fn new(external: External) -> Self {
        Self { external, ..Self::default() }
    }

    /// Other labels and another address count from the next evaluation on.
    pub(super) fn configure(&mut self, external: External) {
        self.external = external;
    }

    pub(super) fn external(&self) -> &External {
        &self.external
    }

    /// Takes in what was stored, each at its time; it counts from the next rules on.
    pub(super) fn store(&mut self, stored: impl IntoIterator<Item = (AlertKey, Vec<AlertState>, Timestamp)>) {
        self.stored = stored.into_iter().map(|(key, states, at)| (key, (states, at))).collect();
    }

    /// The rules that are gone since this was asked; their alerts need not be stored any more.
    pub(super) fn take_gone(&mut self) -> Vec<AlertKey> {
        std::mem::take(&mut self.gone)
    }

    /// All alerts as they stand, for the journal.
    pub(super) fn states(&self) -> impl Iterator<Item = (&AlertKey, &AlertStates)> {
        self.states.iter()
    }

    /// New rules: a rule that is still there goes on with its alerts, the alerts of the others are gone.
    pub(super) fn adopt(&mut self, rules: &BoundRules, now: Timestamp) {
        let mut before = std::mem::take(&mut self.states);
        self.keys.clear();
        let mut seen: HashMap<(Arc<str>, String), usize> = HashMap::new();
        for (at, group) in rules.groups.iter().enumerate() {
            for (place, rule) in group.rules.iter().enumerate() {
                let BoundRule::Alert(bound) = rule else { continue };
                let named = (Arc::clone(&group.name), bound.rule.identity());
                let nth = seen.entry(named.clone()).and_modify(|nth| *nth += 1).or_default();
                let key = AlertKey { group: named.0, rule: named.1, nth: *nth };
                let states = before.remove(&key).or_else(|| {
                    let (stored, stopped_at) = self.stored.remove(&key)?;
                    Some(bound.rule.restore(stored, stopped_at, now))
                });
                self.states.insert(key.clone(), states.unwrap_or_default());
                self.keys.insert((at, place), key);
            }
        }
        self.gone.extend(before.keys().cloned().chain(std::mem::take(&mut self.stored).into_keys()));
        self.farewells.extend(before.into_values().flat_map(AlertStates::farewell));
    }

    /// Evaluates a rule, and writes the series that tell of its alerts.
    pub(super) fn evaluate(
        &mut self,
        id: RuleId,
        bound: &BoundAlert,
        now: Timestamp,
        store: &Store,
    ) -> Result<(), String> {
        let Some(states) = self.keys.get(&id).and_then(|key| self.states.get_mut(key)) else { return Ok(()) };
        let samples = bound.eval(now, &self.external, states).map_err(|error| error.to_string())?;
        record(store, &samples, now)
    }

    /// Ends the series of rules that are gone.
    pub(super) fn say_farewell(&mut self, store: &Store, now: Timestamp) {
        let farewells = std::mem::take(&mut self.farewells);
        if !farewells.is_empty() {
            // What is refused was not there.
            let _ = record(store, &farewells, now);
        }
    }

    /// The alerts that fire, and for a while those that did, as Alertmanager knows them.
    pub(super) fn current(&self, rules: &BoundRules, resend_delay: Duration, now: Timestamp) -> Vec<Alert> {
        let mut current = Vec::new();
        for (id, key) in &self.keys {
            let (Some((interval, url)), Some(states)) = (self.origin(rules, *id), self.states.get(key)) else {
                continue;
            };
            let until = valid_until(now, interval, resend_delay);
            current.extend(states.iter().filter_map(|state| alert(state, until, &url, now)));
        }
        current
    }

    /// How often a rule is evaluated at least, and where it can be looked at.
    fn origin(&self, rules: &BoundRules, (at, place): RuleId) -> Option<(Duration, String)> {
        let group = rules.groups.get(at)?;
        let BoundRule::Alert(bound) = group.rules.get(place)? else { return None };
        Some((group.interval, self.external.generator_url(&bound.rule.expr)))
    }
}

/// An alert that has fired. Unless it has ended, it counts as firing until `valid_until`.
fn alert(state: &AlertState, valid_until: Timestamp, generator_url: &str, now: Timestamp) -> Option<Alert> {
    let starts_at = state.fired_at.filter(|_| state.phase() != AlertPhase::Pending)?;
    Some(Alert {
        labels: state.labels.clone(),
        annotations: state.annotations.clone(),
        starts_at,
        ends_at: state.resolved_at.unwrap_or(valid_until),
        updated_at: now,
        generator_url: generator_url.to_owned(),
    })
}

fn record(store: &Store, samples: &Vector, now: Timestamp) -> Result<(), String> {
    let mut touched = Touched::default();
    let batch = store.batch(&mut touched);
    for (labels, value) in samples {
        batch.record(labels, Sample::new(now, *value)).map_err(|refused| refused.to_string())?;
    }
    batch.finish();
    Ok(())
}
