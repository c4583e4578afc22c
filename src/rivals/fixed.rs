//! A fixed count: no scaler at all.

use super::View;
use crate::time::Timestamp;
use crate::workload::Replicas;

/// Always the same count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Static {
    replicas: Replicas,
}

impl Static {
    #[must_use]
    pub fn new(replicas: Replicas) -> Self {
        Self { replicas }
    }

    pub(super) fn due(self) -> Timestamp {
        Timestamp::MAX
    }

    pub(super) fn decide(self, _now: Timestamp, _view: View) -> Replicas {
        self.replicas
    }
}
