//! A sample as remote write carries it: a time and a float, and the float that marks a series as ended.

use crate::time::Timestamp;

/// One value of a series at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    pub at: Timestamp,
    pub value: f64,
}

impl Sample {
    #[must_use]
    pub const fn new(at: Timestamp, value: f64) -> Self {
        Self { at, value }
    }
}

/// The bits of Prometheus's staleness marker. Every other NaN is a value like any other,
/// so it is these bits that are compared and never `is_nan`.
pub const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The staleness marker: "this series has ended".
pub const STALE: f64 = f64::from_bits(STALE_BITS);

/// Whether a value is the staleness marker.
#[must_use]
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_BITS
}
