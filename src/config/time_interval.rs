//! Alertmanager's time intervals: times of the day, weekdays, days of the month, months, years, in a time zone.
//!
//! Beyond Alertmanager, times may cross midnight (`22:00` to `06:00`, which belongs to the day on which it begins),
//! weekdays may be cut short (`mon:fri`), and `start` and `end` will do for `start_time` and `end_time`.

use jiff::tz::TimeZone;

use super::reader::{Fields, Reader};
use super::scalar::{At, Read};
use super::suggest::known;
use super::tree::{Kind, Node};

/// What the clock on the wall and the calendar beside it must show. An empty list is no condition.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TimeInterval {
    pub times: Vec<DayTime>,
    /// From Sunday, 0, to Saturday, 6.
    pub weekdays: Vec<Span>,
    /// From 1; negative ones count from the end of the month, where -1 is the last day.
    pub days_of_month: Vec<Span>,
    /// From 1.
    pub months: Vec<Span>,
    pub years: Vec<Span>,
}

/// A part of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayTime {
    /// In minutes after midnight; below 1440.
    pub start: i16,
    /// In minutes after midnight; excluded, up to 1440. Where it is before `start` it is on the next day.
    pub end: i16,
}

/// From the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub first: i16,
    pub last: i16,
}

impl TimeInterval {
    /// The fields that make an interval.
    pub(super) const FIELDS: [&str; 5] = ["times", "weekdays", "days_of_month", "months", "years"];

    /// Takes the fields of an interval out of a mapping that has others too.
    pub(super) fn take(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let times = list(fields, "times");
        let weekdays = list(fields, "weekdays").map(|spans| spans.into_iter().map(|Weekdays(span)| span).collect());
        let days = list(fields, "days_of_month").map(|spans| spans.into_iter().map(|MonthDays(span)| span).collect());
        let months = list(fields, "months").map(|spans| spans.into_iter().map(|Months(span)| span).collect());
        let years = list(fields, "years").map(|spans| spans.into_iter().map(|Years(span)| span).collect());
        Some(Self { times: times?, weekdays: weekdays?, days_of_month: days?, months: months?, years: years? })
    }
}

/// A list; empty where it is left out, `None` where something in it is wrong.
fn list<T: Read>(fields: &mut Fields<'_, '_>, name: &'static str) -> Option<Vec<T>> {
    match fields.node(name) {
        Some(node) => Vec::read(fields.reader, node),
        None => Some(Vec::new()),
    }
}

/// A time zone by its name in the IANA database.
#[derive(Debug, Clone)]
pub(super) struct Zone(pub(super) TimeZone);

impl Read for Zone {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let Kind::Text(name) = &node.kind else {
            reader.expected(node, "a time zone as in Europe/Paris");
            return None;
        };
        let zone = TimeZone::get(name).ok();
        if zone.is_none() {
            let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut hint = known(name, &names);
            if !hint.starts_with("did") {
                "write a name of the IANA database as in Europe/Paris or UTC".clone_into(&mut hint);
            }
            reader.report(node.span, format!("unknown time zone \"{name}\"; {hint}"));
        }
        zone.map(Self)
    }
}

impl Read for DayTime {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a part of the day")?;
        let start: Option<At<Minute>> = time(&mut fields, "start_time", "start");
        let end: Option<At<Minute>> = time(&mut fields, "end_time", "end");
        fields.finish();
        let (start, end) = (start?, end?);
        let (Minute(from), Minute(to)) = (start.value, end.value);
        if from == DAY {
            reader.report(start.span, "a day begins at 00:00; 24:00 is its end");
            return None;
        }
        if from == to {
            reader.report(end.span, "start and end are the same; the whole day is 00:00 to 24:00");
            return None;
        }
        Some(Self { start: from, end: to })
    }
}

/// A field that must be given in one of two spellings.
fn time(fields: &mut Fields<'_, '_>, name: &'static str, other: &'static str) -> Option<At<Minute>> {
    if fields.has(name) || fields.has(other) { fields.either(name, other) } else { fields.required(name) }
}

/// Minutes of a day.
const DAY: i16 = 24 * 60;

/// A time of the day in minutes after midnight.
#[derive(Debug, Clone, Copy)]
struct Minute(i16);

impl Read for Minute {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let minute = match &node.kind {
            Kind::Text(text) => parse_minute(text),
            _ => None,
        };
        if minute.is_none() {
            reader.expected(node, "a time from \"00:00\" to \"24:00\"");
        }
        minute.map(Self)
    }
}

fn parse_minute(text: &str) -> Option<i16> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |text: &str| -> Option<i16> {
        (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
    };
    let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= DAY).then_some(total)
}

struct Weekdays(Span);
struct MonthDays(Span);
struct Months(Span);
struct Years(Span);

pub(super) const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl Read for Weekdays {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let what = "a weekday or several as in saturday or 'monday:friday'";
        span(reader, node, what, |word| named(word, &WEEKDAYS)).map(Self)
    }
}

impl Read for Months {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let what = "a month or several as in december, 'june:august' or '6:8'";
        let month = |word: &str| named(word, &MONTHS).map(|at| at + 1).or_else(|| number(word, 1..=12));
        span(reader, node, what, month).map(Self)
    }
}

impl Read for MonthDays {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let what = "a day of the month or several as in 15, '1:7' or '-3:-1', where -1 is the last";
        let day = |word: &str| number(word, -31..=31).filter(|day| *day != 0);
        let Span { first, last } = span(reader, node, what, day)?;
        if first < 0 && last > 0 {
            reader.expected(node, "days that are both counted from the start of the month, or the last from its end");
            return None;
        }
        Some(Self(Span { first, last }))
    }
}

impl Read for Years {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        span(reader, node, "a year or several as in 2026 or '2026:2028'", |word| number(word, 1970..=9998)).map(Self)
    }
}

fn number(word: &str, range: std::ops::RangeInclusive<i16>) -> Option<i16> {
    word.parse().ok().filter(|number| range.contains(number))
}

/// The place of a name in a list of names; its first three letters will do.
fn named(word: &str, names: &[&str]) -> Option<i16> {
    let word = word.to_lowercase();
    let at = names.iter().position(|name| *name == word || (word.len() == 3 && name.starts_with(&word)))?;
    i16::try_from(at).ok()
}

/// One value, or two with a colon between them.
fn span(reader: &Reader<'_>, node: &Node, what: &str, value: impl Fn(&str) -> Option<i16>) -> Option<Span> {
    let parsed = node.text().and_then(|text| {
        let (first, last) = text.split_once(':').unwrap_or((text, text));
        Some(Span { first: value(first.trim())?, last: value(last.trim())? })
    });
    let Some(parsed) = parsed else {
        reader.expected(node, what);
        return None;
    };
    // Of days of the month, `1:-1` is in order.
    if parsed.last < parsed.first && (parsed.first < 0) == (parsed.last < 0) {
        reader.report(node.span, "the first comes after the last; write two items, up to the end and from the start");
        return None;
    }
    Some(parsed)
}
