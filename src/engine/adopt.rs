//! Puts new rules in place of the present ones.

use std::collections::HashMap;
use std::sync::Arc;

use super::desk::context;
use super::{Due, Effect, Engine, RuleHealth, id};
use crate::config::Settings;
use crate::rule::{BoundRule, BoundRules, External};
use crate::schedule::Cached;
use crate::time::Timestamp;

impl Engine {
    /// Takes other settings, before the rules that were compiled under them. What is known of groups and alerts stays.
    pub(super) fn configure(&mut self, settings: &Settings, now: Timestamp) {
        self.desk.configure(settings, now);
        self.breaker.configure(settings.guards.clone());
        self.groups.configure(&settings.economy.groups);
        self.alerts.configure(External::of(settings));
    }

    /// Puts new rules in place of the present ones. A workload goes on with its state where a rule of the same
    /// name still scales it; it is watched already. One whose action is on its way stays until that has ended.
    pub(super) fn adopt(&mut self, rules: BoundRules, effects: &mut Vec<Effect>) {
        for group in 0..self.rules.groups.len() {
            self.agenda.set(Due::Group(group), None);
        }
        self.rules = rules;
        self.alerts.adopt(&self.rules, self.last_step_at);
        self.readers.clear();
        self.owned.clear();
        self.group_evaluated_at.clear();
        self.health.clear();
        self.due_rules.clear();
        self.recorded.clear();
        self.desk.stale = true;
        self.calendars.clear();
        let mut scales = HashMap::new();
        for (at, group) in self.rules.groups.iter().enumerate() {
            self.agenda.set(Due::Group(at), Some(Timestamp::MIN));
            for (place, rule) in group.rules.iter().enumerate() {
                for subscription in rule.subscriptions() {
                    self.readers.entry(id(subscription)).or_default().push((at, place));
                }
                self.health.insert((at, place), Arc::new(RuleHealth::new(&group.name, rule.name())));
                if let BoundRule::Scale(bound) = rule {
                    if !bound.rule.calendar.is_empty() {
                        let cached = Cached::new(Arc::clone(&bound.rule.calendar));
                        self.calendars.insert(Arc::clone(&bound.rule.name), cached);
                    }
                    scales.insert(Arc::clone(&bound.rule.name), ((at, place), Arc::clone(&bound.rule)));
                }
            }
        }
        let mut gone = Vec::new();
        for (workload, known) in &mut self.workloads {
            if let Some((id, rule)) = scales.get(&known.rule.name) {
                known.adopt(rule);
                let context = context(known, &self.desk.routing);
                if known.context != context {
                    known.context.clone_from(&context);
                    effects.push(Effect::Watch(workload.clone(), context));
                }
                self.owned.entry(*id).or_default().insert(workload.clone());
            } else if known.in_flight {
                known.orphaned = true;
            } else {
                gone.push(workload.clone());
            }
        }
        for workload in gone {
            self.forget(workload, effects);
        }
    }
}
