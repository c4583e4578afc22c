//! The loop under whole rule files, and a simulated cluster of all the workloads that they name.

use std::collections::BTreeMap;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_128;

use super::super::fleet::Fleet;
use super::demand::{Demand, planned};
use super::{AllPlayed, Played, Replay, ReplayError};
use crate::decision::Decision;
use crate::dispatch::{Observation, Outcome, Status};
use crate::engine::{Effect, Engine, Event, WorkloadView};
use crate::rule::{Rule, RuleSet};
use crate::sample::Sample;
use crate::series::{Fingerprint, Pushed, Refused, Spelling, Store, Touched};
use crate::time::Timestamp;
use crate::workload::{Replicas, Workload};

/// What follows at once takes this long: an action, an observation, a decision anew.
const ROUND: Duration = Duration::from_millis(1);

/// Steps that may follow from one another before the next thing happens.
const ROUNDS_MAX: u32 = 16;

/// The loop is stepped this often at least, as a live one looks at what time alone may have changed.
const BEAT: Duration = Duration::from_secs(15);

/// What is due comes no sooner after a step, so that a replay stays quick; groups are due each few seconds.
const REST: Duration = Duration::from_secs(1);

/// How long a fit of a forecast's slow models is taken to last.
const FIT: Duration = Duration::from_millis(250);

/// How long a workload that is met waits for its first demand, before it begins with the rule's minimum: a rate over five
/// minutes is known by then.
const BEGIN_WITHIN: Duration = Duration::from_mins(6);

/// How long a demand that is known is left to settle: not all of a workload's pods are scraped at once, and rates begin with
/// half-filled windows.
const SETTLED_AFTER: Duration = Duration::from_mins(1);

/// With how many replicas each workload began, so that two sets of rules begin alike.
pub(super) type Begun = BTreeMap<Workload, Replicas>;

/// All that the loop lives with.
pub(super) struct World<'w> {
    replay: &'w Replay<'w>,
    rules: &'w RuleSet,
    engine: Engine,
    store: Store,
    touched: Touched,
    fingerprints: Vec<Fingerprint>,
    start: Timestamp,
    now: Timestamp,
    heard: Vec<Event>,
    members: BTreeMap<Workload, Member>,
    /// The cell that is measured next.
    cell: usize,
}

/// A workload that the loop watches.
struct Member {
    rule: String,
    met_at: Timestamp,
    /// Since when its demand is known.
    known_at: Option<Timestamp>,
    /// Once it has begun.
    pods: Option<Pods>,
    bounds: (Replicas, Replicas),
}

struct Pods {
    fleet: Fleet,
    demand: Demand,
    /// What was last told of it.
    told: Option<(Replicas, Replicas)>,
}

impl<'w> World<'w> {
    pub(super) fn new(replay: &'w Replay<'w>, rules: &'w RuleSet) -> Self {
        let store = Store::new(replay.settings.window_limits());
        let subscriptions = store.subscribe(&rules.selectors());
        let bound = rules.clone().bind(subscriptions);
        let mut engine = Engine::new(replay.settings);
        engine.keep_nothing();
        let start = replay.tape.span().map_or_else(Timestamp::default, |(first, _)| first);
        Self {
            replay,
            rules,
            engine,
            store,
            touched: Touched::default(),
            fingerprints: (0..replay.tape.series().len()).map(|n| Fingerprint(xxh3_128(&n.to_le_bytes()))).collect(),
            start,
            now: start,
            heard: vec![Event::Rules(bound)],
            members: BTreeMap::new(),
            cell: 0,
        }
    }

    /// Lives on until samples arrive, takes them, and decides.
    pub(super) fn arrive(
        &mut self,
        samples: &[(u32, Sample)],
        at: Timestamp,
        begun: &mut Begun,
    ) -> Result<(), ReplayError> {
        self.pass(at, begun);
        self.write(samples).map_err(|refused| ReplayError::Refused(refused.to_string()))?;
        self.instant(at, begun);
        Ok(())
    }

    /// What happens without samples: pods become ready, and a live loop looks at its due times.
    pub(super) fn pass(&mut self, until: Timestamp, begun: &mut Begun) {
        loop {
            let fleets = self.members.values().filter_map(|member| Some(member.pods.as_ref()?.fleet.next_change()));
            let due = self.engine.next_due().max(self.now + REST);
            let at = fleets.min().unwrap_or(Timestamp::MAX).min(self.now + BEAT).min(due);
            if at >= until {
                return;
            }
            self.instant(at, begun);
        }
    }

    fn write(&mut self, samples: &[(u32, Sample)]) -> Result<(), Refused> {
        let series = self.replay.tape.series();
        let batch = self.store.batch(&mut self.touched);
        for (number, sample) in samples {
            let place = *number as usize;
            let (Some(fingerprint), Some(labels)) = (self.fingerprints.get(place), series.get(place)) else { continue };
            if batch.unkept(*fingerprint).is_some() {
                continue;
            }
            let mut known = batch.known(*fingerprint);
            if known.is_none() {
                let spelling = Spelling { fingerprint: *fingerprint, label_bytes: 0, tag: 0 };
                known = batch.meet(spelling, &labels.iter().collect::<Vec<_>>())?;
            }
            if let Some(known) = known
                && batch.push(known.window(), *sample) == Pushed::Busy
            {
                batch.push_busy(known.window(), *sample)?;
            }
        }
        batch.finish();
        Ok(())
    }

    /// A step of the loop, and what follows from it at once.
    fn instant(&mut self, at: Timestamp, begun: &mut Begun) {
        self.now = at.max(self.now + ROUND);
        self.measure(self.now);
        for _ in 0..ROUNDS_MAX {
            self.tell(begun);
            let effects = self.engine.step(self.now, &self.store, std::mem::take(&mut self.heard));
            for effect in effects {
                self.perform(effect);
            }
            self.see(begun);
            if self.heard.is_empty() {
                return;
            }
            self.now = self.now + ROUND;
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Watch(workload, _) => {
                let met_at = self.now;
                self.members.entry(workload).or_insert_with(|| Member {
                    rule: String::new(),
                    met_at,
                    known_at: None,
                    pods: None,
                    bounds: (0, 0),
                });
            }
            Effect::Act(action) => {
                let now = self.now;
                let pods = self.members.get_mut(&action.workload).and_then(|member| member.pods.as_mut());
                let outcome = match pods {
                    Some(pods) if pods.fleet.requested() == action.from => {
                        pods.fleet.scale(now, action.to, &action.reason);
                        Outcome::Done
                    }
                    _ => Outcome::Conflict,
                };
                self.heard.push(Event::Acted(action, outcome));
            }
            // A fit is done at once: what it would take a live loop is no matter of a played one's time.
            Effect::Refit(mut refit) => {
                refit.predictor.refit();
                self.heard.push(Event::Refitted(refit, FIT));
            }
            // Who is forgotten keeps its pods, as in a cluster.
            _ => {}
        }
    }

    /// Sees the demand of all, and gives pods to those that were met and whose demand is known by now.
    fn see(&mut self, begun: &Begun) {
        let Replay { step, options, .. } = self.replay;
        let mut seen = self.engine.workload_views().peekable();
        for (workload, member) in &mut self.members {
            // Both are in the order of workloads.
            while seen.next_if(|seen| seen.workload < *workload).is_some() {}
            let Some(seen) = seen.next_if(|seen| seen.workload == *workload) else { continue };
            if let Some(pods) = &mut member.pods {
                pods.demand.see(seen);
                continue;
            }
            let planned = planned(seen);
            if planned.is_some() {
                member.known_at.get_or_insert(self.now);
            }
            let settled = member.known_at.is_some_and(|at| self.now.since(at) >= SETTLED_AFTER);
            if !settled && self.now.since(member.met_at) < BEGIN_WITHIN {
                continue;
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count that saturates")]
            let wanted = planned.map_or(seen.min, |planned| planned.ceil() as Replicas);
            let replicas = begun.get(workload).copied().unwrap_or(wanted).clamp(seen.min, seen.max.max(seen.min));
            let since = self.start + step.saturating_mul(u32::try_from(self.cell).unwrap_or(u32::MAX));
            let mut demand = Demand::begin(self.cell);
            demand.see(seen);
            (member.rule, member.bounds) = (seen.rule.to_string(), (seen.min, seen.max));
            member.pods = Some(Pods { fleet: Fleet::new(since, replicas, options.startup), demand, told: None });
            // What is heard of it brings the next round.
            self.heard.extend(Self::told(workload, member));
        }
    }

    /// Tells of the workloads that changed.
    fn tell(&mut self, begun: &mut Begun) {
        for (workload, member) in &mut self.members {
            if let Some(pods) = &mut member.pods {
                pods.fleet.advance(self.now);
                begun.entry(workload.clone()).or_insert_with(|| pods.fleet.requested());
            }
            self.heard.extend(Self::told(workload, member));
        }
    }

    fn told(workload: &Workload, member: &mut Member) -> Option<Event> {
        let pods = member.pods.as_mut()?;
        let counts = (pods.fleet.requested(), pods.fleet.ready());
        if pods.told.replace(counts) == Some(counts) {
            return None;
        }
        let status = Status::found(counts.0, counts.1);
        Some(Event::Observed(Observation { workload: workload.clone(), status }))
    }

    /// Notes the demand at the ends of cells that lie before `now`; what a scrape at such an end finds is here after the
    /// delay.
    fn measure(&mut self, now: Timestamp) {
        let Replay { step, options, .. } = self.replay;
        let ends =
            |cell: usize| self.start + step.saturating_mul(u32::try_from(cell + 1).unwrap_or(u32::MAX)) + options.delay;
        if ends(self.cell) >= now {
            return;
        }
        let seen: BTreeMap<&Workload, &WorkloadView> =
            self.engine.workload_views().map(|seen| (&seen.workload, &**seen)).collect();
        while ends(self.cell) < now {
            for (workload, member) in &mut self.members {
                let Some(pods) = &mut member.pods else { continue };
                pods.demand.end_cell(self.cell, seen.get(workload).copied());
            }
            self.cell += 1;
        }
    }

    /// What is asked for of each workload that has begun.
    pub(super) fn requested(&self) -> impl Iterator<Item = (&Workload, Replicas)> {
        self.members.iter().filter_map(|(workload, member)| Some((workload, member.pods.as_ref()?.fleet.requested())))
    }

    /// Why a workload has the count that it has, in one line.
    pub(super) fn why(&self, workload: &Workload) -> String {
        let seen = self.engine.workload_views().find(|seen| seen.workload == *workload);
        seen.and_then(|seen| seen.decision.as_ref()).map(Decision::summary).unwrap_or_default()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// What was made of everything.
    pub(super) fn finish(mut self) -> AllPlayed {
        self.measure(self.now);
        let end = self.start + self.replay.step.saturating_mul(u32::try_from(self.cell).unwrap_or(u32::MAX));
        let prices = prices(self.rules);
        let mut all = AllPlayed::default();
        for (workload, member) in self.members {
            let name = workload.to_string();
            let Some(Pods { mut fleet, demand, .. }) = member.pods else {
                all.notes.push(format!("{name}: left out: nothing was recorded of its demand"));
                continue;
            };
            fleet.advance(end);
            match demand.into_load(&name, self.start, self.replay.step) {
                Ok((load, per_replica)) => all.workloads.push(Played {
                    price: prices.get(&member.rule).copied(),
                    workload: name,
                    rule: member.rule,
                    load,
                    per_replica,
                    min: member.bounds.0,
                    max: member.bounds.1,
                    course: fleet.into_course(),
                }),
                Err(error) => all.notes.push(format!("{name}: left out: {error}")),
            }
        }
        all.workloads.sort_by(|one, other| one.workload.cmp(&other.workload));
        all
    }
}

/// What a replica costs in an hour, by the rule's name.
fn prices(rules: &RuleSet) -> BTreeMap<String, f64> {
    let rules = rules.groups.iter().flat_map(|group| &group.rules);
    let price = |rule: &Rule| match rule {
        Rule::Scale(rule) => Some((rule.name.to_string(), rule.economy.cost.as_ref()?.rate(1).as_f64())),
        _ => None,
    };
    rules.filter_map(price).collect()
}
