//! The Prometheus text format, written straight: for families that are too many for a registry, or that one can't hold.

use std::fmt::Write as _;

use super::latency::Snapshot;
use super::names::{Kind, Metric};
use crate::labels::escaped;

/// Text of `/metrics` in the making.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    /// Begins a family. Its samples follow; a family is begun once.
    pub fn family<'a>(&'a mut self, metric: &'static Metric) -> Family<'a> {
        let Metric { name, kind, help, .. } = metric;
        let help = help.replace('\\', r"\\").replace('\n', r"\n");
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {}", kind.as_str());
        Family { text: &mut self.text, metric }
    }

    /// Writes a family that is one histogram without labels.
    pub fn histogram(&mut self, metric: &'static Metric, snapshot: &Snapshot) {
        assert!(metric.kind == Kind::Histogram, "{} is declared as a histogram", metric.name);
        let name = metric.name;
        let text = self.family(metric).text;
        for (bound, count) in snapshot.buckets() {
            let _ = writeln!(text, "{name}_bucket{{le=\"{}\"}} {count}", number(bound));
        }
        let count = snapshot.count();
        let sum = number(snapshot.sum().as_secs_f64());
        let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}");
    }

    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }
}

/// One family in the making.
#[derive(Debug)]
pub struct Family<'a> {
    text: &'a mut String,
    metric: &'static Metric,
}

impl Family<'_> {
    /// Writes one series; `values` are those of the table's labels, in their order.
    pub fn sample(&mut self, values: &[&str], value: f64) {
        let Metric { name, labels, .. } = self.metric;
        assert!(labels.len() == values.len(), "{name} gets a value for each of its labels");
        self.text.push_str(name);
        for (at, (label, value)) in labels.iter().zip(values).enumerate() {
            let open = if at == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{open}{label}=\"{}\"", escaped(value));
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{close} {}", number(value));
    }

    /// Writes one series where there is a value: absence is not zero.
    pub fn maybe(&mut self, values: &[&str], value: Option<f64>) {
        if let Some(value) = value {
            self.sample(values, value);
        }
    }
}

/// A number as the text format has it.
fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}
