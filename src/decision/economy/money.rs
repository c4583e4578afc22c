//! Amounts of money, exact to a billionth.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use serde::{Deserialize, Serialize};

use crate::workload::Replicas;

/// An amount of money, or of money per hour, in whole billionths of whatever currency prices are written in.
///
/// Up to 18 billion; sums stop there. Exact where floats are not: ten times 0.1 is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(u64);

/// Billionths in one.
const ONE: u64 = 1_000_000_000;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount nearest to `amount`. What is not finite or below zero is nothing.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and NaN becomes zero")]
    pub fn from_f64(amount: f64) -> Self {
        Self(if amount.is_finite() { (amount * ONE as f64).round() as u64 } else { 0 })
    }

    /// The amount of so many billionths.
    #[must_use]
    pub const fn from_billionths(billionths: u64) -> Self {
        Self(billionths)
    }

    /// In billionths.
    #[must_use]
    pub const fn billionths(self) -> u64 {
        self.0
    }

    /// For metrics and people.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / ONE as f64
    }

    /// So many times as much.
    #[must_use]
    pub fn times(self, replicas: Replicas) -> Self {
        Self(self.0.saturating_mul(replicas.into()))
    }

    /// What is left of it after `spent`; never less than nothing.
    #[must_use]
    pub fn less(self, spent: Self) -> Self {
        Self(self.0.saturating_sub(spent.0))
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    /// With two digits after the point, more where the amount needs them: `12.50`, `0.048`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / ONE, self.0 % ONE);
        let digits = format!("{rest:09}");
        let shown = digits.trim_end_matches('0');
        write!(f, "{whole}.{shown:0<2}")
    }
}
