//! HPA's metrics, as `autoscaling/v2` has them.

use std::collections::BTreeMap;

use super::document::Document;
use super::draft::{Draft, Metric, PodTarget, Wants};
use super::fields::Fields;
use super::promql::{Names, Resource, equal, sanitized, text};
use crate::promql::Plan;

/// Expressions that annotations give for metrics, by the metric's name: adapters and Crane read them so.
pub(super) type Queries = BTreeMap<String, String>;

/// The expressions that an object's annotations give. Kube-metrics-adapter: `metric-config.KIND.NAME.prometheus/query`;
/// Crane: `metric-query.autoscaling.crane.io/KIND.NAME`.
pub(super) fn queries(document: &Document) -> Queries {
    let adapter = document.annotations("metric-config.").filter_map(|(name, query)| {
        let name = name.strip_suffix("/query")?.strip_suffix(".prometheus")?;
        Some((name.split_once('.')?.1.to_owned(), query.to_owned()))
    });
    let crane = document
        .annotations("metric-query.autoscaling.crane.io/")
        .filter_map(|(name, query)| Some((name.split_once('.')?.1.to_owned(), query.to_owned())));
    adapter.chain(crane).collect()
}

/// Adds one metric of an HPA to a draft, or says why that can't be.
pub(super) fn add(draft: &mut Draft, fields: &Fields<'_>, names: &Names, queries: &Queries) {
    let kind = fields.text("type").unwrap_or_default();
    let metric = match kind.as_str() {
        "Resource" => resource(draft, &fields.at("resource"), names),
        "ContainerResource" => resource(draft, &fields.at("containerResource"), names),
        "Pods" => pods(draft, &fields.at("pods"), names, queries),
        "Object" => object(draft, &fields.at("object"), names, queries),
        "External" => external(draft, &fields.at("external"), names, queries),
        other => {
            fields.leave_out_all(format!("\"{other}\" is no type of metric that is known here"));
            return;
        }
    };
    fields.finish();
    if let Some(metric) = metric {
        draft.add(metric);
    }
}

/// What a metric is held against: `spec.metrics[].*.target`.
#[derive(Debug, Clone, Copy)]
enum Target {
    /// Per cent of what a pod requests.
    Utilization(f64),
    /// So much for each pod.
    Average(f64),
    /// So much for all: a ratio to it scales the pods that there are.
    Value(f64),
}

fn target(fields: &Fields<'_>) -> Option<Target> {
    let target = fields.at("target");
    target.pass_over(&["type"]);
    let given = [
        target.number("averageUtilization").map(Target::Utilization),
        target.number("averageValue").map(Target::Average),
        target.number("value").map(Target::Value),
    ];
    target.finish();
    let found = given.into_iter().flatten().next();
    match found {
        Some(Target::Utilization(number) | Target::Average(number) | Target::Value(number)) if number <= 0.0 => {
            fields.leave_out_all(format!("a target of {number} asks for no count; it must be more than zero"));
            None
        }
        None => {
            fields.leave_out_all("it has no target; give it averageUtilization, averageValue or value");
            None
        }
        found => found,
    }
}

/// `Resource` and `ContainerResource`.
fn resource(draft: &Draft, fields: &Fields<'_>, names: &Names) -> Option<Metric> {
    let name = fields.text("name").unwrap_or_default();
    let container = fields.text("container");
    let target = target(fields);
    fields.finish();
    let Some(resource) = Resource::parse(&name) else {
        fields.leave_out_all(format!(
            "no usual series tells what pods use of \"{name}\"; add a metric with the PromQL that your cluster has for it"
        ));
        return None;
    };
    Some(resource_metric(draft, names, resource, container.as_deref(), target?.into_resource()))
}

/// What a resource is held against.
#[derive(Debug, Clone, Copy)]
pub(super) enum ResourceTarget {
    Utilization(f64),
    Average(f64),
}

impl Target {
    /// HPA refuses a plain value for resources.
    fn into_resource(self) -> ResourceTarget {
        match self {
            Self::Utilization(percent) => ResourceTarget::Utilization(percent),
            Self::Average(value) | Self::Value(value) => ResourceTarget::Average(value),
        }
    }
}

/// A metric over what the pods use, in cores or bytes.
pub(super) fn resource_metric(
    draft: &Draft,
    names: &Names,
    resource: Resource,
    container: Option<&str>,
    target: ResourceTarget,
) -> Metric {
    let of = container.map(|container| format!(" of container {container}")).unwrap_or_default();
    let usage = names.usage(&draft.target, resource, container);
    let (comment, per_pod, target) = match target {
        ResourceTarget::Utilization(percent) => (
            format!("{percent}% of the {resource}{of} that a pod requests.", resource = resource.as_str()),
            format!("{usage} / on (pod) {}", names.request(&draft.target, resource, container)),
            PodTarget::Utilization(percent / 100.0),
        ),
        ResourceTarget::Average(value) => {
            (format!("So much {}{of} for each pod.", resource.as_str()), usage, PodTarget::Average(value))
        }
    };
    // What a pod uses of the CPU tells of its start while it is not ready; HPA asks for no other resource.
    let ready = matches!(resource, Resource::Cpu).then(|| names.pods_ready(&draft.target));
    let name = container.map_or_else(|| resource.as_str().to_owned(), |c| format!("{}_{}", resource.as_str(), c));
    let (name, comments) = (sanitized(&name), vec![comment]);
    Metric { name, comments, wants: Wants::Pods { per_pod, ready, target }, activation: None }
}

fn pods(draft: &Draft, fields: &Fields<'_>, names: &Names, queries: &Queries) -> Option<Metric> {
    let (name, matchers) = metric_name(fields, names.pods_of(&draft.target));
    let target = target(fields);
    fields.finish();
    let series = Series { name, matchers, given: None };
    of_each_pod(fields, names, queries, &series, target?)
}

fn object(draft: &Draft, fields: &Fields<'_>, names: &Names, queries: &Queries) -> Option<Metric> {
    let described = fields.at("describedObject");
    described.pass_over(&["apiVersion"]);
    let (kind, object) = (described.text("kind")?, described.text("name")?);
    described.finish();
    // As the adapter for Prometheus has it: the object's name stands in a label called like its kind.
    let about = vec![names.namespace_is(&draft.target.namespace), equal(&sanitized(&kind.to_lowercase()), &object)];
    let (name, matchers) = metric_name(fields, about);
    let target = target(fields);
    fields.finish();
    let series = Series { name, matchers, given: None };
    finished(draft, fields, names, queries, series, target?)
}

fn external(draft: &Draft, fields: &Fields<'_>, names: &Names, queries: &Queries) -> Option<Metric> {
    let (name, matchers) = metric_name(fields, Vec::new());
    let target = target(fields);
    fields.finish();
    let series = Series { name, matchers, given: None };
    finished(draft, fields, names, queries, series, target?)
}

/// Which series a metric reads.
struct Series {
    name: String,
    matchers: Vec<String>,
    /// The expression that somebody has given for it.
    given: Option<String>,
}

/// The name and the selector under `metric`, after the matchers that the metric's type brings.
fn metric_name(fields: &Fields<'_>, mut matchers: Vec<String>) -> (String, Vec<String>) {
    let metric = fields.at("metric");
    let name = metric.text("name").unwrap_or_default();
    let selector = metric.at("selector");
    matchers.extend(selector.pairs("matchLabels").into_iter().map(|(name, value)| equal(&sanitized(name), value)));
    for expression in selector.list("matchExpressions") {
        let key = sanitized(&expression.text("key").unwrap_or_default());
        let values = expression.get("values").and_then(serde_json::Value::as_array).into_iter().flatten();
        let values: Vec<String> = values.filter_map(|value| Some(escaped(value.as_str()?))).collect();
        let any = text(&values.join("|"));
        match expression.text("operator").unwrap_or_default().as_str() {
            "In" => matchers.push(format!("{key}=~{any}")),
            "NotIn" => matchers.push(format!("{key}!~{any}")),
            "Exists" => matchers.push(format!("{key}!=\"\"")),
            "DoesNotExist" => matchers.push(format!("{key}=\"\"")),
            other => expression.leave_out_all(format!("\"{other}\" is no operator of a selector")),
        }
        expression.finish();
    }
    selector.finish();
    metric.finish();
    (name, matchers)
}

/// A text as a regular expression that matches just it.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, sign| {
        if sign.is_ascii_punctuation() && !matches!(sign, '-' | '_' | '/' | ':' | ',') {
            escaped.push('\\');
        }
        escaped.push(sign);
        escaped
    })
}

impl Series {
    /// The series of Prometheus that the metric is taken for.
    fn selector(&self, fields: &Fields<'_>, names: &Names) -> String {
        fields.changed(
            "metric",
            format!(
                "\"{}\" is a name of the metrics API; it is taken for a series of Prometheus. Where an adapter \
                     makes it from other series, put the adapter's expression in its place",
                self.name
            ),
        );
        names.selector(&sanitized(&self.name), &self.matchers)
    }
}

/// A metric that each pod has its own value of.
fn of_each_pod(
    fields: &Fields<'_>,
    names: &Names,
    queries: &Queries,
    series: &Series,
    target: Target,
) -> Option<Metric> {
    if series.name.is_empty() {
        fields.leave_out_all("the metric has no name");
        return None;
    }
    let (Target::Average(value) | Target::Value(value)) = target else {
        fields.leave_out_all("averageUtilization is for resources only; give it averageValue");
        return None;
    };
    let name = sanitized(&series.name);
    let wants = match queries.get(&series.name) {
        // What an annotation gives is one value for all.
        Some(query) => Wants::Work { demand: usable(fields, query)?, per_replica: value },
        None => Wants::Pods {
            per_pod: names.by_pod("sum", &series.selector(fields, names)),
            ready: None,
            target: PodTarget::Average(value),
        },
    };
    Some(Metric { name, comments: Vec::new(), wants, activation: None })
}

/// Puts name, series and target together.
fn finished(
    draft: &Draft,
    fields: &Fields<'_>,
    names: &Names,
    queries: &Queries,
    mut series: Series,
    target: Target,
) -> Option<Metric> {
    if series.name.is_empty() {
        fields.leave_out_all("the metric has no name");
        return None;
    }
    series.given = queries.get(&series.name).cloned();
    let sum = if let Some(query) = &series.given {
        usable(fields, query)?
    } else {
        format!("sum({})", series.selector(fields, names))
    };
    let (comments, demand, per_replica) = match target {
        Target::Average(value) => (Vec::new(), sum, value),
        Target::Value(value) => {
            let comment = "A target for all pods together: its ratio to the pods that are ready, as HPA takes it.";
            (vec![comment.to_owned()], format!("{} * {}", operand(&sum), names.ready(&draft.target)), value)
        }
        Target::Utilization(_) => {
            fields.leave_out_all("averageUtilization is for resources only; give it averageValue");
            return None;
        }
    };
    let name = sanitized(&series.name);
    Some(Metric { name, comments, wants: Wants::Work { demand, per_replica }, activation: None })
}

/// An expression that can be evaluated here; else it is left out, with the reason.
pub(super) fn usable(fields: &Fields<'_>, query: &str) -> Option<String> {
    let query = one_line(query);
    match Plan::compile(&query) {
        Ok(_) => Some(query),
        Err(error) => {
            fields.leave_out_all(format!("its query can't be used here: {error}; write it in another way: {query}"));
            None
        }
    }
}

/// An expression in one line, without its comments, so that it can be a part of another one.
fn one_line(query: &str) -> String {
    let mut line = String::with_capacity(query.len());
    let mut quote = None;
    let mut signs = query.trim().chars().peekable();
    while let Some(sign) = signs.next() {
        match (quote, sign) {
            (None, '#') => while signs.next_if(|sign| *sign != '\n').is_some() {},
            (None, sign) if sign.is_whitespace() => {
                if !line.ends_with(' ') {
                    line.push(' ');
                }
            }
            (None, '"' | '\'' | '`') => {
                quote = Some(sign);
                line.push(sign);
            }
            (Some(open), sign) => {
                line.push(sign);
                if sign == '\\' && open != '`' {
                    line.extend(signs.next());
                } else if sign == open {
                    quote = None;
                }
            }
            (None, sign) => line.push(sign),
        }
    }
    line.trim().to_owned()
}

/// An expression as one side of an operator, whatever labels its only series has.
pub(super) fn operand(expr: &str) -> String {
    if expr.starts_with("sum(") && closes_at_end(expr) { expr.to_owned() } else { format!("sum({expr})") }
}

/// Whether the first parenthesis closes with the last sign, so that the whole is one call.
fn closes_at_end(expr: &str) -> bool {
    let mut depth = 0_u32;
    let mut quote = None;
    let mut signs = expr.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '\\' if quote.is_some_and(|open| open != '`') => _ = signs.next(),
            sign if quote == Some(sign) => quote = None,
            '"' | '\'' | '`' if quote.is_none() => quote = Some(sign),
            '(' if quote.is_none() => depth += 1,
            ')' if quote.is_none() => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1 == expr.len();
                }
            }
            _ => {}
        }
    }
    false
}
