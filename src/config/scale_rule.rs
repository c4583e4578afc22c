//! A scale rule as written.

use std::time::Duration;

use super::alert_rule::{Templated, templated};
use super::behavior::Behavior;
use super::economy::Economy;
use super::forecast::Forecast;
use super::reader::{Fields, Reader};
use super::rule_file::{Pair, pairs};
use super::scalar::{At, Read, word};
use super::schedule::{Event, Schedule};
use super::tree::{Kind, Node};

/// What is scaled, within which bounds, by which metrics, how fast.
#[derive(Debug, Clone, PartialEq)]
pub struct ScaleRule {
    pub scale: At<String>,
    pub mode: Mode,
    /// Whose counts are shown beside the rule's own.
    pub compare: Vec<At<Rival>>,
    pub target: Target,
    pub replicas: Bounds,
    pub metrics: At<Vec<Metric>>,
    pub forecast: Option<Forecast>,
    /// An expression over the metrics' names; the largest wish where there is none.
    pub combine: Option<At<String>>,
    pub behavior: Behavior,
    pub cooldown: Duration,
    pub initial_cooldown: Duration,
    /// Changes of so many replicas or fewer are not made.
    pub dead_band: u32,
    pub fallback: Option<Fallback>,
    pub pause: Option<Pause>,
    pub flaps: Option<Flaps>,
    pub objective: Option<Objective>,
    pub schedules: Vec<Schedule>,
    pub events: Vec<Event>,
    pub economy: Economy,
    /// In a group's batch, lower ones go up first and down last.
    pub order: i32,
    pub labels: Vec<Pair>,
    pub annotations: Vec<Templated>,
}

/// Whether a rule acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Live,
    /// It decides over pods that are only counted.
    Shadow,
}

/// Another scaler that runs beside a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rival {
    Hpa,
    Keda,
    PredictiveHpa,
}

/// A Kubernetes object with a scale subresource. Namespace and name may be templates.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub api_version: String,
    pub kind: At<String>,
    pub namespace: At<String>,
    pub name: At<String>,
}

/// The fewest and the most replicas.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    pub min: At<u32>,
    pub max: At<u32>,
}

/// One reason to scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    pub name: At<String>,
    pub asks: Asks,
    /// Demand up to here doesn't wake a workload that has no replicas.
    pub activation: At<f64>,
    pub paused: bool,
    /// An expression that gives a series for each target that should report, above zero where it does.
    pub targets: Option<At<String>>,
}

/// How a metric says how many replicas it takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Asks {
    /// Work that arrives, and what one replica takes of it.
    Demand { demand: At<String>, per_replica: PerReplica },
    /// A value of each pod, and what their mean is held against: HPA's `Pods` and `Resource`.
    PerPod { per_pod: At<String>, target: PodTarget, ready: Option<At<String>> },
    /// An expression that gives the count.
    Replicas(At<String>),
}

/// What the mean of the pods' values is held against.
#[derive(Debug, Clone, PartialEq)]
pub enum PodTarget {
    /// HPA's `averageValue`, in the unit of the values.
    PerReplica(PerReplica),
    /// HPA's `averageUtilization` as a fraction; the values are fractions of what a pod requests.
    Utilization(At<f64>),
}

/// What counts in place of data that is missing; KEDA's `fallback`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fallback {
    /// Evaluations in a row without data.
    pub after: At<u32>,
    pub replicas: At<u32>,
    pub behavior: FallbackBehavior,
}

/// KEDA's `fallback.behavior`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FallbackBehavior {
    Static,
    Current,
    CurrentIfHigher,
    CurrentIfLower,
}

/// A pause, at a count or as things are.
#[derive(Debug, Clone, PartialEq)]
pub struct Pause {
    pub at: Option<u32>,
    pub reason: String,
}

/// How often the direction of scaling may change.
#[derive(Debug, Clone, PartialEq)]
pub struct Flaps {
    pub max: At<u32>,
    pub per: At<Duration>,
}

/// What must hold after a scaling.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    /// A condition: its value is not zero while it holds. Without one, pods that become ready are enough.
    pub expr: Option<At<String>>,
    /// How long it may take.
    pub within: Duration,
    /// How long the last good count is kept where it does not.
    pub hold: Duration,
}

/// The work that one replica takes.
#[derive(Debug, Clone, PartialEq)]
pub enum PerReplica {
    Number(At<f64>),
    Expr(At<String>),
}

/// Reads a rule that has the field `scale`.
pub(super) fn read(mut fields: Fields<'_, '_>) -> Option<ScaleRule> {
    fields.rename("a scale rule");
    let scale = fields.required("scale");
    let mode = fields.optional("mode").unwrap_or_default();
    let compare = fields.optional("compare").unwrap_or_default();
    let target = fields.required("target");
    let replicas = fields.required("replicas");
    let metrics = fields.required("metrics");
    let combine = fields.optional("combine");
    let behavior = fields.optional("behavior").unwrap_or_default();
    let cooldown = fields.optional("cooldown").unwrap_or_default();
    let initial_cooldown = fields.optional("initial_cooldown").unwrap_or_default();
    let dead_band = fields.optional("dead_band").unwrap_or_default();
    let fallback = fields.optional("fallback");
    let pause = fields.optional("pause").and_then(|MaybePause(pause)| pause);
    let flaps = fields.optional("flaps");
    let objective = fields.optional("objective");
    let schedules = fields.optional("schedules").unwrap_or_default();
    let events = fields.optional("events").unwrap_or_default();
    let economy = Economy::take(&mut fields);
    let order = fields.optional("order").unwrap_or_default();
    let labels = pairs(&mut fields, "labels");
    let annotations = templated(&mut fields, "annotations");
    let forecast = fields.optional("forecast");
    fields.finish();
    Some(ScaleRule {
        scale: scale?,
        mode,
        compare,
        target: target?,
        replicas: replicas?,
        metrics: metrics?,
        forecast,
        combine,
        behavior,
        cooldown,
        initial_cooldown,
        dead_band,
        fallback,
        pause,
        flaps,
        objective,
        schedules,
        events,
        economy,
        order,
        labels,
        annotations,
    })
}

impl Read for Mode {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        word(reader, node, "mode", &[("live", Self::Live), ("shadow", Self::Shadow)])
    }
}

impl Read for Rival {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let words = [("hpa", Self::Hpa), ("keda", Self::Keda), ("predictive_hpa", Self::PredictiveHpa)];
        word(reader, node, "scaler to compare with", &words)
    }
}

impl Read for Target {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a target")?;
        let api_version = fields.either("api_version", "apiVersion").unwrap_or_default();
        let kind = fields.required("kind");
        let namespace = fields.required("namespace");
        let name = fields.required("name");
        fields.finish();
        Some(Self { api_version, kind: kind?, namespace: namespace?, name: name? })
    }
}

impl Read for Bounds {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "replicas")?;
        // As in HPA: at least one, and the most has to be said.
        let min = fields.optional("min").unwrap_or(At { value: 1, span: node.token() });
        let max = fields.required("max");
        fields.finish();
        Some(Self { min, max: max? })
    }
}

impl Read for Metric {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a metric")?;
        let name = fields.required("name");
        let asks = asks(&mut fields);
        let activation = fields.optional("activation").unwrap_or(At { value: 0.0, span: node.token() });
        let paused = fields.optional("paused").unwrap_or_default();
        let targets = fields.optional("targets");
        fields.finish();
        Some(Self { name: name?, asks: asks?, activation, paused, targets })
    }
}

fn asks(fields: &mut Fields<'_, '_>) -> Option<Asks> {
    if fields.has("replicas") {
        for other in ["demand", "per_replica", "per_pod", "utilization", "ready"] {
            fields.refuse(
                other,
                &format!("a metric gives \"replicas\" or \"demand\" with \"per_replica\"; remove \"{other}\""),
            );
        }
        return fields.required("replicas").map(Asks::Replicas);
    }
    if fields.has("per_pod") {
        fields.refuse("demand", "a metric gives \"demand\" or \"per_pod\"; remove \"demand\"");
        let per_pod = fields.required("per_pod");
        let ready = fields.optional("ready");
        let target = if fields.has("utilization") {
            fields.refuse("per_replica", "a metric gives \"utilization\" or \"per_replica\"; remove \"per_replica\"");
            fields.required("utilization").map(PodTarget::Utilization)
        } else {
            fields.required("per_replica").map(PodTarget::PerReplica)
        };
        return Some(Asks::PerPod { per_pod: per_pod?, target: target?, ready });
    }
    let demand = fields.required("demand");
    let per_replica = fields.required("per_replica");
    Some(Asks::Demand { demand: demand?, per_replica: per_replica? })
}

impl Read for Fallback {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "fallback")?;
        let after = fields.optional("after").unwrap_or(At { value: 3, span: node.token() });
        let replicas = fields.required("replicas");
        let behavior = fields.optional("behavior").unwrap_or(FallbackBehavior::Static);
        fields.finish();
        Some(Self { after, replicas: replicas?, behavior })
    }
}

impl Read for FallbackBehavior {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let words = [
            ("static", Self::Static),
            ("current", Self::Current),
            ("current_if_higher", Self::CurrentIfHigher),
            ("current_if_lower", Self::CurrentIfLower),
        ];
        word(reader, node, "fallback behavior", &words)
    }
}

/// `true`, `false`, or a mapping.
struct MaybePause(Option<Pause>);

impl Read for MaybePause {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        if let Kind::Bool(paused) = node.kind {
            return Some(Self(paused.then(|| Pause { at: None, reason: String::new() })));
        }
        let mut fields = reader.fields(node, "pause")?;
        let at = fields.optional("at");
        let reason = fields.optional("reason").unwrap_or_default();
        fields.finish();
        Some(Self(Some(Pause { at, reason })))
    }
}

impl Read for Flaps {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "flaps")?;
        let max = fields.required("max");
        let per = fields.optional("per").unwrap_or(At { value: Duration::from_hours(1), span: node.token() });
        fields.finish();
        Some(Self { max: max?, per })
    }
}

impl Read for Objective {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "objective")?;
        let expr = fields.optional("expr");
        let within = fields.optional("within").unwrap_or(Duration::from_mins(5));
        let hold = fields.optional("hold").unwrap_or(Duration::from_mins(10));
        fields.finish();
        Some(Self { expr, within, hold })
    }
}

impl Read for PerReplica {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        match node.kind {
            Kind::Number(_) => At::read(reader, node).map(Self::Number),
            Kind::Text(_) => At::read(reader, node).map(Self::Expr),
            Kind::Null | Kind::Bool(_) | Kind::List(_) | Kind::Map(_) => {
                reader.expected(node, "a number or a PromQL expression");
                None
            }
        }
    }
}
