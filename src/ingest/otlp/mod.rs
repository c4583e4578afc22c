//! OpenTelemetry's metrics → samples, named and labelled as Prometheus 3.14 does it.
//!
//! In: a body of `ExportMetricsServiceRequest`. Out: series as remote write 1.0 has them, on the way that those take (`sink`).
//! Never here: a message object; a sample stored before the whole body has proved sound (`shape`).
//!
//! A resource says whose metrics they are (`resource`), a metric what its points are (`metric`), a point makes one series or
//! several (`points`). Series are as many as Prometheus makes of the same body, with the same labels (`names`, `value`,
//! `labels`) and values. Exponential histograms are counted and not kept, as native ones are.

mod inflate;
mod labels;
mod metric;
mod names;
mod points;
mod resource;
mod shape;
mod sink;
#[cfg(test)]
mod tests;
mod value;

use std::time::Duration;

use super::receiver::Limits;
use super::rejected::{Item, Rejected};
use super::spelled::check;
use points::{Span, pairs};
use resource::{Resource, Scope};
use shape::{bytes, each};

use crate::sample::Sample;
use crate::time::Timestamp;

pub use inflate::Encoding;
pub(super) use inflate::negotiate;
pub(super) use sink::Sink;

/// The series that tells a resource's attributes, and what is said of it.
const INFO: &str = "target_info";
const INFO_HELP: &str = "Target metadata";

/// Its samples stand no further apart, so that a query finds one at any time between its first and its last: half of the
/// five minutes that PromQL looks back.
const INFO_STEP: Duration = Duration::from_secs(150);

/// How far before the latest point of a resource it is told. Bodies span seconds; one whose points are made to lie years apart
/// would else make millions of samples.
const INFO_SPAN: Duration = Duration::from_hours(1);

/// Unpacks a body and looks it through to its end.
pub(super) fn open<'b>(
    body: &'b [u8],
    encoding: Encoding,
    limits: &Limits,
    buffer: &'b mut Vec<u8>,
) -> Result<&'b [u8], Rejected> {
    let body = inflate::inflate(body, encoding, limits.decompressed_bytes_max, buffer)?;
    shape::check(body, limits.request_series_max)?;
    Ok(body)
}

/// Translates a body that [`open`] has looked through.
pub(super) fn translate(body: &[u8], sink: &mut Sink<'_, '_>) {
    let limits = sink.limits();
    each(body, 1, |resource_metrics| {
        let resource = Resource::read(bytes(resource_metrics, 1), limits);
        let mut span = Span::default();
        each(resource_metrics, 2, |scope_metrics| {
            let scope = Scope::read(scope_metrics, limits);
            let around = resource.as_ref().and_then(|resource| Ok((resource, scope.as_ref()?)));
            each(scope_metrics, 2, |message| metric::translate(message, around, &mut span, sink));
        });
        if let (Ok(resource), Some(span)) = (&resource, span.0) {
            target_info(resource, span, sink);
        }
    });
}

/// Tells the attributes of a resource by a series whose samples reach from its earliest point to its latest.
fn target_info(resource: &Resource<'_>, (earliest, latest): (i64, i64), sink: &mut Sink<'_, '_>) {
    if !sink.reads(INFO) {
        return;
    }
    let limits = sink.limits();
    let checked = resource.info(limits).and_then(|labels| {
        let Some(labels) = labels else { return Ok(None) };
        check(&pairs(&labels, INFO, None), limits).map(|()| Some(labels))
    });
    let labels = match checked {
        Ok(Some(labels)) => labels,
        Ok(None) => return,
        Err(fault) => return sink.reject(fault, Item::Series, 1, || INFO.to_owned()),
    };
    sink.metadata().note(INFO.as_bytes(), 2, INFO_HELP.as_bytes(), b"");
    let pairs = pairs(&labels, INFO, None);
    for at in info_times(earliest, latest, sink.horizon) {
        sink.push(&pairs, Sample::new(at, 1.0));
    }
}

/// Times from the earliest point in steps, and that of the latest, all in nanoseconds. Those before the horizon are of no use
/// to anybody.
fn info_times(earliest: i64, latest: i64, horizon: Timestamp) -> impl Iterator<Item = Timestamp> {
    let step = i64::try_from(INFO_STEP.as_nanos()).unwrap_or(i64::MAX);
    let span = i64::try_from(INFO_SPAN.as_nanos()).unwrap_or(i64::MAX);
    let horizon = horizon.as_millis().saturating_mul(1_000_000).max(latest.saturating_sub(span));
    let missed = (i128::from(horizon) - i128::from(earliest)).max(0) / i128::from(step);
    let first = i64::try_from(i128::from(earliest) + missed * i128::from(step)).unwrap_or(latest);
    let steps = std::iter::successors(Some(first), move |at| at.checked_add(step)).take_while(move |at| *at < latest);
    steps.chain([latest]).map(|at| Timestamp::from_millis(at.div_euclid(1_000_000)))
}
