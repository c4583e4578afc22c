//! Bodies: JSON, bounded before memory is spent.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use super::super::router::Service;
use super::super::write;
use super::refusal::Refusal;

/// The longest body, in bytes. Prometheus sends 64 alerts at a time, which are some 50 KB.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Reads a body as JSON of the shape `T`; `what` names it in errors.
pub(super) async fn read<T: DeserializeOwned>(
    service: &Service,
    request: Request<Incoming>,
    what: &str,
) -> Result<T, Refusal> {
    let (head, body) = request.into_parts();
    check_type(&head.headers)?;
    let reading = write::bounded(service, &head.headers, body, BODY_BYTES_MAX);
    let (body, _room) = reading.await.map_err(|turned| match turned {
        write::Turned::TooLarge { limit } => Refusal::TooLarge(format!("body is longer than {limit} bytes")),
        write::Turned::CutShort(error) => Refusal::Malformed(format!("the body ended early: {error}")),
        other => Refusal::Unavailable(other.to_string()),
    })?;
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Refusal::required(what));
    }
    serde_json::from_slice(&body).map_err(|error| Refusal::Malformed(format!("parsing {what} body failed: {error}")))
}

/// JSON, or nothing said, which counts as JSON.
fn check_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(given) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let given = given.to_str().unwrap_or("");
    let media_type = given.split(';').next().unwrap_or("").trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Refusal::Unsupported(format!("unsupported media type \"{media_type}\", only [application/json] are allowed")))
}
