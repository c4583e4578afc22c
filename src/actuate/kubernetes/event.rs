//! A Kubernetes Event for each change, so that `kubectl describe` tells who scaled and why.
//!
//! We write them ourselves: the client library's recorder folds what it takes for repeats into one Event with the
//! first one's note, but each of our changes has a reason of its own.

use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff;
use kube::core::ApiResource;

use crate::actuate::Action;
use crate::time::Timestamp;

/// The longest note that API servers take, in bytes.
const NOTE_BYTES_MAX: usize = 1024;
/// The longest instance name that they take, in bytes.
const INSTANCE_BYTES_MAX: usize = 128;

/// The Event that tells of an action on the object that `scale` belongs to.
pub(super) fn scaled(action: &Action, resource: &ApiResource, scale: &Scale, instance: &str, at: Timestamp) -> Event {
    let Action { workload, from, to, reason, .. } = action;
    Event {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", workload.name)),
            namespace: Some(workload.namespace.clone()),
            ..ObjectMeta::default()
        },
        regarding: Some(ObjectReference {
            api_version: Some(resource.api_version.clone()),
            kind: Some(resource.kind.clone()),
            namespace: Some(workload.namespace.clone()),
            name: Some(workload.name.clone()),
            uid: scale.metadata.uid.clone(),
            ..ObjectReference::default()
        }),
        event_time: jiff::Timestamp::from_millisecond(at.as_millis()).ok().map(MicroTime),
        type_: Some("Normal".to_owned()),
        reason: Some("Scaled".to_owned()),
        action: Some("Scale".to_owned()),
        note: Some(cut(&format!("{from} -> {to}: {reason}"), NOTE_BYTES_MAX).to_owned()),
        reporting_controller: Some("headroom.dev/headroom".to_owned()),
        reporting_instance: Some(cut(instance, INSTANCE_BYTES_MAX).to_owned()),
        ..Event::default()
    }
}

/// The longest beginning of a text that fits.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
