//! A history on a grid that a day is a multiple of, counted from the Unix epoch: slot by slot, in units of its largest value.

use std::time::Duration;

use super::{DAY_MS, Stretch};
use crate::time::Timestamp;

/// Slots of these minutes divide a day; shorter ones would find minutes, not patterns.
const SLOT_MINUTES: [i64; 12] = [5, 6, 8, 10, 12, 15, 16, 20, 24, 30, 40, 60];

/// Days that are looked at: the newest. At 5 minutes they are 8,064 slots.
const DAYS_MAX: i64 = 28;

/// No value is larger, so that what is made of them stays finite.
const VALUE_MAX: f64 = 1e290;

/// Means of a history.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    /// Milliseconds of a slot.
    pub(super) slot_ms: i64,
    /// The first slot's number: `number · slot_ms` is when it begins.
    pub(super) first: i64,
    /// NaN where nothing is known; else within ±1.
    pub(super) values: Vec<f64>,
    /// What 1 stands for.
    pub(super) unit: f64,
}

impl Grid {
    /// The newest four weeks. `None` where the step is too long or nothing is known but zeros.
    pub(super) fn of(stretch: &Stretch<'_>) -> Option<Self> {
        let step_ms = i64::try_from(stretch.step.as_millis()).ok().filter(|step| *step > 0)?;
        let slot_ms = SLOT_MINUTES.iter().map(|minutes| minutes * 60_000).find(|slot| *slot >= step_ms)?;
        let newest = usize::try_from(DAYS_MAX * DAY_MS / step_ms).unwrap_or(usize::MAX);
        let skipped = stretch.values.len().saturating_sub(newest);
        let values = stretch.values.get(skipped..)?;
        // A step belongs to the slot in which its middle lies.
        let begin = stretch.start.as_millis().checked_add(step_ms.checked_mul(i64::try_from(skipped).ok()?)?)?;
        let middle = begin.checked_add(step_ms / 2)?;
        middle.checked_add(step_ms.checked_mul(i64::try_from(values.len()).ok()?)?)?;
        let known = |value: &f64| value.is_finite() && value.abs() <= VALUE_MAX;
        let unit = values.iter().filter(|value| known(value)).fold(0.0_f64, |unit, value| unit.max(value.abs()));
        if unit == 0.0 {
            return None;
        }
        let first = middle.div_euclid(slot_ms);
        let last = (middle + step_ms * (i64::try_from(values.len()).ok()? - 1)).div_euclid(slot_ms);
        let length = usize::try_from(last - first + 1).ok()?;
        let (mut sums, mut counts) = (vec![0.0; length], vec![0_u32; length]);
        for (value, nth) in values.iter().zip(0_i64..).filter(|(value, _)| known(value)) {
            let slot = usize::try_from((middle + step_ms * nth).div_euclid(slot_ms) - first).unwrap_or(usize::MAX);
            if let (Some(sum), Some(count)) = (sums.get_mut(slot), counts.get_mut(slot)) {
                *sum += value / unit;
                *count += 1;
            }
        }
        let mean = |(sum, count): (f64, u32)| if count == 0 { f64::NAN } else { sum / f64::from(count) };
        Some(Self { slot_ms, first, values: sums.into_iter().zip(counts).map(mean).collect(), unit })
    }

    /// The same in slots of at least `minutes`, a divisor of a day.
    pub(super) fn coarser(&self, minutes: i64) -> Self {
        let slot_ms = minutes * 60_000;
        if slot_ms <= self.slot_ms || slot_ms % self.slot_ms != 0 {
            return self.clone();
        }
        let ratio = slot_ms / self.slot_ms;
        let first = self.first.div_euclid(ratio);
        let lead = usize::try_from(self.first.rem_euclid(ratio)).unwrap_or(0);
        let ratio = usize::try_from(ratio).unwrap_or(1);
        let length = (lead + self.values.len()).div_ceil(ratio);
        let mean = |slot: usize| {
            let (from, to) = ((slot * ratio).saturating_sub(lead), ((slot + 1) * ratio).saturating_sub(lead));
            let within = self.values.get(from..to.min(self.values.len())).unwrap_or_default();
            let known = within.iter().filter(|value| !value.is_nan());
            let (sum, count) = known.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
            if count > 0.0 { sum / count } else { f64::NAN }
        };
        Self { slot_ms, first, values: (0..length).map(mean).collect(), unit: self.unit }
    }

    /// Slots in a day.
    pub(super) fn per_day(&self) -> usize {
        usize::try_from(DAY_MS / self.slot_ms).unwrap_or(1).max(1)
    }

    pub(super) fn slot(&self) -> Duration {
        Duration::from_millis(self.slot_ms.unsigned_abs())
    }

    /// When the slot at an index begins.
    pub(super) fn begin(&self, index: usize) -> Timestamp {
        let number = self.first.saturating_add(i64::try_from(index).unwrap_or(i64::MAX));
        Timestamp::from_millis(number.saturating_mul(self.slot_ms))
    }

    /// The value of the slot that a time lies in; NaN outside.
    pub(super) fn at(&self, time: Timestamp) -> f64 {
        let index = time.as_millis().div_euclid(self.slot_ms).saturating_sub(self.first);
        usize::try_from(index).ok().and_then(|index| self.values.get(index)).copied().unwrap_or(f64::NAN)
    }

    /// When the last slot ends.
    pub(super) fn end(&self) -> Timestamp {
        self.begin(self.values.len())
    }
}
