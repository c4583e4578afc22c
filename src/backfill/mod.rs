//! The door to what was before: a server with Prometheus's HTTP API (Prometheus, Thanos, Mimir, `VictoriaMetrics`).
//!
//! In: a selector or an expression, and a stretch of time. Out: series with their samples. Never here: what becomes of
//! them, retries, a sample that the server has made up: raw samples are asked for with a range selector, which gives them
//! at their own times, and only an expression is evaluated by steps.

mod answer;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use http::Uri;

pub use answer::Series;

use crate::client::{Client, ClientError, Fault};
use crate::config::WarmStart;
use crate::labels::Matcher;
use crate::time::Timestamp;

/// Bytes of one answer at most: some 4 million samples.
const ANSWER_BYTES_MAX: usize = 128 << 20;

/// Steps of one evaluation; Prometheus gives 11,000 at most.
const STEPS_MAX: u32 = 10_000;

/// The shortest stretch that an answer that is too long is divided into.
const PIECE_MIN: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("the answer is not one of Prometheus's API: {0}")]
    Answer(String),
}

impl BackfillError {
    /// Whether another attempt may go well.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Fault(fault) if fault.may_pass())
    }

    /// Whether less at once may go well: Prometheus refuses what would load too many samples with 422.
    fn is_too_much(&self) -> bool {
        match self {
            Self::Fault(Fault::TooLong { .. } | Fault::Slow(_)) => true,
            Self::Fault(Fault::Status { status, .. }) => *status == http::StatusCode::UNPROCESSABLE_ENTITY,
            _ => false,
        }
    }
}

/// A server that is asked.
pub struct Server {
    client: Client,
    instant: Uri,
    range: Uri,
    timeout: Duration,
    external_labels: BTreeMap<String, String>,
}

impl Server {
    pub fn new(settings: &WarmStart) -> Result<Self, ClientError> {
        let uri = |path: &str| -> Result<Uri, ClientError> {
            let address = format!("{}/api/v1/{path}", settings.url);
            address.parse().map_err(|_| ClientError::Address(address))
        };
        let (instant, range) = (uri("query")?, uri("query_range")?);
        let client = Client::new(&settings.access, instant.scheme_str() == Some("https"))?;
        let external_labels = settings.external_labels.clone();
        Ok(Self { client, instant, range, timeout: settings.timeout, external_labels })
    }

    /// The samples of a selector's series after `start` and up to `end`, as they were scraped, piece by piece, oldest first.
    pub fn samples(&self, matchers: &[Matcher], start: Timestamp, end: Timestamp) -> Samples<'_> {
        let selector = self.selector(matchers);
        let pieces = if selector.is_some() { vec![(start, end)] } else { Vec::new() };
        Samples { server: self, selector: selector.unwrap_or_default(), pieces }
    }

    /// What an expression was at each step from `start` to `end`. Series come once for each stretch that is asked for.
    pub async fn evaluated(
        &self,
        expr: &str,
        start: Timestamp,
        end: Timestamp,
        step: Duration,
    ) -> Result<Vec<Series>, BackfillError> {
        let step = step.max(Duration::from_secs(1));
        let mut all: BTreeMap<Vec<(String, String)>, Series> = BTreeMap::new();
        let mut pieces = vec![(start, end)];
        while let Some((start, end)) = pieces.pop() {
            let longest = step * STEPS_MAX;
            if end.since(start) > longest {
                pieces.extend([(start + longest + step, end), (start, start + longest)]);
                continue;
            }
            let fields = [
                ("query", expr),
                ("start", &seconds(start)),
                ("end", &seconds(end)),
                ("step", &format!("{}ms", step.as_millis())),
            ];
            match self.ask(&self.range, &fields).await {
                Ok(mut series) => {
                    self.label(&mut series);
                    for one in series {
                        match all.get_mut(&one.labels) {
                            Some(known) => known.samples.extend(one.samples),
                            None => _ = all.insert(one.labels.clone(), one),
                        }
                    }
                }
                Err(error) if error.is_too_much() && end.since(start) > step * 4 => {
                    let steps = u32::try_from(end.since(start).as_millis() / step.as_millis() / 2).unwrap_or(STEPS_MAX);
                    let middle = start + step * steps;
                    pieces.extend([(middle + step, end), (start, middle)]);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(all.into_values().collect())
    }

    async fn ask(&self, uri: &Uri, fields: &[(&str, &str)]) -> Result<Vec<Series>, BackfillError> {
        let form: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let body = self.client.ask(uri, form.join("&"), self.timeout, ANSWER_BYTES_MAX).await?;
        answer::read(&body).map_err(BackfillError::Answer)
    }

    /// The selector as the server knows the series: without the labels that remote write puts on them. `None` where those
    /// say that none is selected.
    fn selector(&self, matchers: &[Matcher]) -> Option<String> {
        let mut kept = Vec::new();
        for matcher in matchers {
            match self.external_labels.get(matcher.name()) {
                Some(value) if matcher.matches_value(value) => {}
                Some(_) => return None,
                None => kept.push(matcher.to_string()),
            }
        }
        Some(format!("{{{}}}", kept.join(",")))
    }

    /// Puts the external labels on; a series that has one of its own keeps it, as in remote write.
    fn label(&self, series: &mut [Series]) {
        for Series { labels, .. } in series {
            for (name, value) in &self.external_labels {
                if !labels.iter().any(|(own, _)| own == name) {
                    labels.push((name.clone(), value.clone()));
                }
            }
            labels.sort();
        }
    }
}

/// Samples that are asked for.
#[derive(Debug)]
pub struct Samples<'s> {
    server: &'s Server,
    selector: String,
    /// What has not been asked for yet, the newest first.
    pieces: Vec<(Timestamp, Timestamp)>,
}

impl Samples<'_> {
    /// The next piece; where the server finds that too much, a shorter one.
    pub async fn next(&mut self) -> Result<Option<Vec<Series>>, BackfillError> {
        while let Some((start, end)) = self.pieces.pop() {
            let length = end.since(start);
            let expr = format!("{}[{}ms]", self.selector, length.as_millis());
            match self.server.ask(&self.server.instant, &[("query", &expr), ("time", &seconds(end))]).await {
                Ok(mut series) => {
                    self.server.label(&mut series);
                    return Ok(Some(series));
                }
                Err(error) if error.is_too_much() && length / 2 >= PIECE_MIN => {
                    let middle = start + length / 2;
                    self.pieces.extend([(middle, end), (start, middle)]);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// A time as the API takes it: seconds since 1970, to the millisecond.
fn seconds(at: Timestamp) -> String {
    format!("{:.3}", at.as_secs_f64())
}

/// A value of a form, with all but letters and digits written as %XX.
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;

    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}
