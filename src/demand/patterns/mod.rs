//! The knowledge base: shapes of demand that come again.
//!
//! In: histories of demand, four weeks at most ([`Stretch`]), and what people add. Out: [`Pattern`]s, what they say of the
//! present ([`Library::matches`]) and of the time to come ([`continuation`]). Never here: a clock, chance, a time zone.
//!
//! | kind | what it is | found where |
//! |---|---|---|
//! | daily | the course of a day | days resemble the median of the other days |
//! | weekly | the course of a week | it tells the hours of other weeks better than the daily one does |
//! | `batch_window` | a burst with a steep begin at a time of the day | it comes on most days, or on most of some weekdays |
//! | ramp | a climb of hours to at least one and a half times, at a time of the day | it is steep in the daily course, and comes on most days |
//! | `flash_crowd` | a steep surge at any time | it has come twice, in the same shape |
//!
//! A time of the day is UTC, for demand has no zone: where clocks change, a pattern moves by an hour, loses validity for
//! some days and is found anew. Shapes are kept apart from their scale (`demand = level + scale · shape`), so that one that
//! comes larger is still itself.
//!
//! A pattern's validity, 0 to 1, is how well it has told what came: judged at each time when it should have come, and
//! halved in two weeks in which one without a time did not. What is not valid any more is forgotten, unless a person
//! added or labelled it; what a person removed is not found again.

mod anchor;
mod events;
mod grid;
mod library;
mod matching;
mod profiles;
mod ramps;
pub(crate) mod stats;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use anchor::{Anchor, EVERY_DAY, WEEKDAYS, Weekdays};
pub use library::{
    Change, Edit, EditError, LABELS_MAX, LEARN_EVERY, Learned, Library, PATTERNS_OF_ONE, Posted, TEXT_CHARS_MAX, due_at,
};
pub use matching::{DISTANCE_MAX, Match, best, continuation, distance};

use crate::time::Timestamp;
use crate::workload::Workload;

const DAY_MS: i64 = 86_400_000;

/// Points of a shape, at most: a week of hours.
pub const SHAPE_MAX: usize = 168;

/// Demand at a steady step, oldest first.
#[derive(Debug, Clone, Copy)]
pub struct Stretch<'a> {
    /// When the first step begins.
    pub start: Timestamp,
    pub step: Duration,
    /// The mean demand of each step in the metric's unit; NaN where it is not known.
    pub values: &'a [f64],
}

impl Stretch<'_> {
    /// When the last step ends.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.start + self.step.saturating_mul(u32::try_from(self.values.len()).unwrap_or(u32::MAX))
    }
}

/// What sort of shape it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Daily,
    Weekly,
    BatchWindow,
    Ramp,
    FlashCrowd,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Daily, Self::Weekly, Self::BatchWindow, Self::Ramp, Self::FlashCrowd];

    /// One word for the API and the journal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::BatchWindow => "batch_window",
            Self::Ramp => "ramp",
            Self::FlashCrowd => "flash_crowd",
        }
    }

    /// The kind of a word, as [`Self::as_str`] writes it.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether its shape is the whole course of time, and not something that happens within it.
    #[must_use]
    pub fn is_profile(self) -> bool {
        matches!(self, Self::Daily | Self::Weekly)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A shape of demand that comes again. It is also its row in the journal, by `id`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pattern {
    pub id: String,
    /// For people: `batch window 02:00`.
    pub name: String,
    pub kind: Kind,
    pub workload: Workload,
    /// The metric's name in its rule.
    pub metric: Arc<str>,
    /// When it comes; `None` where it may come at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// Between two points of the shape.
    pub step_ms: u64,
    /// `demand = level + scale · shape`. A profile's shape has mean 0 and deviation 1; that of an event is 0 before it, and
    /// 1 is its height.
    pub shape: Vec<f32>,
    /// In the metric's unit, as it was last found: a profile's mean, or the level from which an event rises.
    pub level: f64,
    /// In the metric's unit; more than zero.
    pub scale: f64,
    pub found_at: Timestamp,
    /// When it last began.
    pub seen_at: Timestamp,
    /// How often it has come.
    pub seen: u32,
    /// How well it has told what came: 0 to 1.
    pub validity: f64,
    /// Up to when its validity has been judged.
    pub judged_at: Timestamp,
    /// What people put to it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Who added it; `None` for one that was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Who changed it last, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<(String, Timestamp)>,
    /// A person removed it: it is kept so that it is not found again, and is not shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

impl Pattern {
    #[must_use]
    pub fn step(&self) -> Duration {
        Duration::from_millis(self.step_ms.max(1))
    }

    /// From its begin to its end.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.step().saturating_mul(u32::try_from(self.shape.len()).unwrap_or(u32::MAX))
    }

    /// The shape at a time after its begin, by straight lines between the middles of its steps. A profile goes on with its
    /// begin; an event is over.
    #[must_use]
    pub fn at(&self, offset: Duration) -> f64 {
        let point = |index: i64| {
            let length = i64::try_from(self.shape.len()).unwrap_or(i64::MAX).max(1);
            let index = if self.kind.is_profile() { index.rem_euclid(length) } else { index };
            usize::try_from(index).ok().and_then(|index| self.shape.get(index)).map(|value| f64::from(*value))
        };
        // An event ends where it ends: a batch that is over is at 0, a ramp stays on top.
        let last = self.shape.last().map_or(0.0, |value| f64::from(*value));
        let after = if self.kind == Kind::Ramp { last } else { 0.0 };
        let place = offset.as_secs_f64() / self.step().as_secs_f64() - 0.5;
        #[allow(clippy::cast_possible_truncation)]
        let below = place.floor() as i64;
        let left = point(below).unwrap_or(if below < 0 { 0.0 } else { after });
        let right = point(below.saturating_add(1)).unwrap_or(after);
        left + (right - left) * (place - place.floor())
    }

    /// What it is called where it is spoken of: a name that a person gave stands in quotes after the kind.
    #[must_use]
    pub fn title(&self) -> String {
        let kind = self.kind.as_str().replace('_', " ");
        if self.kind.is_profile() || self.name.starts_with(&kind) {
            self.name.clone()
        } else {
            format!("{kind} \"{}\"", self.name)
        }
    }

    /// Whether a person gave it something to keep.
    #[must_use]
    pub fn is_cared_for(&self) -> bool {
        self.author.is_some() || self.edited.is_some()
    }

    /// Whether what comes out of it can be relied on: the journal may hold anything.
    fn is_sound(&self) -> bool {
        let numbers = [self.level, self.scale, self.validity];
        numbers.iter().all(|number| number.is_finite())
            && self.scale > 0.0
            && (1..=SHAPE_MAX).contains(&self.shape.len())
            && self.shape.iter().all(|point| point.is_finite())
            && (1..=7 * DAY_MS.unsigned_abs()).contains(&self.step_ms)
            && (self.anchor.is_some() || self.kind == Kind::FlashCrowd)
    }
}

/// A shape that was found in one history, before the library has looked whether it knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub kind: Kind,
    pub anchor: Option<Anchor>,
    pub step: Duration,
    pub shape: Vec<f32>,
    pub level: f64,
    pub scale: f64,
    pub seen: u32,
    pub seen_at: Timestamp,
    pub validity: f64,
}

/// Finds what comes again in a history: at most one daily and one weekly course, four batch windows, two ramps and two
/// sorts of flash crowd. Four weeks of five minutes take some milliseconds (a debug build on a busy machine: 50); more is not looked at.
#[must_use]
pub fn find(stretch: &Stretch<'_>) -> Vec<Found> {
    let Some(grid) = grid::Grid::of(stretch) else { return Vec::new() };
    let mut found = Vec::new();
    let daily = profiles::daily(&grid);
    found.extend(profiles::weekly(&grid));
    let (batches, crowds) = events::events(&grid);
    if let Some(daily) = &daily {
        found.extend(ramps::ramps(&grid, daily, &batches));
    }
    found.extend(daily);
    found.extend(batches);
    found.extend(crowds);
    found.retain(|one| one.level.is_finite() && one.scale.is_finite() && one.scale > 0.0);
    found
}

/// A shape as it is kept: three digits are more than any has.
fn kept(values: impl Iterator<Item = f64>) -> Vec<f32> {
    #[allow(clippy::cast_possible_truncation)]
    values.map(|value| ((value * 1000.0).round() / 1000.0) as f32).collect()
}
