//! What is written about money and limits → the values that are calculated with.

use crate::config::{self, Period, Quantity, SharedLimits};

use super::{Budget, Cost, Limit, Money, Per, Requests, Resource};

impl Cost {
    /// Makes prices and budgets of what a rule says.
    #[must_use]
    pub fn compile(written: &config::Cost) -> Self {
        Self {
            per_replica_hour: Money::from_f64(written.per_replica_hour),
            budget: written.budget.as_ref().map(Budget::compile),
        }
    }
}

impl Budget {
    /// Makes a budget of what a rule or a group says.
    #[must_use]
    pub fn compile(written: &config::Budget) -> Self {
        let per = match written.per {
            Period::Day => Per::Day,
            Period::Month => Per::Month,
        };
        Self { amount: Money::from_f64(written.amount), per, zone: written.zone.clone() }
    }
}

impl Requests {
    /// Makes numbers of what a rule says; what is left out is nothing.
    #[must_use]
    pub fn compile(written: &config::Requests) -> Self {
        Self {
            cpu_millis: written.cpu.map_or(0, Quantity::thousandths),
            memory_bytes: written.memory.map_or(0, Quantity::units),
        }
    }
}

impl Limit {
    /// The limits that a group says; its budget adds [`Spend::pace`](super::Spend::pace) to them.
    #[must_use]
    pub fn compile(written: &SharedLimits) -> Vec<Self> {
        let SharedLimits { replicas, cpu, memory, cost_per_hour } = *written;
        let limits = [
            (Resource::Replicas, replicas.map(u64::from)),
            (Resource::Cpu, cpu.map(Quantity::thousandths)),
            (Resource::Memory, memory.map(Quantity::units)),
            (Resource::Cost, cost_per_hour.map(|cost| Money::from_f64(cost).billionths())),
        ];
        limits.into_iter().filter_map(|(resource, amount)| Some(Self { resource, amount: amount? })).collect()
    }
}
