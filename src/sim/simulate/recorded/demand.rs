//! The demand that a rule sees of one workload, cell by cell.
//!
//! A cell's demand is the largest that was seen within it: a rate that is evaluated when the newest sample is almost a
//! scrape interval old falls short of what it measures, and what a rule acts on is the most that it sees.

use std::time::Duration;

use super::super::load::{Load, LoadError};
use crate::engine::{MetricView, WorkloadView};
use crate::time::Timestamp;

/// The demand in replicas, as far as it is seen; in the metric's own unit where there is one metric and one capacity.
#[derive(Debug, Default)]
pub(super) struct Demand {
    /// The first cell.
    from: usize,
    /// In replicas as they are planned: demand by capacity.
    cells: Vec<Option<f64>>,
    /// The most that was seen within the present cell.
    most: Option<f64>,
    /// What one replica takes, as long as it is always the same.
    unit: Option<f64>,
    mixed: bool,
}

/// The replicas that a workload's demand takes, before any is rounded; `None` where no metric can be read.
pub(super) fn planned(seen: &WorkloadView) -> Option<f64> {
    let of = |metric: &&MetricView| Some(metric.demand.value()? / metric.per_replica.value()?);
    seen.metrics.iter().filter(|metric| !metric.paused).filter_map(|metric| of(&metric)).reduce(f64::max)
}

impl Demand {
    pub(super) fn begin(from: usize) -> Self {
        Self { from, ..Self::default() }
    }

    /// Ends a cell. Where nothing was seen within it, what was seen last counts.
    pub(super) fn end_cell(&mut self, cell: usize, seen: Option<&WorkloadView>) {
        if self.most.is_none()
            && let Some(seen) = seen
        {
            self.see(seen);
        }
        let most = self.most.take();
        let Some(place) = cell.checked_sub(self.from) else { return };
        self.cells.resize(place, None);
        self.cells.push(most);
    }

    /// Takes note of what a rule says now.
    pub(super) fn see(&mut self, seen: &WorkloadView) {
        let planned = planned(seen).filter(|planned| planned.is_finite() && *planned >= 0.0);
        let Some(planned) = planned else { return };
        self.most = Some(self.most.map_or(planned, |most| most.max(planned)));
        let mut read = seen.metrics.iter().filter(|metric| !metric.paused);
        let unit = read.next().and_then(|metric| metric.per_replica.value());
        self.mixed |= read.next().is_some() || unit.is_none() || self.unit.is_some_and(|known| Some(known) != unit);
        self.unit = unit;
    }

    /// The load, and what one replica is planned to take of it.
    pub(super) fn into_load(self, name: &str, start: Timestamp, step: Duration) -> Result<(Load, f64), LoadError> {
        let unit = self.unit.filter(|_| !self.mixed).unwrap_or(1.0);
        let cells: Vec<Option<f64>> = self.cells.iter().map(|planned| planned.map(|planned| planned * unit)).collect();
        let from = u32::try_from(self.from).unwrap_or(u32::MAX);
        Ok((Load::from_values(name, start + step.saturating_mul(from), step, &cells)?, unit))
    }
}
