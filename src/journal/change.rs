//! What is written: entries, and rows of the tables that hold the loop's memory.

use std::sync::Arc;

use serde::Serialize;

use super::entry::Entry;
use super::error::JournalError;

/// The tables of the loop's memory. Each holds values by a text key, JSON but for those of `Demand`: what a key is, the
/// writer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// What must be remembered between two decisions on a workload: stabilization windows, cooldown, holds, counts set
    /// by hand, what was learned of start-up times and of the load that a replica carries; by workload.
    Workloads,
    /// Silences, by their id.
    Silences,
    /// State of alert rules, so that `for` survives a restart; and alerts that others posted, where they may hold
    /// decisions back.
    Alerts,
    /// Groups of alerts and decisions: what was told when.
    Groups,
    /// Money spent, by workload or group and period.
    Spend,
    /// Shapes of demand that come again, by their id.
    Patterns,
    /// What predictors know, by workload and metric: their snapshots.
    Demand,
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 7] =
        [Self::Workloads, Self::Silences, Self::Alerts, Self::Groups, Self::Spend, Self::Patterns, Self::Demand];

    /// Its name in the file and in logs. A name that has been released stays.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Workloads => "workloads",
            Self::Silences => "silences",
            Self::Alerts => "alerts",
            Self::Groups => "groups",
            Self::Spend => "spend",
            Self::Patterns => "patterns",
            Self::Demand => "demand",
        }
    }
}

/// One change of a step; all changes of a step are written in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Inserts an entry, or puts it in the place of the one with its id.
    Entry(Arc<Entry>),
    /// Sets a row.
    Put { table: Table, key: String, value: Vec<u8> },
    /// Removes a row, where there is one.
    Delete { table: Table, key: String },
}

impl Change {
    /// Sets a row to a value's JSON. It must read back: JSON has no NaN and no infinity, and they become `null`.
    pub fn put(table: Table, key: impl Into<String>, value: &impl Serialize) -> Result<Self, JournalError> {
        let key = key.into();
        match serde_json::to_vec(value) {
            Ok(value) => Ok(Self::Put { table, key, value }),
            Err(source) => Err(JournalError::Encode { table: table.as_str(), key, source }),
        }
    }

    /// Removes a row, where there is one.
    pub fn delete(table: Table, key: impl Into<String>) -> Self {
        Self::Delete { table, key: key.into() }
    }
}
