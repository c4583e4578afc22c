//! The heart that HPA and its kin share: [`decide`] under HPA's own defaults.

use std::sync::Arc;

use super::{Setup, View};
use crate::decision::{Inputs, MetricInput, Outlook, Policy, State, decide};
use crate::demand::Presence;
use crate::time::Timestamp;
use crate::workload::Replicas;

/// An HPA with one metric and its default `behavior`.
#[derive(Debug, Clone)]
pub(super) struct Controller {
    policy: Policy,
    state: State,
    name: Arc<str>,
    per_replica: f64,
}

impl Controller {
    /// HPA's defaults within the set-up's bounds.
    pub(super) fn new(setup: &Setup, name: &str) -> Self {
        Self {
            policy: Policy::new(setup.min, setup.max),
            state: State::default(),
            name: name.into(),
            per_replica: setup.per_replica,
        }
    }

    /// HPA's count before its `behavior`: the formula and the tolerance.
    pub(super) fn count(&self, now: Timestamp, view: View, demand: f64) -> Replicas {
        let inputs = self.inputs(now, view, Some(demand), None);
        let (decision, _) = decide(&self.policy, &inputs, &State::default(), now);
        decision.steps.first().map_or(view.replicas, |step| step.wants)
    }

    /// One sync. Without a demand the count stays, as in HPA. `foreseen` is a count that a model asks for.
    pub(super) fn sync(&mut self, now: Timestamp, view: View, demand: Option<f64>, foreseen: Option<f64>) -> Replicas {
        let inputs = self.inputs(now, view, demand, foreseen);
        let (decision, state) = decide(&self.policy, &inputs, &self.state, now);
        self.state = state;
        self.state.scaled(now, decision.from, decision.to);
        decision.to
    }

    fn inputs(&self, now: Timestamp, view: View, demand: Option<f64>, foreseen: Option<f64>) -> Inputs {
        let presence = demand.map_or(Presence::Absent, Presence::of);
        let mut metric = MetricInput::new(Arc::clone(&self.name), presence, Presence::Present(self.per_replica));
        metric.outlook = foreseen.map(|replicas| Outlook {
            demand: replicas * self.per_replica,
            quantile: 0.5,
            by: now,
            hold: None,
            trust: 1.0,
            model: Arc::clone(&self.name),
        });
        Inputs {
            metrics: vec![metric],
            evaluated_at: now,
            replicas: view.replicas,
            ready: view.ready,
            ..Inputs::default()
        }
    }
}
