//! The open-source Predictive Horizontal Pod Autoscaler (PHPA): HPA's count, or what one of its models foresees,
//! whichever is more.
//!
//! As documented under <https://predictive-horizontal-pod-autoscaler.readthedocs.io/>: a sync every 15 s computes HPA's
//! count, the models are fed with the counts computed so far, `decisionType: maximum` takes the largest of all, and
//! HPA's `behavior` limits the pace. The documents' examples are toys (six points, a season of six), so the parameters
//! here are those that a careful user would choose: a line through the last five minutes, and days of ten-minute means
//! with smoothing that rides out noise.

use std::collections::VecDeque;
use std::time::Duration;

use super::controller::Controller;
use super::hpa::{PHASE, STALE, SYNC};
use super::meter::{Beat, Meter};
use super::models::{HoltWinters, linear};
use super::{Setup, View};
use crate::time::Timestamp;
use crate::workload::Replicas;

/// The linear model's `historySize`: five minutes of syncs.
const HISTORY: usize = 20;

/// How long the steps of the Holt-Winters model are, and how many make a day.
const STEP: Duration = Duration::from_mins(10);
const STEPS_A_DAY: usize = 144;

/// Holt-Winters `alpha`, `beta`, `gamma`.
const SMOOTHING: (f64, f64, f64) = (0.5, 0.01, 0.2);

/// A PHPA with a linear and a Holt-Winters model.
#[derive(Debug, Clone)]
pub struct Predictive {
    controller: Controller,
    meter: Meter,
    sync: Beat,
    /// How many syncs the linear model looks ahead.
    ahead: f64,
    /// Steps of the Holt-Winters model that cover the same time.
    ahead_steps: usize,
    /// Oldest first.
    history: VecDeque<f64>,
    daily: HoltWinters,
    step: Beat,
    /// Sum and number of the counts of the step under way.
    step_sum: (f64, u32),
}

impl Predictive {
    /// It looks ahead as far as a pod takes to start, and one sync.
    #[must_use]
    pub fn new(setup: &Setup, startup: Duration) -> Self {
        let ahead = startup.saturating_add(SYNC);
        let (alpha, beta, gamma) = SMOOTHING;
        let steps = ahead.as_millis().div_ceil(STEP.as_millis());
        Self {
            controller: Controller::new(setup, "load"),
            meter: Meter::new(STALE),
            sync: Beat::new(setup.start + PHASE, SYNC),
            ahead: ahead.div_duration_f64(SYNC),
            ahead_steps: usize::try_from(steps).unwrap_or(usize::MAX),
            history: VecDeque::new(),
            daily: HoltWinters::new(alpha, beta, gamma, STEPS_A_DAY),
            step: Beat::new(setup.start + STEP, STEP),
            step_sum: (0.0, 0),
        }
    }

    pub(super) fn observe(&mut self, at: Timestamp, demand: Option<f64>) {
        self.meter.observe(at, demand);
    }

    pub(super) fn due(&self) -> Timestamp {
        self.sync.next()
    }

    pub(super) fn decide(&mut self, now: Timestamp, view: View) -> Replicas {
        if !self.sync.take(now) {
            return view.replicas;
        }
        let demand = self.meter.newest(now);
        if let Some(demand) = demand {
            self.learn(now, self.controller.count(now, view, demand).into());
        }
        let line = linear(self.history.iter().copied(), self.ahead);
        let daily = self.daily.forecast(self.ahead_steps);
        let foreseen = line.into_iter().chain(daily).map(|count| count.max(0.0).round()).reduce(f64::max);
        // A model without the metric of this moment decides nothing: PHPA fails the sync.
        self.controller.sync(now, view, demand, foreseen.filter(|_| demand.is_some()))
    }

    /// Takes in HPA's count of this sync.
    fn learn(&mut self, now: Timestamp, count: f64) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(count);
        let (sum, counts) = &mut self.step_sum;
        *sum += count;
        *counts += 1;
        if self.step.take(now) {
            self.daily.update(*sum / f64::from(*counts));
            self.step_sum = (0.0, 0);
        }
    }
}
