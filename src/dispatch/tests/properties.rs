//! What must always be true of releases, whatever is wished, fails, fires and is silenced in whichever order.
//!
//! `PROPTEST_CASES=100000` plays more histories.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 5] = ["db", "api", "web", "cart", "blog"];

#[derive(Debug, Clone)]
enum Deed {
    Wish { who: usize, from: u32, to: u32, app: u8 },
    End { who: usize, ok: bool },
    Forget { who: usize },
    Silence { who: usize, seconds: u64 },
    Fire { app: u8, seconds: u64 },
    Wait { seconds: u64 },
    Reload { settings: usize },
}

fn deed() -> impl Strategy<Value = Deed> {
    let who = 0..NAMES.len();
    prop_oneof![
        8 => (who.clone(), 0..4_u32, 0..4_u32, 0..2_u8).prop_map(|(who, from, to, app)| Deed::Wish { who, from, to, app }),
        6 => (who.clone(), prop::bool::weighted(0.7)).prop_map(|(who, ok)| Deed::End { who, ok }),
        1 => who.clone().prop_map(|who| Deed::Forget { who }),
        1 => (who, 1..40_u64).prop_map(|(who, seconds)| Deed::Silence { who, seconds }),
        1 => (0..2_u8, 1..40_u64).prop_map(|(app, seconds)| Deed::Fire { app, seconds }),
        3 => (1..30_u64).prop_map(|seconds| Deed::Wait { seconds }),
        1 => (0..SETTINGS.len()).prop_map(|settings| Deed::Reload { settings }),
    ]
}

const INHIBIT: &str =
    "inhibit_rules: [{source_matchers: [alertname=Down], target_matchers: [direction=up], equal: [app]}]";
const SETTINGS: [&str; 4] = [
    "route: {group_by: [app]}",
    "route: {group_by: [app], group_wait: 5s, group_interval: 20s, repeat_interval: 1m}",
    "route: {group_by: [app, direction], routes: [{matchers: [name=blog], group_by: ['...'], group_wait: 3s}]}",
    "",
];

/// The order of a workload: its place among the names.
fn order(name: &str) -> usize {
    NAMES.iter().position(|one| *one == name).unwrap()
}

/// Dispatch and what a checker knows of it.
struct Checked {
    world: World,
    in_flight: BTreeSet<String>,
    labels: BTreeMap<String, Labels>,
    wished: BTreeMap<String, (Replicas, Replicas)>,
}

impl Checked {
    fn new(settings: usize) -> Self {
        let world = World::new(&format!("{}\n{INHIBIT}", SETTINGS[settings]));
        Self { world, in_flight: BTreeSet::new(), labels: BTreeMap::new(), wished: BTreeMap::new() }
    }

    fn wish(&mut self, who: usize, from: Replicas, to: Replicas, app: u8) {
        let name = NAMES[who];
        let direction = if to >= from { "up" } else { "down" };
        let labels = labels(&format!("name={name} direction={direction} app={app}"));
        self.labels.insert(name.to_owned(), labels.clone());
        self.wished.insert(name.to_owned(), (from, to));
        let (workload, at) = (workload(name), at(self.world.now));
        let order = i32::try_from(who / 2).unwrap();
        self.world.dispatcher.wish(Wish { workload, labels, from, to, order, at });
    }

    fn deed(&mut self, deed: &Deed) {
        let World { dispatcher, alerts, now, .. } = &mut self.world;
        match *deed {
            Deed::Wish { who, from, to, app } => self.wish(who, from, to, app),
            Deed::End { who, ok } => {
                dispatcher.ended(&workload(NAMES[who]), ok, at(*now));
                self.in_flight.remove(NAMES[who]);
            }
            Deed::Forget { who } => dispatcher.forget(&workload(NAMES[who])),
            Deed::Silence { who, seconds } => {
                let until = self.world.now + seconds;
                self.world.silence(&format!("name={}", NAMES[who]), until);
            }
            Deed::Fire { app, seconds } => {
                let until = self.world.now + seconds;
                self.world.fire(&format!("alertname=Down app={app}"), until);
            }
            Deed::Wait { seconds } => self.world.now += seconds,
            Deed::Reload { settings } => {
                let routing = routing(&format!("{}\n{INHIBIT}", SETTINGS[settings]));
                dispatcher.reconfigure(Arc::clone(&routing));
                alerts.reconfigure(routing, at(*now));
            }
        }
    }

    fn release(&mut self) -> Vec<Release> {
        let World { dispatcher, alerts, silences, now } = &mut self.world;
        alerts.advance(at(*now));
        let released = dispatcher.release(at(*now), alerts, silences);
        for release in &released {
            let name = &release.workload.name;
            assert!(self.in_flight.insert(name.clone()), "{name} is in flight twice");
            assert_eq!(self.wished[name], (release.from, release.to), "the newest wish of {name} counts");
            assert_ne!(release.from, release.to);
            assert_eq!(self.labels[name], release.labels);
            assert_eq!(silences.muting(&release.labels, at(*now)).count(), 0, "{name} is silenced");
            assert!(alerts.inhibits(&release.labels).is_none(), "{name} is inhibited");
            assert_eq!(dispatcher.muted(&release.workload), None);
        }
        let again = dispatcher.release(at(*now), alerts, silences);
        assert_eq!(again, [], "all that may be done is done at once");
        if let Some(due) = dispatcher.next_due() {
            assert!(due > at(*now), "what is due now was done");
        }
        released
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_release_breaks_a_promise(settings in 0..SETTINGS.len(), deeds in prop::collection::vec(deed(), 1..60)) {
        let mut checked = Checked::new(settings);
        for deed in &deeds {
            checked.deed(deed);
            checked.release();
        }
    }

    #[test]
    fn whoever_waits_is_told_why(settings in 0..SETTINGS.len(), deeds in prop::collection::vec(deed(), 1..60)) {
        let mut checked = Checked::new(settings);
        for deed in &deeds {
            checked.deed(deed);
            checked.release();
            if let Deed::Wish { who, from, to, .. } = deed && from != to {
                let name = workload(NAMES[*who]);
                let dispatcher = &checked.world.dispatcher;
                prop_assert!(dispatcher.in_flight(&name) || dispatcher.muted(&name).is_some());
            }
        }
    }

    #[test]
    fn everything_wished_is_done_in_the_end(settings in 0..SETTINGS.len(), deeds in prop::collection::vec(deed(), 1..40)) {
        let mut checked = Checked::new(settings);
        for deed in &deeds {
            checked.deed(deed);
            checked.release();
        }
        checked.world.now += 1_000;
        for who in 0..NAMES.len() {
            checked.deed(&Deed::End { who, ok: true });
        }
        for who in 0..NAMES.len() {
            checked.wish(who, 10, 11, 0);
        }
        let mut done = BTreeSet::new();
        for _ in 0..20 {
            for release in checked.release() {
                checked.deed(&Deed::End { who: order(&release.workload.name), ok: true });
                done.insert(release.workload.name.clone());
            }
            checked.world.now += 60;
        }
        prop_assert_eq!(done.len(), NAMES.len());
        prop_assert_eq!(checked.world.dispatcher.next_due(), None);
    }

    /// One batch of ups and downs, of which some fail: each rank waits for the one before, and after a failure nobody
    /// of the batch is released.
    #[test]
    fn a_batch_acts_in_order(
        members in prop::collection::vec((-2..3_i32, prop::bool::ANY, prop::bool::weighted(0.9)), 1..12),
    ) {
        let mut world = World::new("route: {group_by: [app]}");
        let names: Vec<String> = (0..members.len()).map(|n| format!("w{n}")).collect();
        for (name, (order, up, _)) in names.iter().zip(&members) {
            let (from, to) = if *up { (1, 2) } else { (2, 1) };
            world.wish(name, from, to, *order, "app=shop");
        }
        let rank = |name: &str| {
            let (order, up, _) = members[name[1..].parse::<usize>().unwrap()];
            if up { (0, order) } else { (1, -order) }
        };
        let mut ranks: Vec<(i32, i32)> = names.iter().map(|name| rank(name)).collect();
        ranks.sort_unstable();
        ranks.dedup();
        let mut failed = false;
        for want in ranks {
            world.now += 1;
            let (alerts, silences) = (&world.alerts, &world.silences);
            let released = world.dispatcher.release(at(world.now), alerts, silences);
            let of_rank: Vec<&String> = names.iter().filter(|name| rank(name) == want).collect();
            let mut shown: Vec<&String> = released.iter().map(|release| &release.workload.name).collect();
            shown.sort_by_key(|name| name[1..].parse::<usize>().unwrap());
            prop_assert_eq!(shown, if failed { Vec::new() } else { of_rank });
            for release in &released {
                let ok = members[release.workload.name[1..].parse::<usize>().unwrap()].2;
                failed |= !ok;
                world.ended(&release.workload.name, ok);
            }
        }
        prop_assert_eq!(world.release(), "");
    }

    #[test]
    fn with_default_routing_every_wish_is_released_at_once(
        wishes in prop::collection::vec((0..NAMES.len(), 0..5_u32, 1..5_u32, -3..3_i32, prop::bool::ANY), 1..40),
    ) {
        let mut world = World::new("");
        for (who, from, by, order, ok) in wishes {
            world.now += 1;
            world.wish(NAMES[who], from, from + by, order, "app=shop");
            prop_assert_eq!(world.release(), format!("{} {}->{} by default", NAMES[who], from, from + by));
            world.ended(NAMES[who], ok);
        }
    }
}
