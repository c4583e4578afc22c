//! How numbers, times and names are written within a reason.

use std::fmt;

use crate::decision::inputs::Missing;
use crate::time::Timestamp;
use crate::workload::Replicas;

/// The first of several missing inputs, and how many more there are.
pub(super) struct Missings<'a>(pub(super) &'a Missing, pub(super) usize);

impl fmt::Display for Missings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(first, missing) = self;
        if *missing > 1 { write!(f, "{first}, and {} more", missing - 1) } else { first.fmt(f) }
    }
}

/// A reason in somebody's words, in brackets; nothing where there is none.
pub(super) struct Why<'a>(pub(super) &'a str);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " ({})", self.0) }
    }
}

/// A quantile as operators write it: `p90`, `p99.9`.
pub(super) struct Quantile(pub(super) f64);

impl fmt::Display for Quantile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", Number(self.0 * 100.0))
    }
}

/// The time of day, UTC: `12:03`.
pub(super) struct Clock(pub(super) Timestamp);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0.as_millis().div_euclid(60_000).rem_euclid(24 * 60);
        write!(f, "{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// A time that may be weeks away, UTC: `2026-11-23 12:03 UTC`.
pub(super) struct Moment(pub(super) Timestamp);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let day = text.split('T').next().unwrap_or_default();
        write!(f, "{day} {} UTC", Clock(self.0))
    }
}

/// A change of count with its sign: `+2`.
pub(super) struct Signed(pub(super) Replicas, pub(super) Replicas);

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+}", i64::from(self.1) - i64::from(self.0))
    }
}

/// A float as people write it: whole numbers whole, others with four significant digits.
pub(super) struct Number(pub(super) f64);

/// From here on a float's text is an exponent's: no demand that anyone reads is written with more digits.
const EXPONENT_FROM: f64 = 1e15;

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if size >= EXPONENT_FROM || (size < 1e-4 && size > 0.0) {
            return write!(f, "{:.3e}", self.0);
        }
        let decimals = match size {
            1000.0.. => 0,
            100.0.. => 1,
            10.0.. => 2,
            1.0.. => 3,
            0.1.. => 4,
            _ => 6,
        };
        let text = format!("{:.decimals$}", self.0);
        let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        f.write_str(text)
    }
}

/// Work that one replica takes, and how many times as much it may take.
pub(super) struct Roomy(pub(super) f64, pub(super) f64);

impl fmt::Display for Roomy {
    /// `50`, `(50 x 1.15)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(per_replica, room) = *self;
        if room == 1.0 { Number(per_replica).fmt(f) } else { write!(f, "({} x {})", Number(per_replica), Number(room)) }
    }
}
