//! `/api/v1/query`: an instant query, in the shape of Prometheus's API.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::{Number, Value as Json, json};
use tokio::time::timeout;

use super::params::Params;
use super::read::error;
use super::reply::{self, Reply};
use super::write::off_the_reactor;
use super::{Context, QueryError};
use crate::promql::Value;
use crate::time::Timestamp;

/// The longest form that is read, in bytes; an expression of this length is no longer written by hand.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// Answers `query` at `time` (now, where it isn't given).
pub(super) async fn handle(context: &Context, params: Params, request: Request<Incoming>) -> Reply {
    let params = if request.method() == Method::POST {
        match form(context, request).await {
            Ok(form) => form.and(params),
            Err(reply) => return reply,
        }
    } else {
        params
    };
    let Some(query) = params.get("query").filter(|query| !query.trim().is_empty()) else {
        return error(StatusCode::BAD_REQUEST, "invalid parameter \"query\": an expression is missing");
    };
    let at = match params.get("time").filter(|time| !time.is_empty()).map(parse_time) {
        None => (context.clock)(),
        Some(Some(at)) => at,
        Some(None) => {
            let text = "invalid parameter \"time\": write seconds since 1970 or RFC 3339, as in 2026-01-02T15:04:05Z";
            return error(StatusCode::BAD_REQUEST, text);
        }
    };
    match off_the_reactor(true, || (context.query)(query, at)) {
        Ok(value) => reply::json(StatusCode::OK, &json!({ "status": "success", "data": data(&value, at) })),
        Err(QueryError::BadData(text)) => error(StatusCode::BAD_REQUEST, &text),
        Err(QueryError::Execution(text)) => error(StatusCode::UNPROCESSABLE_ENTITY, &text),
    }
}

/// The parameters in a body; none where it is no form.
async fn form(context: &Context, request: Request<Incoming>) -> Result<Params, Reply> {
    if !is_form(request.headers()) {
        return Ok(Params::default());
    }
    let reading = Limited::new(request.into_body(), FORM_BYTES_MAX).collect();
    match timeout(context.limits.body_timeout, reading).await {
        Ok(Ok(body)) => Ok(Params::parse(&String::from_utf8_lossy(&body.to_bytes()))),
        Ok(Err(_)) => Err(error(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("the form can't be read, or is longer than {FORM_BYTES_MAX} bytes"),
        )),
        Err(_) => Err(error(StatusCode::REQUEST_TIMEOUT, "the form did not arrive in time")),
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let media_type = content_type.split(';').next().unwrap_or("");
    media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Seconds since the Unix epoch with a fraction, or RFC 3339.
pub(super) fn parse_time(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = (seconds * 1000.0).round();
        // Beyond this a float no longer tells milliseconds apart, and a calendar no longer years.
        #[allow(clippy::cast_possible_truncation)]
        return (ms.abs() <= 9e15).then_some(Timestamp::from_millis(ms as i64));
    }
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
}

/// A value as `data`.
fn data(value: &Value, at: Timestamp) -> Json {
    let (result_type, result) = match value {
        Value::Scalar(value) => ("scalar", point(at, &number(*value))),
        Value::String(text) => ("string", point(at, text)),
        Value::Vector(vector) => {
            let series =
                vector.iter().map(|(metric, value)| json!({"metric": metric, "value": point(at, &number(*value))}));
            ("vector", series.collect())
        }
        Value::Matrix(matrix) => {
            let series = matrix.iter().map(|(metric, samples)| {
                let values: Json = samples.iter().map(|sample| point(sample.at, &number(sample.value))).collect();
                json!({"metric": metric, "values": values})
            });
            ("matrix", series.collect())
        }
    };
    json!({ "resultType": result_type, "result": result })
}

/// A time in seconds, and a value as text.
fn point(at: Timestamp, value: &str) -> Json {
    let ms = at.as_millis();
    let seconds = if ms % 1000 == 0 { Some(Number::from(ms / 1000)) } else { Number::from_f64(at.as_secs_f64()) };
    json!([seconds, value])
}

/// A float as Prometheus's API writes it: the shortest digits that give it back, with an exponent where it is very
/// small or very large.
fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if value == 0.0 || (1e-6..1e21).contains(&value.abs()) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: f64, want: &str) {
        assert_eq!(number(value), want);
    }

    #[test]
    fn floats_are_written_as_in_prometheus() {
        check(0.0, "0");
        check(-0.0, "-0");
        check(1.0, "1");
        check(0.1 + 0.2, "0.30000000000000004");
        check(1e20, "100000000000000000000");
        check(1e21, "1e+21");
        check(-1.5e300, "-1.5e+300");
        check(0.000_001, "0.000001");
        check(1.25e-7, "1.25e-07");
        check(f64::INFINITY, "+Inf");
        check(f64::NEG_INFINITY, "-Inf");
        check(f64::NAN, "NaN");
    }

    #[test]
    fn times_are_read_in_both_forms() {
        let ms = |text| parse_time(text).map(Timestamp::as_millis);
        assert_eq!(ms("1700000000.123"), Some(1_700_000_000_123));
        assert_eq!(ms("2023-11-14T22:13:20Z"), Some(1_700_000_000_000));
        assert_eq!(ms("1e300"), None);
        assert_eq!(ms("NaN"), None);
        assert_eq!(ms("yesterday"), None);
    }
}
