//! Does what people ask of the loop.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::command::{Answer, Command, ManualScale, MetricForecast};
use super::foresight::Foresight;
use super::{Effect, Engine};
use crate::decision::Manual;
use crate::dispatch::{Alert, Silence, SilenceChange, SilenceError};
use crate::time::Timestamp;
use crate::workload::Workload;

/// The longest that a count asked for by hand may hold: a month. What is to hold longer belongs into the rule.
const TTL_MAX: Duration = Duration::from_hours(31 * 24);

/// What is to be answered once it has been decided.
#[derive(Debug)]
pub(super) enum Pending {
    Now(u64, Answer),
    /// The decision on this workload is the answer.
    Decision(u64, Workload),
}

impl Engine {
    /// Takes in what is asked; what it changes is decided in this step.
    pub(super) fn command(
        &mut self,
        asked: Vec<(u64, Command)>,
        now: Timestamp,
        changed: &mut BTreeSet<Workload>,
    ) -> Vec<Pending> {
        let mut pending = Vec::with_capacity(asked.len());
        for (number, command) in asked {
            pending.push(match command {
                Command::Scale(scale) => self.scale_by_hand(number, scale, now, changed),
                Command::Silence { silence, spare_id } => Pending::Now(number, self.silence(silence, spare_id, now)),
                Command::Expire { id } => Pending::Now(number, self.expire(&id, now)),
                Command::Forecasts { workload, horizon } => Pending::Now(number, self.forecasts(&workload, horizon)),
                Command::Pattern(edit) => Pending::Now(number, self.edit_pattern(edit, now)),
                Command::Alerts(alerts) => Pending::Now(number, self.take_alerts(alerts, now)),
            });
        }
        pending
    }

    fn silence(&mut self, mut silence: Silence, mut spare_id: String, now: Timestamp) -> Answer {
        // The door gives a new silence an id of its own.
        if !silence.id.is_empty() && self.desk.silences.get(&silence.id).is_none() {
            spare_id = std::mem::take(&mut silence.id);
        }
        match self.desk.silences.set(silence, spare_id, now) {
            Ok(SilenceChange { id, changed }) => {
                self.desk.stale = true;
                self.kept_silences.extend(changed);
                Answer::Silence(id)
            }
            Err(error @ SilenceError::NotFound(_)) => Answer::NotFound(error.to_string()),
            Err(error) => Answer::Refused(error.to_string()),
        }
    }

    fn expire(&mut self, id: &str, now: Timestamp) -> Answer {
        match self.desk.silences.expire(id, now) {
            Ok(ended) => {
                self.desk.stale = true;
                self.kept_silences.push(ended);
                Answer::Done
            }
            Err(SilenceError::Ended(_)) => Answer::Done,
            Err(error) => Answer::NotFound(error.to_string()),
        }
    }

    fn forecasts(&self, workload: &Workload, horizon: Duration) -> Answer {
        let Some(known) = self.workloads.get(workload) else {
            return Answer::NotFound(format!("no rule scales {workload}"));
        };
        let of = |(metric, foresight): (&Arc<str>, &Foresight)| {
            let input = known.metrics.iter().find(|input| input.name == *metric);
            MetricForecast {
                lent_by: known.lent_by(metric),
                matched: input.and_then(|input| input.matched.clone()),
                ..foresight.forecast(metric, horizon)
            }
        };
        Answer::Forecasts(known.foresights.iter().map(of).collect())
    }

    fn take_alerts(&mut self, alerts: Vec<Alert>, now: Timestamp) -> Answer {
        self.desk.stale = true;
        for alert in alerts {
            match self.desk.alerts.put(alert, now) {
                Ok(alert) => self.desk.posted.note(&alert, &self.desk.alerts),
                Err(full) => return Answer::Refused(full.to_string()),
            }
        }
        Answer::Done
    }

    fn scale_by_hand(
        &mut self,
        number: u64,
        scale: ManualScale,
        now: Timestamp,
        changed: &mut BTreeSet<Workload>,
    ) -> Pending {
        let ManualScale { workload, replicas, author, reason, ttl, dry_run } = scale;
        let refused = |text: String| Pending::Now(number, Answer::Refused(text));
        let Some(known) = self.workloads.get_mut(&workload) else {
            return Pending::Now(number, Answer::NotFound(format!("no rule scales {workload}")));
        };
        if known.is_unknown() {
            return refused(format!("the cluster does not know {workload}"));
        }
        if replicas.is_some() && (author.trim().is_empty() || reason.trim().is_empty()) {
            return refused("say who asks and why: author and reason".to_owned());
        }
        if replicas.is_some() && (ttl.is_zero() || ttl > TTL_MAX) {
            return refused("ttl must be from 1s to 31d; what is to hold longer belongs into the rule".to_owned());
        }
        let (author, reason) = (author.as_str().into(), reason.as_str().into());
        let manual = replicas.map(|replicas| Manual { replicas, author, reason, until: now + ttl });
        if dry_run {
            return match self.suppose(&workload, manual, now) {
                Some(decision) => {
                    let decision = format!("{}\n{decision}", decision.headline(&workload));
                    Pending::Now(number, Answer::Supposed { decision })
                }
                None => refused(format!("nothing is known of {workload} yet; try again in a moment")),
            };
        }
        known.memory.manual = manual;
        self.kept.insert(workload.clone());
        changed.insert(workload.clone());
        Pending::Decision(number, workload)
    }

    /// Answers, now that all is decided and recorded.
    pub(super) fn answer(&mut self, pending: Vec<Pending>, effects: &mut Vec<Effect>) {
        for pending in pending {
            let (number, answer) = match pending {
                Pending::Now(number, answer) => (number, answer),
                Pending::Decision(number, workload) => {
                    let known = self.workloads.get(&workload);
                    let decision = known.map(|known| known.answer(self.last_step_at));
                    (number, Answer::Scaled { decision: decision.unwrap_or_default() })
                }
            };
            effects.push(Effect::Answer(number, answer));
        }
    }
}
