//! Requests, counted in millionths, so that what is served and what is dropped always add up to what was offered.

use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// Millionths in one request.
const MICRO: u64 = 1_000_000;

/// A number of requests, exact to a millionth. Arithmetic saturates at 18 million million requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Requests(u64);

impl Requests {
    /// What a steady rate (requests a second) brings in a time. A negative or NaN rate brings nothing.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and takes a negative or NaN product to zero"
    )]
    pub fn at_rate(per_second: f64, time: Duration) -> Self {
        Self((per_second * time.as_secs_f64() * MICRO as f64).round() as u64)
    }

    /// Whole requests: what a counter shows.
    #[must_use]
    pub fn whole(self) -> u64 {
        self.0 / MICRO
    }

    /// With the fraction.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / MICRO as f64
    }

    /// The part of `all` that this is, from 0 to 1; 0 where there were none at all.
    #[must_use]
    pub fn share_of(self, all: Self) -> f64 {
        if all.0 == 0 { 0.0 } else { self.0 as f64 / all.0 as f64 }
    }

    /// The mean rate (requests a second) at which these came in a time; 0 where no time passed.
    #[must_use]
    pub fn rate_over(self, time: Duration) -> f64 {
        if time.is_zero() { 0.0 } else { self.as_f64() / time.as_secs_f64() }
    }

    /// Deals these out in `parts` parts that differ by a millionth of a request at most.
    pub fn split(self, parts: u32) -> impl Iterator<Item = Self> {
        let (even, extra) = match u64::from(parts) {
            0 => (0, 0),
            parts => (self.0 / parts, self.0 % parts),
        };
        (0..u64::from(parts)).map(move |part| Self(even + u64::from(part < extra)))
    }
}

impl Add for Requests {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Requests {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Requests {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}
