//! HPA's `behavior`, as in a `HorizontalPodAutoscaler` (`autoscaling/v2`) or with our spelling of names and durations.

use std::time::Duration;

use super::reader::{Fields, Reader};
use super::scalar::{At, Read, Seconds, word};
use super::tree::Node;

/// How fast a workload may grow and shrink. What is left out has HPA's default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Behavior {
    pub scale_up: Direction,
    pub scale_down: Direction,
}

/// One direction of [`Behavior`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Direction {
    pub stabilization_window: Option<At<Duration>>,
    pub select_policy: Option<Select>,
    pub policies: Option<At<Vec<Policy>>>,
    /// A fraction: 0.1 is 10 %.
    pub tolerance: Option<At<f64>>,
    /// How long the direction must have been wanted without a break; HPA has no such field.
    pub wanted_for: Duration,
}

/// Which of several policies counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// The one that allows the largest change.
    Max,
    /// The one that allows the smallest change.
    Min,
    /// This direction is closed.
    Disabled,
}

/// How much may change within a period.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub unit: Unit,
    pub value: At<u32>,
    pub period: At<Duration>,
}

/// What a policy's value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Pods,
    Percent,
}

impl Read for Behavior {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "behavior")?;
        let behavior = Self {
            scale_up: fields.either("scale_up", "scaleUp").unwrap_or_default(),
            scale_down: fields.either("scale_down", "scaleDown").unwrap_or_default(),
        };
        fields.finish();
        Some(behavior)
    }
}

impl Read for Direction {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a direction of behavior")?;
        let direction = Self {
            stabilization_window: fields.either_as("stabilization_window", "stabilizationWindowSeconds", from_seconds),
            select_policy: fields.either("select_policy", "selectPolicy"),
            policies: fields.optional("policies"),
            tolerance: tolerance(&mut fields),
            wanted_for: fields.optional("for").unwrap_or_default(),
        };
        fields.finish();
        Some(direction)
    }
}

impl Read for Select {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let words = [("Max", Self::Max), ("Min", Self::Min), ("Disabled", Self::Disabled)];
        word(reader, node, "select policy", &words)
    }
}

impl Read for Policy {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a scaling policy")?;
        let unit = fields.required("type");
        let value = fields.required("value");
        let period = if fields.has("periodSeconds") {
            fields.either_as("period", "periodSeconds", from_seconds)
        } else {
            fields.required("period")
        };
        fields.finish();
        Some(Self { unit: unit?, value: value?, period: period? })
    }
}

impl Read for Unit {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        word(reader, node, "policy type", &[("Pods", Self::Pods), ("Percent", Self::Percent)])
    }
}

/// HPA counts time in seconds.
fn from_seconds(At { value: Seconds(value), span }: At<Seconds>) -> At<Duration> {
    At { value, span }
}

/// HPA's tolerance is a Kubernetes quantity, so it may be a text there: `"0.05"`, `50m`.
fn tolerance(fields: &mut Fields<'_, '_>) -> Option<At<f64>> {
    let node = fields.node("tolerance")?;
    let Some(text) = node.text() else {
        fields.reader.expected(node, "a fraction as in 0.1");
        return None;
    };
    let number = match text.strip_suffix('m') {
        Some(thousandths) => thousandths.parse().map(|number: f64| number / 1000.0),
        None => text.parse(),
    };
    match number {
        Ok(value) if f64::is_finite(value) => Some(At { value, span: node.span }),
        _ => {
            fields.reader.expected(node, "a fraction as in 0.1");
            None
        }
    }
}
