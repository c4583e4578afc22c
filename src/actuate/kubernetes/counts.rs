//! How many replicas an object has: from the object itself, or from its scale subresource.

use k8s_openapi::api::autoscaling::v1::Scale;
use kube::core::{ApiResource, DynamicObject};

use crate::actuate::Status;
use crate::workload::Replicas;

/// What a watched object says of itself. Little is kept: a namespace may hold thousands of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    /// `spec.replicas`.
    pub(super) wanted: Option<Replicas>,
    /// `status.readyReplicas`, which API servers leave out where it is 0.
    pub(super) ready: Option<Replicas>,
}

impl Counts {
    pub(super) fn of(object: &DynamicObject) -> Self {
        let count = |path: &str| object.data.pointer(path)?.as_u64()?.try_into().ok();
        Self { wanted: count("/spec/replicas"), ready: count("/status/readyReplicas") }
    }

    /// The status of an object whose fields are known to mean what their names say.
    pub(super) fn status(self) -> Status {
        match self.wanted {
            Some(replicas) => Status::found(replicas, self.ready.unwrap_or(0)),
            None => Status::Unknown("its spec.replicas is not a count".to_owned()),
        }
    }

    /// The status of any object: what is wanted stands in the scale subresource. Ready pods are the object's own
    /// where it counts them; else all pods that it has are taken as ready.
    pub(super) fn status_with(self, scale: &Scale) -> Status {
        let existing = || Replicas::try_from(scale.status.as_ref().map_or(0, |status| status.replicas)).unwrap_or(0);
        match wanted(scale) {
            Some(replicas) => Status::found(replicas, self.ready.unwrap_or_else(existing)),
            None => Status::Unknown("its scale subresource asks for a negative count".to_owned()),
        }
    }
}

/// What a scale subresource asks for: zero is left out on the wire. `None` for a negative count.
pub(super) fn wanted(scale: &Scale) -> Option<Replicas> {
    scale.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(0).try_into().ok()
}

/// Whether objects of this kind carry `spec.replicas` and `status.readyReplicas` by Kubernetes' own definition;
/// custom kinds may keep their counts under any path.
pub(super) fn counts_itself(resource: &ApiResource) -> bool {
    match resource.group.as_str() {
        "apps" => matches!(resource.kind.as_str(), "Deployment" | "StatefulSet" | "ReplicaSet"),
        "" => resource.kind == "ReplicationController",
        _ => false,
    }
}
