//! Inhibition: while one alert fires, others, and decisions, are held.

use super::alert::Alert;
use crate::config;
use crate::labels::{Labels, Matcher};
use crate::time::Timestamp;

/// One rule, ready to be asked.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    source: Vec<Matcher>,
    target: Vec<Matcher>,
    equal: Vec<String>,
}

/// What inhibits something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inhibited {
    /// The fingerprint of the alert that fires.
    pub by: u64,
    /// Its name.
    pub alertname: String,
}

impl Rule {
    pub(super) fn compile(written: &config::InhibitRule) -> Self {
        let config::InhibitRule { source_matchers, target_matchers, equal } = written.clone();
        Self { source: source_matchers, target: target_matchers, equal }
    }

    fn is_source(&self, labels: &Labels) -> bool {
        self.source.iter().all(|matcher| matcher.matches(labels))
    }

    fn is_target(&self, labels: &Labels) -> bool {
        self.target.iter().all(|matcher| matcher.matches(labels))
    }

    /// A label that both lack counts as equal, as in Alertmanager.
    fn equal(&self, source: &Labels, target: &Labels) -> bool {
        self.equal.iter().all(|name| source.get(name).unwrap_or("") == target.get(name).unwrap_or(""))
    }
}

/// The first firing alert that inhibits what has these labels. As in Alertmanager, what is source and target of a rule
/// at once is not inhibited by alerts of which that is true too, so nothing inhibits itself.
pub(super) fn inhibited<'a>(
    rules: &[Rule],
    labels: &Labels,
    firing: impl Iterator<Item = &'a Alert> + Clone,
    now: Timestamp,
) -> Option<Inhibited> {
    for rule in rules.iter().filter(|rule| rule.is_target(labels)) {
        let both = rule.is_source(labels);
        for alert in firing.clone().filter(|alert| !alert.is_resolved(now)) {
            let source = &alert.labels;
            if rule.is_source(source) && rule.equal(source, labels) && !(both && rule.is_target(source)) {
                let alertname = source.get("alertname").unwrap_or("").to_owned();
                return Some(Inhibited { by: alert.fingerprint(), alertname });
            }
        }
    }
    None
}
