//! What operators do with two numbers.

/// An operator between numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Operator {
    Compute(Arithmetic),
    Compare {
        comparison: Comparison,
        /// `bool`: gives 0 or 1 where the plain comparison keeps or drops.
        returns_bool: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Atan2,
    /// The right value: how `timestamp` puts the time of the evaluation in place of values.
    Second,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// The result for a pair of values; a comparison that holds gives `kept`, one that fails nothing.
    pub(super) fn apply(self, left: f64, right: f64, kept: f64) -> Option<f64> {
        match self {
            Self::Compute(arithmetic) => Some(arithmetic.apply(left, right)),
            Self::Compare { comparison, returns_bool: false } => comparison.holds(left, right).then_some(kept),
            Self::Compare { comparison, returns_bool: true } => Some(f64::from(comparison.holds(left, right))),
        }
    }

    /// The result between two scalars, where a comparison always is a `bool` one.
    pub(super) fn between_scalars(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Compute(arithmetic) => arithmetic.apply(left, right),
            Self::Compare { comparison, .. } => f64::from(comparison.holds(left, right)),
        }
    }

    /// Whether the result is still what the metric's name says: only where it is one of the values compared.
    pub(super) fn keeps_name(self) -> bool {
        matches!(self, Self::Compare { returns_bool: false, .. })
    }
}

impl Arithmetic {
    fn apply(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide => left / right,
            // Truncated, so that the sign is the dividend's.
            Self::Modulo => left % right,
            Self::Power => left.powf(right),
            Self::Atan2 => left.atan2(right),
            Self::Second => right,
        }
    }
}

impl Comparison {
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}
