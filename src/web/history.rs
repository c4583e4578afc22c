//! The recent past of each workload, so that a chart is there as soon as the page is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::engine::{View, WorkloadView};
use crate::time::Timestamp;
use crate::workload::Replicas;

/// Ten minutes at a point a second.
const POINTS_MAX: usize = 600;
/// Workloads with a history; 200 × 600 points of some 110 bytes (with two metrics) are 13 MB.
const WORKLOADS_MAX: usize = 200;
/// Metrics of a workload with a history.
const METRICS_MAX: usize = 4;
/// The least time between two points.
const SPACING: Duration = Duration::from_secs(1);

/// The recent past of all workloads.
#[derive(Debug, Default)]
pub(super) struct History {
    tracks: BTreeMap<String, Track>,
}

/// The recent past of one.
#[derive(Debug, Default)]
struct Track {
    metrics: Vec<Arc<str>>,
    points: VecDeque<Point>,
}

#[derive(Debug)]
struct Point {
    at: Timestamp,
    replicas: Option<Replicas>,
    ready: Option<Replicas>,
    desired: Option<Replicas>,
    loads: Box<[Load]>,
}

/// One metric at one time.
#[derive(Debug)]
struct Load {
    demand: Option<f64>,
    capacity: Option<f64>,
}

impl History {
    /// Adds a point to each workload of `view`, and forgets the workloads that are gone.
    pub(super) fn observe(&mut self, view: &View) {
        let mut former = std::mem::take(&mut self.tracks);
        for workload in view.workloads.iter().take(WORKLOADS_MAX) {
            let name = workload.workload.to_string();
            let mut track = former.remove(&name).unwrap_or_default();
            track.observe(workload, view.at);
            self.tracks.insert(name, track);
        }
    }

    /// One workload's past, column by column.
    pub(super) fn of(&self, workload: &str) -> Option<Value> {
        self.tracks.get(workload).map(|track| track.columns(workload))
    }
}

impl Track {
    fn observe(&mut self, workload: &WorkloadView, at: Timestamp) {
        let names = workload.metrics.iter().take(METRICS_MAX).map(|metric| &metric.name);
        if !names.clone().eq(&self.metrics) {
            // The rule has changed: what was measured before is something else.
            *self = Self { metrics: names.cloned().collect(), points: VecDeque::new() };
        }
        match self.points.back().map(|newest| newest.at) {
            // The clock was set back: a chart runs forward.
            Some(newest) if at < newest => self.points.clear(),
            Some(newest) if at < newest + SPACING => return,
            _ => {}
        }
        if self.points.len() == POINTS_MAX {
            self.points.pop_front();
        }
        let metrics = workload.metrics.iter().take(METRICS_MAX);
        self.points.push_back(Point {
            at,
            replicas: workload.replicas,
            ready: workload.ready,
            desired: workload.decision.as_ref().map(|decision| decision.to),
            loads: metrics
                .map(|metric| Load { demand: metric.demand.value(), capacity: workload.capacity(metric) })
                .collect(),
        });
    }

    fn columns(&self, workload: &str) -> Value {
        let column = |of: fn(&Point) -> Value| -> Value { self.points.iter().map(of).collect() };
        let load = |at: usize, of: fn(&Load) -> Option<f64>| -> Value {
            self.points.iter().map(|point| point.loads.get(at).and_then(of)).map(Value::from).collect()
        };
        let metrics = self.metrics.iter().enumerate().map(|(at, name)| {
            json!({
                "name": name,
                "demand": load(at, |load| load.demand),
                "capacity": load(at, |load| load.capacity),
            })
        });
        json!({
            "workload": workload,
            "at_ms": column(|point| point.at.as_millis().into()),
            "replicas": column(|point| point.replicas.into()),
            "ready": column(|point| point.ready.into()),
            "desired": column(|point| point.desired.into()),
            "metrics": metrics.collect::<Value>(),
        })
    }
}
