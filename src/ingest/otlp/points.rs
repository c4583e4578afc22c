//! Data points → samples, by the kinds of metrics.

use super::super::histogram::HistogramFault;
use super::super::rejected::{Fault, Item, Malformed};
use super::super::request::AHEAD_MINUTES;
use super::super::spelled::{Pair, check};
use super::super::wire::{Fields, Kind};
use super::labels::{LabelSet, of_attributes};
use super::resource::{Resource, Scope};
use super::shape::{each, fields, fixed64s};
use super::sink::Sink;
use super::value::plain;
use crate::labels::NAME;
use crate::sample::{STALE_BITS, Sample};
use crate::time::Timestamp;

const NANOS: i64 = 1_000_000;

/// The earliest and the latest point of a resource, in nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span(pub(super) Option<(i64, i64)>);

/// What points of all kinds have: when, whether there is a value, and what else was sent along.
#[derive(Debug, Default)]
struct Head {
    at: i64,
    flags: u64,
    exemplars: u64,
}

impl Head {
    fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.at / NANOS)
    }

    /// A sample of this time. One that says that there is no value ends its series.
    fn sample(&self, value: f64) -> Sample {
        let ended = self.flags & 1 == 1;
        Sample::new(self.at(), if ended { f64::from_bits(STALE_BITS) } else { value })
    }

    /// Takes a field that points of all kinds have, by the numbers of flags and exemplars; `false` for another one, which is
    /// not read.
    fn take(
        &mut self,
        number: u32,
        fields: &mut Fields<'_>,
        kind: Kind,
        (flags, exemplars): (u32, u32),
    ) -> Result<bool, Malformed> {
        match (number, kind) {
            (3, Kind::Fixed64) => self.at = fields.fixed64()?.cast_signed(),
            (_, Kind::Varint) if number == flags => self.flags = fields.varint()?,
            (_, Kind::Bytes) if number == exemplars => {
                self.exemplars += 1;
                fields.skip(kind)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// The name of a series of a metric, and whether anybody may read it.
#[derive(Debug)]
struct Name {
    text: String,
    read: bool,
}

/// The points of one metric.
pub(super) struct Points<'m, 'a, 'k, 's> {
    /// The metric's name as translated.
    pub(super) family: &'m str,
    pub(super) resource: &'m Resource<'a>,
    pub(super) scope: &'m Scope<'a>,
    pub(super) span: &'m mut Span,
    pub(super) sink: &'m mut Sink<'k, 's>,
}

impl<'m> Points<'m, '_, '_, '_> {
    fn name(&self, ending: &str) -> Name {
        let text = format!("{}{ending}", self.family);
        Name { read: self.sink.reads(&text), text }
    }

    pub(super) fn numbers(&mut self, data: &[u8]) {
        let name = self.name("");
        each(data, 1, |point| {
            let (mut head, mut value) = (Head::default(), 0.0);
            fields(point, |number, fields, kind| {
                match (number, kind) {
                    (4, Kind::Fixed64) => value = f64::from_bits(fields.fixed64()?),
                    (6, Kind::Fixed64) => value = fields.fixed64()?.cast_signed() as f64,
                    _ if head.take(number, fields, kind, (8, 5))? => {}
                    _ => fields.skip(kind)?,
                }
                Ok(())
            });
            if let Some(labels) = self.begin(&head, &[&name], 1, (point, 7), Item::Sample) {
                self.put(&labels, &name, None, head.sample(value));
            }
        });
    }

    pub(super) fn histograms(&mut self, data: &[u8]) {
        let (sum_name, count_name, bucket) = (self.name("_sum"), self.name("_count"), self.name("_bucket"));
        each(data, 1, |point| {
            let (mut head, mut count, mut sum) = (Head::default(), 0, None);
            let (mut counts, mut bounds) = (Vec::new(), Vec::new());
            fields(point, |number, fields, kind| {
                match (number, kind) {
                    (4, Kind::Fixed64) => count = fields.fixed64()?,
                    (5, Kind::Fixed64) => sum = Some(f64::from_bits(fields.fixed64()?)),
                    (6, _) => fixed64s(fields, kind, &mut counts)?,
                    (7, _) => fixed64s(fields, kind, &mut bounds)?,
                    _ if head.take(number, fields, kind, (10, 8))? => {}
                    _ => fields.skip(kind)?,
                }
                Ok(())
            });
            let buckets = bounds.into_iter().map(f64::from_bits).zip(counts);
            let series = 2 + u64::from(sum.is_some()) + buckets.len() as u64;
            let names = [&bucket, &sum_name, &count_name];
            let Some(labels) = self.begin(&head, &names, series, (point, 9), Item::Sample) else { return };
            if let Some(sum) = sum {
                self.put(&labels, &sum_name, None, head.sample(sum));
            }
            self.put(&labels, &count_name, None, head.sample(count as f64));
            let mut below = 0_u64;
            for (bound, own) in buckets {
                below = below.wrapping_add(own);
                self.put(&labels, &bucket, Some(("le", &plain(bound))), head.sample(below as f64));
            }
            self.put(&labels, &bucket, Some(("le", "+Inf")), head.sample(count as f64));
        });
    }

    pub(super) fn summaries(&mut self, data: &[u8]) {
        let (sum_name, count_name, quantile_name) = (self.name("_sum"), self.name("_count"), self.name(""));
        each(data, 1, |point| {
            let (mut head, mut count, mut sum) = (Head::default(), 0, 0.0);
            let mut quantiles = Vec::new();
            fields(point, |number, fields, kind| {
                match (number, kind) {
                    (4, Kind::Fixed64) => count = fields.fixed64()?,
                    (5, Kind::Fixed64) => sum = f64::from_bits(fields.fixed64()?),
                    (6, Kind::Bytes) => quantiles.push(quantile(fields.bytes()?)),
                    _ if head.take(number, fields, kind, (8, 0))? => {}
                    _ => fields.skip(kind)?,
                }
                Ok(())
            });
            let series = 2 + quantiles.len() as u64;
            let names = [&sum_name, &count_name, &quantile_name];
            let Some(labels) = self.begin(&head, &names, series, (point, 7), Item::Sample) else { return };
            self.put(&labels, &sum_name, None, head.sample(sum));
            self.put(&labels, &count_name, None, head.sample(count as f64));
            for (quantile, value) in quantiles {
                self.put(&labels, &quantile_name, Some(("quantile", &plain(quantile))), head.sample(value));
            }
        });
    }

    /// Exponential histograms are native ones: looked through, counted, and not kept.
    pub(super) fn exponentials(&mut self, data: &[u8]) {
        let name = self.name("");
        each(data, 1, |point| {
            let mut head = Head::default();
            let mut read = Exponential::default();
            fields(point, |number, fields, kind| {
                match (number, kind) {
                    (4, Kind::Fixed64) => read.count = fields.fixed64()?,
                    (5, Kind::Fixed64) => read.sum = f64::from_bits(fields.fixed64()?),
                    (6, Kind::Varint) => read.scale = zigzag(fields.varint()?),
                    (7, Kind::Fixed64) => read.add(fields.fixed64()?),
                    (8 | 9, Kind::Bytes) => read.side(fields.bytes()?),
                    _ if head.take(number, fields, kind, (10, 11))? => {}
                    _ => fields.skip(kind)?,
                }
                Ok(())
            });
            let fault = read.fault().filter(|fault| head.flags & 1 == 0 || matches!(fault, HistogramFault::Schema(_)));
            if let Some(fault) = fault {
                self.widen(head.at);
                let family = self.family;
                return self.sink.reject(Fault::Histogram(fault), Item::Histogram, 1, || family.to_owned());
            }
            if self.begin(&head, &[&name], 0, (point, 1), Item::Histogram).is_some() || !name.read {
                self.sink.received.histograms += u64::from(head.at() <= self.sink.future);
            }
        });
    }

    /// Judges a point that makes `series` series of these names, and gives the labels that they share; `None` where nothing
    /// is to be done about them any more.
    fn begin<'p>(
        &mut self,
        head: &Head,
        names: &[&Name],
        series: u64,
        attributes: (&'p [u8], u32),
        item: Item,
    ) -> Option<LabelSet<'p>>
    where
        'm: 'p,
    {
        self.sink.received.exemplars += head.exemplars;
        let family = self.family;
        if head.at() > self.sink.future {
            self.sink.reject(Fault::TooFarInFuture(AHEAD_MINUTES), item, 1, || family.to_owned());
            return None;
        }
        self.widen(head.at);
        let Some(name) = names.iter().find(|name| name.read) else {
            self.sink.pass(series);
            return None;
        };
        let limits = self.sink.limits();
        let labels = of_attributes(attributes.0, attributes.1, &[NAME], limits).and_then(|mut labels| {
            self.resource.complete(&mut labels);
            self.scope.complete(&mut labels);
            check(&pairs(&labels, &name.text, None), limits).map(|()| labels)
        });
        labels.map_err(|fault| self.sink.reject(fault, item, 1, || family.to_owned())).ok()
    }

    fn widen(&mut self, at: i64) {
        let (earliest, latest) = self.span.0.unwrap_or((at, at));
        self.span.0 = Some((earliest.min(at), latest.max(at)));
    }

    fn put(&mut self, labels: &LabelSet<'_>, name: &Name, extra: Option<Pair<'_>>, sample: Sample) {
        if name.read {
            self.sink.push(&pairs(labels, &name.text, extra), sample);
        } else {
            self.sink.pass(1);
        }
    }
}

/// A series' labels, sorted: those of its point, its name, and one that tells it from the others of the point.
pub(super) fn pairs<'p>(labels: &'p LabelSet<'_>, name: &'p str, extra: Option<Pair<'p>>) -> Vec<Pair<'p>> {
    let replaced = extra.map_or(NAME, |(name, _)| name);
    let own = labels.iter().filter(|(name, _)| *name != NAME && *name != replaced);
    let mut pairs: Vec<_> = own.chain([(NAME, name)]).chain(extra).collect();
    pairs.sort_unstable();
    pairs
}

fn quantile(message: &[u8]) -> (f64, f64) {
    let (mut quantile, mut value) = (0.0, 0.0);
    fields(message, |number, fields, kind| {
        match (number, kind) {
            (1, Kind::Fixed64) => quantile = f64::from_bits(fields.fixed64()?),
            (2, Kind::Fixed64) => value = f64::from_bits(fields.fixed64()?),
            _ => fields.skip(kind)?,
        }
        Ok(())
    });
    (quantile, value)
}

/// What is judged of an exponential histogram.
#[derive(Debug, Default)]
struct Exponential {
    scale: i32,
    count: u64,
    sum: f64,
    /// Observations in the buckets.
    bucketed: u64,
    /// More of them than 64 bits count, or a bucket with more than a delta can tell.
    too_many: bool,
}

impl Exponential {
    fn add(&mut self, observations: u64) {
        match self.bucketed.checked_add(observations) {
            Some(sum) => self.bucketed = sum,
            None => self.too_many = true,
        }
    }

    fn side(&mut self, message: &[u8]) {
        fields(message, |number, fields, kind| {
            match (number, kind) {
                (2, Kind::Varint) => self.add(fields.varint()?),
                (2, Kind::Bytes) => {
                    let mut packed = Fields::new(fields.bytes()?);
                    while !packed.is_empty() {
                        self.add(packed.varint()?);
                    }
                }
                _ => fields.skip(kind)?,
            }
            Ok(())
        });
    }

    fn fault(&self) -> Option<HistogramFault> {
        // Finer ones than the finest are made coarser; there is nothing coarser than the coarsest.
        if self.scale < -4 {
            return Some(HistogramFault::Schema(self.scale));
        }
        // Observations of NaN are in no bucket.
        let right = if self.sum.is_nan() { self.bucketed <= self.count } else { self.bucketed == self.count };
        (self.too_many || !right).then_some(HistogramFault::Count)
    }
}

#[allow(clippy::cast_possible_truncation, reason = "protobuf keeps the low half of a number that is too long")]
fn zigzag(value: u64) -> i32 {
    let value = value as u32;
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}
