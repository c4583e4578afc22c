//! A fixed count: no scaler at all.

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

    /// What it asks for.
    #[must_use]
    pub fn replicas(self) -> Replicas {
        self.replicas
    }
}
