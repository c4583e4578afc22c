//! `prometheus.WriteRequest` as prost reads it.

use prost::Message;

use super::{NOW, Plain, histogram, named};
use crate::proto::{Histogram, Sample};

/// `prometheus.WriteRequest` with texts as bytes, for one that is not UTF-8 costs its own series only.
#[derive(Clone, PartialEq, Message)]
struct Read {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<ReadSeries>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<ReadMetadata>,
}

#[derive(Clone, PartialEq, Message)]
struct ReadSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<ReadLabel>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    exemplars: Vec<ReadExemplar>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct ReadLabel {
    #[prost(bytes = "vec", tag = "1")]
    name: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct ReadExemplar {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<ReadLabel>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct ReadMetadata {
    #[prost(int64, tag = "1")]
    kind: i64,
    #[prost(bytes = "vec", tag = "2")]
    name: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    help: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    unit: Vec<u8>,
}

/// What plain code makes of a message; `None` where prost refuses it.
pub(super) fn read(message: &[u8]) -> Option<Vec<Plain>> {
    Some(Read::decode(message).ok()?.timeseries.iter().map(plain).collect())
}

fn plain(series: &ReadSeries) -> Plain {
    fn text(bytes: &[u8]) -> Option<&str> {
        std::str::from_utf8(bytes).ok()
    }
    let pairs = series.labels.iter().map(|label| Some((text(&label.name)?, text(&label.value)?)));
    let pairs: Option<Vec<_>> = pairs.collect();
    let exemplar = |exemplar: &ReadExemplar| {
        let labels = exemplar.labels.iter();
        labels.flat_map(|label| [&label.name, &label.value]).all(|bytes| text(bytes).is_some())
            && exemplar.timestamp <= NOW.as_millis() + 600_000
    };
    Plain {
        labels: pairs.and_then(|pairs| named(&pairs)),
        samples: series.samples.iter().map(|sample| (sample.timestamp, sample.value.to_bits())).collect(),
        sound: series.histograms.iter().all(histogram::is_sound) && series.exemplars.iter().all(exemplar),
    }
}
