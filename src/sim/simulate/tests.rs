use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::config::Settings;
use crate::sim::Trace;
use crate::time::Timestamp;

const MINUTE: Duration = Duration::from_mins(1);
const SCRAPED: Duration = Duration::from_secs(15);

fn start() -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000)
}

/// Needs `demand` replicas in each minute and has `supply`.
fn score(demand: &[u32], supply: &[u32]) -> Score {
    let values: Vec<Option<f64>> = demand.iter().map(|need| Some(f64::from(*need))).collect();
    let load = Load::from_values("golden", start(), MINUTE, &values).unwrap();
    let change = |(minute, count): (usize, &u32)| Change { at: load.begins(minute), requested: *count, ready: *count };
    let course = Course { changes: supply.iter().enumerate().map(change).collect(), ..Course::default() };
    let yardstick = Yardstick {
        capacity: 1.0,
        min: 1,
        patience: Duration::from_secs(10),
        service: Duration::from_millis(100),
        price: Some(0.5),
        under_price: None,
    };
    Score::of(&load, &course, &yardstick)
}

const GOLDEN: [u32; 10] = [2, 2, 4, 4, 8, 8, 6, 6, 3, 3];
const STATIC: [u32; 10] = [8; 10];
const LATE: [u32; 10] = [2, 2, 2, 4, 4, 8, 8, 8, 8, 6];
const EARLY: [u32; 10] = [2, 4, 4, 8, 8, 8, 8, 6, 6, 3];

/// The worked example of the step metrics, a line each: `θU θO τU τO k k' υ E_S/E_D flaps replica-hours σ ε`.
#[track_caller]
fn check_golden(supply: &[u32], want: &str) {
    let (score, late) = (score(&GOLDEN, supply), score(&GOLDEN, &LATE));
    let Score { theta_u, theta_o, tau_u, tau_o, k, k_prime, upsilon, flaps, replica_hours, sigma, .. } = score;
    let (supplied, demanded) = (score.supply_changes, score.demand_changes);
    let speedup = score.speedup_over(&late);
    assert_eq!(
        format!(
            "{theta_u:.0} {theta_o:.1} {tau_u:.0} {tau_o:.0} {k:.1} {k_prime:.1} {upsilon:.1} {supplied}/{demanded} \
             {flaps} {replica_hours:.3} {sigma:.3} {speedup:.3}"
        ),
        want
    );
}

#[test]
fn the_step_metrics_are_those_of_the_worked_example() {
    check_golden(&STATIC, "0 120.0 0 80 22.2 22.2 44.4 0/4 0 1.333 1.442 2.296");
    check_golden(&LATE, "10 33.3 20 40 44.4 33.3 77.8 3/4 1 0.867 0.567 1.000");
    check_golden(&EARLY, "0 33.3 0 40 44.4 44.4 88.9 4/4 1 0.950 0.521 3.761");
    let late = score(&GOLDEN, &LATE);
    assert_eq!(format!("{:.3} {:.3}", late.ideal_replica_hours, late.cost.unwrap()), "0.767 0.433");
    assert_eq!((late.under_minutes, late.adaptation_p50, late.adaptation_max), (2.0, 60.0, 60.0));
    assert_eq!((late.scaled_up, late.scaled_down), (2, 1));
    // 2 of 4, then 4 of 8 replicas' work was missed, out of 46.
    assert_eq!(format!("{:.2}", late.missed_percent), "13.04");
}

/// A day of minutes: quiet nights, a busy afternoon, a crowd at 18:00, and ten minutes that nobody measured.
fn day() -> Vec<Option<f64>> {
    let value = |minute: u32| {
        let hour = f64::from(minute) / 60.0;
        let daily = 100.0 + 80.0 * ((hour - 9.0) / 24.0 * std::f64::consts::TAU).sin();
        let crowd = if (1080..1110).contains(&minute) { 150.0 } else { 0.0 };
        let ripple = f64::from(minute * 7919 % 13);
        (!(300..310).contains(&minute)).then_some((daily + crowd + ripple).round())
    };
    (0..1440).map(value).collect()
}

fn load(values: &[Option<f64>]) -> Load {
    let trace = Trace::from_values(start(), MINUTE, values.to_vec()).unwrap();
    Load::new("day", &trace, SCRAPED, Shape::Linear).unwrap()
}

fn plain() -> Plain {
    Plain { min: 1, max: 100, per_replica: 10.0, fields: Vec::new() }
}

fn case(values: &[Option<f64>]) -> Case {
    Case { load: load(values), subject: Arc::new(plain().subject().unwrap()) }
}

fn report(values: &[Option<f64>], threads: usize) -> Report {
    run(&[case(values)], &Policy::ALL, &Options::default(), threads, &|_| {}).unwrap()
}

#[test]
fn a_day_is_told_in_a_table() {
    let report = report(&day(), 2);
    expect![[r#"
        day: 1.0 days, scraped each 15s; rule workload of 1 to 100, down after 5m, 10 a replica of at most 12.5, ready after 1m
          policy          replica-h  /oracle  missed%  lost%  under min   θU%    θO%   τU%    τO%   k%  k'%    υ%     ε  flaps  actions  adapt p95    p99
          headroom              273     1.22    0.052  0.022        1.3  0.02   25.1  0.09   93.1  3.6  3.6   7.2  1.00      2       28         0s  563ms
          hpa                   273     1.22    0.058  0.029        1.4  0.02   25.0  0.10   93.1  3.6  3.6   7.2  1.00      2       30         0s  565ms
          keda                  274     1.22    0.111  0.086        3.4  0.12   25.4  0.24   93.2  3.6  3.6   7.2  1.00      4       29         0s  586ms
          predictive_hpa        297     1.32    0.048  0.019        1.4  0.02   35.1  0.10   94.8  5.2  5.3  10.5  0.91    178      237         0s  546ms
          static                767     3.42    0.000  0.000        0.0  0.00  407.5  0.00  100.0  3.4  3.4   6.7  0.49      0        0         0s  461ms
          oracle                225     1.00    0.000  0.000        0.0  0.00    0.2  0.00    1.1  0.5  0.5   0.9  6.78    295      333         0s   3.4s
          headroom against hpa: 0.92 x the time under-provisioned, 1.00 x the replica-hours, 2 flaps against 2; 1.22 x the oracle's replica-hours

    "#]].assert_eq(&table(&report));
}

#[test]
fn the_same_input_gives_the_same_bytes_on_any_number_of_threads() {
    let (one, other) = (report(&day(), 1), report(&day(), 4));
    assert_eq!(json(&one), json(&other));
    assert_eq!(page(&one, None), page(&other, None));
}

#[test]
fn the_page_needs_nothing_else_and_tells_why() {
    let page = page(&report(&[day(), day()].concat(), 2), None);
    for needed in ["<svg", "headroom: ready", "hpa: ready", "demand", "load ", "The day on which most was short"] {
        assert!(page.contains(needed), "{needed}");
    }
    for alien in ["<script", "<link", "src=", "@import", "url("] {
        assert!(!page.contains(alien), "{alien}");
    }
}

#[test]
fn the_oracle_is_never_short_and_nobody_is_cheaper_without_being_short() {
    let report = report(&day(), 2);
    let oracle = &report.traces[0].of(Policy::Rival(Kind::Oracle)).unwrap().score;
    assert_eq!((oracle.under_minutes, oracle.missed_percent, oracle.lost_percent), (0.0, 0.0, 0.0));
    for result in &report.traces[0].results {
        let score = &result.score;
        assert!(score.under_minutes > 0.0 || score.replica_hours >= oracle.replica_hours, "{}", result.policy.as_str());
    }
}

#[test]
fn minutes_that_nobody_measured_lower_nothing_but_keda() {
    let mut values = vec![Some(100.0); 120];
    values.iter_mut().skip(60).take(20).for_each(|value| *value = None);
    let report = report(&values, 1);
    let moves = |policy| {
        let result = report.traces[0].of(policy).unwrap();
        result.course.changes.iter().map(|change| change.requested).collect::<Vec<_>>()
    };
    assert_eq!(moves(Policy::Headroom), [10]);
    assert_eq!(moves(Policy::Rival(Kind::Hpa)), [10]);
    // An empty result is zero to it.
    assert!(moves(Policy::Rival(Kind::Keda)).contains(&1));
}

fn foreseeing() -> Plain {
    Plain { fields: vec!["forecast: {}".to_owned()], ..plain() }
}

/// The scalings of a policy before a moment.
fn moves(values: &[Option<f64>], policy: Policy, rule: &Plain, until: Timestamp) -> Vec<Move> {
    let case = Case { load: load(values), subject: Arc::new(rule.subject().unwrap()) };
    let played = case.play(policy, &Options::default()).unwrap();
    played.course.moves.into_iter().filter(|one| one.at <= until).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Nobody but the oracle and the fixed count knows the future: what comes after a moment, cut off or anything
    /// else, changes no decision before it.
    #[test]
    fn the_future_does_not_leak(
        values in prop::collection::vec(prop::option::weighted(0.95, 0.0..500.0), 20..60),
        future in prop::collection::vec(prop::option::weighted(0.9, 0.0..2000.0), 2..40),
        part in 0.1..0.9,
    ) {
        let mut values = values;
        values[0] = Some(100.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
        let cut = (values.len() as f64 * part) as usize + 2;
        let cut = cut.min(values.len());
        // Lines between minutes look a minute ahead: the last known minute ends before the next value.
        let until = start() + MINUTE * u32::try_from(cut - 1).unwrap();
        let past = &values[..cut];
        let other = [past, &future].concat();
        let rules = Policy::ALL.map(|policy| (policy, plain())).into_iter().chain([(Policy::Headroom, foreseeing())]);
        for (policy, rule) in rules {
            if matches!(policy, Policy::Rival(Kind::Oracle | Kind::Static)) {
                continue;
            }
            let moves = |values: &[Option<f64>]| moves(values, policy, &rule, until);
            let want = moves(&values);
            prop_assert_eq!(&moves(&other), &want, "{} scrambled", policy.as_str());
            let mut cut_off = moves(past);
            // The last sample arrives after the end of what is cut off.
            cut_off.retain(|one| one.at < until);
            let want: Vec<Move> = want.into_iter().filter(|one| one.at < until).collect();
            prop_assert_eq!(&cut_off, &want, "{} truncated", policy.as_str());
        }
    }

    /// Whatever the demand does, numbers are numbers, parts are parts, and the oracle misses nothing.
    #[test]
    fn scores_are_sound(values in prop::collection::vec(prop::option::weighted(0.7, 0.0..1e12), 2..60), peak in 1e-9..1e9) {
        let mut values = values;
        (values[0], values[1]) = (Some(peak), Some(peak));
        let case = Case {
            load: load(&values),
            subject: Arc::new(Plain { per_replica: peak, ..plain() }.subject().unwrap()),
        };
        let report = run(&[case], &Policy::ALL, &Options::default(), 1, &|_| {}).unwrap();
        for result in &report.traces[0].results {
            let score = &result.score;
            for number in [score.replica_hours, score.theta_u, score.theta_o, score.latency_p99, score.missed_percent] {
                prop_assert!(number.is_finite() && number >= 0.0, "{}: {:?}", result.policy.as_str(), score);
            }
            for percent in [score.tau_u, score.tau_o, score.lost_percent, score.k, score.k_prime, score.upsilon] {
                prop_assert!((0.0..=100.0 + 1e-9).contains(&percent), "{}: {:?}", result.policy.as_str(), score);
            }
        }
    }
}

const RULES: &str = r#"
groups:
  - name: shop
    rules:
      - record: app:requests:rate1m
        expr: sum by (app) (rate(http_requests_total[1m]))
      - scale: checkout
        target: {kind: Deployment, namespace: shop, name: checkout}
        replicas: {min: 2, max: 60}
        metrics:
          - name: requests
            demand: sum(rate(http_requests_total{app="checkout", pod=~"checkout-.*"}[1m]))
            per_replica: 10
          - name: cpu
            demand: sum(cpu{app="checkout"})
            per_replica: sum(limit)
      - scale: search
        target: {kind: Deployment, namespace: shop, name: search}
        replicas: {min: 1, max: 60}
        metrics:
          - name: requests
            demand: app:requests:rate1m{app="search"}
            per_replica: 10
      - scale: every
        target: {kind: Deployment, namespace: shop, name: "{{ $labels.app }}"}
        replicas: {min: 1, max: 60}
        metrics:
          - name: requests
            demand: sum by (app) (queue)
            per_replica: 10
"#;

fn subject(choice: &Choice) -> Result<Subject, SubjectError> {
    Subject::of(&[(PathBuf::from("web.yaml"), RULES.to_owned())], &Settings::default(), choice)
}

#[track_caller]
fn check_series(rule: &str, want: &Expect) {
    let subject = subject(&Choice { rule: Some(rule.to_owned()), ..Choice::default() }).unwrap();
    let series: Vec<String> = subject.series.iter().map(|(labels, counter)| format!("{labels} {counter}")).collect();
    want.assert_eq(&format!("{}; {}", series.join(", "), subject.notes.join("; ")));
}

#[test]
fn the_series_of_a_rule_are_found_out() {
    check_series(
        "checkout",
        &expect![[
            r#"http_requests_total{app="checkout",pod="checkout-"} true; metric "cpu" is paused: the trace is the demand of another"#
        ]],
    );
    check_series("search", &expect![[r#"http_requests_total{app="search"} true; "#]]);
    check_series("every", &expect!["queue false; "]);
}

#[track_caller]
fn check_refused(choice: &Choice, want: &str) {
    assert_eq!(subject(choice).unwrap_err().to_string(), want);
}

#[test]
fn what_is_no_choice_is_told_with_what_there_is() {
    let named = |rule: &str| Choice { rule: Some(rule.to_owned()), ..Choice::default() };
    check_refused(
        &Choice::default(),
        r#"the files have several scale rules; name one with --rule: "checkout", "search", "every""#,
    );
    check_refused(&named("x"), r#"there is no scale rule "x"; there are "checkout", "search", "every""#);
    check_refused(
        &Choice { metric: Some("y".to_owned()), ..named("checkout") },
        r#"rule "checkout" has no metric "y"; it has "requests", "cpu""#,
    );
    check_refused(
        &Choice { metric: Some("cpu".to_owned()), ..named("checkout") },
        r#"metric "cpu" takes its per_replica from an expression; give the number with --per-replica"#,
    );
}

#[test]
fn a_rule_that_reads_a_counter_gets_one() {
    for (rule, labels) in [("checkout", None), ("search", None), ("every", Some("queue{app=\"mail\"}"))] {
        let choice = Choice {
            rule: Some(rule.to_owned()),
            series: labels.map(|text| series(text).unwrap()),
            ..Choice::default()
        };
        let doubled = [vec![Some(100.0); 10], vec![Some(200.0); 10]].concat();
        let case = Case { load: load(&doubled), subject: Arc::new(subject(&choice).unwrap()) };
        let course = case.play(Policy::Headroom, &Options::default()).unwrap().course;
        assert_eq!(course.changes.first().map(|change| change.ready), Some(10), "{rule}");
        // Within the tolerance of twenty.
        assert!(course.changes.last().is_some_and(|change| (19..=20).contains(&change.ready)), "{rule}");
    }
}

#[test]
fn a_rule_that_names_no_workload_says_so() {
    let choice = Choice { rule: Some("every".to_owned()), ..Choice::default() };
    let case = Case { load: load(&vec![Some(100.0); 30]), subject: Arc::new(subject(&choice).unwrap()) };
    let error = run(&[case], &Policy::ALL, &Options::default(), 2, &|_| {}).unwrap_err().to_string();
    assert!(error.starts_with("day: the rule named no workload for the series "), "{error}");
}

#[test]
fn what_is_no_load_is_refused() {
    let refused = |values: &[Option<f64>]| Load::from_values("x", start(), MINUTE, values).unwrap_err();
    assert_eq!(refused(&[]), LoadError::TooShort(MINUTE));
    assert_eq!(refused(&[None, None]), LoadError::Silent);
    assert_eq!(refused(&[Some(0.0), None]), LoadError::Silent);
    let trace = Trace::from_values(start(), MINUTE, vec![Some(1.0); 3]).unwrap();
    assert_eq!(
        Load::new("x", &trace, Duration::from_hours(1), Shape::Linear),
        Err(LoadError::TooShort(Duration::from_hours(1)))
    );
}

#[test]
fn the_newsvendor_weighs_what_is_missed_against_what_is_spare() {
    assert_eq!(newsvendor(9.0, 1.0), 0.9);
    assert_eq!(newsvendor(0.0, 1.0), 0.0);
    assert_eq!(newsvendor(0.0, 0.0), 0.5);
}

#[test]
fn a_sweep_finds_what_is_worth_its_money() {
    let loads = [(load(&day()[960..1200]), plain())];
    let options = Options { price: Some(0.1), under_price: Some(5.0), ..Options::default() };
    let variants: Vec<Candidate> = candidates(false, None).into_iter().step_by(3).collect();
    let swept = sweep(&loads, &options, &variants, 0.1, 2, &|_, _| {}).unwrap();
    assert!(swept.front.is_sorted_by(|(_, one), (_, other)| {
        one.replica_hours < other.replica_hours && one.missed_percent > other.missed_percent
    }));
    expect![[r#"
        Of 6 variants 6 are worth their replica-hours; the best is the cheapest, at 6.83: 62 replica-hours, 0.420% missed.
          variant                                     replica-h  missed%  under min  flaps  cost
          * reactive, down after 1m, 120% a replica        61.8    0.420        7.8      2  6.83
            reactive, down after 10m, 120% a replica       66.0    0.381        7.6      2  7.24
            reactive, down after 3m, 110% a replica        68.5    0.288        1.8      2  7.01
            reactive, down after 5m, 100% a replica        76.4    0.189        1.3      2  7.75
            reactive, down after 1m, 85% a replica         86.2    0.105        1.1      2  8.71
            reactive, down after 10m, 85% a replica        91.9    0.056        0.8      1  9.26

        groups:
          - name: simulate
            interval: 15s
            rules:
              - scale: workload
                target: {kind: Deployment, namespace: default, name: workload}
                replicas: {min: 1, max: 100}
                metrics:
                  - name: load
                    demand: load
                    per_replica: 12
                behavior: {scale_down: {stabilization_window: 1m}}
    "#]].assert_eq(&swept.text());
    let page = page(&run(&[case(&day()[..60])], &Policy::ALL[..1], &options, 1, &|_| {}).unwrap(), Some(&swept));
    assert!(page.contains("demand missed") && page.contains("the best is the cheapest"));
    // What is printed can be pasted.
    assert!(crate::rule::compile(&[(PathBuf::from("x.yaml"), swept.best_yaml())], &Settings::default()).is_ok());
}

/// Two quiet days with their daily course and some noise, and a crowd on the third that nobody has seen the like of.
fn crowd(hour: u32, times: f64, ramp: u32) -> Vec<Option<f64>> {
    let value = |minute: u32| {
        let daily = 100.0 + 60.0 * ((f64::from(minute) / 60.0 - 9.0) / 24.0 * std::f64::consts::TAU).sin();
        let ripple = f64::from(minute * 7919 % 13) - 6.0;
        let since = i64::from(minute) - i64::from(2 * 1440 + hour * 60);
        let rise = (since as f64 / f64::from(ramp)).clamp(0.0, 1.0);
        let crowd = if (0..45).contains(&since) { (times - 1.0) * rise * daily } else { 0.0 };
        Some(daily + ripple + crowd)
    };
    (0..2 * 1440 + (hour + 2) * 60).map(value).collect()
}

#[test]
fn a_crowd_without_precedent_is_handled_no_worse_than_without_a_forecast() {
    for (hour, times, ramp) in [(3, 5.0, 1), (9, 3.0, 10), (15, 8.0, 1), (20, 4.0, 3)] {
        let load = load(&crowd(hour, times, ramp));
        let missed = |rule: &Plain| {
            let case = Case { load: load.clone(), subject: Arc::new(rule.subject().unwrap()) };
            case.play(Policy::Headroom, &Options::default()).unwrap().score.missed_percent
        };
        let (reactive, foreseeing) = (missed(&plain()), missed(&foreseeing()));
        assert!(foreseeing <= reactive, "x {times} at {hour}:00 within {ramp} min: {foreseeing} > {reactive}");
    }
}
