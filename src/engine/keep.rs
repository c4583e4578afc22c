//! What outlives a restart: what is written to the journal when, and how it is taken up again.
//!
//! A workload's memory, and what it was set to last, are written with each of its actions and commands, in the same
//! transaction, and once a minute besides. A graceful stop writes all there is. What a kill takes is a minute of recommendations; so after a restart the current count stands for what was
//! wanted until then, as in HPA, and nothing is lowered early.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::alerts::AlertKey;
use super::economy::GroupSpend;
use super::posted::{self, KeptAlert};
use super::workloads::{Known, Memory, Set, foreseen_key};
use super::{Due, Effect, Engine, Event};
use crate::decision::Decision;
use crate::dispatch::{Outcome, SetCount, Silence, parse_matchers};
use crate::journal::{Change, Recovered, Table};
use crate::rule::AlertState;
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// How long a memory may be newer than what is written of it.
const KEEP_EVERY: Duration = Duration::from_mins(1);

/// How long a workload is remembered that nothing scales: as long as a count asked for by hand may hold, and the
/// longest budget runs.
const REMEMBERED_FOR: Duration = Duration::from_hours(31 * 24);

/// Workloads that are remembered though nothing scales them: twice a fleet of ten thousand, at some 1 KiB each.
const REMEMBERED_MAX: usize = 20_000;

/// Workloads that are let go of in one step, which is each minute: some milliseconds of the journal.
const LET_GO_MAX: usize = 1_000;

/// How often memories are looked through; each look writes a twelfth of them.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How old the snapshot of a predictor may be: some 60 kB each, so a fleet of ten thousand writes 300 kB a second.
const FORESIGHT_EVERY: Duration = Duration::from_mins(30);

/// The keys of what dispatch remembers.
const DISPATCH: &str = "dispatch";
const NOTICES: &str = "notices";

/// A silence as the journal has it.
#[derive(Debug, Serialize, Deserialize)]
struct KeptSilence {
    /// As people write them.
    matchers: Vec<String>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    updated_at: Timestamp,
    created_by: String,
    comment: String,
}

/// A row of the alerts' table.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum AlertRow {
    Rule(KeptAlerts),
    Posted(KeptAlert),
}

/// The alerts of one rule as the journal has them.
#[derive(Debug, Serialize, Deserialize)]
struct KeptAlerts {
    key: AlertKey,
    states: Vec<AlertState>,
    at: Timestamp,
}

/// What is remembered of a workload that is not scaled now: it has not been met since the start, or its rule is gone.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Remembered {
    pub(super) memory: Memory,
    /// What it was set to last.
    pub(super) set: Option<SetCount>,
    /// When it was scaled last.
    at: Timestamp,
}

/// Writes a silence down.
fn silence(silence: &Silence) -> Option<Effect> {
    let kept = KeptSilence {
        matchers: silence.matchers.iter().map(ToString::to_string).collect(),
        starts_at: silence.starts_at,
        ends_at: silence.ends_at,
        updated_at: silence.updated_at,
        created_by: silence.created_by.clone(),
        comment: silence.comment.clone(),
    };
    put(Table::Silences, &silence.id, &kept)
}

/// The key of a rule's alerts.
fn row_of(key: &AlertKey) -> String {
    format!("{}/{}/{}", key.group, key.rule, key.nth)
}

/// Writes a posted alert down, or takes it out.
fn row((key, alert): posted::Row) -> Option<Effect> {
    match alert {
        Some(alert) => put(Table::Alerts, &key, &alert),
        None => Some(Effect::Keep(Change::delete(Table::Alerts, key))),
    }
}

fn put(table: Table, key: &str, value: &impl Serialize) -> Option<Effect> {
    // What has no JSON is not worth a decision; it is kept the next time.
    Change::put(table, key, value).ok().map(Effect::Keep)
}

impl Engine {
    /// Goes on from what the journal gave back: ids, what people see, entries whose outcome is unknown (the first
    /// observation of their workload settles them), memories, silences, alerts, spend,
    /// patterns. Comes before the first step.
    pub fn recover(&mut self, recovered: &Recovered) {
        let Recovered { last_id, entries, unsettled, .. } = recovered;
        self.history.recover(*last_id, entries.clone(), unsettled.clone());
        self.remembered = recovered.rows::<Remembered>(Table::Workloads).into_iter().collect();
        self.foreseen = recovered.bytes(Table::Demand).into_iter().collect();
        let mut silences = Vec::new();
        for (id, kept) in recovered.rows::<KeptSilence>(Table::Silences) {
            let KeptSilence { matchers, starts_at, ends_at, updated_at, created_by, comment } = kept;
            // They were written from matchers that parse.
            let Ok(matchers) = parse_matchers(&matchers.join(",")) else { continue };
            let silence = Silence { id, matchers, starts_at, ends_at, updated_at, created_by, comment };
            silences.push(Arc::new(silence));
        }
        self.desk.silences.restore(silences);
        let (mut alerts, mut posted) = (Vec::new(), Vec::new());
        for (_, row) in recovered.rows::<AlertRow>(Table::Alerts) {
            match row {
                AlertRow::Rule(kept) => alerts.push(kept),
                AlertRow::Posted(kept) => posted.push(kept),
            }
        }
        let known_at = alerts.iter().map(|kept| kept.at).chain(posted.iter().map(KeptAlert::updated_at));
        let known_at = known_at.chain(self.remembered.values().map(|kept| kept.at));
        if let Some(stopped_at) = known_at.max() {
            self.desk.posted.store(posted, stopped_at);
        }
        self.restore_alerts(alerts.into_iter().map(|kept| (kept.key, kept.states, kept.at)));
        self.recover_patterns(recovered);
        for (name, spend) in recovered.rows::<GroupSpend>(Table::Spend) {
            self.groups.restore(&name, spend);
        }
        for (key, value) in recovered.rows::<serde_json::Value>(Table::Groups) {
            // What can't be read is told once more.
            if key == DISPATCH {
                self.desk.dispatcher.restore(serde_json::from_value(value).unwrap_or_default());
            } else if key == NOTICES {
                self.desk.alerts.restore(serde_json::from_value(value).unwrap_or_default());
            }
        }
    }

    /// What was in flight when the former process ended is settled by what the cluster says; what was done counts as
    /// any action does.
    pub(super) fn settle_interrupted(
        &mut self,
        workload: &Workload,
        replicas: Replicas,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        for entry in self.history.settle(workload, replicas, now) {
            let Decision { from, to, at, .. } = entry.decision;
            if entry.outcome == Some(Outcome::Done)
                && let Some(known) = self.workloads.get_mut(workload)
            {
                let set = Set { from, to, at };
                known.scaled(set);
                self.desk.took_effect(known, set);
                self.kept.insert(workload.clone());
            }
            effects.push(Effect::Record(entry));
        }
    }

    /// What is remembered of a workload that is met for the first time, or again.
    pub(super) fn remember(remembered: &mut HashMap<String, Remembered>, workload: &Workload) -> Remembered {
        let mut kept = remembered.remove(&workload.to_string()).unwrap_or_default();
        kept.memory.state.resume();
        kept
    }

    /// Keeps what is known of a workload whose rule is gone: a rule that is renamed, or that comes back, goes on with
    /// what people asked for, with what was spent and with what was learned.
    pub(super) fn lay_aside(&mut self, known: Known, effects: &mut Vec<Effect>) {
        let set = self.desk.dispatcher.set_count(&known.workload);
        let kept = Remembered { memory: known.memory, set, at: self.last_step_at };
        effects.extend(put(Table::Workloads, &known.named, &kept));
        self.remembered.insert(known.named, kept);
    }

    /// Asks for nothing to be kept from now on: a loop that is played over recorded demand is not taken up again.
    pub fn keep_nothing(&mut self) {
        self.fleeting = true;
    }

    /// The last step: hears what came of the last actions, and gives what is to be written down of that and of all
    /// that is remembered. It decides nothing; what else a step would do is left to the next start.
    pub fn stop(&mut self, now: Timestamp, acted: Vec<Event>) -> Vec<Change> {
        self.last_step_at = now;
        let (mut effects, mut changed) = (Vec::new(), BTreeSet::new());
        for event in acted {
            self.hear(event, now, &mut changed, &mut effects);
        }
        self.keep_all(now, &mut effects);
        let changes = effects.into_iter().filter_map(|effect| match effect {
            Effect::Record(entry) => Some(Change::Entry(entry)),
            Effect::Keep(change) => Some(change),
            _ => None,
        });
        changes.collect()
    }

    /// Writes down what must not be lost with this step, and now and then the rest.
    pub(super) fn keep(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if self.fleeting {
            self.kept.clear();
            self.kept_silences.clear();
            self.kept_patterns.clear();
            return;
        }
        effects.extend(std::mem::take(&mut self.kept_silences).iter().filter_map(|one| silence(one)));
        for key in self.alerts.take_gone() {
            effects.push(Effect::Keep(Change::delete(Table::Alerts, row_of(&key))));
        }
        let posted = self.desk.posted.take_fresh(&self.desk.alerts, now);
        effects.extend(posted.into_iter().filter_map(row));
        self.keep_patterns(effects);
        for workload in std::mem::take(&mut self.kept) {
            self.keep_workload(&workload, now, effects);
        }
        if !std::mem::take(&mut self.keep_due) {
            return;
        }
        self.agenda.set(Due::Keep, Some(now + LOOK_EVERY));
        let old = self.workloads.values().filter(|known| known.unkept && now.since(known.kept_at) >= KEEP_EVERY);
        // A twelfth at each look comes round in a minute.
        let share = self.workloads.len() / 12 + 1;
        let old: Vec<Workload> = old.take(share).map(|known| known.workload.clone()).collect();
        for workload in old {
            self.keep_workload(&workload, now, effects);
        }
        self.keep_foresights(FORESIGHT_EVERY, share, now, effects);
        if now.since(self.kept_at) >= KEEP_EVERY {
            self.keep_tables(now, effects);
        }
    }

    /// Lets go of what is remembered of workloads that nothing has scaled for [`REMEMBERED_FOR`], and of the oldest
    /// where they are too many.
    fn let_go(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let excess = self.remembered.len().saturating_sub(REMEMBERED_MAX);
        let is_old = |at: Timestamp| at + REMEMBERED_FOR <= now;
        let may_go = self.remembered.iter().filter(|(_, kept)| excess > 0 || is_old(kept.at));
        let mut may_go: Vec<_> = may_go.map(|(name, kept)| (kept.at, name.clone())).collect();
        may_go.sort_unstable();
        let gone = may_go.into_iter().enumerate().take_while(|(nth, (at, _))| *nth < excess || is_old(*at));
        for (_, (_, name)) in gone.take(LET_GO_MAX) {
            self.remembered.remove(&name);
            effects.push(Effect::Keep(Change::delete(Table::Workloads, name)));
        }
    }

    /// Writes down all that is remembered, for this is the last that is written.
    pub(super) fn keep_all(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        self.kept.extend(self.workloads.values().filter(|known| known.unkept).map(|known| known.workload.clone()));
        self.keep_due = false;
        self.keep(now, effects);
        self.keep_tables(now, effects);
        self.keep_foresights(KEEP_EVERY, usize::MAX, now, effects);
    }

    /// Writes down what is not a workload's own.
    fn keep_tables(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        self.kept_at = now;
        // They are written with the next step.
        self.kept_patterns.extend(self.patterns.expire(now));
        for (key, states) in self.alerts.states() {
            let kept = KeptAlerts { key: key.clone(), states: states.iter().cloned().collect(), at: now };
            effects.extend(put(Table::Alerts, &row_of(key), &kept));
        }
        self.let_go(now, effects);
        for (name, spend) in self.groups.spends() {
            effects.extend(put(Table::Spend, name, &spend));
        }
        effects.extend(put(Table::Groups, DISPATCH, &self.desk.dispatcher.stored()));
        effects.extend(put(Table::Groups, NOTICES, &self.desk.alerts.stored()));
        let over = self.desk.posted.take_over(&self.desk.alerts, now);
        effects.extend(over.into_iter().filter_map(row));
        for id in self.desk.silences.gc(now) {
            effects.push(Effect::Keep(Change::delete(Table::Silences, id)));
        }
    }

    /// Writes down what predictors know where that is older than `age`, a `share` of the workloads at most.
    fn keep_foresights(&mut self, age: Duration, share: usize, now: Timestamp, effects: &mut Vec<Effect>) {
        let mut written = 0;
        for known in self.workloads.values_mut() {
            let named = &known.named;
            for (metric, foresight) in &mut known.foresights {
                if now.since(foresight.kept_at) < age {
                    continue;
                }
                let Some(value) = foresight.snapshot() else { continue };
                foresight.kept_at = now;
                written += 1;
                let key = foreseen_key(named, metric);
                effects.push(Effect::Keep(Change::Put { table: Table::Demand, key, value }));
            }
            if written >= share {
                return;
            }
        }
    }

    fn keep_workload(&mut self, workload: &Workload, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(known) = self.workloads.get_mut(workload) else { return };
        (known.unkept, known.kept_at) = (false, now);
        let set = self.desk.dispatcher.set_count(workload);
        let kept = Remembered { memory: known.memory.clone(), set, at: now };
        effects.extend(put(Table::Workloads, &known.named, &kept));
    }
}
