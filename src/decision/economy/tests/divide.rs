//! Shares of what there is.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::decision::economy::{Claim, Division, Limit, Money, Requests, Resource, divide};
use crate::workload::{ObjectRef, Replicas, Workload};

fn workload(name: &str) -> Workload {
    Workload::from(ObjectRef {
        api_version: String::new(),
        kind: "Deployment".into(),
        namespace: "shop".into(),
        name: name.into(),
    })
}

/// A claim as written in a case: `web 10` wants ten; `web 10 min=2 priority=1 cpu=500 memory=64 cost=0.5`.
fn claim(workload: &Workload, text: &str) -> Claim<'static> {
    let workload: &'static Workload = Box::leak(Box::new(workload.clone()));
    let mut claim = Claim { workload, wants: 0, min: 0, priority: 0, requests: Requests::default(), cost: Money::ZERO };
    for word in text.split_whitespace() {
        match word.split_once('=') {
            None => claim.wants = word.parse().unwrap(),
            Some(("min", value)) => claim.min = value.parse().unwrap(),
            Some(("priority", value)) => claim.priority = value.parse().unwrap(),
            Some(("cpu", value)) => claim.requests.cpu_millis = value.parse().unwrap(),
            Some(("memory", value)) => claim.requests.memory_bytes = value.parse().unwrap(),
            Some(("cost", value)) => claim.cost = Money::from_f64(value.parse().unwrap()),
            Some(other) => panic!("{other:?}"),
        }
    }
    claim
}

/// A limit as written in a case: `replicas=10`, `cost=2.5`.
fn limit(text: &str) -> Limit {
    let (name, amount) = text.split_once('=').unwrap();
    let resource = Resource::ALL.into_iter().find(|resource| resource.as_str() == name).unwrap();
    let amount = match resource {
        Resource::Cost => Money::from_f64(amount.parse().unwrap()).billionths(),
        _ => amount.parse().unwrap(),
    };
    Limit { resource, amount }
}

/// Claims are parted by `;`. The answer names each with its share, and what limits it.
#[track_caller]
fn check(limits: &str, claims: &str, want: Expect) {
    let limits: Vec<Limit> = limits.split_whitespace().map(limit).collect();
    let claims: Vec<Claim<'_>> = claims
        .split(';')
        .map(|text| text.trim().split_once(' ').unwrap())
        .map(|(name, text)| claim(&workload(name), text))
        .collect();
    let Division { shares, exceeded } = divide(&limits, &claims);
    let mut text: Vec<String> = claims
        .iter()
        .zip(shares)
        .map(|(claim, share)| {
            let why = share.limited_by.map(|resource| format!(" ({})", resource.as_str())).unwrap_or_default();
            format!("{} {}{why}", claim.workload.name, share.granted)
        })
        .collect();
    text.extend(exceeded.into_iter().map(|resource| format!("minimums exceed {}", resource.as_str())));
    want.assert_eq(&text.join(", "));
}

#[test]
fn who_wants_no_more_than_there_is_gets_it() {
    check("", "a 1000", expect!["a 1000"]);
    check("replicas=10", "a 4; b 6", expect!["a 4, b 6"]);
    check("replicas=10 cpu=5000", "a 10 cpu=500", expect!["a 10"]);
    check("replicas=0", "a 0; b 0", expect!["a 0, b 0"]);
}

#[test]
fn one_priority_shares_in_proportion_to_what_it_wants() {
    check("replicas=10", "a 10; b 10", expect!["a 5 (replicas), b 5 (replicas)"]);
    check("replicas=10", "a 30; b 10", expect!["a 8 (replicas), b 2 (replicas)"]);
    check("replicas=9", "a 12; b 6", expect!["a 6 (replicas), b 3 (replicas)"]);
    check("replicas=12", "a 12 min=4; b 8 min=4", expect!["a 7 (replicas), b 5 (replicas)"]);
    check(
        "replicas=1000000000",
        "a 4000000000; b 4000000000",
        expect!["a 500000000 (replicas), b 500000000 (replicas)"],
    );
}

#[test]
fn at_the_same_turn_the_name_that_sorts_first_goes_first() {
    check("replicas=1", "b 1; a 1", expect!["b 0 (replicas), a 1"]);
    check("replicas=3", "b 4; a 4", expect!["b 1 (replicas), a 2 (replicas)"]);
}

#[test]
fn a_higher_priority_is_served_before_a_lower_one() {
    check("replicas=10", "a 8; b 8 priority=1", expect!["a 2 (replicas), b 8"]);
    check("replicas=10", "a 8 min=3; b 20 priority=1", expect!["a 3 (replicas), b 7 (replicas)"]);
    check("replicas=10", "a 8 priority=-1; b 6; c 6", expect!["a 0 (replicas), b 5 (replicas), c 5 (replicas)"]);
}

#[test]
fn minimums_are_granted_whatever_the_limit_and_it_is_said() {
    check("replicas=3", "a 5 min=2; b 5 min=2", expect!["a 2 (replicas), b 2 (replicas), minimums exceed replicas"]);
    check("replicas=4", "a 5 min=2; b 5 min=2", expect!["a 2 (replicas), b 2 (replicas)"]);
    check("replicas=0", "a 1 min=9", expect!["a 1, minimums exceed replicas"]);
    check("cost=0", "a 1 min=1 cost=1; b 5", expect!["a 1, b 5, minimums exceed cost"]);
}

#[test]
fn all_limits_hold_at_once() {
    check("replicas=10 cpu=2000", "a 8 cpu=500; b 8 cpu=100", expect!["a 3 (cpu), b 3 (cpu)"]);
    check("replicas=5 cost=100", "a 8 cost=1", expect!["a 5 (replicas)"]);
    check("memory=100 cpu=100", "a 9 cpu=30; b 9 memory=30", expect!["a 3 (cpu), b 3 (memory)"]);
    check("cost=1", "a 20 cost=0.1", expect!["a 10 (cost)"]);
    check("replicas=9 replicas=4", "a 8", expect!["a 4 (replicas)"]);
}

#[test]
fn what_a_large_pod_lacks_is_not_eaten_up_by_small_ones() {
    check("memory=100", "big 3 memory=64 priority=1; small 40 memory=1", expect!["big 1 (memory), small 0 (memory)"]);
    check("memory=100", "big 3 memory=64 priority=1; other 40 cpu=1", expect!["big 1 (memory), other 40"]);
}

#[test]
fn more_of_one_resource_may_cost_who_does_not_need_it() {
    // The exception that the module names.
    check("cpu=1 memory=10", "a 10 cpu=1 memory=1; b 10 memory=1", expect!["a 1 (cpu), b 9 (memory)"]);
    check("cpu=9 memory=10", "a 10 cpu=1 memory=1; b 10 memory=1", expect!["a 5 (memory), b 5 (memory)"]);
}

fn claims() -> impl Strategy<Value = Vec<Claim<'static>>> {
    let claim = (0..20_u32, 0..8_u32, -1..2_i32, 0..4_u64, 0..4_u64, 0..4_u64).prop_map(
        |(wants, min, priority, cpu_millis, memory_bytes, cost)| {
            let requests = Requests { cpu_millis, memory_bytes };
            (wants, min, priority, requests, Money::from_billionths(cost))
        },
    );
    prop::collection::vec(claim, 1..8).prop_map(|claims| {
        let claims = claims.into_iter().enumerate();
        let claims = claims.map(|(at, (wants, min, priority, requests, cost))| {
            let workload: &'static Workload = Box::leak(Box::new(workload(&format!("w{at}"))));
            Claim { workload, wants, min, priority, requests, cost }
        });
        claims.collect()
    })
}

fn limits() -> impl Strategy<Value = Vec<Limit>> {
    let limit = (prop::sample::select(Resource::ALL.to_vec()), 0..150_u64);
    prop::collection::vec(limit.prop_map(|(resource, amount)| Limit { resource, amount }), 0..4)
}

fn need(claim: &Claim<'_>, resource: Resource) -> u64 {
    match resource {
        Resource::Replicas => 1,
        Resource::Cpu => claim.requests.cpu_millis,
        Resource::Memory => claim.requests.memory_bytes,
        Resource::Cost => claim.cost.billionths(),
    }
}

fn granted(limits: &[Limit], claims: &[Claim<'_>]) -> Vec<Replicas> {
    divide(limits, claims).shares.iter().map(|share| share.granted).collect()
}

/// The definition, seat by seat, without leaps.
fn slowly(limits: &[Limit], claims: &[Claim<'_>]) -> Vec<Replicas> {
    let mut granted: Vec<Replicas> = claims.iter().map(|claim| claim.wants.min(claim.min)).collect();
    let used = |granted: &[Replicas], resource| -> u64 {
        claims.iter().zip(granted).map(|(claim, count)| need(claim, resource) * u64::from(*count)).sum()
    };
    let mut closed: Vec<Resource> =
        limits.iter().filter(|l| used(&granted, l.resource) > l.amount).map(|l| l.resource).collect();
    loop {
        let open = (0..claims.len()).filter(|at| {
            granted[*at] < claims[*at].wants && !closed.iter().any(|resource| need(&claims[*at], *resource) > 0)
        });
        let next = open.min_by(|one, other| {
            let key = |at: usize| {
                let base = claims[at].wants.min(claims[at].min);
                (2 * (granted[at] - base) + 1, claims[at].wants - base)
            };
            let ((a, b), (c, d)) = (key(*one), key(*other));
            let priority = claims[*other].priority.cmp(&claims[*one].priority);
            priority.then((a * d).cmp(&(c * b))).then(claims[*one].workload.name.cmp(&claims[*other].workload.name))
        });
        let Some(at) = next else { return granted };
        let lacking = limits.iter().filter(|limit| {
            let need = need(&claims[at], limit.resource);
            need > 0 && used(&granted, limit.resource) + need > limit.amount
        });
        let lacking: Vec<Resource> = lacking.map(|limit| limit.resource).collect();
        if lacking.is_empty() {
            granted[at] += 1;
        }
        closed.extend(lacking);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn shares_are_what_the_definition_says(limits in limits(), claims in claims()) {
        prop_assert_eq!(granted(&limits, &claims), slowly(&limits, &claims));
    }

    #[test]
    fn nobody_gets_more_than_it_wants_or_less_than_its_minimum(limits in limits(), claims in claims()) {
        let shares = divide(&limits, &claims).shares;
        for (claim, share) in claims.iter().zip(shares) {
            prop_assert!(share.granted <= claim.wants && share.granted >= claim.wants.min(claim.min));
            prop_assert_eq!(share.limited_by.is_none(), share.granted == claim.wants);
        }
    }

    #[test]
    fn limits_hold_unless_minimums_exceed_them(limits in limits(), claims in claims()) {
        let Division { shares, exceeded } = divide(&limits, &claims);
        for limit in &limits {
            let sum = |count: &dyn Fn(usize) -> Replicas| -> u64 {
                claims.iter().enumerate().map(|(at, claim)| need(claim, limit.resource) * u64::from(count(at))).sum()
            };
            let minimums = sum(&|at| claims[at].wants.min(claims[at].min));
            prop_assert!(sum(&|at| shares[at].granted) <= limit.amount.max(minimums));
            prop_assert!(minimums <= limit.amount || exceeded.contains(&limit.resource));
        }
    }

    #[test]
    fn the_order_of_claims_changes_nothing(limits in limits(), claims in claims(), turn in 0..8_usize) {
        let mut turned = claims.clone();
        turned.rotate_left(turn % claims.len());
        turned.reverse();
        let (shares, other) = (granted(&limits, &claims), granted(&limits, &turned));
        for (claim, share) in claims.iter().zip(shares) {
            let at = turned.iter().position(|other| other.workload == claim.workload).unwrap();
            prop_assert_eq!(share, other[at]);
        }
    }

    #[test]
    fn a_larger_limit_gives_nobody_fewer(limits in limits(), claims in claims(), which in 0..4_usize, more in 1..60_u64) {
        let needs_all = |claim: &Claim<'_>| limits.iter().all(|limit| need(claim, limit.resource) > 0);
        let claims: Vec<Claim<'_>> = claims.into_iter().filter(|claim| limits.len() < 2 || needs_all(claim)).collect();
        let mut larger = limits.clone();
        if let Some(limit) = larger.get_mut(which) {
            limit.amount += more;
        }
        for (before, after) in granted(&limits, &claims).iter().zip(granted(&larger, &claims)) {
            prop_assert!(after >= *before);
        }
    }

    #[test]
    fn a_higher_priority_does_not_notice_a_lower_one(limits in limits(), claims in claims()) {
        // Without the lower ones but for their minimums, the others get the same.
        let highest = claims.iter().map(|claim| claim.priority).max().unwrap();
        let mut alone = claims.clone();
        for claim in alone.iter_mut().filter(|claim| claim.priority < highest) {
            claim.wants = claim.wants.min(claim.min);
        }
        let (shares, other) = (granted(&limits, &claims), granted(&limits, &alone));
        for (at, claim) in claims.iter().enumerate().filter(|(_, claim)| claim.priority == highest) {
            prop_assert_eq!(shares[at], other[at], "{:?}", claim);
        }
    }
}

#[test]
fn huge_claims_are_divided_without_counting_each_replica() {
    // One by one, two million replicas among forty trillion wanted would take a while.
    let workloads: Vec<Workload> = (0..10_000).map(|at| workload(&format!("w{at:05}"))).collect();
    let claims: Vec<Claim<'_>> = workloads
        .iter()
        .map(|workload| Claim {
            workload,
            wants: u32::MAX,
            min: 1,
            priority: 0,
            requests: Requests { cpu_millis: 500, memory_bytes: 1 << 30 },
            cost: Money::from_f64(0.05),
        })
        .collect();
    let limits = [limit("replicas=100000000"), limit("cpu=1000000000"), limit("cost=1000000")];
    let shares = divide(&limits, &claims).shares;
    assert_eq!(shares.iter().map(|share| u64::from(share.granted)).sum::<u64>(), 2_000_000);
}
