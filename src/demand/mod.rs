//! Demand: what a scale rule's expressions said, with the four ways in which there may be nothing to say.
//!
//! In: vectors from `promql`. Out: [`Presence`], which forces every reader to say what happens when a value is missing.

/// A value that may be missing. Absence is never zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Presence {
    /// A finite number.
    Present(f64),
    /// No series answered.
    Absent,
    /// Series matched, but all of them ended (staleness marker) or fell silent for longer than the lookback.
    Stale,
    /// The expression answered NaN or an infinity, or failed.
    Invalid,
}

impl Presence {
    /// A PromQL value: only a finite one counts as present.
    #[must_use]
    pub fn of(value: f64) -> Self {
        if value.is_finite() { Self::Present(value) } else { Self::Invalid }
    }

    #[must_use]
    pub fn value(self) -> Option<f64> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent | Self::Stale | Self::Invalid => None,
        }
    }

    /// One word for logs, metrics and reasons.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Present(_) => "present",
            Self::Absent => "absent",
            Self::Stale => "stale",
            Self::Invalid => "invalid",
        }
    }
}
