//! An alert, as Alertmanager knows it.

use std::collections::BTreeMap;

use crate::labels::Labels;
use crate::time::Timestamp;

/// An alert, as Alertmanager knows it: its labels are what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    pub labels: Labels,
    pub annotations: BTreeMap<String, String>,
    pub starts_at: Timestamp,
    /// When it ended, or when it counts as ended if nothing more is heard of it.
    pub ends_at: Timestamp,
    pub updated_at: Timestamp,
    /// Where the alert can be looked at.
    pub generator_url: String,
}

impl Alert {
    /// Whether it has ended at `now`.
    #[must_use]
    pub fn is_resolved(&self, now: Timestamp) -> bool {
        self.ends_at <= now
    }

    /// Alertmanager's fingerprint: FNV-1a (64 bits) over names and values, each followed by the byte 255.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        let bytes =
            self.labels.iter().flat_map(|(name, value)| [name, value]).flat_map(|text| text.bytes().chain([255]));
        bytes.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
    }
}

/// Whether receivers are told of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlertState {
    /// Not routed yet.
    Unprocessed,
    Active,
    /// Silenced, inhibited or muted by a time interval.
    Suppressed,
}

/// What dispatch makes of an alert; the same words as in Alertmanager's API.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertStatus {
    pub state: AlertState,
    /// Ids of silences.
    pub silenced_by: Vec<String>,
    /// Fingerprints of alerts.
    pub inhibited_by: Vec<u64>,
    /// Names of time intervals.
    pub muted_by: Vec<String>,
    /// Names of the receivers that its routes lead to.
    pub receivers: Vec<String>,
}

/// Alerts that a receiver is told of together.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertGroup {
    /// What they have in common: those of `group_by`.
    pub labels: Labels,
    /// The receiver's name.
    pub receiver: String,
    /// Names of the time intervals that mute the group.
    pub muted_by: Vec<String>,
    /// Fingerprints of its alerts.
    pub alerts: Vec<u64>,
}
