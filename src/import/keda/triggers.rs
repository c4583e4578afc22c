//! KEDA's triggers: `prometheus`, `cron`, `cpu`, `memory`, and `predictkube`, which is a query too.

use super::hints;
use crate::import::draft::{Draft, Metric, Schedule, Wants};
use crate::import::fields::Fields;
use crate::import::metrics::{ResourceTarget, operand, resource_metric, usable};
use crate::import::predictive::{add_schedule, foresee};
use crate::import::promql::{Names, Resource, sanitized};
use crate::time::parse_duration;

/// A trigger that is a metric.
#[derive(Debug)]
pub(super) struct Trigger {
    /// As formulas call it.
    pub(super) name: Option<String>,
    /// Its value, for formulas.
    value: Option<String>,
    pub(super) metric: Metric,
    /// The pods that are ready, for values that are ratios.
    pub(super) ready: String,
}

impl Trigger {
    /// Name and expression, for a formula.
    pub(super) fn operand(&self) -> Option<(&str, &str)> {
        Some((self.name.as_deref()?, self.value.as_deref()?))
    }
}

/// Reads one trigger: into the draft where it is a schedule, else as a metric.
pub(super) fn read(draft: &mut Draft, fields: &Fields<'_>, index: usize, names: &Names) -> Option<Trigger> {
    let kind = fields.text("type").unwrap_or_default();
    let metadata = fields.at("metadata");
    // Who may ask for the value, and how often: nobody asks here.
    fields.pass_over(&["authenticationRef", "useCachedMetrics"]);
    let name = fields.text("name").filter(|name| !name.is_empty());
    let by_value = fields.text("metricType").is_some_and(|kind| kind == "Value");
    let metric = match kind.as_str() {
        "prometheus" => prometheus(&metadata, index, by_value.then(|| names.ready(&draft.target))),
        "predictkube" => predictkube(draft, &metadata, index),
        "cron" => {
            cron(draft, &metadata, name.as_deref());
            None
        }
        "cpu" | "memory" => resource(draft, fields, &metadata, &kind, names),
        other => {
            let (text, comment) = hints::about(other, &metadata);
            draft.comments.extend(comment);
            fields.leave_out_all(text);
            return None;
        }
    };
    metadata.finish();
    fields.finish();
    let (mut metric, value) = metric?;
    if let Some(name) = &name {
        metric.name = sanitized(name.trim());
    }
    Some(Trigger { name, value, metric, ready: names.ready(&draft.target) })
}

/// A metric, and its value where a formula may use it.
type Read = Option<(Metric, Option<String>)>;

fn prometheus(metadata: &Fields<'_>, index: usize, ratio_of: Option<String>) -> Read {
    // How the server is asked. Here it sends, so none of this is needed.
    metadata.pass_over(&[
        "serverAddress",
        "metricName",
        "namespace",
        "cortexOrgID",
        "customHeaders",
        "queryParameters",
        "unsafeSsl",
        "authModes",
        "timeout",
        "awsRegion",
    ]);
    let ignores_null = metadata.text("ignoreNullValues").is_none_or(|text| text == "true");
    let read = query(metadata, index, ratio_of)?;
    if ignores_null {
        metadata.changed(
            "ignoreNullValues",
            "KEDA takes an empty result for 0; here it holds the count. Where no series means no work, append \
             \"or vector(0)\" to the demand",
        );
    }
    Some(read)
}

fn predictkube(draft: &mut Draft, metadata: &Fields<'_>, index: usize) -> Read {
    metadata.pass_over(&[
        "prometheusAddress",
        "historyTimeWindow",
        "queryStep",
        "metricName",
        "unsafeSsl",
        "authModes",
    ]);
    let horizon = metadata.text("predictHorizon").and_then(|text| parse_duration(&text).ok());
    let read = query(metadata, index, None);
    foresee(draft, metadata, horizon.map_or(0, |horizon| horizon.as_secs()), None, "PredictKube");
    read
}

/// A query with a threshold.
fn query(metadata: &Fields<'_>, index: usize, ratio_of: Option<String>) -> Read {
    let query = metadata.text("query").filter(|query| !query.is_empty());
    let threshold = metadata.number("threshold").filter(|threshold| *threshold > 0.0);
    let activation = metadata.number("activationThreshold").filter(|activation| *activation != 0.0);
    let Some(query) = query else {
        metadata.leave_out_all("it has no query");
        return None;
    };
    let query = usable(metadata, &query)?;
    let Some(threshold) = threshold else {
        metadata.leave_out_all("it needs a threshold of more than zero: the work that one replica takes");
        return None;
    };
    let value = operand(&query);
    let (comments, demand) = match ratio_of {
        None => (Vec::new(), query),
        Some(ready) => {
            let comment = "A value for all pods together: its ratio to the pods that are ready, as HPA takes it.";
            (vec![comment.to_owned()], format!("{value} * {ready}"))
        }
    };
    let wants = Wants::Work { demand, per_replica: threshold };
    let metric = Metric { name: format!("trigger_{}", index + 1), comments, wants, activation };
    Some((metric, Some(value)))
}

/// A floor between two cron expressions.
fn cron(draft: &mut Draft, metadata: &Fields<'_>, name: Option<&str>) {
    let number = draft.schedules.len() + 1;
    let name = name.map_or_else(|| format!("cron_{number}"), str::to_owned);
    let timezone = metadata.text("timezone").filter(|zone| !zone.is_empty()).unwrap_or_else(|| "UTC".to_owned());
    match (metadata.text("start"), metadata.text("end"), metadata.count("desiredReplicas")) {
        // A floor above the maximum would be the maximum.
        (Some(start), Some(end), Some(min)) => {
            add_schedule(draft, metadata, Schedule { name, start, end, timezone, min: min.min(draft.max) });
        }
        _ => metadata.leave_out_all("a cron trigger needs start, end and desiredReplicas"),
    }
}

fn resource(draft: &Draft, fields: &Fields<'_>, metadata: &Fields<'_>, kind: &str, names: &Names) -> Read {
    let resource = Resource::parse(kind)?;
    // Older objects have it in the metadata.
    let older = metadata.text("type");
    let how = fields.text("metricType").or(older).unwrap_or_else(|| "Utilization".to_owned());
    let container = metadata.text("containerName");
    // A cpu trigger is never inactive but for this; the count there is no demand but a rate of use.
    metadata.pass_over(&["activationValue"]);
    let Some(value) = metadata.number("value").filter(|value| *value > 0.0) else {
        metadata.leave_out_all("it needs a value of more than zero");
        return None;
    };
    let target = match how.as_str() {
        "Utilization" => ResourceTarget::Utilization(value),
        "AverageValue" => ResourceTarget::Average(value),
        other => {
            metadata.leave_out_all(format!("\"{other}\" is no type of this trigger; use Utilization or AverageValue"));
            return None;
        }
    };
    let metric = resource_metric(draft, names, resource, container.as_deref(), target);
    let value = match &metric.wants {
        Wants::Work { demand, .. } => Some(demand.clone()),
        Wants::Pods { .. } | Wants::Replicas(_) => None,
    };
    Some((metric, value))
}
