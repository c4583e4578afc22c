//! The demand that a rule sees of one workload, cell by cell.

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

    /// Notes what is seen at the end of a cell; `None` where the rule does not name the workload then.
    pub(super) fn note(&mut self, cell: usize, seen: Option<&WorkloadView>) {
        let Some(place) = cell.checked_sub(self.from) else { return };
        let planned = seen.and_then(planned).filter(|planned| planned.is_finite() && *planned >= 0.0);
        self.cells.resize(place, None);
        self.cells.push(planned);
        let Some(seen) = seen.filter(|_| planned.is_some()) else { return };
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
