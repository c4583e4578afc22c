//! Which replicas of a workload are unlike the rest, by the newest values of each: looked at once a minute, where a metric
//! has a value for each pod.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::decision::{Outlying, Pods};
use crate::demand::outliers::{Distance, REPLICAS_MAX, REPLICAS_MIN, outliers};
use crate::time::Timestamp;

/// Values of each pod that are kept: at two a minute a quarter of an hour.
const VALUES: usize = 32;
/// Values nearer to each other are one.
const SPACING: Duration = Duration::from_secs(25);
/// How often the pods are compared: 200 of them take 1 ms.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// Values without which nobody is judged.
const VALUES_MIN: usize = 6;
/// Pods that are kept: more are judged by nobody, for the memory that they would take.
const PODS_MAX: usize = 5 * REPLICAS_MAX;

/// A pod that stands apart from the others of its workload.
#[derive(Debug, Clone, PartialEq)]
pub struct OddPod {
    pub pod: Arc<str>,
    /// How far its level is from the usual one in robust standard deviations; negative below.
    pub score: f64,
    /// Its level stands apart, and not only its course.
    pub by_level: bool,
    pub since: Timestamp,
}

/// The newest values of each pod.
#[derive(Debug, Default)]
pub(super) struct Replicated {
    values: BTreeMap<Arc<str>, Vec<f64>>,
    noted_at: Option<Timestamp>,
    looked_at: Option<Timestamp>,
    judged: u32,
    odd: Arc<Vec<OddPod>>,
}

impl Replicated {
    /// Takes the values of one evaluation.
    pub(super) fn observe(&mut self, pods: &Pods, now: Timestamp) {
        if self.noted_at.is_some_and(|at| now.since(at) < SPACING) {
            return;
        }
        self.noted_at = Some(now);
        let present: BTreeMap<&Arc<str>, f64> = pods.names.iter().zip(pods.values.iter().copied()).collect();
        self.values.retain(|pod, _| present.contains_key(pod));
        for (pod, value) in present.into_iter().take(PODS_MAX) {
            let values = self.values.entry(Arc::clone(pod)).or_default();
            if values.len() >= VALUES {
                values.remove(0);
            }
            values.push(value);
        }
        if self.looked_at.is_none_or(|at| now.since(at) >= LOOK_EVERY) {
            self.looked_at = Some(now);
            self.look(now);
        }
    }

    fn look(&mut self, now: Timestamp) {
        let ripe = || self.values.iter().filter(|(_, values)| values.len() >= VALUES_MIN);
        let names: Vec<&Arc<str>> = ripe().map(|(pod, _)| pod).collect();
        let values: Vec<&[f64]> = ripe().map(|(_, values)| values.as_slice()).collect();
        let since = |pod: &Arc<str>| self.odd.iter().find(|odd| odd.pod == *pod).map_or(now, |odd| odd.since);
        let odd = outliers(&values, Distance::Absolute).into_iter().filter_map(|one| {
            let pod = Arc::clone(names.get(one.replica)?);
            Some(OddPod { since: since(&pod), pod, score: one.score, by_level: one.by_level })
        });
        let odd: Vec<OddPod> = odd.collect();
        self.judged = if names.len() < REPLICAS_MIN { 0 } else { u32::try_from(names.len()).unwrap_or(u32::MAX) };
        if odd != *self.odd {
            self.odd = Arc::new(odd);
        }
    }

    /// Those that stand apart, and how many were judged; `None` where there are too few to say.
    pub(super) fn odd(&self) -> Option<Arc<Vec<OddPod>>> {
        (self.judged > 0).then(|| Arc::clone(&self.odd))
    }

    /// The same in a few words, for a decision.
    pub(super) fn note(&self) -> Option<Outlying> {
        let furthest = self.odd.iter().max_by(|one, other| one.score.abs().total_cmp(&other.score.abs()))?;
        let pods = u32::try_from(self.odd.len()).unwrap_or(u32::MAX);
        Some(Outlying { pod: Arc::clone(&furthest.pod), pods, of: self.judged })
    }
}
