//! What people do to patterns: add, name and label, remove.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::stats::Pairs;
use super::super::{Anchor, DAY_MS, Found, Kind, Pattern, SHAPE_MAX, kept};
use super::{Change, Library, PATTERNS_OF_ONE, pattern};
use crate::time::Timestamp;
use crate::workload::Workload;

/// Characters of a name, an author, a label's name or its value.
pub const TEXT_CHARS_MAX: usize = 200;
/// Labels of a pattern.
pub const LABELS_MAX: usize = 16;
/// What is drawn by a person has yet to prove itself.
const VALIDITY_FIRST: f64 = 0.5;

/// A pattern that somebody adds.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted {
    pub workload: Workload,
    pub metric: Arc<str>,
    pub kind: Kind,
    /// `None` for the one that a found pattern would have.
    pub name: Option<String>,
    /// When it comes; a profile begins at a midnight whatever is said, a flash crowd at any time.
    pub anchor: Option<Anchor>,
    pub step: Duration,
    /// Demand in the metric's unit, from its begin to its end.
    pub values: Vec<f64>,
    pub labels: BTreeMap<String, String>,
    pub author: String,
}

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    Add(Posted),
    /// Gives a name and labels; a label without a value is taken off.
    Label {
        id: String,
        name: Option<String>,
        labels: BTreeMap<String, String>,
        author: String,
    },
    Remove {
        id: String,
        author: String,
    },
}

/// Why nothing is changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EditError {
    #[error("no pattern has the id {0:?}; GET /api/v1/patterns lists them")]
    NotFound(String),
    #[error("{0}")]
    Wrong(String),
}

fn wrong<T>(text: impl Into<String>) -> Result<T, EditError> {
    Err(EditError::Wrong(text.into()))
}

fn check(what: &str, text: &str) -> Result<(), EditError> {
    if text.trim().is_empty() {
        return wrong(format!("{what} is empty"));
    }
    if text.chars().count() > TEXT_CHARS_MAX {
        return wrong(format!("{what} is longer than {TEXT_CHARS_MAX} characters"));
    }
    Ok(())
}

fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), EditError> {
    for (name, value) in labels {
        check("a label's name", name)?;
        if value.chars().count() > TEXT_CHARS_MAX {
            return wrong(format!("label {name} is longer than {TEXT_CHARS_MAX} characters"));
        }
    }
    if labels.len() > LABELS_MAX { wrong(format!("more than {LABELS_MAX} labels")) } else { Ok(()) }
}

impl Library {
    /// Does what somebody asks for; gives the pattern's id and the rows to be written.
    pub fn edit(&mut self, edit: Edit, now: Timestamp) -> Result<(String, Vec<Change>), EditError> {
        let mut changes = Vec::new();
        let changed = match edit {
            Edit::Add(posted) => self.add(posted, now, &mut changes)?,
            Edit::Label { id, name, labels, author } => {
                check("author", &author)?;
                name.as_ref().map_or(Ok(()), |name| check("name", name))?;
                check_labels(&labels)?;
                self.change(&id, |pattern| {
                    pattern.edited = Some((author, now));
                    if let Some(name) = name {
                        pattern.name = name;
                    }
                    pattern.labels.extend(labels);
                    pattern.labels.retain(|_, value| !value.is_empty());
                    check_labels(&pattern.labels)
                })?
            }
            Edit::Remove { id, author } => {
                check("author", &author)?;
                self.change(&id, |pattern| {
                    (pattern.removed, pattern.edited, pattern.judged_at) = (true, Some((author, now)), now);
                    Ok(())
                })?
            }
        };
        self.show();
        let id = changed.id.clone();
        changes.push(Change::Put(changed));
        Ok((id, changes))
    }

    fn change(
        &mut self,
        id: &str,
        change: impl FnOnce(&mut Pattern) -> Result<(), EditError>,
    ) -> Result<Arc<Pattern>, EditError> {
        let known = self.known.values_mut().flatten().find(|pattern| pattern.id == id && !pattern.removed);
        let Some(known) = known else { return Err(EditError::NotFound(id.to_owned())) };
        let mut changed = Pattern::clone(known);
        change(&mut changed)?;
        *known = Arc::new(changed);
        Ok(Arc::clone(known))
    }

    fn add(&mut self, posted: Posted, now: Timestamp, changes: &mut Vec<Change>) -> Result<Arc<Pattern>, EditError> {
        check("author", &posted.author)?;
        check("metric", &posted.metric)?;
        posted.name.as_ref().map_or(Ok(()), |name| check("name", name))?;
        check_labels(&posted.labels)?;
        let found = drawn(&posted, now)?;
        let known = self.known.entry(posted.workload.clone()).or_default();
        let removed = known.iter().position(|pattern| pattern.removed);
        if known.len() >= PATTERNS_OF_ONE {
            match removed {
                // Found again it may be; to be refused for it would be odd.
                Some(at) => changes.push(Change::Delete(known.remove(at).id.clone())),
                None => return wrong(format!("{} has {PATTERNS_OF_ONE} patterns; remove one first", posted.workload)),
            }
        }
        let mut added = pattern(&posted.workload, &posted.metric, found, now);
        if let Some(same) = known.iter().find(|other| other.id == added.id) {
            return wrong(format!("it has just been added, as {}", same.id));
        }
        if let Some(name) = posted.name {
            added.name = name;
        }
        (added.labels, added.author) = (posted.labels, Some(posted.author));
        let added = Arc::new(added);
        known.push(Arc::clone(&added));
        Ok(added)
    }
}

/// What was posted, as a shape.
fn drawn(posted: &Posted, now: Timestamp) -> Result<Found, EditError> {
    let Posted { kind, values, step, .. } = posted;
    if !(2..=SHAPE_MAX).contains(&values.len()) {
        return wrong(format!("values must be 2 to {SHAPE_MAX} numbers; choose a longer step"));
    }
    if !values.iter().all(|value| value.abs() <= 1e290) {
        return wrong("values must be numbers");
    }
    let step_ms = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
    let length_ms = step_ms.saturating_mul(i64::try_from(values.len()).unwrap_or(i64::MAX));
    let cycle_ms = match kind {
        Kind::Daily => Some(DAY_MS),
        Kind::Weekly => Some(7 * DAY_MS),
        _ => None,
    };
    if step_ms < 60_000 {
        return wrong("step must be a minute or longer");
    }
    match cycle_ms {
        Some(cycle) if length_ms != cycle => {
            return wrong(format!(
                "the values of a {kind} pattern must fill it: step times their number is its length"
            ));
        }
        None if length_ms > DAY_MS => return wrong("an event is a day long at most"),
        _ => {}
    }
    let anchor = match kind {
        Kind::Daily => Some(Anchor::daily(0)),
        Kind::Weekly => Some(Anchor { minute: 0, weekdays: 1 }),
        Kind::FlashCrowd => None,
        Kind::BatchWindow | Kind::Ramp => match posted.anchor {
            Some(anchor) if anchor.minute < 1440 && anchor.weekdays & super::super::EVERY_DAY != 0 => Some(anchor),
            _ => return wrong(format!("a {kind} comes at a time: say at, as in \"06:30\" (UTC)")),
        },
    };
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let parts = values.iter().map(|value| value / largest);
    let (level, scale) = if kind.is_profile() {
        let sums = Pairs::of(parts.clone(), parts.clone());
        (sums.mean_x, sums.var_x.sqrt())
    } else {
        let (low, high) = parts.clone().fold((f64::MAX, f64::MIN), |(low, high), part| (low.min(part), high.max(part)));
        (low, high - low)
    };
    if !(scale > 1e-6 && (scale * largest).is_finite() && scale * largest > 0.0) {
        return wrong("values are all alike; a pattern has a shape");
    }
    Ok(Found {
        kind: *kind,
        anchor,
        step: *step,
        shape: kept(parts.map(|part| (part - level) / scale)),
        level: level * largest,
        scale: scale * largest,
        seen: 0,
        seen_at: now,
        validity: VALIDITY_FIRST,
    })
}
