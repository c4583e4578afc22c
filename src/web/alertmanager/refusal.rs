//! Errors, as Alertmanager's API gives them: a text as JSON, or a code and a message where a request isn't even of the
//! documented form.

use http::StatusCode;
use serde_json::json;

use super::super::reply::{self, Reply};

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// 400: well-formed, and can't be done.
    #[error("{0}")]
    Bad(String),
    /// 400: no JSON, or JSON of another shape.
    #[error("{0}")]
    Malformed(String),
    /// 422: a field is missing or out of bounds. The code is of go-openapi's numbering, which clients may know.
    #[error("{message}")]
    Invalid { code: u16, message: String },
    /// 404 without a body.
    #[error("not found")]
    Absent,
    /// 404, for there is no such path.
    #[error("path {0} was not found")]
    NoPath(String),
    /// 405.
    #[error("{0}")]
    NoMethod(String),
    /// 404 with a text.
    #[error("{0}")]
    NotFound(String),
    /// 413.
    #[error("{0}")]
    TooLarge(String),
    /// 415.
    #[error("{0}")]
    Unsupported(String),
    /// 500: it is done, and could not be written down.
    #[error("{0}")]
    Unwritten(String),
    /// 503: the loop gives no answer.
    #[error("{0}")]
    Unavailable(String),
}

impl Refusal {
    /// A field that must be there.
    pub(super) fn required(name: &str) -> Self {
        Self::Invalid { code: 602, message: format!("{name} in body is required") }
    }

    pub(super) fn reply(&self) -> Reply {
        let (status, code) = match self {
            Self::Bad(text) => return reply::json(StatusCode::BAD_REQUEST, text),
            Self::NotFound(text) => return reply::json(StatusCode::NOT_FOUND, text),
            Self::Unwritten(text) => return reply::json(StatusCode::INTERNAL_SERVER_ERROR, text),
            Self::Unavailable(text) => return reply::json(StatusCode::SERVICE_UNAVAILABLE, text),
            Self::Absent => return reply::empty(StatusCode::NOT_FOUND),
            Self::NoPath(_) => (StatusCode::NOT_FOUND, 404),
            Self::NoMethod(_) => (StatusCode::METHOD_NOT_ALLOWED, 405),
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, 400),
            Self::Invalid { code, .. } => (StatusCode::UNPROCESSABLE_ENTITY, *code),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, 413),
            Self::Unsupported(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, 415),
        };
        reply::json(status, &json!({ "code": code, "message": self.to_string() }))
    }
}
