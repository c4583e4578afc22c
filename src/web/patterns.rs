//! `/api/v1/patterns`: shapes of demand that come again. Listed from the view, changed by asking the loop.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Context;
use super::anomalies::is_named;
use super::explain::find;
use super::params::Params;
use super::read::error;
use super::reply::{self, Reply};
use super::scale::{Turned, answered, bad, body};
use crate::demand::patterns::{Anchor, EVERY_DAY, Edit, Kind, Pattern, Posted, WEEKDAYS, Weekdays};
use crate::engine::Command;
use crate::time::parse_duration;

/// A pattern as it is listed.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    id: &'a str,
    name: &'a str,
    kind: &'static str,
    workload: String,
    metric: &'a str,
    /// When it comes, UTC: `06:30`; `null` where it may come at any time.
    at: Option<String>,
    weekdays: Vec<&'static str>,
    step_seconds: f64,
    length_seconds: f64,
    /// `demand = level + scale · shape`.
    level: f64,
    scale: f64,
    shape: &'a [f32],
    /// How well it has told what came, 0 to 1.
    validity: f64,
    seen: u32,
    found_at: String,
    seen_at: String,
    labels: &'a BTreeMap<String, String>,
    /// Who added it; `null` for one that was found.
    author: Option<&'a str>,
    edited_by: Option<&'a str>,
    edited_at: Option<String>,
}

impl<'a> From<&'a Pattern> for Shown<'a> {
    fn from(pattern: &'a Pattern) -> Self {
        let on = |anchor: Anchor| {
            let days = WEEKDAYS.iter().enumerate().filter(move |(day, _)| anchor.weekdays & (1 << day) != 0);
            days.map(|(_, name)| *name)
        };
        Self {
            id: &pattern.id,
            name: &pattern.name,
            kind: pattern.kind.as_str(),
            workload: pattern.workload.to_string(),
            metric: &pattern.metric,
            at: pattern.anchor.map(|anchor| format!("{:02}:{:02}", anchor.minute / 60, anchor.minute % 60)),
            weekdays: pattern.anchor.into_iter().flat_map(on).collect(),
            step_seconds: pattern.step().as_secs_f64(),
            length_seconds: pattern.length().as_secs_f64(),
            level: pattern.level,
            scale: pattern.scale,
            shape: &pattern.shape,
            validity: pattern.validity,
            seen: pattern.seen,
            found_at: pattern.found_at.to_string(),
            seen_at: pattern.seen_at.to_string(),
            labels: &pattern.labels,
            author: pattern.author.as_deref(),
            edited_by: pattern.edited.as_ref().map(|(author, _)| author.as_str()),
            edited_at: pattern.edited.as_ref().map(|(_, at)| at.to_string()),
        }
    }
}

/// What is asked for. The author is kept with the pattern.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase", deny_unknown_fields)]
enum Body {
    Add {
        /// As in `/api/v1/workloads`.
        workload: String,
        /// May be left out where the rule has only one.
        metric: Option<String>,
        kind: String,
        name: Option<String>,
        /// A time of the day, UTC: `06:30`.
        at: Option<String>,
        /// Where none is named, all.
        #[serde(default)]
        weekdays: Vec<String>,
        /// The time between two values: `15m`.
        step: String,
        /// Demand in the metric's unit.
        values: Vec<f64>,
        #[serde(default)]
        labels: BTreeMap<String, String>,
        author: String,
    },
    Label {
        id: String,
        name: Option<String>,
        /// An empty value takes a label off.
        #[serde(default)]
        labels: BTreeMap<String, String>,
        author: String,
    },
    Remove {
        id: String,
        author: String,
    },
}

const SHAPE: &str = r#"{"action": "add", "workload", "kind", "step", "values", "author"}, {"action": "label", "id", "labels", "author"} or {"action": "remove", "id", "author"}"#;

/// Lists them, by `workload` and `kind`; or passes a change on to the loop, and its answer back.
pub(super) async fn handle(context: &Context, params: &Params, request: Request<Incoming>) -> Reply {
    if request.method() != Method::POST {
        return list(context, params);
    }
    let asked = async { edit(context, body(context, request, SHAPE).await?) };
    match asked.await {
        Ok(edit) => answered(context, Command::Pattern(edit)).await,
        Err((status, text)) => error(status, &text),
    }
}

fn list(context: &Context, params: &Params) -> Reply {
    let given = |name: &str| params.get(name).filter(|text| !text.is_empty());
    let kind = match given("kind").map(kind).transpose() {
        Ok(kind) => kind,
        Err((status, text)) => return error(status, &text),
    };
    let view = context.view.borrow().clone();
    let wanted = |pattern: &&Arc<Pattern>| {
        given("workload").is_none_or(|wanted| is_named(&pattern.workload, wanted))
            && kind.is_none_or(|kind| pattern.kind == kind)
    };
    let patterns: Vec<Shown<'_>> = view.patterns.iter().filter(wanted).map(|pattern| Shown::from(&**pattern)).collect();
    reply::json(StatusCode::OK, &json!({ "patterns": patterns }))
}

fn kind(word: &str) -> Result<Kind, Turned> {
    let known = || Kind::ALL.map(Kind::as_str).join(", ");
    Kind::parse(word).ok_or_else(|| bad(format!("unknown kind \"{word}\"; known: {}", known())))
}

fn edit(context: &Context, body: Body) -> Result<Edit, Turned> {
    Ok(match body {
        Body::Label { id, name, labels, author } => Edit::Label { id, name, labels, author },
        Body::Remove { id, author } => Edit::Remove { id, author },
        Body::Add { workload, metric, kind: word, name, at, weekdays, step, values, labels, author } => {
            let view = context.view.borrow().clone();
            let workload = find(&view, &workload)?;
            let metrics: Vec<&Arc<str>> = workload.metrics.iter().map(|metric| &metric.name).collect();
            let names = || metrics.iter().map(|name| &***name).collect::<Vec<_>>().join(", ");
            let metric = match (metric.as_deref(), metrics.as_slice()) {
                (None, [only]) => Arc::clone(only),
                (Some(wanted), _) => match metrics.iter().find(|name| ****name == *wanted) {
                    Some(found) => Arc::clone(found),
                    None => return Err(bad(format!("unknown metric \"{wanted}\"; its rule has: {}", names()))),
                },
                (None, _) => return Err(bad(format!("metric is missing; its rule has: {}", names()))),
            };
            let at = at.as_deref().map(minute).transpose()?;
            let anchor = at.map(|minute| Ok(Anchor { minute, weekdays: days(&weekdays)? })).transpose()?;
            let step = parse_duration(&step).map_err(|error| bad(format!("step: {error}")))?;
            let workload = workload.workload.clone();
            Edit::Add(Posted { workload, metric, kind: kind(&word)?, name, anchor, step, values, labels, author })
        }
    })
}

/// Minutes since midnight of `06:30`.
fn minute(text: &str) -> Result<u16, Turned> {
    let number = |text: &str, limit: u16| text.parse::<u16>().ok().filter(|number| text.len() == 2 && *number < limit);
    let parsed = text.split_once(':').and_then(|(hour, minute)| Some(number(hour, 24)? * 60 + number(minute, 60)?));
    parsed.ok_or_else(|| bad(format!("at must be a time of the day in UTC as in \"06:30\", not \"{text}\"")))
}

fn days(names: &[String]) -> Result<Weekdays, Turned> {
    if names.is_empty() {
        return Ok(EVERY_DAY);
    }
    names.iter().try_fold(0, |days, name| {
        let day = WEEKDAYS.iter().position(|day| *day == name.as_str());
        day.map(|day| days | (1 << day)).ok_or_else(|| bad(format!("unknown weekday \"{name}\"; write \"monday\"")))
    })
}
