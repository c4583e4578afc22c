//! Finds the objects in a text of YAML or JSON documents.

use serde_json::Value;

/// One object, and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// For people: `hpa.yaml, document 2`.
    pub origin: String,
    pub object: Value,
}

/// Reads a text of one or more documents; `name` is the file's. Lists, as `kubectl get -o yaml` prints them, are taken
/// apart. The error says where the text is no YAML.
pub fn documents(name: &str, text: &str) -> Result<Vec<Document>, String> {
    let values: Vec<Value> = serde_yaml::from_multiple_with_options(text, options())
        .map_err(|error| format!("{name}: not valid YAML: {}", error.without_snippet()))?;
    let several = values.len() > 1;
    let mut found = Vec::new();
    for (index, value) in values.into_iter().enumerate() {
        let origin = if several { format!("{name}, document {}", index + 1) } else { name.to_owned() };
        collect(origin, value, &mut found);
    }
    Ok(found)
}

/// A whole cluster's objects may stand in one text; what aliases add stays small.
fn options() -> serde_yaml::Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! { max_nodes: 2_000_000, max_events: 5_000_000 },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: 100_000 },
        strict_booleans: true,
        with_snippet: false,
    }
}

/// An object, or the items of a list.
fn collect(origin: String, mut value: Value, found: &mut Vec<Document>) {
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(Value::Array(items)) = value.get_mut("items").filter(|_| kind.ends_with("List")).map(Value::take) else {
        if !value.is_null() {
            found.push(Document { origin, object: value });
        }
        return;
    };
    // An API server leaves out what the list says already.
    let item_kind = kind.strip_suffix("List").filter(|kind| !kind.is_empty()).map(str::to_owned);
    let api_version = value.get("apiVersion").cloned();
    for (index, mut item) in items.into_iter().enumerate() {
        if let (Some(kind), Some(fields)) = (&item_kind, item.as_object_mut()) {
            fields.entry("kind").or_insert_with(|| Value::from(kind.as_str()));
            fields.entry("apiVersion").or_insert_with(|| api_version.clone().unwrap_or_default());
        }
        found.push(Document { origin: format!("{origin}, item {}", index + 1), object: item });
    }
}

impl Document {
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// `autoscaling` of `autoscaling/v2`.
    pub(super) fn group(&self) -> &str {
        self.text("/apiVersion").split_once('/').map_or("", |(group, _)| group)
    }

    /// `v2` of `autoscaling/v2`.
    pub(super) fn version(&self) -> &str {
        self.text("/apiVersion").split_once('/').map_or("", |(_, version)| version)
    }

    /// Where nothing is written, `kubectl apply` takes its context's namespace, which most often is this.
    pub(super) fn namespace(&self) -> &str {
        match self.text("/metadata/namespace") {
            "" => "default",
            namespace => namespace,
        }
    }

    pub(super) fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// `HorizontalPodAutoscaler shop/checkout`
    pub(super) fn id(&self) -> String {
        format!("{} {}/{}", self.kind(), self.namespace(), self.name())
    }

    /// An annotation's text.
    pub(super) fn annotation(&self, name: &str) -> Option<&str> {
        self.object.get("metadata")?.get("annotations")?.get(name)?.as_str()
    }

    /// Annotations whose name begins so, without that beginning.
    pub(super) fn annotations<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let all = self.object.pointer("/metadata/annotations").and_then(Value::as_object).into_iter().flatten();
        all.filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str()?)))
    }
}
