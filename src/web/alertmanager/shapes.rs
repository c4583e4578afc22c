//! The JSON of Alertmanager's API, and how our own words become it.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use crate::dispatch::{self, AlertState, SilenceState};
use crate::engine::AlertView;
use crate::labels::{Labels, MatchOp};
use crate::time::Timestamp;

/// A name alone.
#[derive(Debug, Serialize)]
pub(super) struct Receiver {
    pub(super) name: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GettableAlert {
    annotations: BTreeMap<String, String>,
    ends_at: String,
    pub(super) fingerprint: String,
    receivers: Vec<Receiver>,
    starts_at: String,
    status: AlertStatus,
    updated_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "String::is_empty")]
    generator_url: String,
    labels: Labels,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertStatus {
    inhibited_by: Vec<String>,
    muted_by: Vec<String>,
    silenced_by: Vec<String>,
    state: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct AlertGroup {
    pub(super) alerts: Vec<GettableAlert>,
    pub(super) labels: Labels,
    pub(super) receiver: Receiver,
}

impl From<&AlertView> for GettableAlert {
    fn from(view: &AlertView) -> Self {
        let AlertView { alert, status } = view;
        let state = match status.state {
            AlertState::Unprocessed => "unprocessed",
            AlertState::Active => "active",
            AlertState::Suppressed => "suppressed",
        };
        Self {
            annotations: alert.annotations.clone(),
            ends_at: alert.ends_at.to_string(),
            fingerprint: fingerprint(alert.fingerprint()),
            receivers: status.receivers.iter().map(|name| Receiver { name: name.clone() }).collect(),
            starts_at: alert.starts_at.to_string(),
            status: AlertStatus {
                inhibited_by: status.inhibited_by.iter().copied().map(fingerprint).collect(),
                muted_by: status.muted_by.clone(),
                silenced_by: status.silenced_by.clone(),
                state,
            },
            updated_at: alert.updated_at.to_string(),
            generator_url: alert.generator_url.clone(),
            labels: alert.labels.clone(),
        }
    }
}

/// 16 hexadecimal digits.
fn fingerprint(value: u64) -> String {
    format!("{value:016x}")
}

/// A `T` that is written as a mapping: serde would take a list of its fields' values too.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// What is posted as an alert. A time that isn't given, or Go's zero time, is `None`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PostableAlert {
    #[serde(default)]
    pub(super) labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) annotations: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "time")]
    pub(super) starts_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "time")]
    pub(super) ends_at: Option<Timestamp>,
    #[serde(default, rename = "generatorURL")]
    pub(super) generator_url: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GettableSilence {
    id: String,
    status: SilenceStatus,
    updated_at: String,
    comment: String,
    created_by: String,
    ends_at: String,
    matchers: Vec<Matcher>,
    starts_at: String,
}

#[derive(Debug, Serialize)]
struct SilenceStatus {
    state: &'static str,
}

impl GettableSilence {
    pub(super) fn new(silence: &dispatch::Silence, now: Timestamp) -> Self {
        let state = match silence.state(now) {
            SilenceState::Pending => "pending",
            SilenceState::Active => "active",
            SilenceState::Expired => "expired",
        };
        Self {
            id: silence.id.clone(),
            status: SilenceStatus { state },
            updated_at: silence.updated_at.to_string(),
            comment: silence.comment.clone(),
            created_by: silence.created_by.clone(),
            ends_at: silence.ends_at.to_string(),
            matchers: silence.matchers.iter().map(Matcher::from).collect(),
            starts_at: silence.starts_at.to_string(),
        }
    }
}

/// What is posted as a silence. Every field is optional here, so that what is missing is said by name.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PostableSilence {
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) matchers: Option<Vec<Object<PostableMatcher>>>,
    #[serde(default, deserialize_with = "time")]
    pub(super) starts_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "time")]
    pub(super) ends_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) created_by: Option<String>,
    #[serde(default)]
    pub(super) comment: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Matcher {
    is_equal: bool,
    is_regex: bool,
    name: String,
    value: String,
}

impl From<&crate::labels::Matcher> for Matcher {
    fn from(matcher: &crate::labels::Matcher) -> Self {
        Self {
            is_equal: matches!(matcher.op(), MatchOp::Equal | MatchOp::Regex),
            is_regex: matches!(matcher.op(), MatchOp::Regex | MatchOp::NotRegex),
            name: matcher.name().to_owned(),
            value: matcher.value().to_owned(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PostableMatcher {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    is_regex: Option<bool>,
    /// Clients from before negative matchers don't know it.
    #[serde(default)]
    is_equal: Option<bool>,
}

impl PostableMatcher {
    /// As a matcher; `at` is its place in the list, from 0.
    pub(super) fn compile(self, at: usize) -> Result<crate::labels::Matcher, Refusal> {
        let required = |field| Refusal::required(&format!("matchers.{at}.{field}"));
        let name = self.name.ok_or_else(|| required("name"))?;
        let value = self.value.ok_or_else(|| required("value"))?;
        let is_regex = self.is_regex.ok_or_else(|| required("isRegex"))?;
        let op = match (self.is_equal.unwrap_or(true), is_regex) {
            (true, false) => MatchOp::Equal,
            (false, false) => MatchOp::NotEqual,
            (true, true) => MatchOp::Regex,
            (false, true) => MatchOp::NotRegex,
        };
        if name.is_empty() {
            return Err(Refusal::Bad(format!("invalid silence: invalid label matcher {at}: invalid label name \"\"")));
        }
        crate::labels::Matcher::new(name, op, value)
            .map_err(|error| Refusal::Bad(format!("invalid silence: invalid label matcher {at}: {error}")))
    }
}

/// A time as go-openapi reads it: RFC 3339, or without a zone for UTC. Nothing, and Go's zero time, is no time.
fn time<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    /// 0001-01-01T00:00:00Z, which Go's programs send for a time that they don't have.
    const ZERO: Timestamp = Timestamp::from_millis(-62_135_596_800_000);
    let Some(text) = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let at = parse_time(&text).map_err(|_| {
        serde::de::Error::custom(format!("\"{text}\" is not a time; write it as in 2026-01-02T15:04:05Z"))
    })?;
    Ok(Some(at).filter(|at| *at != ZERO))
}

fn parse_time(text: &str) -> Result<Timestamp, jiff::Error> {
    let at: jiff::Timestamp = match text.parse() {
        Ok(at) => at,
        Err(_) => text.parse::<jiff::civil::DateTime>()?.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp(),
    };
    Ok(Timestamp::from_millis(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Option<&str>) {
        let alert: PostableAlert = serde_json::from_value(serde_json::json!({ "startsAt": text })).unwrap();
        assert_eq!(alert.starts_at.map(|at| at.to_string()).as_deref(), want, "{text}");
    }

    #[test]
    fn times_are_read_as_clients_send_them() {
        check("2023-11-14T22:13:20.123456789Z", Some("2023-11-14T22:13:20.123Z"));
        check("2023-11-15T00:13:20+02:00", Some("2023-11-14T22:13:20.000Z"));
        check("2023-11-14T22:13:20", Some("2023-11-14T22:13:20.000Z"));
        check("2023-11-14", Some("2023-11-14T00:00:00.000Z"));
        check("0001-01-01T00:00:00.000Z", None);
        check("", None);
        assert!(parse_time("tomorrow").is_err());
    }
}
