//! What is scaled: a Kubernetes object with a scale subresource, and how many replicas it has.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A count of replicas (pods).
pub type Replicas = u32;

/// One scaled object. It is written `namespace/name` where the kind is a Deployment, else `Kind/namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// As in Kubernetes: `apps/v1`. Empty means: whichever served version has this kind.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// As in Kubernetes: `Deployment`, `StatefulSet`, or any kind with a scale subresource.
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind != "Deployment" {
            write!(f, "{}/", self.kind)?;
        }
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Pods that will not become ready by waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Trouble {
    /// A container of theirs waits in `CrashLoopBackOff`.
    pub crash_looping: Replicas,
    /// Their condition `PodScheduled` is false for the reason `Unschedulable`.
    pub unschedulable: Replicas,
}

impl Trouble {
    /// How many pods are in trouble.
    #[must_use]
    pub fn pods(self) -> Replicas {
        self.crash_looping.saturating_add(self.unschedulable)
    }
}
