//! What is turned away, and why: closed sets, so that one value is the answer's text, the metric's label and the test's expectation.

use std::fmt;
use std::mem::discriminant;

use http::StatusCode;

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
}

/// Why a remote-write request was turned away, wholly or in part. `Display` is the answer's text.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Rejected {
    #[error(
        "content type \"{0}\" is not supported: send application/x-protobuf with prometheus.WriteRequest (remote write 1.0)"
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
    #[error("body is no prometheus.WriteRequest: {fault}, in time series {series} (from byte {at})")]
    Malformed { fault: Malformed, series: usize, at: usize },
    #[error("body is an io.prometheus.write.v2.Request under the content type of remote write 1.0")]
    OtherMessage,
    #[error("{0}")]
    Partial(Partial),
}

impl Rejected {
    /// The HTTP status: 4xx where sending it again can never help.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::ContentType(_) | Self::ContentEncoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnpacksTooLarge { .. }
            | Self::ImpossibleLength { .. }
            | Self::FramedSnappy
            | Self::Snappy(_)
            | Self::Malformed { .. }
            | Self::OtherMessage
            | Self::Partial(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// Why single series or samples were turned away while the rest of the request was taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SampleFault {
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
    #[error("{0}")]
    Refused(Refused),
    #[error("another value at the same timestamp")]
    DuplicateTimestamp,
    #[error("a timestamp more than {0} minutes in the future")]
    TooFarInFuture(u64),
}

impl SampleFault {
    /// Whether it is of the same kind, whatever label it is about: what is counted together must stay a short list.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Labels(own), Self::Labels(other)) => discriminant(own) == discriminant(other),
            (Self::Refused(own), Self::Refused(other)) => own == other,
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
            | Self::ValueTooLong(_) => RejectedSample::Labels,
            Self::Refused(_) => RejectedSample::SeriesLimit,
            Self::DuplicateTimestamp => RejectedSample::DuplicateTimestamp,
            Self::TooFarInFuture(_) => RejectedSample::Future,
        }
    }
}

/// The faults of one request, counted by kind, with the first series of each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Partial {
    faults: Vec<(SampleFault, u64, String)>,
}

/// Kinds of faults that are told, and bytes that are shown of the first series and of a label's name. An answer stays
/// under 1 KiB, which is what Prometheus reads of it: 4 × (120 for the series + some 110 for the fault) + 60 around.
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
    pub(super) fn add(&mut self, fault: SampleFault, samples: u64, series: impl FnOnce() -> String) {
        if let Some((_, count, _)) = self.faults.iter_mut().find(|(known, ..)| known.is_like(&fault)) {
            *count += samples;
        } else {
            self.faults.push((fault.shortened(), samples, printable(&series(), SERIES_BYTES_SHOWN)));
        }
    }

    /// Nothing was turned away.
    pub(super) fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Samples turned away.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.faults.iter().map(|(_, count, _)| count).sum()
    }

    /// The faults, each with the number of samples that it cost.
    pub fn faults(&self) -> impl Iterator<Item = (&SampleFault, u64)> {
        self.faults.iter().map(|(fault, count, _)| (fault, *count))
    }
}

impl fmt::Display for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} samples rejected, the rest was taken", self.samples())?;
        for (fault, count, series) in self.faults.iter().take(FAULTS_SHOWN) {
            write!(f, "; {count} with {fault}, the first in {series}")?;
        }
        if self.faults.len() > FAULTS_SHOWN {
            write!(f, "; and more")?;
        }
        Ok(())
    }
}
