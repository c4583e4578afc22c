//! Schedules and planned events of a scale rule: floors, ceilings and multipliers at certain times.
//!
//! A schedule is written in one of three ways: `cron` and `duration`; `start` and `end`, both cron expressions, as
//! KEDA's cron trigger has them; or as one of Alertmanager's time intervals.

use std::str::FromStr as _;
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;

use super::finding::Span;
use super::reader::{Fields, Reader};
use super::scalar::{At, Read};
use super::time_interval::{TimeInterval, Zone};
use super::tree::{Kind, Node};
use crate::time::Timestamp;

/// Something that holds again and again.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pub name: At<String>,
    pub when: When,
    pub zone: TimeZone,
    pub effect: Effect,
}

/// The times at which a schedule holds.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// From each occurrence on, for so long by a stop watch.
    Cron { start: Box<Cron>, lasts: Duration },
    /// From an occurrence of `start` to the next one of `end`.
    Between { start: Box<Cron>, end: Box<Cron> },
    /// While the clock on the wall shows these times.
    Interval(TimeInterval),
}

/// Something that is planned once.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub name: At<String>,
    pub start: Timestamp,
    /// After `start`.
    pub end: Timestamp,
    /// How long before `start` replicas are made ready; what was learnt of the workload's start-up where it is left out.
    pub lead: Option<Duration>,
    pub effect: Effect,
}

/// What holds meanwhile. At least one of them is given.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Effect {
    /// Not more than `max`.
    pub min: Option<u32>,
    pub max: Option<u32>,
    /// How many times the demand; more than zero.
    pub multiplier: Option<f64>,
}

impl Read for Schedule {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a schedule")?;
        let name = fields.required("name");
        let when = when(&mut fields, node);
        let zone = fields.either("timezone", "location").map_or(TimeZone::UTC, |Zone(zone)| zone);
        let effect = effect(&mut fields, node, "a schedule");
        fields.finish();
        Some(Self { name: name?, when: when?, zone, effect: effect? })
    }
}

/// The longest duration of a schedule: a leap year.
const LASTS_MAX: Duration = Duration::from_hours(366 * 24);

fn when(fields: &mut Fields<'_, '_>, node: &Node) -> Option<When> {
    if fields.has("cron") || fields.has("duration") {
        fields.rename("a schedule by cron and duration");
        let start = fields.required("cron").map(|CronText(cron, _)| Box::new(cron));
        let lasts: Option<At<Duration>> = fields.required("duration");
        let At { value: lasts, span } = lasts?;
        if lasts.is_zero() || lasts > LASTS_MAX {
            fields.reader.report(span, "a duration is more than zero and at most 366d");
            return None;
        }
        return Some(When::Cron { start: start?, lasts });
    }
    if fields.has("start") || fields.has("end") {
        fields.rename("a schedule by start and end (two cron expressions)");
        let start = fields.required("start");
        let end = fields.required("end");
        let (CronText(start, _), CronText(end, span)) = (start?, end?);
        if start == end {
            let message = "start and end are the same, so this would never end; for whole days write duration: 1d";
            fields.reader.report(span, message);
            return None;
        }
        return Some(When::Between { start: Box::new(start), end: Box::new(end) });
    }
    let given = TimeInterval::FIELDS.iter().any(|name| fields.has(name));
    let interval = TimeInterval::take(fields);
    if !given {
        let message =
            "a schedule needs its times: cron and duration, start and end, or weekdays, times, days_of_month, months";
        fields.reader.report(node.token(), message);
        return None;
    }
    interval.map(When::Interval)
}

impl Read for Event {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "an event")?;
        let name = fields.required("name");
        let start: Option<At<Timestamp>> = fields.required("start");
        let end: Option<At<Timestamp>> = fields.required("end");
        let lead = fields.optional("lead");
        let effect = effect(&mut fields, node, "an event");
        fields.finish();
        let (start, end) = (start?, end?);
        if end.value <= start.value {
            reader.report(end.span, "the end of an event comes after its start");
            return None;
        }
        Some(Self { name: name?, start: start.value, end: end.value, lead, effect: effect? })
    }
}

fn effect(fields: &mut Fields<'_, '_>, node: &Node, what: &str) -> Option<Effect> {
    let pin: Option<At<u32>> = fields.optional("replicas");
    let min: Option<At<u32>> = fields.optional("min");
    let max: Option<At<u32>> = fields.optional("max");
    let multiplier: Option<At<f64>> = fields.optional("multiplier");
    if !["replicas", "min", "max", "multiplier"].iter().any(|name| fields.has(name)) {
        fields.reader.report(node.token(), format!("{what} needs what it changes: min, max, replicas or multiplier"));
        return None;
    }
    if let (Some(pin), true) = (&pin, min.is_some() || max.is_some()) {
        fields.reader.report(pin.span, "replicas is min and max in one; remove it or them");
        return None;
    }
    if let (Some(min), Some(max)) = (&min, &max)
        && max.value < min.value
    {
        fields.reader.report(max.span, format!("max {} is less than min {}", max.value, min.value));
        return None;
    }
    if let Some(At { value, span }) = multiplier
        && value <= 0.0
    {
        fields.reader.report(span, "a multiplier is more than zero; to hold at a count write replicas");
        return None;
    }
    let value = |bound: Option<At<u32>>| bound.map(|At { value, .. }| value);
    let pin = value(pin);
    Some(Effect {
        min: pin.or(value(min)),
        max: pin.or(value(max)),
        multiplier: multiplier.map(|At { value, .. }| value),
    })
}

impl Read for Timestamp {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let parsed = match &node.kind {
            Kind::Text(text) => {
                let zoned = || jiff::Zoned::from_str(text).ok().map(|zoned| zoned.timestamp());
                jiff::Timestamp::from_str(text).ok().or_else(zoned)
            }
            _ => None,
        };
        if parsed.is_none() {
            reader.expected(
                node,
                "a point in time as in 2026-11-27T08:00:00Z, 2026-11-27T09:00:00+01:00 or 2026-11-27T09:00:00[Europe/Paris]",
            );
        }
        parsed.map(|at| Self::from_millis(at.as_millisecond()))
    }
}

/// A cron expression and where it is written.
struct CronText(Cron, Span);

/// The fields of a cron expression, and what may stand in each.
const CRON_FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of month", "1 to 31, or L for the last"),
    ("month", "1 to 12 or jan to dec"),
    ("day of week", "0 to 7 or sun to sat, where 0 and 7 are Sunday"),
];

/// From when on an occurrence is looked for, to see whether there is any: each year lies ahead of it.
const ANY_TIME: jiff::civil::Date = jiff::civil::date(2000, 1, 1);

impl Read for CronText {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let Kind::Text(text) = &node.kind else {
            reader.expected(node, "a cron expression as in \"0 8 * * 1-5\"");
            return None;
        };
        let cron = match parse_cron(text) {
            Ok(cron) => cron,
            Err(message) => {
                reader.report(node.span, message);
                return None;
            }
        };
        let begin = ANY_TIME.to_zoned(TimeZone::UTC).ok()?;
        if cron.find_next_occurrence(&begin, true).is_err() {
            reader.report(node.span, format!("\"{text}\" never happens; no such day is in the calendar"));
            return None;
        }
        Some(Self(cron, node.span))
    }
}

/// Reads five fields, as in crontab(5), or a name as in `@daily`.
fn parse_cron(text: &str) -> Result<Cron, String> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).sloppy_ranges(true).build();
    let fields: Vec<&str> = text.split_whitespace().collect();
    if !text.trim_start().starts_with('@') && fields.len() != CRON_FIELDS.len() {
        return Err(format!(
            "a cron expression has five fields: minute, hour, day of month, month, day of week; \"{text}\" has {}",
            fields.len()
        ));
    }
    parser.parse(text).map_err(|_| {
        // The parser does not name the field, so each is tried alone.
        let named = text.trim_start().starts_with('@');
        let wrong = fields.iter().zip(CRON_FIELDS).enumerate().filter(|_| !named).find(|(at, (field, _))| {
            let alone: Vec<&str> = (0..CRON_FIELDS.len()).map(|other| if other == *at { field } else { "*" }).collect();
            parser.parse(&alone.join(" ")).is_err()
        });
        match wrong {
            Some((_, (field, (name, range)))) => {
                format!("\"{field}\" is no {name}; write {range}, with \",\" \"-\" \"/\" and \"*\" as in crontab")
            }
            None => format!("\"{text}\" is no cron expression; write five fields as in \"0 8 * * 1-5\", or @daily"),
        }
    })
}

/// Reads `schedules` and `events` alone, for tests: they are fields of a scale rule.
#[cfg(test)]
pub(crate) fn parse(text: &str) -> Result<(Vec<Schedule>, Vec<Event>), String> {
    let source = super::Source { file: std::path::Path::new("web.yaml"), text };
    let reader = Reader::new(source);
    let root = super::tree::parse(source).map_err(|(_, message)| message)?;
    let mut fields = reader.fields(&root, "a test").ok_or("no mapping")?;
    let (schedules, events) = (fields.optional("schedules"), fields.optional("events"));
    fields.finish();
    let findings = reader.into_findings().into_vec();
    if findings.is_empty() {
        Ok((schedules.unwrap_or_default(), events.unwrap_or_default()))
    } else {
        Err(findings.iter().fold(String::new(), |text, finding| format!("{text}{finding}\n")))
    }
}

#[cfg(test)]
mod tests;
