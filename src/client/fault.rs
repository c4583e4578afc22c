//! Why an attempt failed, and whether another may help.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use http::StatusCode;

use super::secret::SecretError;

/// Why one attempt failed. No address in it, for that may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("no answer within {0:?}")]
    Slow(Duration),
    #[error("{0}")]
    Connection(String),
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// `text` is the beginning of the answer.
    #[error("answered {status}{}", shown(text))]
    Status { status: StatusCode, text: String, retry_after: Option<Duration> },
    #[error("the answer is longer than {bytes_max} bytes")]
    TooLong { bytes_max: usize },
    #[error("{0}")]
    Request(#[from] http::Error),
}

impl Fault {
    /// Whether another attempt may go well: the other side is away or busy, or a file is being replaced.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Slow(_) | Self::Connection(_) | Self::Secret(_) => true,
            Self::Status { status, .. } => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::TooLong { .. } | Self::Request(_) => false,
        }
    }

    /// How long the other side asks us to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

fn shown(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// An error and its causes in one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string can't fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
