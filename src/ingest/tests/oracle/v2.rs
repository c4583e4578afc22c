//! `io.prometheus.write.v2.Request` as prost reads it.

use prost::Message;

use super::{NOW, Plain, histogram, named};
use crate::proto::{Histogram, Sample, v2};

/// `io.prometheus.write.v2.Request` with symbols as bytes, for one that is not UTF-8 costs its own series only.
#[derive(Clone, PartialEq, Message)]
struct Read {
    #[prost(bytes = "vec", repeated, tag = "4")]
    symbols: Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "5")]
    timeseries: Vec<ReadSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct ReadSeries {
    #[prost(uint32, repeated, tag = "1")]
    labels_refs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    histograms: Vec<Histogram>,
    #[prost(message, repeated, tag = "4")]
    exemplars: Vec<v2::Exemplar>,
    #[prost(message, optional, tag = "5")]
    metadata: Option<v2::Metadata>,
}

/// What plain code makes of a message; `None` where prost refuses it.
pub(super) fn read(message: &[u8]) -> Option<Vec<Plain>> {
    let request = Read::decode(message).ok()?;
    Some(request.timeseries.iter().map(|series| plain(series, &request.symbols)).collect())
}

fn plain(series: &ReadSeries, symbols: &[Vec<u8>]) -> Plain {
    let text = |reference: u32| std::str::from_utf8(symbols.get(reference as usize)?).ok();
    let even = series.labels_refs.len().is_multiple_of(2);
    let pairs = series.labels_refs.as_chunks::<2>().0.iter().map(|[name, value]| Some((text(*name)?, text(*value)?)));
    let pairs: Option<Vec<_>> = pairs.collect();
    let described = series.metadata.as_ref().is_none_or(|said| {
        [said.help_ref, said.unit_ref].iter().all(|reference| *reference == 0 || (*reference as usize) < symbols.len())
    });
    let holds = !series.samples.is_empty() || !series.histograms.is_empty() || !series.exemplars.is_empty();
    let exemplar = |exemplar: &v2::Exemplar| {
        exemplar.labels_refs.len().is_multiple_of(2)
            && exemplar.labels_refs.iter().all(|reference| text(*reference).is_some())
            && exemplar.timestamp <= NOW.as_millis() + 600_000
    };
    Plain {
        labels: pairs.filter(|_| even && described && holds).and_then(|pairs| named(&pairs)),
        samples: series.samples.iter().map(|sample| (sample.timestamp, sample.value.to_bits())).collect(),
        sound: series.histograms.iter().all(histogram::is_sound) && series.exemplars.iter().all(exemplar),
    }
}
