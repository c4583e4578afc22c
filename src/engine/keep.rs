//! What outlives a restart: what is written to the journal when, and how it is taken up again.
//!
//! A workload's memory is written with each of its actions and commands, in the same transaction, and once a minute
//! besides. What a kill takes is a minute of recommendations; so after a restart the current count stands for what was
//! wanted until then, as in HPA, and nothing is lowered early.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::alerts::AlertKey;
use super::economy::GroupSpend;
use super::workloads::Memory;
use super::{Due, Effect, Engine};
use crate::dispatch::{Silence, parse_matchers};
use crate::journal::{Change, Recovered, Table};
use crate::rule::AlertState;
use crate::time::Timestamp;
use crate::workload::Workload;

/// How long a memory may be newer than what is written of it.
const KEEP_EVERY: Duration = Duration::from_mins(1);

/// How often memories are looked through; each look writes a twelfth of them.
const LOOK_EVERY: Duration = Duration::from_secs(5);

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

/// The alerts of one rule as the journal has them.
#[derive(Debug, Serialize, Deserialize)]
struct KeptAlerts {
    key: AlertKey,
    states: Vec<AlertState>,
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

fn put(table: Table, key: &str, value: &impl Serialize) -> Option<Effect> {
    // What has no JSON (an infinity) is not worth a decision; it is kept the next time.
    Change::put(table, key, value).ok().map(Effect::Keep)
}

impl Engine {
    /// Goes on from what the journal gave back: ids, what people see, entries whose outcome is unknown (the first
    /// observation of their workload settles them), memories, silences, alerts, spend,
    /// patterns. Comes before the first step.
    pub fn recover(&mut self, recovered: &Recovered) {
        let Recovered { last_id, entries, unsettled, .. } = recovered;
        self.history.recover(*last_id, entries.clone(), unsettled.clone());
        self.remembered = recovered.rows::<Memory>(Table::Workloads).into_iter().collect();
        let mut silences = Vec::new();
        for (id, kept) in recovered.rows::<KeptSilence>(Table::Silences) {
            let KeptSilence { matchers, starts_at, ends_at, updated_at, created_by, comment } = kept;
            // They were written from matchers that parse.
            let Ok(matchers) = parse_matchers(&matchers.join(",")) else { continue };
            let silence = Silence { id, matchers, starts_at, ends_at, updated_at, created_by, comment };
            silences.push(Arc::new(silence));
        }
        self.desk.silences.restore(silences);
        let alerts: Vec<KeptAlerts> = recovered.rows(Table::Alerts).into_iter().map(|(_, kept)| kept).collect();
        let stopped_at = alerts.iter().map(|kept| kept.at).max();
        if let Some(stopped_at) = stopped_at {
            self.restore_alerts(alerts.into_iter().map(|kept| (kept.key, kept.states)), stopped_at);
        }
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

    /// What is remembered of a workload that is met for the first time since the start.
    pub(super) fn remember(remembered: &mut HashMap<String, Memory>, workload: &Workload) -> Memory {
        let mut memory = remembered.remove(&workload.to_string()).unwrap_or_default();
        memory.state.resume();
        memory
    }

    /// Writes down what must not be lost with this step, and now and then the rest.
    pub(super) fn keep(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        effects.extend(std::mem::take(&mut self.kept_silences).iter().filter_map(|one| silence(one)));
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
        if now.since(self.kept_at) < KEEP_EVERY {
            return;
        }
        self.kept_at = now;
        // They are written with the next step.
        self.kept_patterns.extend(self.patterns.expire(now));
        for (key, states) in self.alerts.states() {
            let kept = KeptAlerts { key: key.clone(), states: states.iter().cloned().collect(), at: now };
            let name = format!("{}/{}/{}", key.group, key.rule, key.nth);
            effects.extend(put(Table::Alerts, &name, &kept));
        }
        for (name, spend) in self.groups.spends() {
            effects.extend(put(Table::Spend, name, &spend));
        }
        effects.extend(put(Table::Groups, DISPATCH, &self.desk.dispatcher.stored()));
        effects.extend(put(Table::Groups, NOTICES, &self.desk.alerts.stored()));
        for id in self.desk.silences.gc(now) {
            effects.push(Effect::Keep(Change::delete(Table::Silences, id)));
        }
    }

    fn keep_workload(&mut self, workload: &Workload, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(known) = self.workloads.get_mut(workload) else { return };
        (known.unkept, known.kept_at) = (false, now);
        effects.extend(put(Table::Workloads, &known.named, &known.memory));
    }
}
