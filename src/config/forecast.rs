//! `forecast:` of a scale rule, as written.

use std::time::Duration;

use super::reader::Reader;
use super::scalar::{At, Read};
use super::tree::{Kind, Node};

/// How a rule's demand is foreseen.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// How far ahead demand must be known; `None` for `auto`: as long as pods take to start, and one evaluation.
    pub horizon: Option<At<Duration>>,
    /// The quantile of the largest demand of the window that is provided for.
    pub quantile: Option<At<f64>>,
    /// `auto`, or a model's name.
    pub model: At<String>,
    /// The trust from which on a forecast counts in full.
    pub confidence: Option<At<f64>>,
    /// The step at which demand is kept.
    pub step: At<Duration>,
    /// Lengths after which demand repeats itself.
    pub seasons: Option<At<Vec<Duration>>>,
}

impl Read for Forecast {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "forecast")?;
        let horizon = fields.optional("horizon").and_then(|Horizon(horizon)| horizon);
        let forecast = Self {
            horizon,
            quantile: fields.optional("quantile"),
            model: fields.optional("model").unwrap_or(At { value: "auto".to_owned(), span: node.token() }),
            confidence: fields.optional("confidence"),
            step: fields.optional("step").unwrap_or(At { value: Duration::from_mins(1), span: node.token() }),
            seasons: fields.optional("seasons"),
        };
        fields.finish();
        Some(forecast)
    }
}

/// `auto`, or a duration.
struct Horizon(Option<At<Duration>>);

impl Read for Horizon {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        if matches!(&node.kind, Kind::Text(text) if text == "auto") {
            return Some(Self(None));
        }
        At::read(reader, node).map(|horizon| Self(Some(horizon)))
    }
}
