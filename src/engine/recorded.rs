//! What record rules have written, so that its end is told too.
//!
//! A source that falls silent drains the windows of `rate`: what is recorded meanwhile shrinks, and who reads it can't
//! tell that from less work. So a value that rests on a tenth fewer samples than usual is not written; the series rests at its last whole value until the source is back or the result is gone, and then it
//! ends with a staleness marker, as in Prometheus. While windows fill for the first time, values are written as they are.

use std::collections::HashSet;

use crate::demand::COVERAGE_MIN;
use crate::labels::Labels;
use crate::promql::Vector;
use crate::sample::{STALE, Sample};
use crate::series::{Store, Touched};
use crate::time::Timestamp;

/// How fast what is usual follows a coverage that stays lower: half of it in 700 evaluations, 3 hours at 15 s. Windows of
/// an hour drain four times as fast.
const FADES: f64 = 0.999;

/// The series of one rule.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    series: HashSet<Labels>,
    /// How much is covered usually: the most of late.
    whole: f64,
}

impl Recorded {
    /// Writes the results of an evaluation, and markers for the series that ended.
    pub(super) fn write(&mut self, vector: Vector, coverage: f64, now: Timestamp, store: &Store) -> Result<(), String> {
        self.whole = coverage.max(self.whole * FADES);
        if coverage < COVERAGE_MIN * self.whole && !vector.is_empty() {
            return Ok(());
        }
        let mut touched = Touched::default();
        let batch = store.batch(&mut touched);
        let mut ended = std::mem::take(&mut self.series);
        for (labels, value) in vector {
            ended.remove(&labels);
            batch.record(&labels, Sample::new(now, value)).map_err(|refused| refused.to_string())?;
            self.series.insert(labels);
        }
        for labels in ended {
            // What is refused was not there.
            let _ = batch.record(&labels, Sample::new(now, STALE));
        }
        batch.finish();
        Ok(())
    }
}
