//! The shapes of `autoscaling/v2beta1`, and of the annotations in which `autoscaling/v1` kept the same.

use serde_json::{Map, Value, json};

/// Metrics of `v2beta1` in the shape of `v2`. What has that shape already stays as it is.
pub(super) fn metrics(metrics: Option<&Value>) -> Vec<Value> {
    metrics.and_then(Value::as_array).into_iter().flatten().map(modern).collect()
}

fn modern(metric: &Value) -> Value {
    let kind = metric.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let field = match kind.as_str() {
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        "Pods" => "pods",
        "Object" => "object",
        "External" => "external",
        _ => return metric.clone(),
    };
    let Some(old) = metric.get(field).and_then(Value::as_object) else { return metric.clone() };
    if old.contains_key("metric") || old.get("target").is_some_and(|target| target.get("type").is_some()) {
        return metric.clone();
    }
    let mut old = old.clone();
    let mut target = Map::new();
    let about = if field == "object" { old.remove("target") } else { None };
    for (name, modern) in [
        ("targetAverageUtilization", "averageUtilization"),
        ("targetAverageValue", "averageValue"),
        ("averageValue", "averageValue"),
        ("targetValue", "value"),
    ] {
        if let Some(value) = old.remove(name) {
            target.insert(modern.to_owned(), value);
        }
    }
    // Of an object's two targets the average one counts, and `v2beta1` asks for the other all the same.
    if target.contains_key("averageValue") && field == "object" {
        target.remove("value");
    }
    if let Some(name) = old.remove("metricName") {
        let selector = old.remove("selector").or_else(|| old.remove("metricSelector")).unwrap_or_default();
        old.insert("metric".to_owned(), json!({"name": name, "selector": selector}));
    }
    if let Some(about) = about {
        old.insert("describedObject".to_owned(), about);
    }
    old.insert("target".to_owned(), Value::Object(target));
    json!({ "type": kind, field: old })
}

/// The annotation with the behavior was written with Go's names: `ScaleDown`, `StabilizationWindowSeconds`.
pub(super) fn lower_camel(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (lowered(&name), lower_camel(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(lower_camel).collect()),
        other => other,
    }
}

fn lowered(name: &str) -> String {
    let mut signs = name.chars();
    signs.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + signs.as_str())
}
