//! What is turned away, and why: closed sets, so that one value is the answer's text, the metric's label and the test's
//! expectation.

use std::fmt;
use std::mem::discriminant;

use http::StatusCode;

use super::histogram::HistogramFault;
use super::negotiate::Protocol;
use crate::labels::LabelsError;
use crate::series::Refused;
use crate::telemetry::RejectedSample;

/// Why bytes are no protobuf message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a field is cut short")]
    Truncated,
    #[error("a number is longer than ten bytes")]
    Varint,
    #[error("wire type {0} is not in use")]
    WireType(u64),
    #[error("a field number is out of range")]
    FieldNumber,
    #[error("field {number} of {message} has the wrong type")]
    FieldType { message: &'static str, number: u32 },
    #[error("messages stand within messages a hundred times")]
    TooDeep,
}

/// Where in a request something stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// Which `TimeSeries`, counted from 0.
    pub(super) series: usize,
    /// Its first byte.
    pub(super) at: usize,
}

impl Place {
    /// What is said of a fault here.
    pub(super) fn rejected(self, protocol: Protocol, fault: Malformed) -> Rejected {
        Rejected::Malformed { protocol, fault, series: self.series, at: self.at }
    }
}

/// Why a request was turned away, wholly or in part. `Display` is the answer's text.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Rejected {
    #[error(
        "content type \"{0}\" is not supported: send application/x-protobuf with prometheus.WriteRequest (remote write 1.0) \
         or with proto=io.prometheus.write.v2.Request (2.0)"
    )]
    ContentType(String),
    #[error("content encoding \"{0}\" is not supported: send snappy (the block format)")]
    ContentEncoding(String),
    #[error("body has {bytes} bytes, limit is {limit} (ingest.body_bytes_max)")]
    BodyTooLarge { bytes: u64, limit: usize },
    #[error("body unpacks to {bytes} bytes, limit is {limit} (ingest.decompressed_bytes_max)")]
    UnpacksTooLarge { bytes: u64, limit: usize },
    #[error("body claims to unpack to {claimed} bytes, which {bytes} bytes of snappy can't")]
    ImpossibleLength { claimed: u64, bytes: usize },
    #[error("body is framed snappy: send the block format")]
    FramedSnappy,
    #[error("body is no snappy block: {0}")]
    Snappy(String),
    #[error("body is no {}: {fault}, in time series {series} (from byte {at})", protocol.message())]
    Malformed { protocol: Protocol, fault: Malformed, series: usize, at: usize },
    #[error("body is {}, under the content type of {}", .0.other().message(), .0.message())]
    OtherMessage(Protocol),
    #[error("body has more than {0} time series (ingest.request_series_max): lower max_samples_per_send")]
    TooManySeries(usize),
    #[error("body has more than {0} symbols, a sixteenth of ingest.decompressed_bytes_max: lower max_samples_per_send")]
    TooManySymbols(usize),
    #[error(
        "content type \"{0}\" is not supported here: send application/x-protobuf (OTLP over HTTP in JSON is not taken)"
    )]
    OtlpContentType(String),
    #[error("content encoding \"{0}\" is not supported here: send gzip or none")]
    OtlpContentEncoding(String),
    #[error("body is no gzip: {0}")]
    Gzip(String),
    #[error("body unpacks to more than {limit} bytes (ingest.decompressed_bytes_max): send smaller batches")]
    InflatesTooLarge { limit: usize },
    #[error("body is no ExportMetricsServiceRequest: {0}")]
    MalformedOtlp(Malformed),
    #[error("body makes more than {0} time series (ingest.request_series_max): send smaller batches")]
    TooManyPoints(usize),
    #[error("{0}")]
    Partial(Partial),
}

impl Rejected {
    /// The HTTP status: 4xx where sending it again can never help.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::ContentType(_)
            | Self::ContentEncoding(_)
            | Self::OtlpContentType(_)
            | Self::OtlpContentEncoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. } | Self::InflatesTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnpacksTooLarge { .. }
            | Self::ImpossibleLength { .. }
            | Self::FramedSnappy
            | Self::Snappy(_)
            | Self::Malformed { .. }
            | Self::OtherMessage(_)
            | Self::TooManySeries(_)
            | Self::TooManySymbols(_)
            | Self::Gzip(_)
            | Self::MalformedOtlp(_)
            | Self::TooManyPoints(_)
            | Self::Partial(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// Why single series, samples or other parts were turned away while the rest of the request was taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    #[error("no metric name")]
    MissingName,
    #[error("invalid UTF-8 in a label")]
    InvalidUtf8,
    #[error("{0}")]
    Labels(LabelsError),
    #[error("more than {0} labels (ingest.labels_max)")]
    TooManyLabels(usize),
    #[error("a label name longer than {0} bytes (ingest.label_name_bytes_max)")]
    NameTooLong(usize),
    #[error("a label value longer than {0} bytes (ingest.label_value_bytes_max)")]
    ValueTooLong(usize),
    #[error("labels longer than {0} bytes together (ingest.labels_bytes_max)")]
    LabelsTooLong(usize),
    #[error("an odd number of references to labels")]
    OddReferences,
    #[error("a reference beyond the table of symbols")]
    Reference,
    #[error("neither samples, histograms nor exemplars")]
    Empty,
    #[error("{0}")]
    Refused(Refused),
    #[error("more than {0} pairs of replicas (ingest.ha.clusters_max)")]
    TooManyClusters(usize),
    #[error("another value at the same timestamp")]
    DuplicateTimestamp,
    #[error("a timestamp more than {0} minutes in the future")]
    TooFarInFuture(u64),
    #[error("a timestamp older than any rule looks back (ingest.too_old: reject)")]
    TooOld,
    #[error("a histogram with {0}")]
    Histogram(HistogramFault),
    #[error("delta temporality: set the sender's temporality preference to cumulative")]
    Delta,
    #[error("no aggregation temporality")]
    NoTemporality,
    #[error("no data points")]
    NoPoints,
    #[error("a name of which nothing is left as a metric's name")]
    MetricName,
    #[error("an attribute of whose key nothing is left as a label's name")]
    LabelName,
}

impl Fault {
    /// Whether it is of the same kind, whatever label it is about: what is counted together must stay a short list.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Labels(own), Self::Labels(other)) => discriminant(own) == discriminant(other),
            (Self::Refused(own), Self::Refused(other)) => own == other,
            (Self::Histogram(own), Self::Histogram(other)) => own == other,
            _ => discriminant(self) == discriminant(other),
        }
    }

    /// With as much of a label's name as an answer shows.
    fn shortened(self) -> Self {
        match self {
            Self::Labels(LabelsError::Duplicate(name)) => {
                Self::Labels(LabelsError::Duplicate(printable(&name, NAME_BYTES_SHOWN)))
            }
            other => other,
        }
    }

    /// How metrics count it.
    #[must_use]
    pub fn kind(&self) -> RejectedSample {
        match self {
            Self::MissingName
            | Self::InvalidUtf8
            | Self::Labels(_)
            | Self::TooManyLabels(_)
            | Self::NameTooLong(_)
            | Self::ValueTooLong(_)
            | Self::LabelsTooLong(_)
            | Self::OddReferences
            | Self::Reference
            | Self::Empty
            | Self::NoPoints
            | Self::MetricName
            | Self::LabelName => RejectedSample::Labels,
            Self::Refused(_) | Self::TooManyClusters(_) => RejectedSample::SeriesLimit,
            Self::DuplicateTimestamp => RejectedSample::DuplicateTimestamp,
            Self::TooFarInFuture(_) => RejectedSample::Future,
            Self::TooOld => RejectedSample::Old,
            Self::Histogram(_) => RejectedSample::Histogram,
            Self::Delta | Self::NoTemporality => RejectedSample::Temporality,
        }
    }
}

/// What a fault has cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    Sample,
    Histogram,
    Exemplar,
    /// A series that holds nothing.
    Series,
}

impl Item {
    const ALL: [Self; 4] = [Self::Sample, Self::Histogram, Self::Exemplar, Self::Series];

    fn noun(self, count: u64) -> &'static str {
        match (self, count) {
            (Self::Sample, 1) => "sample",
            (Self::Sample, _) => "samples",
            (Self::Histogram, 1) => "histogram",
            (Self::Histogram, _) => "histograms",
            (Self::Exemplar, 1) => "exemplar",
            (Self::Exemplar, _) => "exemplars",
            (Self::Series, _) => "series",
        }
    }
}

/// The faults of one request, counted by kind, with the first series of each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Partial {
    faults: Vec<(Fault, Item, u64, String)>,
}

/// Kinds of faults that are told, and bytes that are shown of the first series and of a label's name. An answer stays
/// under 1 KiB, which is what Prometheus reads of it: 4 × (120 for the series + some 110 for the fault) + 100 around.
const FAULTS_SHOWN: usize = 4;
const SERIES_BYTES_SHOWN: usize = 120;
const NAME_BYTES_SHOWN: usize = 32;

/// The beginning of a text from outside, without control characters.
pub(super) fn printable(text: &str, bytes_max: usize) -> String {
    let mut shown = String::new();
    for letter in text.chars() {
        let before = shown.len();
        if letter.is_control() {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
        if shown.len() > bytes_max {
            shown.truncate(before);
            shown.push('…');
            break;
        }
    }
    shown
}

impl Partial {
    /// Notes what a fault has cost; `series` names where.
    pub(super) fn add(&mut self, fault: Fault, item: Item, count: u64, series: impl FnOnce() -> String) {
        let known = self.faults.iter_mut().find(|(known, of, ..)| *of == item && known.is_like(&fault));
        if let Some((_, _, sum, _)) = known {
            *sum += count;
        } else {
            self.faults.push((fault.shortened(), item, count, printable(&series(), SERIES_BYTES_SHOWN)));
        }
    }

    /// Nothing was turned away.
    pub(super) fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// How many of an item were turned away.
    #[must_use]
    pub fn count(&self, item: Item) -> u64 {
        self.faults.iter().filter(|(_, of, ..)| *of == item).map(|(_, _, count, _)| count).sum()
    }

    /// The faults, each with what it cost.
    pub fn faults(&self) -> impl Iterator<Item = (&Fault, Item, u64)> {
        self.faults.iter().map(|(fault, item, count, _)| (fault, *item, *count))
    }
}

impl fmt::Display for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = Item::ALL.map(|item| (self.count(item), item));
        for (at, (count, item)) in counts.iter().filter(|(count, _)| *count > 0).enumerate() {
            write!(f, "{}{count} {}", if at > 0 { ", " } else { "" }, item.noun(*count))?;
        }
        write!(f, " rejected, the rest was taken")?;
        for (fault, _, count, series) in self.faults.iter().take(FAULTS_SHOWN) {
            write!(f, "; {count} with {fault}, the first in {series}")?;
        }
        if self.faults.len() > FAULTS_SHOWN {
            write!(f, "; and more")?;
        }
        Ok(())
    }
}
