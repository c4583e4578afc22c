//! `HorizontalPodAutoscaler`, `autoscaling/v1` to `v2`.

use std::collections::BTreeSet;

use super::document::Document;
use super::draft::Draft;
use super::fields::Fields;
use super::notes::About;
use super::promql::{Names, Resource};
use super::{behavior, legacy, metrics};
use crate::workload::{ObjectRef, Workload};

/// What the older versions have in annotations.
const LEGACY_METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const LEGACY_BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// The CPU that HPA holds against where nothing is said, in per cent.
const DEFAULT_CPU: f64 = 80.0;

/// Makes a rule of an HPA. `scaled_objects` are KEDA's objects in this import, whose HPAs are theirs.
pub(super) fn draft(
    document: &Document,
    names: &Names,
    notes: &About,
    scaled_objects: &BTreeSet<String>,
) -> Option<Draft> {
    if let Some(owner) = owner(document) {
        if !scaled_objects.contains(&owner) {
            notes.left_out(
                "metadata.ownerReferences",
                format!("it is made from {owner}, which says more; import that one instead"),
            );
        }
        return None;
    }
    let spec = Fields::new(document.object.get("spec"), "spec", notes);
    let mut draft = skeleton(document, &spec, notes)?;
    let queries = metrics::queries(document);
    match document.version() {
        "v1" => version_1(document, &spec, &mut draft, names, notes),
        "v2" | "v2beta2" => {
            for metric in spec.list("metrics") {
                metrics::add(&mut draft, &metric, names, &queries);
            }
        }
        "v2beta1" => {
            let modern = legacy::metrics(spec.get("metrics"));
            for (index, metric) in modern.iter().enumerate() {
                let fields = Fields::new(Some(metric), format!("spec.metrics[{index}]"), notes);
                metrics::add(&mut draft, &fields, names, &queries);
            }
        }
        other => {
            notes.left_out("apiVersion", format!("autoscaling/{other} is not known; known: v1, v2beta1, v2beta2, v2"));
            return None;
        }
    }
    draft.behavior = merged(draft.behavior, &spec);
    let has_metrics = ["metrics", "targetCPUUtilizationPercentage"].iter().any(|name| spec.get(name).is_some())
        || document.annotation(LEGACY_METRICS).is_some();
    if !has_metrics {
        add_cpu(&mut draft, names, DEFAULT_CPU);
    }
    spec.finish();
    whole(draft, notes)
}

/// A rule with target and bounds, and no metrics yet.
pub(super) fn skeleton(document: &Document, spec: &Fields<'_>, notes: &About) -> Option<Draft> {
    let target = target(&spec.at("scaleTargetRef"), document, notes)?;
    let min = spec.count("minReplicas").unwrap_or(1);
    let Some(max) = spec.count("maxReplicas") else {
        notes.left_out("spec.maxReplicas", "it is missing, and a rule needs it; set it and import again");
        return None;
    };
    let mut draft = Draft::new(document.id(), document.kind(), document.name(), target, min, max);
    draft.labels = labels(document);
    Some(draft)
}

/// What is scaled. HPA's `apiVersion` is kept only where the kind is not one of `apps/v1`, which is found without it.
pub(super) fn target(reference: &Fields<'_>, document: &Document, notes: &About) -> Option<Workload> {
    let kind = reference.text("kind").unwrap_or_else(|| "Deployment".to_owned());
    let api_version = reference.text("apiVersion").unwrap_or_default();
    let Some(name) = reference.text("name").filter(|name| !name.is_empty()) else {
        notes.left_out("spec.scaleTargetRef", "it names nothing to scale; set its name and import again");
        return None;
    };
    reference.finish();
    let found_without = matches!(api_version.as_str(), "" | "apps/v1");
    let api_version = if found_without { String::new() } else { api_version };
    Some(Workload::from(ObjectRef { api_version, kind, namespace: document.namespace().to_owned(), name }))
}

/// Labels by which decisions can be routed: those of the object that Prometheus could have too. What tools note about
/// their own objects has a `/` in its name.
pub(super) fn labels(document: &Document) -> Vec<(String, String)> {
    let labels = document.object.pointer("/metadata/labels").and_then(serde_json::Value::as_object);
    let valid = |name: &str| {
        !name.is_empty()
            && name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_')
            && !name.starts_with(|first: char| first.is_ascii_digit())
    };
    let pairs = labels.into_iter().flatten();
    pairs.filter_map(|(name, value)| valid(name).then(|| Some((name.clone(), value.as_str()?.to_owned())))?).collect()
}

/// A draft that has something to go by.
pub(super) fn whole(draft: Draft, notes: &About) -> Option<Draft> {
    if draft.metrics.is_empty() {
        notes.left_out("spec", "none of its metrics can be carried over, so there is no rule; write one by hand");
        return None;
    }
    Some(draft)
}

/// The behavior in the spec, where it has one.
fn merged(own: super::draft::Behavior, spec: &Fields<'_>) -> super::draft::Behavior {
    let fields = spec.at("behavior");
    if fields.is_given() { behavior::read(&fields) } else { own }
}

/// CPU, and what else is kept in annotations.
fn version_1(document: &Document, spec: &Fields<'_>, draft: &mut Draft, names: &Names, notes: &About) {
    if let Some(percent) = spec.number("targetCPUUtilizationPercentage").filter(|percent| *percent > 0.0) {
        add_cpu(draft, names, percent);
    }
    let queries = metrics::queries(document);
    let annotation = |name: &str| {
        let text = document.annotation(name)?;
        let path = format!("metadata.annotations[{name}]");
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(value) => Some((path, value)),
            Err(error) => {
                notes.left_out(&path, format!("not valid JSON: {error}"));
                None
            }
        }
    };
    if let Some((path, value)) = annotation(LEGACY_METRICS) {
        for (index, metric) in legacy::metrics(Some(&value)).iter().enumerate() {
            metrics::add(draft, &Fields::new(Some(metric), format!("{path}[{index}]"), notes), names, &queries);
        }
    }
    if let Some((path, value)) = annotation(LEGACY_BEHAVIOR) {
        let modern = legacy::lower_camel(value);
        draft.behavior = behavior::read(&Fields::new(Some(&modern), path, notes));
    }
}

fn add_cpu(draft: &mut Draft, names: &Names, percent: f64) {
    let target = metrics::ResourceTarget::Utilization(percent);
    let metric = metrics::resource_metric(draft, names, Resource::Cpu, None, target);
    draft.add(metric);
}

/// KEDA's object that an HPA was made from.
fn owner(document: &Document) -> Option<String> {
    let owners = document.object.pointer("/metadata/ownerReferences")?.as_array()?;
    let owner = owners.iter().find(|owner| owner.get("kind").is_some_and(|kind| kind == "ScaledObject"))?;
    Some(format!("ScaledObject {}/{}", document.namespace(), owner.get("name")?.as_str()?))
}
