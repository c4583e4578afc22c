//! What is scaled: a Kubernetes object with a scale subresource, and how many replicas it has.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

/// A count of replicas (pods).
pub type Replicas = u32;

/// One scaled object. It is written `namespace/name` where the kind is a Deployment, else `Kind/namespace/name`.
///
/// A clone shares the names. Equality and order look at a fingerprint first, one number, for every map of the loop is
/// keyed by workloads; so the order is the same on every machine, but not the one that people expect in a list, which
/// is that of [`ObjectRef`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "ObjectRef", into = "ObjectRef")]
pub struct Workload {
    fingerprint: u64,
    object: Arc<ObjectRef>,
}

/// The names of a Kubernetes object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    pub namespace: String,
    pub name: String,
    /// As in Kubernetes: `Deployment`, `StatefulSet`, or any kind with a scale subresource.
    pub kind: String,
    /// As in Kubernetes: `apps/v1`. Empty means: whichever served version has this kind.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_version: String,
}

impl From<ObjectRef> for Workload {
    fn from(object: ObjectRef) -> Self {
        let ObjectRef { namespace, name, kind, api_version } = &object;
        let mut hasher = Xxh3Default::new();
        for part in [namespace, name, kind, api_version] {
            hasher.update(part.as_bytes());
            // A byte that is in no text keeps the parts apart.
            hasher.update(&[0xff]);
        }
        Self { fingerprint: hasher.digest(), object: Arc::new(object) }
    }
}

impl From<Workload> for ObjectRef {
    fn from(workload: Workload) -> Self {
        Arc::unwrap_or_clone(workload.object)
    }
}

impl Deref for Workload {
    type Target = ObjectRef;

    fn deref(&self) -> &ObjectRef {
        &self.object
    }
}

impl PartialEq for Workload {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Workload {}

impl PartialOrd for Workload {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Workload {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_names =
            || if Arc::ptr_eq(&self.object, &other.object) { Ordering::Equal } else { self.object.cmp(&other.object) };
        self.fingerprint.cmp(&other.fingerprint).then_with(by_names)
    }
}

impl Hash for Workload {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.fingerprint.hash(state);
    }
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
