//! A scale rule in the making: what other autoscalers say, in our words.

use std::time::Duration;

use crate::workload::Workload;

/// A scale rule, before it is written down.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// `HorizontalPodAutoscaler shop/checkout`
    pub(super) origin: String,
    /// What stands above the rule, a line each.
    pub(super) comments: Vec<String>,
    pub(super) name: String,
    /// The kind of the autoscaler that it came from, to tell two of one name apart.
    pub(super) kind: String,
    pub(super) target: Workload,
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) metrics: Vec<Metric>,
    pub(super) behavior: Behavior,
    pub(super) cooldown: Option<Duration>,
    pub(super) initial_cooldown: Option<Duration>,
    pub(super) fallback: Option<Fallback>,
    pub(super) pause: Option<Pause>,
    pub(super) schedules: Vec<Schedule>,
    pub(super) labels: Vec<(String, String)>,
}

impl Draft {
    /// A rule without metrics.
    pub(super) fn new(origin: String, kind: &str, name: &str, target: Workload, min: u32, max: u32) -> Self {
        Self {
            origin,
            comments: Vec::new(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            target,
            min,
            max,
            metrics: Vec::new(),
            behavior: Behavior::default(),
            cooldown: None,
            initial_cooldown: None,
            fallback: None,
            pause: None,
            schedules: Vec::new(),
            labels: Vec::new(),
        }
    }

    /// Adds a metric, whose name no other one of the rule has.
    pub(super) fn add(&mut self, mut metric: Metric) {
        let base = metric.name.clone();
        let mut number = 2;
        while self.metrics.iter().any(|other| other.name == metric.name) {
            metric.name = format!("{base}_{number}");
            number += 1;
        }
        self.metrics.push(metric);
    }
}

/// One reason to scale.
#[derive(Debug, Clone)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) comments: Vec<String>,
    pub(super) wants: Wants,
    /// Demand up to this much wakes nothing.
    pub(super) activation: Option<f64>,
}

/// What a metric asks for.
#[derive(Debug, Clone)]
pub(super) enum Wants {
    Work {
        demand: String,
        per_replica: f64,
    },
    /// A value of each pod, and what their mean is held against.
    Pods {
        per_pod: String,
        ready: Option<String>,
        target: PodTarget,
    },
    /// A count, from an expression.
    Replicas(String),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum PodTarget {
    /// In the unit of the values.
    Average(f64),
    /// As a fraction of what a pod requests.
    Utilization(f64),
}

/// HPA's `behavior`.
#[derive(Debug, Clone, Default)]
pub(super) struct Behavior {
    pub(super) up: Direction,
    pub(super) down: Direction,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Direction {
    pub(super) stabilization_window: Option<Duration>,
    pub(super) select_policy: Option<String>,
    pub(super) policies: Vec<Policy>,
    pub(super) tolerance: Option<f64>,
}

#[derive(Debug, Clone)]
pub(super) struct Policy {
    /// `Pods` or `Percent`.
    pub(super) unit: String,
    pub(super) value: u32,
    pub(super) period: Duration,
}

/// What holds while there is no data.
#[derive(Debug, Clone)]
pub(super) struct Fallback {
    pub(super) after: u32,
    pub(super) replicas: u32,
    /// `static`, `current`, `current_if_higher` or `current_if_lower`.
    pub(super) behavior: &'static str,
}

/// A workload that is not scaled for now.
#[derive(Debug, Clone)]
pub(super) struct Pause {
    /// At this count; at whichever it has where there is none.
    pub(super) at: Option<u32>,
    pub(super) reason: String,
}

/// A floor at certain hours.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    pub(super) name: String,
    /// Cron expressions.
    pub(super) start: String,
    pub(super) end: String,
    pub(super) timezone: String,
    pub(super) min: u32,
}
