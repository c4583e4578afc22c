//! Demand: what a scale rule's expressions said, with the ways in which there may be nothing, or too little, to say.
//!
//! In: vectors from `promql`. Out: [`Presence`], which forces every reader to say what happens when a value is missing.

pub mod anomaly;
mod half;
mod history;
pub mod load;
pub mod outliers;
pub(crate) mod packed;
pub mod patterns;

pub use anomaly::Anomaly;
pub use history::History;
pub use load::Load;

/// A value that may be missing. Absence is never zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Presence {
    /// A finite number.
    Present(f64),
    /// A number that rests on windows which are filled in part only, so it may be too small. `coverage` is the part
    /// that is filled, below [`COVERAGE_MIN`].
    Partial { value: f64, coverage: f64 },
    /// No series answered.
    Absent,
    /// Series matched, but all of them ended (staleness marker) or fell silent for longer than the lookback.
    Stale,
    /// The expression answered NaN or an infinity, or failed.
    Invalid,
}

/// How much of their ranges samples must speak for, on average over the series, for a value to be whole. What is
/// missing below it stays within the tolerance of HPA, so that it moves nothing by itself.
pub const COVERAGE_MIN: f64 = 0.9;

impl Presence {
    /// A PromQL value: only a finite one counts as present.
    #[must_use]
    pub fn of(value: f64) -> Self {
        if value.is_finite() { Self::Present(value) } else { Self::Invalid }
    }

    /// A PromQL value that rests on windows filled to the part `coverage`.
    #[must_use]
    pub fn covered(value: f64, coverage: f64) -> Self {
        match Self::of(value) {
            Self::Present(value) if coverage < COVERAGE_MIN => Self::Partial { value, coverage },
            presence => presence,
        }
    }

    #[must_use]
    pub fn value(self) -> Option<f64> {
        match self {
            Self::Present(value) | Self::Partial { value, .. } => Some(value),
            Self::Absent | Self::Stale | Self::Invalid => None,
        }
    }

    /// One word for logs, metrics and reasons.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Present(_) => "present",
            Self::Partial { .. } => "partial",
            Self::Absent => "absent",
            Self::Stale => "stale",
            Self::Invalid => "invalid",
        }
    }
}
