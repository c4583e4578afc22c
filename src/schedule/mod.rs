//! Schedules and planned events: what holds at a time, and until when nothing changes.
//!
//! In: what `config` read. Out: an [`Influence`]: a floor, a ceiling and a multiplier, each with the name of what gave
//! it. Where several hold at once, the largest floor, the smallest ceiling and the largest multiplier count. A ceiling
//! below the floor gives way to it: too many replicas cost money, too few lose requests.
//!
//! Times are local to each schedule's zone, with its clock changes. A schedule by time interval holds while the clock on
//! the wall shows its times: what a clock change skips does not hold, what it repeats holds twice. One by `cron` begins
//! once: a time that is skipped is made up for when the clock has jumped, one that is repeated counts the first time
//! (as in Vixie cron, for expressions that name one time of the day; others run by the clock on the wall). Its
//! `duration` is measured by a stop watch.
//!
//! Never here: a clock. An influence is good until its `until`; [`Cached`] asks again only then.

mod interval;
mod window;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::config::{self, Effect};
use crate::time::Timestamp;
use crate::workload::Replicas;

pub use interval::Interval;
use window::{Phase, Window};

/// A schedule, ready to be asked.
#[derive(Debug, Clone)]
pub struct Schedule {
    name: Arc<str>,
    window: Window,
    effect: Effect,
}

impl Schedule {
    /// Makes a schedule of what is written.
    #[must_use]
    pub fn compile(written: &config::Schedule) -> Self {
        Self {
            name: written.name.value.as_str().into(),
            window: Window::compile(&written.when, &written.zone),
            effect: written.effect,
        }
    }
}

/// A planned event, ready to be asked.
#[derive(Debug, Clone)]
pub struct Event {
    name: Arc<str>,
    start: Timestamp,
    end: Timestamp,
    lead: Option<Duration>,
    effect: Effect,
}

impl Event {
    /// Makes an event of what is written.
    #[must_use]
    pub fn compile(written: &config::Event) -> Self {
        Self {
            name: written.name.value.as_str().into(),
            start: written.start,
            end: written.end,
            lead: written.lead,
            effect: written.effect,
        }
    }

    /// While replicas are made ready, the floor and the multiplier hold already and the ceiling does not.
    fn at(&self, now: Timestamp, startup: Duration) -> (Phase, Effect) {
        let prepares_at = self.start - self.lead.unwrap_or(startup);
        if now < prepares_at {
            (Phase::inactive(Some(prepares_at)), self.effect)
        } else if now < self.start {
            (Phase::active(Some(self.start)), Effect { max: None, ..self.effect })
        } else if now < self.end {
            (Phase::active(Some(self.end)), self.effect)
        } else {
            (Phase::inactive(None), self.effect)
        }
    }
}

/// All schedules and events of one scale rule.
#[derive(Debug, Clone, Default)]
pub struct Calendar {
    pub schedules: Vec<Schedule>,
    pub events: Vec<Event>,
}

/// What a calendar says at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Influence {
    /// At least so many, and who says so.
    pub floor: Option<(Replicas, Arc<str>)>,
    /// At most so many, and who says so; never below the floor.
    pub ceiling: Option<(Replicas, Arc<str>)>,
    /// The ceiling as it was written, where it had to give way to the floor.
    pub overruled: Option<(Replicas, Arc<str>)>,
    /// How many times the demand; 1 where nobody says.
    pub multiplier: f64,
    pub multiplied_by: Option<Arc<str>>,
    pub event: Option<Planned>,
    /// The next time when any of this may change; `None` where it never will.
    pub until: Option<Timestamp>,
    /// The names of all that hold, as written: schedules first.
    pub active: Vec<Arc<str>>,
    /// The next event that has not started; replicas may be made ready for it already.
    pub coming: Option<Coming>,
}

/// A planned event that is near or on.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    pub name: Arc<str>,
    /// How many times the demand before it is expected.
    pub multiplier: f64,
    pub ends_at: Timestamp,
}

/// An event that is to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coming {
    pub name: Arc<str>,
    pub starts_at: Timestamp,
}

impl Default for Influence {
    fn default() -> Self {
        Self {
            floor: None,
            ceiling: None,
            overruled: None,
            multiplier: 1.0,
            multiplied_by: None,
            event: None,
            until: None,
            active: Vec::new(),
            coming: None,
        }
    }
}

impl Calendar {
    /// Makes a calendar of what is written.
    #[must_use]
    pub fn compile(schedules: &[config::Schedule], events: &[config::Event]) -> Self {
        Self {
            schedules: schedules.iter().map(Schedule::compile).collect(),
            events: events.iter().map(Event::compile).collect(),
        }
    }

    /// Whether nothing is ever scheduled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.schedules.is_empty() && self.events.is_empty()
    }

    /// What holds at `now`, for a workload that needs `startup` until new replicas are ready.
    #[must_use]
    pub fn at(&self, now: Timestamp, startup: Duration) -> Influence {
        self.with_events(self.scheduled(now), now, startup)
    }

    /// What schedules say, which is the same for all workloads.
    fn scheduled(&self, now: Timestamp) -> Influence {
        let mut influence = Influence::default();
        for schedule in &self.schedules {
            influence.add(&schedule.name, schedule.window.at(now), schedule.effect);
        }
        influence
    }

    fn with_events(&self, mut influence: Influence, now: Timestamp, startup: Duration) -> Influence {
        for event in &self.events {
            let (phase, effect) = event.at(now, startup);
            influence.add(&event.name, phase, Effect { multiplier: None, ..effect });
            if let Some(multiplier) = effect.multiplier.filter(|_| phase.active) {
                influence.expect(event, multiplier);
            }
        }
        let coming = self.events.iter().filter(|event| now < event.start).min_by_key(|event| event.start);
        influence.coming = coming.map(|event| Coming { name: Arc::clone(&event.name), starts_at: event.start });
        influence.settle()
    }
}

impl Influence {
    /// Whether an answer of `asked` still holds at `now`.
    fn good(&self, asked: Timestamp, now: Timestamp) -> bool {
        asked <= now && self.until.is_none_or(|until| now < until)
    }

    fn add(&mut self, name: &Arc<str>, phase: Phase, effect: Effect) {
        self.until = [self.until, phase.until].into_iter().flatten().min();
        if !phase.active {
            return;
        }
        let Effect { min, max, multiplier } = effect;
        if let Some(min) = min.filter(|min| self.floor.as_ref().is_none_or(|(floor, _)| min > floor)) {
            self.floor = Some((min, Arc::clone(name)));
        }
        if let Some(max) = max.filter(|max| self.ceiling.as_ref().is_none_or(|(ceiling, _)| max < ceiling)) {
            self.ceiling = Some((max, Arc::clone(name)));
        }
        if let Some(multiplier) = multiplier.filter(|times| self.multiplied_by.is_none() || *times > self.multiplier) {
            self.multiplier = multiplier;
            self.multiplied_by = Some(Arc::clone(name));
        }
        self.active.push(Arc::clone(name));
    }

    /// The largest multiple of all planned events.
    fn expect(&mut self, event: &Event, multiplier: f64) {
        if self.event.as_ref().is_none_or(|known| multiplier > known.multiplier) {
            self.event = Some(Planned { name: Arc::clone(&event.name), multiplier, ends_at: event.end });
        }
    }

    fn settle(mut self) -> Self {
        if let (Some((floor, by)), Some((ceiling, _))) = (&self.floor, &self.ceiling)
            && ceiling < floor
        {
            self.overruled = self.ceiling.replace((*floor, Arc::clone(by)));
        }
        self
    }
}

/// A calendar that remembers its last answer; one for all workloads of a rule. Between two changes asking costs a few
/// comparisons, and where events lie ahead and start-up times differ, a few for each event: the search in the calendars
/// of the world is done once.
#[derive(Debug, Clone)]
pub struct Cached {
    calendar: Arc<Calendar>,
    /// When schedules were asked last, and what they said.
    scheduled: Option<(Timestamp, Influence)>,
    /// What was asked last, and the whole answer.
    last: Option<(Timestamp, Duration, Influence)>,
    nothing: Influence,
}

impl Cached {
    /// Remembers nothing yet. A calendar that was reloaded needs a new one.
    #[must_use]
    pub fn new(calendar: Arc<Calendar>) -> Self {
        Self { calendar, scheduled: None, last: None, nothing: Influence::default() }
    }

    /// As [`Calendar::at`].
    pub fn at(&mut self, now: Timestamp, startup: Duration) -> &Influence {
        // Only events ask for the start-up time.
        let startup = if self.calendar.events.is_empty() { Duration::ZERO } else { startup };
        let known = self.last.as_ref().filter(|(asked, with, last)| *with == startup && last.good(*asked, now));
        if known.is_none() && !self.calendar.is_empty() {
            let scheduled = match self.scheduled.take().filter(|(asked, scheduled)| scheduled.good(*asked, now)) {
                Some(scheduled) => scheduled,
                None => (now, self.calendar.scheduled(now)),
            };
            self.last = Some((now, startup, self.calendar.with_events(scheduled.1.clone(), now, startup)));
            self.scheduled = Some(scheduled);
        }
        self.last.as_ref().map_or(&self.nothing, |(_, _, influence)| influence)
    }
}
