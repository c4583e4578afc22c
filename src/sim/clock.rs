//! Time that runs faster than life.

use std::time::Duration;

use tokio::time::Instant;

use crate::time::Timestamp;

/// A clock that starts at a given time and runs `speed` times as fast as real time.
///
/// Whoever reads only this clock lives in replayed time: HPA windows, scrape intervals and rates keep their lengths.
/// It is built on tokio's monotonic clock, which a test may pause.
#[derive(Debug, Clone, Copy)]
pub struct VirtualClock {
    start: Timestamp,
    origin: Instant,
    speed: u32,
}

impl VirtualClock {
    /// Starts to run now; `speed` 60 lets a minute pass in a second.
    #[must_use]
    pub fn starting_at(start: Timestamp, speed: u32) -> Self {
        Self { start, origin: Instant::now(), speed }
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.start + self.elapsed().saturating_mul(self.speed)
    }

    /// When it started, in its own time.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// How many virtual seconds pass in a real one.
    #[must_use]
    pub fn speed(&self) -> u32 {
        self.speed
    }

    /// Real time since it started.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }
}
