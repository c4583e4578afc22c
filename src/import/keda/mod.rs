//! KEDA's `ScaledObject` (`keda.sh/v1alpha1`).
//!
//! See <https://keda.sh/docs/latest/reference/scaledobject-spec/>.

mod formula;
mod hints;
mod triggers;

use std::collections::BTreeMap;
use std::time::Duration;

use super::document::Document;
use super::draft::{Draft, Fallback, Metric, Pause, Wants};
use super::fields::Fields;
use super::notes::About;
use super::promql::Names;
use super::{behavior, hpa};
use triggers::Trigger;

const COOLDOWN_SECONDS: u32 = 300;
const MAX_REPLICAS: u32 = 100;

/// Makes a rule of a `ScaledObject`.
pub(super) fn draft(document: &Document, names: &Names, notes: &About) -> Option<Draft> {
    let spec = Fields::new(document.object.get("spec"), "spec", notes);
    let reference = spec.at("scaleTargetRef");
    // Where the credentials of triggers come from, which ask nobody here.
    reference.pass_over(&["envSourceContainerName"]);
    let target = hpa::target(&reference, document, notes)?;
    let min = spec.count("minReplicaCount").unwrap_or(0);
    let max = spec.count("maxReplicaCount").unwrap_or(MAX_REPLICAS);
    let mut draft = Draft::new(document.id(), document.kind(), document.name(), target, min, max);
    draft.labels = hpa::labels(document);
    pause(document, &mut draft);

    // Samples come by themselves: there is nothing to poll.
    spec.count("pollingInterval");
    draft.fallback = fallback(&spec.at("fallback"));
    let triggers: Vec<Trigger> = spec
        .list("triggers")
        .iter()
        .enumerate()
        .filter_map(|(index, trigger)| triggers::read(&mut draft, trigger, index, names))
        .collect();
    let advanced = spec.at("advanced");
    modify_or_add(&mut draft, &advanced.at("scalingModifiers"), triggers);
    let config = advanced.at("horizontalPodAutoscalerConfig");
    // The name of the HPA that KEDA makes: none is made here.
    config.pass_over(&["name"]);
    let fields = config.at("behavior");
    if fields.is_given() {
        let closed = (draft.behavior.up.select_policy.take(), draft.behavior.down.select_policy.take());
        draft.behavior = behavior::read(&fields);
        draft.behavior.up.select_policy = closed.0.or(draft.behavior.up.select_policy.take());
        draft.behavior.down.select_policy = closed.1.or(draft.behavior.down.select_policy.take());
    }
    config.finish();
    if advanced.is_on("restoreToOriginalReplicaCount") {
        advanced.leave_out(
            "restoreToOriginalReplicaCount",
            "a workload whose rule is removed keeps the count that it has; scale it by hand then",
        );
    }
    advanced.finish();
    idle(&mut draft, &spec);
    cooldowns(&mut draft, &spec);
    spec.finish();
    only_schedules(&mut draft);
    hpa::whole(draft, notes)
}

/// Annotations that hold an object still.
fn pause(document: &Document, draft: &mut Draft) {
    let annotation = |name: &str| document.annotation(&format!("autoscaling.keda.sh/{name}")).map(str::trim);
    let at = annotation("paused-replicas").and_then(|count| count.parse().ok());
    if at.is_some() || annotation("paused").is_some_and(|paused| paused == "true") {
        let name = if at.is_some() { "paused-replicas" } else { "paused" };
        draft.pause = Some(Pause { at, reason: format!("annotation autoscaling.keda.sh/{name}") });
    }
    let closed = |name: &str| annotation(name).is_some_and(|paused| paused == "true").then(|| "Disabled".to_owned());
    draft.behavior.down.select_policy = closed("paused-scale-in");
    draft.behavior.up.select_policy = closed("paused-scale-out");
}

/// What holds while triggers fail.
fn fallback(fields: &Fields<'_>) -> Option<Fallback> {
    if !fields.is_given() {
        return None;
    }
    let failures = fields.count("failureThreshold").unwrap_or(3);
    let replicas = fields.count("replicas");
    let behavior = match fields.text("behavior").as_deref() {
        None | Some("static") => "static",
        Some("currentReplicas") => "current",
        Some("currentReplicasIfHigher") => "current_if_higher",
        Some("currentReplicasIfLower") => "current_if_lower",
        Some(other) => {
            fields.leave_out_all(format!("\"{other}\" is no behavior that is known here"));
            return None;
        }
    };
    fields.finish();
    let Some(replicas) = replicas else {
        fields.leave_out_all("a fallback needs replicas");
        return None;
    };
    Some(Fallback { after: failures.max(1), replicas, behavior })
}

/// Each trigger is a metric of its own; a formula makes one of them all.
fn modify_or_add(draft: &mut Draft, modifiers: &Fields<'_>, triggers: Vec<Trigger>) {
    let Some(text) = modifiers.text("formula").filter(|text| !text.is_empty()) else {
        modifiers.finish();
        for trigger in triggers {
            draft.add(trigger.metric);
        }
        return;
    };
    let operands: BTreeMap<&str, &str> = triggers.iter().filter_map(Trigger::operand).collect();
    let target = modifiers.number("target").filter(|target| *target > 0.0);
    let activation = modifiers.number("activationTarget");
    let by_value = modifiers.text("metricType").is_some_and(|kind| kind == "Value");
    modifiers.finish();
    match (formula::to_promql(&text, &operands), target) {
        (Ok(demand), Some(target)) => {
            let demand = match (by_value, triggers.first()) {
                (true, Some(trigger)) => format!("({demand}) * {}", trigger.ready),
                _ => demand,
            };
            draft.add(Metric {
                name: "formula".to_owned(),
                comments: vec![format!("formula: {text}")],
                wants: Wants::Work { demand, per_replica: target },
                activation,
            });
        }
        (Err(problem), _) => {
            modifiers.leave_out_all(format!("the formula \"{text}\" can't be carried over: {problem}"));
        }
        (Ok(_), None) => modifiers.leave_out_all("a formula needs a target of more than zero"),
    }
    // Triggers without a name have no part in the formula, and stand for themselves.
    for trigger in triggers.into_iter().filter(|trigger| trigger.name.is_none()) {
        draft.add(trigger.metric);
    }
}

/// `idleReplicaCount`: none while nothing is active, at least the minimum while something is.
fn idle(draft: &mut Draft, spec: &Fields<'_>) {
    let Some(idle) = spec.count("idleReplicaCount").filter(|idle| *idle < draft.min) else { return };
    let min = draft.min;
    draft.min = idle;
    let active = draft.metrics.iter().find_map(|metric| match &metric.wants {
        Wants::Work { demand, .. } => Some((demand.clone(), metric.activation.unwrap_or(0.0))),
        Wants::Pods { .. } | Wants::Replicas(_) => None,
    });
    let Some((demand, activation)) = active else {
        spec.leave_out("idleReplicaCount", "no trigger says when the workload is idle; set replicas.min by hand");
        return;
    };
    draft.add(Metric {
        name: "floor_while_active".to_owned(),
        comments: vec![format!("idleReplicaCount {idle}: at least {min} while there is anything to do, else {idle}.")],
        wants: Wants::Replicas(format!("{min} * (({demand}) > bool {activation})")),
        activation: None,
    });
    if draft.metrics.len() > 2 {
        spec.changed(
            "idleReplicaCount",
            "the first trigger alone says whether the workload is idle; correct floor_while_active",
        );
    }
}

/// KEDA's cooldown is for the step to zero alone.
fn cooldowns(draft: &mut Draft, spec: &Fields<'_>) {
    let cooldown = spec.count("cooldownPeriod");
    let initial = spec.count("initialCooldownPeriod").filter(|seconds| *seconds > 0);
    if draft.min == 0 {
        let seconds = cooldown.unwrap_or(COOLDOWN_SECONDS);
        draft.cooldown = (seconds > 0).then(|| Duration::from_secs(seconds.into()));
        draft.initial_cooldown = initial.map(|seconds| Duration::from_secs(seconds.into()));
    }
    if draft.cooldown.is_some() && draft.max > 1 {
        spec.changed(
            "cooldownPeriod",
            "KEDA waits so long before the step to zero only, and after activity; here it is before every step down, \
             and after the last change",
        );
    }
}

/// A rule needs something to go by, also where it follows the clock alone.
fn only_schedules(draft: &mut Draft) {
    if draft.metrics.is_empty() && !draft.schedules.is_empty() {
        draft.add(Metric {
            name: "none".to_owned(),
            comments: vec!["Nothing but the clock asks for replicas.".to_owned()],
            wants: Wants::Work { demand: "vector(0)".to_owned(), per_replica: 1.0 },
            activation: None,
        });
    }
}
