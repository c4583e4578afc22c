//! Answers.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use serde::Serialize;

use super::gate::Refusal;

/// Whole, or streamed; it never fails half-way.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;
pub(super) type Reply = Response<Body>;

/// The longest text of an error, in bytes. Prometheus logs the first 256 of it.
const TEXT_BYTES_MAX: usize = 1024;

/// An answer with a body of the given type.
pub(super) fn content(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()).boxed_unsync());
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}

/// A line of text for people. What is too long is cut.
pub(super) fn text(status: StatusCode, text: &str) -> Reply {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX - 1);
    let mut line = text.get(..end).unwrap_or("").to_owned();
    line.push('\n');
    content(status, "text/plain; charset=utf-8", line)
}

/// Findings, which people need in full.
pub(super) fn findings(status: StatusCode, text: String) -> Reply {
    content(status, "text/plain; charset=utf-8", text)
}

/// A value as JSON; it is of the moment, so nobody may cache it.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let mut reply = content(status, "application/json", body);
            reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            reply
        }
        Err(err) => text(StatusCode::INTERNAL_SERVER_ERROR, &format!("the answer can't be written as JSON: {err}")),
    }
}

/// An answer that says nothing but its status, of the moment like those with a body.
pub(super) fn empty(status: StatusCode) -> Reply {
    let mut reply = content(status, "application/json", "");
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// 204.
pub(super) fn no_content() -> Reply {
    let mut reply = Response::new(Full::default().boxed_unsync());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply
}

/// 405, with the methods that would do.
pub(super) fn method_not_allowed(allow: &'static str) -> Reply {
    let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, &format!("method not allowed here; use {allow}"));
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    reply
}

/// 401 with the ways to prove oneself, 403, or 503. Where a body is `unread`, the connection ends with it.
pub(super) fn refused(refusal: Refusal, challenges: impl Iterator<Item = &'static str>, unread: bool) -> Reply {
    let status = match refusal {
        Refusal::Credentials => StatusCode::UNAUTHORIZED,
        Refusal::NoCertificate | Refusal::NotAllowed => StatusCode::FORBIDDEN,
        Refusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut reply = text(status, &refusal.to_string());
    let headers = reply.headers_mut();
    if refusal == Refusal::Credentials {
        for challenge in challenges {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
    }
    if unread {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if refusal == Refusal::Busy { retry_after(reply, 1) } else { reply }
}

/// Tells the client when to come again.
pub(super) fn retry_after(mut reply: Reply, seconds: u32) -> Reply {
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    reply
}
