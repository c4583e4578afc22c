//! The global breaker: when many workloads want down at the same time, or samples stop coming in, it is more likely
//! that something is wrong with what we see than that the whole world went home.
//!
//! The wave is believed after a while: data that keeps saying the same for [`Breaker::hold`] is no outage. It trips
//! anew only after the share has been below the limit again.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::config::Guards;
use crate::decision::Freeze;
use crate::time::Timestamp;
use crate::workload::Workload;

/// How often the rate of samples is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// How much a look counts in the usual rate: the average reaches back ten looks, 2.5 minutes.
const WEIGHT: f64 = 0.1;

/// Looks before the usual rate is known.
const LOOKS_MIN: u32 = 8;

/// Watches over all workloads together.
#[derive(Debug)]
pub(super) struct Breaker {
    settings: Guards,
    wants_down: BTreeSet<Workload>,
    /// When the share was passed; `None` below it.
    tripped_at: Option<Timestamp>,
    intake: Intake,
}

/// The rate of samples.
#[derive(Debug, Default)]
struct Intake {
    total: u64,
    looked: Option<(Timestamp, u64)>,
    /// Samples in a second, as usual.
    usual: f64,
    looks: u32,
    /// The part of what is usual that comes in now, where that is too little; and since when.
    dropped: Option<(f64, Timestamp)>,
}

impl Breaker {
    pub(super) fn new(settings: Guards) -> Self {
        Self { settings, wants_down: BTreeSet::new(), tripped_at: None, intake: Intake::default() }
    }

    /// Takes other limits; what was seen stays.
    pub(super) fn configure(&mut self, settings: Guards) {
        self.settings = settings;
    }

    /// Whether a workload would go down now, were it let.
    pub(super) fn wish(&mut self, workload: &Workload, down: bool) {
        if !down {
            self.wants_down.remove(workload);
        } else if !self.wants_down.contains(workload) {
            self.wants_down.insert(workload.clone());
        }
    }

    pub(super) fn forget(&mut self, workload: &Workload) {
        self.wants_down.remove(workload);
    }

    /// The workloads that would go down.
    pub(super) fn wants_down(&self) -> impl Iterator<Item = &Workload> {
        self.wants_down.iter()
    }

    /// So many samples were kept since the start. Gives when to look again.
    pub(super) fn samples(&mut self, total: u64, now: Timestamp) {
        self.intake.total = total;
        let Some((looked_at, before)) = self.intake.looked else {
            self.intake.looked = Some((now, total));
            return;
        };
        let passed = now.since(looked_at);
        if passed < LOOK_EVERY {
            return;
        }
        self.intake.looked = Some((now, total));
        let rate = total.saturating_sub(before) as f64 / passed.as_secs_f64();
        let part = rate / self.intake.usual;
        let known = self.intake.looks >= LOOKS_MIN && self.intake.usual > 0.0;
        if known && part < 1.0 - self.settings.ingestion_drop {
            let since = self.intake.dropped.map_or(now, |(_, since)| since);
            self.intake.dropped = Some((part, since));
            // What is usual waits for the outage to end, but not for ever: fewer may be the new usual.
            if now.since(since) < self.settings.hold {
                return;
            }
        }
        self.intake.dropped = None;
        self.intake.looks = self.intake.looks.saturating_add(1);
        let weight = if self.intake.looks == 1 { 1.0 } else { WEIGHT };
        self.intake.usual += weight * (rate - self.intake.usual);
    }

    /// When the breaker wants to be asked again though nothing happens.
    pub(super) fn next_look(now: Timestamp) -> Timestamp {
        now + LOOK_EVERY
    }

    /// Why nobody may go down now; `of` is how many workloads there are.
    pub(super) fn freeze(&mut self, of: usize, now: Timestamp) -> Option<Freeze> {
        if let Some((part, _)) = self.intake.dropped {
            return Some(Freeze::Ingestion { part });
        }
        let down = self.wants_down.len();
        let share = self.settings.breaker_share;
        if of < self.settings.breaker_workloads || (down as f64) <= share * of as f64 {
            self.tripped_at = None;
            return None;
        }
        let tripped_at = *self.tripped_at.get_or_insert(now);
        (now.since(tripped_at) < self.settings.hold).then_some(Freeze::Breaker { down, of })
    }

    /// When a freeze ends by itself.
    pub(super) fn ends_at(&self) -> Option<Timestamp> {
        let wave = self.tripped_at.map(|at| at + self.settings.hold);
        wave.into_iter().chain(self.intake.dropped.map(|(_, since)| since + self.settings.hold)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::ObjectRef;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000) + Duration::from_secs(seconds)
    }

    fn named(number: usize) -> Workload {
        Workload::from(ObjectRef {
            api_version: String::new(),
            kind: "Deployment".to_owned(),
            namespace: "shop".to_owned(),
            name: format!("w{number}"),
        })
    }

    fn breaker() -> Breaker {
        Breaker::new(Guards::default())
    }

    #[test]
    fn a_wave_of_scale_downs_is_frozen_and_believed_in_the_end() {
        let mut breaker = breaker();
        let hold = Guards::default().hold.as_secs();
        (0..8).for_each(|number| breaker.wish(&named(number), true));
        assert_eq!(breaker.freeze(10, at(0)), None, "80 % are not more than 80 %");
        breaker.wish(&named(8), true);
        assert_eq!(breaker.freeze(10, at(1)), Some(Freeze::Breaker { down: 9, of: 10 }));
        assert_eq!(breaker.freeze(10, at(hold)), Some(Freeze::Breaker { down: 9, of: 10 }));
        assert_eq!(breaker.ends_at(), Some(at(1 + hold)));
        assert_eq!(breaker.freeze(10, at(1 + hold)), None, "it lasts, so it is true");
        breaker.wish(&named(8), false);
        assert_eq!(breaker.freeze(10, at(2 + hold)), None);
        breaker.wish(&named(8), true);
        assert_eq!(breaker.freeze(10, at(3 + hold)), Some(Freeze::Breaker { down: 9, of: 10 }), "it trips anew");
    }

    #[test]
    fn a_few_workloads_are_no_wave() {
        let mut breaker = breaker();
        (0..4).for_each(|number| breaker.wish(&named(number), true));
        assert_eq!(breaker.freeze(4, at(0)), None);
    }

    #[test]
    fn samples_that_stop_coming_freeze_all() {
        let mut breaker = breaker();
        let mut total = 0;
        for look in 0..20 {
            total += 15_000;
            breaker.samples(total, at(look * 15));
            assert_eq!(breaker.freeze(3, at(look * 15)), None);
        }
        total += 3_000;
        breaker.samples(total, at(300));
        assert!(matches!(breaker.freeze(3, at(300)), Some(Freeze::Ingestion { part }) if (0.19..0.21).contains(&part)));
        breaker.samples(total + 15_000, at(315));
        assert_eq!(breaker.freeze(3, at(315)), None, "they are back");
    }
}
