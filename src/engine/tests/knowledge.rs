//! What the loop learns of demand and uses again: patterns, shapes that are lent, replicas that stand apart, spikes.

use super::*;
use crate::journal::Table;

const FIVE: Duration = Duration::from_mins(5);

/// One workload at 50 a replica, whose demand is foreseen by steps of five minutes.
const FORESEEN: &str = "
groups:
  - name: shop
    interval: 5m
    rules:
      - scale: checkout
        target: {kind: Deployment, namespace: shop, name: checkout}
        replicas: {min: 1, max: 60}
        metrics: [{name: requests, demand: sum(load), per_replica: 50}]
        forecast: {step: 5m}
";

/// One rule for many.
const FLEET: &str = "
groups:
  - name: shop
    interval: 5m
    rules:
      - scale: fleet
        target: {kind: Deployment, namespace: shop, name: '{{ $labels.app }}'}
        replicas: {min: 1, max: 60}
        metrics: [{name: requests, demand: sum by (app) (load), per_replica: 50}]
        forecast: {step: 5m}
";

/// Climbs for an hour, stays for one, and is over.
fn surge(since: i64) -> f64 {
    match since {
        0..60 => 400.0 * since as f64 / 60.0,
        60..120 => 400.0,
        _ => 0.0,
    }
}

/// Demand at a minute, with surges at times of no day in particular.
fn crowded(minute: i64) -> f64 {
    let surges = [(1, 610), (3, 1_130), (4, 205), (6, 840)];
    100.0 + (minute / 5 % 3) as f64 + surges.iter().map(|(day, at)| surge(minute - day * 1_440 - at)).sum::<f64>()
}

impl World {
    /// Demand of each app from a minute since the start to another; gives what the decisions of one of them said.
    fn days(&mut self, apps: &[(&str, &dyn Fn(i64) -> f64)], minutes: std::ops::Range<i64>) -> Vec<(i64, String)> {
        let mut said = Vec::new();
        for minute in minutes.step_by(5) {
            self.now = Timestamp::from_millis(START_MS + minute * 60_000).max(self.now);
            for (app, demand) in apps {
                self.load_is("load", app, demand(minute));
            }
            self.wait(FIVE);
            for mut refit in std::mem::take(&mut self.refits) {
                refit.predictor.refit();
                self.step(vec![Event::Refitted(refit, Duration::from_millis(1))]);
            }
            for view in self.engine.view().workloads {
                said.extend(view.decision.as_ref().map(|decision| (minute, decision.to_string())));
            }
        }
        said
    }

    fn foreseen(&mut self, name: &str) -> MetricForecast {
        self.now = self.now + Duration::from_millis(1);
        let ask = Command::Forecasts { workload: workload(name), horizon: Duration::from_hours(3) };
        let effects = self.engine.step(self.now, &self.store, vec![Event::Asked(1, ask)]);
        let answer = effects.into_iter().find_map(|effect| match effect {
            Effect::Answer(_, Answer::Forecasts(mut metrics)) => metrics.pop(),
            _ => None,
        });
        answer.expect("a metric that is foreseen")
    }
}

#[test]
fn a_flash_crowd_that_came_before_is_known_again_after_a_restart() {
    let mut world = World::new(FORESEEN);
    world.days(&[("a", &crowded)], 0..5 * 1_440);
    let known = world.engine.view().patterns;
    assert_eq!(known.iter().map(|pattern| pattern.title()).collect::<Vec<_>>(), ["flash crowd"]);
    assert_eq!(known[0].seen, 3);
    world.stop(Vec::new());
    let rows = world.written.iter().filter(|change| matches!(change, Change::Put { table: Table::Patterns, .. }));
    assert!(rows.count() > 0, "what was found is written down");
    world.restart(FORESEEN);
    assert_eq!(world.engine.view().patterns, known);

    world.has("checkout", 3);
    let begin = 6 * 1_440 + 840;
    let said = world.days(&[("a", &crowded)], 5 * 1_440..begin + 180);
    let matched: Vec<&(i64, String)> = said.iter().filter(|(_, text)| text.contains("matched")).collect();
    let first = matched.first().expect("it is known again").0 - begin;
    assert!((15..45).contains(&first), "after {first} minutes");
    assert!(matched.iter().all(|(minute, _)| (begin..begin + 120).contains(minute)), "{matched:?}");
    assert!(matched[0].1.contains("(flash crowd matched, 0."), "{}", matched[0].1);
}

#[test]
fn a_step_looks_through_one_history_at_most() {
    let mut world = World::new(FLEET);
    let names: Vec<String> = (0..12).map(|nth| format!("app{nth}")).collect();
    let flat = |_: i64| 100.0;
    let apps: Vec<(&str, &dyn Fn(i64) -> f64)> = names.iter().map(|name| (name.as_str(), &flat as _)).collect();
    world.days(&apps, 0..60);
    for workload in world.engine.workloads.keys().cloned().collect::<Vec<_>>() {
        world.engine.agenda.set(Due::Study(workload), Some(world.now));
    }
    let studied = |world: &World| -> BTreeSet<Workload> {
        let known = world.engine.workloads.iter().filter(|(_, known)| known.studied > Some(0));
        known.map(|(workload, _)| workload.clone()).collect()
    };
    let mut all = BTreeSet::new();
    for _ in 0..100 {
        let before = studied(&world);
        world.now = world.now.max(world.engine.next_due());
        world.step(Vec::new());
        let new: Vec<Workload> = studied(&world).difference(&before).cloned().collect();
        assert!(new.len() <= 1, "one in a step: {new:?}");
        all.extend(new);
    }
    assert_eq!(all.len(), 12, "all have their turn");
}

/// Quiet at night, busy by day.
fn busy_days(minute: i64) -> f64 {
    let of_day = minute.rem_euclid(1_440) as f64 / 1_440.0;
    let noise = (minute * 7_919 % 101) as f64 / 101.0;
    200.0 - 150.0 * (of_day * std::f64::consts::TAU).cos() + noise
}

#[test]
fn a_newcomer_borrows_its_look_alikes_day_until_it_has_its_own() {
    let mut world = World::new(FLEET);
    world.days(&[("a", &busy_days), ("b", &busy_days)], 0..3 * 1_440);
    assert_eq!(world.foreseen("a").lent_by, None);
    // It begins before the day does; of half their size.
    let begin = 3 * 1_440 + 240;
    let half = |minute: i64| busy_days(minute) / 2.0;
    world.days(&[("a", &busy_days), ("b", &busy_days)], 3 * 1_440..begin);
    world.days(&[("a", &busy_days), ("b", &busy_days), ("c", &half)], begin..begin + 60);
    let newcomer = world.foreseen("c");
    assert_eq!(newcomer.lent_by.as_deref(), Some("shop/a"));
    let later = newcomer.forecast.unwrap().points[35].mean;
    let (now, then) = (half(begin + 60), half(begin + 60 + 180));
    assert!(later > now + 0.4 * (then - now), "in three hours {later}, now {now}, then {then}");
    // The same alone.
    let mut alone = World::new(FLEET);
    alone.days(&[("c", &half)], begin..begin + 60);
    let unlent = alone.foreseen("c");
    assert_eq!(unlent.lent_by, None);
    let unlent = unlent.forecast.unwrap().points[35].mean;
    assert!((later - then).abs() < (unlent - then).abs(), "with {later}, without {unlent}, wanted {then}");
    // What is borrowed is remembered, not lent on, and given back when its own day has passed.
    world.days(&[("a", &busy_days), ("b", &busy_days), ("c", &half)], begin + 60..begin + 120);
    world.stop(Vec::new());
    world.restart(FLEET);
    world.days(&[("c", &half)], begin + 120..begin + 180);
    assert_eq!(world.foreseen("c").lent_by.as_deref(), Some("shop/a"));
    world.days(&[("c", &half), ("d", &half)], begin + 180..begin + 240);
    assert_eq!(world.foreseen("d").lent_by, None, "nobody knows a day of its own");
    world.days(&[("c", &half), ("d", &half)], begin + 240..begin + 1_440 + 120);
    assert_eq!(world.foreseen("c").lent_by, None);
    assert!(world.engine.workloads[&workload("c")].memory.lent.is_empty());
}

const PER_POD: &str = "
groups:
  - name: shop
    interval: 30s
    rules:
      - scale: checkout
        target: {kind: Deployment, namespace: shop, name: checkout}
        replicas: {min: 1, max: 60}
        metrics: [{name: cpu, per_pod: 'label_replace(load, \"pod\", \"$1\", \"app\", \"(.*)\")', per_replica: 50}]
";

#[test]
fn a_pod_unlike_the_others_is_named_and_changes_nothing() {
    let mut world = World::new(PER_POD);
    let odd = |world: &World| world.engine.view().workloads[0].metrics[0].odd_pods.clone();
    world.has("checkout", 6);
    for nth in 0..28_u32 {
        for pod in 0..6_u32 {
            let stuck = pod == 3 && nth >= 8;
            let value = if stuck { 0.0 } else { 50.0 + f64::from((nth * 5 + pod * 3) % 7) };
            world.load_is("load", &format!("pod-{pod}"), value);
        }
        if nth == 0 {
            world.has("checkout", 6);
        }
        if nth == 2 {
            assert_eq!(odd(&world), None, "nobody is judged by a few values");
        }
        if nth == 7 {
            assert!(odd(&world).unwrap().is_empty());
        }
        world.wait(Duration::from_secs(30));
    }
    let found = odd(&world).unwrap();
    assert_eq!(found.iter().map(|odd| (&*odd.pod, odd.by_level)).collect::<Vec<_>>(), [("pod-3", true)]);
    assert!(found[0].score < -3.5 && found[0].since > Timestamp::from_millis(START_MS));
    let decision = world.engine.view().workloads[0].decision.clone().unwrap();
    assert!(decision.to_string().contains("cpu of pod-3 is unlike that of 6 pods"), "{decision}");
}

#[test]
fn a_change_of_ways_is_told_once() {
    let mut world = World::new(FORESEEN);
    let moved = |minute: i64| {
        let size = if minute < 3 * 1_440 { 100.0 } else { 1_000.0 + (minute - 3 * 1_440) as f64 * 20.0 };
        size + (minute * 7_919 % 101) as f64 / 20.0
    };
    world.days(&[("a", &moved)], 0..3 * 1_440 + 720);
    let view = world.engine.view();
    let shifts = view.anomalies.iter().filter(|one| one.kind == crate::demand::anomaly::Kind::Shift);
    assert!((1..=3).contains(&shifts.count()), "{:?}", view.anomalies);
}
