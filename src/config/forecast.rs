//! `forecast:` of a scale rule, as written.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::reader::Reader;
use super::scalar::{At, Read};
use super::time_interval::{WEEKDAYS, Zone};
use super::tree::{Kind, Node};

/// How a rule's demand is foreseen.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// How far ahead demand must be known; `None` for `auto`: as long as pods take to start, and one evaluation.
    pub horizon: Option<At<Duration>>,
    /// The quantile of the largest demand of the window that is provided for.
    pub quantile: Option<At<f64>>,
    /// `auto`, or a model's name.
    pub model: At<String>,
    /// The trust from which on a forecast counts in full.
    pub confidence: Option<At<f64>>,
    /// The step at which demand is kept.
    pub step: At<Duration>,
    /// Lengths after which demand repeats itself.
    pub seasons: Option<At<Vec<Duration>>>,
    /// Where the days of the holidays begin.
    pub zone: TimeZone,
    /// Days that are not like the others of their weekday.
    pub holidays: Vec<Holiday>,
}

/// A day, or several in a row, on which demand is that of another day of the week.
#[derive(Debug, Clone, PartialEq)]
pub struct Holiday {
    pub name: String,
    pub date: Date,
    /// The last one; `date` where there is one only.
    pub until: Date,
    /// 0 is Sunday.
    pub like: u8,
}

impl Read for Forecast {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "forecast")?;
        let horizon = fields.optional("horizon").and_then(|Horizon(horizon)| horizon);
        let forecast = Self {
            horizon,
            quantile: fields.optional("quantile"),
            model: fields.optional("model").unwrap_or(At { value: "auto".to_owned(), span: node.token() }),
            confidence: fields.optional("confidence"),
            step: fields.optional("step").unwrap_or(At { value: Duration::from_mins(1), span: node.token() }),
            seasons: fields.optional("seasons"),
            zone: fields.either("timezone", "location").map_or(TimeZone::UTC, |Zone(zone)| zone),
            holidays: fields.optional("holidays").unwrap_or_default(),
        };
        fields.finish();
        Some(forecast)
    }
}

/// The longest holiday: school is out for two months.
const DAYS_MAX: i32 = 62;

impl Read for Holiday {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a holiday")?;
        let name = fields.optional("name");
        let date: Option<At<Date>> = fields.required("date");
        let until: Option<At<Date>> = fields.optional("until");
        let like = fields.required("like").map(|Weekday(like)| like);
        fields.finish();
        let date = date?.value;
        if let Some(At { value, span }) = &until {
            let days = date.until(*value).map_or(-1, |span| span.get_days());
            if !(0..DAYS_MAX).contains(&days) {
                reader
                    .report(*span, format!("until is the last day of the holiday, within {DAYS_MAX} days of its date"));
                return None;
            }
        }
        let name = name.unwrap_or_else(|| date.to_string());
        Some(Self { name, date, until: until.map_or(date, |until| until.value), like: like? })
    }
}

impl Read for Date {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let date = match &node.kind {
            Kind::Text(text) => text.parse().ok(),
            _ => None,
        };
        if date.is_none() {
            reader.expected(node, "a date as in 2026-12-25");
        }
        date
    }
}

/// A day of the week by its name; 0 is Sunday.
struct Weekday(u8);

impl Read for Weekday {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let found = match &node.kind {
            Kind::Text(text) => (0_u8..).zip(WEEKDAYS).find(|(_, name)| text.eq_ignore_ascii_case(name)),
            _ => None,
        };
        if found.is_none() {
            reader.expected(node, "the day of the week that it is like, as in sunday");
        }
        found.map(|(day, _)| Self(day))
    }
}

/// `auto`, or a duration.
struct Horizon(Option<At<Duration>>);

impl Read for Horizon {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        if matches!(&node.kind, Kind::Text(text) if text == "auto") {
            return Some(Self(None));
        }
        At::read(reader, node).map(|horizon| Self(Some(horizon)))
    }
}
