//! What HPA is to do, a case a line: a behavior as users write it, a load, and the replica counts that follow.
//!
//! One replica takes [`PER_REPLICA`]. A load is written in plateaus, `200:; 900: 8 12`: the value (`_` while there is
//! none, `100|250` for two metrics), then the counts that the workload moves through until it comes to rest, none
//! where it stays. A plateau lasts until then, or as long as it says: `300/2s:`. Of two metrics HPA reads one after the
//! other, so a mixture of two plateaus must ask for nothing that neither asks for.

use std::time::Duration;

/// Work that one replica takes, in every scenario.
pub(super) const PER_REPLICA: f64 = 50.0;

#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) start: u32,
    pub(super) min: u32,
    pub(super) max: u32,
    /// HPA's `behavior` as flow YAML; empty for an object that has none.
    pub(super) behavior: &'static str,
    pub(super) plateaus: Vec<Plateau>,
    /// Where HPA does otherwise and we mean it: the counts that it moves through instead.
    pub(super) hpa: Option<Vec<u32>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plateau {
    /// A value for each metric, while it has one.
    pub(super) values: Vec<Option<f64>>,
    /// How long it lasts, where that is part of the case.
    pub(super) lasts: Option<Duration>,
    pub(super) counts: Vec<u32>,
}

impl Scenario {
    /// The counts that Headroom moves through.
    pub(super) fn ours(&self) -> Vec<u32> {
        self.plateaus.iter().flat_map(|plateau| plateau.counts.clone()).collect()
    }

    /// The counts that HPA moves through.
    pub(super) fn theirs(&self) -> Vec<u32> {
        self.hpa.clone().unwrap_or_else(|| self.ours())
    }

    pub(super) fn metrics(&self) -> usize {
        self.plateaus.iter().map(|plateau| plateau.values.len()).max().unwrap_or(0)
    }

    /// HPA is known to do otherwise.
    fn but_hpa(self, counts: &[u32]) -> Self {
        Self { hpa: Some(counts.to_vec()), ..self }
    }
}

fn case(name: &'static str, (start, min, max): (u32, u32, u32), behavior: &'static str, load: &str) -> Scenario {
    let plateaus = load.split(';').map(plateau).collect();
    Scenario { name, start, min, max, behavior, plateaus, hpa: None }
}

fn plateau(text: &str) -> Plateau {
    let (load, counts) = text.trim().split_once(':').unwrap();
    let (values, lasts) = match load.split_once('/') {
        Some((values, lasts)) => (values, Some(headroom::time::parse_duration(lasts).unwrap())),
        None => (load, None),
    };
    let value = |text: &str| (text != "_").then(|| text.parse().unwrap());
    Plateau {
        values: values.split('|').map(value).collect(),
        lasts,
        counts: counts.split_whitespace().map(|count| count.parse().unwrap()).collect(),
    }
}

/// Both directions without windows and limits that matter.
const FREE: &str = "{scaleUp: {policies: [{type: Pods, value: 100, periodSeconds: 1}]}, scaleDown: {stabilizationWindowSeconds: 0, policies: [{type: Percent, value: 100, periodSeconds: 1}]}}";

/// The scenarios. Each name is a part of object names, too.
#[rustfmt::skip]
pub(super) fn all() -> Vec<Scenario> {
    vec![
        // The tolerance of 10 %, and others for each direction.
        case("steady-within-tolerance", (4, 1, 10), FREE, "200:; 219:; 181:"),
        case("just-outside-tolerance", (4, 1, 10), FREE, "200:; 221: 5; 176: 4"),
        case("tolerance-for-each-direction", (6, 1, 12), "{scaleUp: {tolerance: '0.3'}, scaleDown: {tolerance: '0', stabilizationWindowSeconds: 0}}", "300:; 370:; 395: 8; 345: 7"),
        // Steps, and what the policies make of them.
        case("a-big-step-at-once", (2, 1, 12), FREE, "100:; 600: 12; 100: 2"),
        case("default-policies-add-four-or-double", (1, 1, 20), "{scaleDown: {stabilizationWindowSeconds: 0}}", "50:; 600: 5 10 12"),
        case("two-pods-each-three-seconds", (2, 1, 12), "{scaleUp: {policies: [{type: Pods, value: 2, periodSeconds: 3}]}}", "100:; 400: 4 6 8"),
        case("up-by-a-tenth-rounds-up", (3, 1, 12), "{scaleUp: {policies: [{type: Percent, value: 10, periodSeconds: 3}]}}", "150:; 300: 4 5 6"),
        case("down-by-half", (11, 1, 12), "{scaleDown: {stabilizationWindowSeconds: 0, policies: [{type: Percent, value: 50, periodSeconds: 3}]}}", "550:; 50: 5 2 1"),
        case("down-by-a-tenth-rounds-down", (3, 1, 12), "{scaleDown: {stabilizationWindowSeconds: 0, policies: [{type: Percent, value: 10, periodSeconds: 3}]}}", "150:; 50: 2 1"),
        case("the-larger-change-down", (10, 1, 12), "{scaleDown: {stabilizationWindowSeconds: 0, policies: [{type: Pods, value: 4, periodSeconds: 3}, {type: Percent, value: 10, periodSeconds: 3}]}}", "500:; 50: 6 2 1"),
        case("two-periods-the-larger-change-up", (1, 1, 12), "{scaleUp: {policies: [{type: Pods, value: 1, periodSeconds: 3}, {type: Pods, value: 4, periodSeconds: 18}]}}", "50:; 300: 5 6"),
        case("two-periods-the-smaller-change-up", (1, 1, 12), "{scaleUp: {selectPolicy: Min, policies: [{type: Pods, value: 2, periodSeconds: 3}, {type: Pods, value: 4, periodSeconds: 18}]}}", "50:; 300: 3 5 6"),
        case("select-min-up", (4, 1, 12), "{scaleUp: {selectPolicy: Min, policies: [{type: Pods, value: 1, periodSeconds: 3}, {type: Percent, value: 100, periodSeconds: 3}]}}", "200:; 350: 5 6 7"),
        case("select-min-down", (5, 1, 12), "{scaleDown: {stabilizationWindowSeconds: 0, selectPolicy: Min, policies: [{type: Pods, value: 1, periodSeconds: 3}, {type: Percent, value: 50, periodSeconds: 3}]}}", "250:; 100: 4 3 2"),
        case("up-is-disabled", (3, 1, 12), "{scaleUp: {selectPolicy: Disabled}, scaleDown: {stabilizationWindowSeconds: 0}}", "150:; 500:; 50: 1"),
        case("down-is-disabled", (3, 1, 12), "{scaleDown: {stabilizationWindowSeconds: 0, selectPolicy: Disabled}}", "150:; 50:; 250: 5"),
        case("a-period-counts-what-was-removed", (6, 1, 14), "{scaleUp: {policies: [{type: Pods, value: 4, periodSeconds: 30}]}, scaleDown: {stabilizationWindowSeconds: 0}}", "300:; 600: 10; 150: 3; 700: 10 14"),
        // Stabilization.
        case("down-after-the-window", (6, 1, 12), "{scaleDown: {stabilizationWindowSeconds: 5}}", "300:; 100: 2"),
        case("down-to-the-highest-of-the-window", (8, 1, 12), "{scaleDown: {stabilizationWindowSeconds: 10}}", "400:; 250/4s:; 100: 5 2"),
        case("the-pace-after-the-window", (8, 1, 12), "{scaleDown: {stabilizationWindowSeconds: 5, policies: [{type: Pods, value: 2, periodSeconds: 4}]}}", "400:; 150: 6 4 3"),
        case("both-windows-keep-the-count", (4, 1, 12), "{scaleUp: {stabilizationWindowSeconds: 12}, scaleDown: {stabilizationWindowSeconds: 12}}", "200:; 300/2s:; 100/2s:; 300/2s:; 200:"),
        case("a-dip-within-the-window", (6, 1, 12), "{scaleDown: {stabilizationWindowSeconds: 15}}", "300:; 50/3s:; 300:"),
        case("a-spike-within-the-window", (2, 1, 12), "{scaleUp: {stabilizationWindowSeconds: 10}}", "100:; 300/2s:; 100:; 300: 6"),
        // Bounds.
        case("no-more-than-max", (2, 1, 6), FREE, "100:; 900: 6"),
        case("no-fewer-than-min", (5, 2, 6), FREE, "250:; 10: 2"),
        case("above-max-comes-down-at-once", (9, 1, 6), "{scaleDown: {stabilizationWindowSeconds: 300}}", "300: 6"),
        case("below-min-goes-up-at-once", (1, 3, 6), "{scaleUp: {policies: [{type: Pods, value: 1, periodSeconds: 60}]}}", "50: 3"),
        case("a-minimum-that-is-the-maximum", (4, 4, 4), FREE, "200:; 900:; 0:"),
        case("never-to-zero-with-a-minimum", (2, 1, 6), FREE, "0: 1; 150: 3; 0: 1"),
        case("zero-is-switched-off", (0, 1, 6), FREE, "150:; 900:; 50:"),
        // Metrics that are missing, and several of them.
        case("no-metric-no-move", (4, 1, 12), FREE, "200:; _:; 100: 2"),
        case("the-largest-wins", (2, 1, 12), FREE, "100|100:; 100|250: 5; 150|250:; 150|100: 3"),
        case("with-one-missing-up-but-not-down", (4, 1, 12), FREE, "200|200:; 100|_:; 300|_: 6; _|_:; 100|100: 2"),
        // Where we differ and mean it. Without any behavior, HPA takes an older way: no more than twice as many, or
        // four, each time that it looks. The rules of its documentation come with the first word of a behavior.
        case("no-behavior-at-all", (1, 1, 10), "", "50:; 500: 5 10").but_hpa(&[4, 8, 10]),
        // Ten less four fifths are, in the floats of HPA, a hair below two, and it takes one.
        case("four-fifths-of-ten-leave-two", (10, 1, 12), "{scaleDown: {stabilizationWindowSeconds: 0, policies: [{type: Percent, value: 80, periodSeconds: 3}]}}", "500:; 50: 2 1").but_hpa(&[1]),
    ]
}

#[test]
fn a_load_is_read_as_it_is_written() {
    let plateaus = case("x", (1, 1, 1), "", "100|_/2s:; 5: 6 7").plateaus;
    let first = Plateau { values: vec![Some(100.0), None], lasts: Some(Duration::from_secs(2)), counts: vec![] };
    assert_eq!(plateaus, [first, Plateau { values: vec![Some(5.0)], lasts: None, counts: vec![6, 7] }]);
}
