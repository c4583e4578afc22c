//! One metric: what it is, what it is called, and whether its points can be taken.

use super::super::rejected::{Fault, Item};
use super::super::wire::Kind as Wire;
use super::names::{self, Ending};
use super::points::{Points, Span};
use super::resource::{Resource, Scope};
use super::shape::{each, fields};
use super::sink::Sink;

/// What a metric's points are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gauge,
    Sum { monotonic: bool },
    Histogram,
    Exponential,
    Summary,
}

impl Kind {
    fn ending(self) -> Ending {
        match self {
            Self::Gauge => Ending::Ratio,
            Self::Sum { monotonic: true } => Ending::Total,
            _ => Ending::None,
        }
    }

    /// The number of the type in remote write's metadata.
    fn of_metadata(self) -> u64 {
        match self {
            Self::Sum { monotonic: true } => 1,
            Self::Gauge | Self::Sum { .. } => 2,
            Self::Histogram | Self::Exponential => 3,
            Self::Summary => 5,
        }
    }

    /// What one of its points is counted as.
    fn item(self) -> Item {
        if self == Self::Exponential { Item::Histogram } else { Item::Sample }
    }
}

/// A `Metric` message, taken apart.
#[derive(Debug, Default)]
struct Metric<'a> {
    name: &'a [u8],
    description: &'a [u8],
    unit: &'a [u8],
    /// The number of the field that holds the points, and what it holds.
    data: Option<(u32, &'a [u8])>,
}

impl<'a> Metric<'a> {
    fn read(message: &'a [u8]) -> Self {
        let mut metric = Self::default();
        fields(message, |number, fields, kind| {
            match (number, kind) {
                (1, Wire::Bytes) => metric.name = fields.bytes()?,
                (2, Wire::Bytes) => metric.description = fields.bytes()?,
                (3, Wire::Bytes) => metric.unit = fields.bytes()?,
                (5 | 7 | 9 | 10 | 11, Wire::Bytes) => metric.data = Some((number, fields.bytes()?)),
                _ => fields.skip(kind)?,
            }
            Ok(())
        });
        metric
    }

    /// What the points are; otherwise why they can't be taken.
    fn kind(&self) -> (Kind, Result<(), Fault>) {
        let (number, data) = self.data.unwrap_or_default();
        let (mut temporality, mut monotonic) = (0, false);
        fields(data, |number, fields, kind| {
            match (number, kind) {
                (2, Wire::Varint) => temporality = fields.varint()?,
                (3, Wire::Varint) => monotonic = fields.varint()? != 0,
                _ => fields.skip(kind)?,
            }
            Ok(())
        });
        let cumulative = match temporality {
            2 => Ok(()),
            1 => Err(Fault::Delta),
            _ => Err(Fault::NoTemporality),
        };
        match number {
            5 => (Kind::Gauge, Ok(())),
            7 => (Kind::Sum { monotonic }, cumulative),
            9 => (Kind::Histogram, cumulative),
            10 => (Kind::Exponential, cumulative),
            11 => (Kind::Summary, Ok(())),
            _ => (Kind::Gauge, Err(Fault::NoPoints)),
        }
    }
}

/// Translates a metric; `span` is widened by the times of its points. Where what it belongs to is at fault, so are all of its
/// points.
pub(super) fn translate<'a>(
    message: &'a [u8],
    around: Result<(&Resource<'a>, &Scope<'a>), &Fault>,
    span: &mut Span,
    sink: &mut Sink<'_, '_>,
) {
    let metric = Metric::read(message);
    let (kind, fault) = metric.kind();
    let (_, data) = metric.data.unwrap_or_default();
    let (mut points, shown) = (0, || String::from_utf8_lossy(metric.name).into_owned());
    each(data, 1, |_| points += 1);
    let texts = std::str::from_utf8(metric.name).ok().zip(std::str::from_utf8(metric.unit).ok());
    let named = texts.ok_or(Fault::InvalidUtf8).and_then(|(name, unit)| {
        let strategy = sink.limits().otlp.translation_strategy;
        names::metric(name, unit, kind.ending(), strategy).map(|name| (name, unit)).ok_or(Fault::MetricName)
    });
    let sound = around.map_err(Fault::clone).and_then(|around| fault.map(|()| around));
    let (name, unit, (resource, scope)) = match (sound, named) {
        (Err(fault), _) | (_, Err(fault)) => {
            let item = if points == 0 { Item::Series } else { kind.item() };
            return sink.reject(fault, item, u64::max(points, 1), shown);
        }
        (Ok(around), Ok((name, unit))) => (name, unit, around),
    };
    if points == 0 {
        return sink.reject(Fault::NoPoints, Item::Series, 1, shown);
    }
    let unit = names::unit(unit);
    sink.metadata().note(name.as_bytes(), kind.of_metadata(), metric.description, unit.as_bytes());
    let mut points = Points { family: &name, resource, scope, span, sink };
    match kind {
        Kind::Gauge | Kind::Sum { .. } => points.numbers(data),
        Kind::Histogram => points.histograms(data),
        Kind::Exponential => points.exponentials(data),
        Kind::Summary => points.summaries(data),
    }
}
