//! An answer of Prometheus's HTTP API: a matrix.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::sample::Sample;
use crate::time::Timestamp;

/// One series of an answer. Labels are sorted by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub labels: Vec<(String, String)>,
    pub samples: Vec<Sample>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Option<Data<'a>>,
    #[serde(borrow, default)]
    error: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(borrow)]
    result_type: Cow<'a, str>,
    #[serde(borrow)]
    result: &'a serde_json::value::RawValue,
}

#[derive(Deserialize)]
struct Row<'a> {
    metric: BTreeMap<String, String>,
    // Absent where a series has native histograms only.
    #[serde(borrow, default)]
    values: Vec<(f64, Cow<'a, str>)>,
}

/// Reads an answer, or says what is odd about it.
pub(super) fn read(body: &[u8]) -> Result<Vec<Series>, String> {
    let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let Some(Data { result_type, result }) = envelope.data else {
        return Err(if envelope.error.is_empty() { "it has no data".to_owned() } else { envelope.error.into_owned() });
    };
    if result_type != "matrix" {
        return Err(format!("it is a {result_type}, expected a matrix"));
    }
    let rows: Vec<Row<'_>> = serde_json::from_str(result.get()).map_err(|error| error.to_string())?;
    rows.into_iter().map(series).collect()
}

fn series(Row { metric, values }: Row<'_>) -> Result<Series, String> {
    let samples = values.into_iter().map(|(at, value)| {
        let number = value.parse().map_err(|_| format!("\"{value}\" is not a number"))?;
        Ok(Sample::new(time(at), number))
    });
    Ok(Series { labels: metric.into_iter().collect(), samples: samples.collect::<Result<_, String>>()? })
}

/// Milliseconds, of seconds with three digits.
#[allow(clippy::cast_possible_truncation, reason = "a float becomes the nearest number")]
fn time(seconds: f64) -> Timestamp {
    Timestamp::from_millis((seconds * 1000.0).round() as i64)
}
