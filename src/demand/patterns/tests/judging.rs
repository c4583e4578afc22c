use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;
use crate::workload::ObjectRef;

/// Learns at the end of each day from `from` to `to`, from the 28 days before; tells each day's patterns.
fn run(library: &mut Library, from: usize, to: usize, value: impl Fn(usize, usize) -> f64) -> String {
    let values = days(to, value);
    let mut told = String::new();
    for day in from..=to {
        let first = day.saturating_sub(28);
        let start = MONDAY + STEP * u32::try_from(first * 288).unwrap();
        let seen = Stretch { start, step: STEP, values: &values[first * 288..day * 288] };
        library.learn(&workload(), &metric(), &seen, seen.end());
        let mut words: Vec<String> = library.of(&workload(), "requests").map(word).collect();
        words.sort();
        writeln!(told, "{day}: {}", words.join("; ")).unwrap();
    }
    told
}

fn word(pattern: &Arc<Pattern>) -> String {
    format!("{} {:.2} seen {}", pattern.kind, pattern.validity, pattern.seen)
}

#[track_caller]
fn check(told: &str, want: &Expect) {
    want.assert_eq(told);
}

#[test]
fn a_batch_that_stays_away_is_forgotten() {
    let mut library = Library::default();
    let told = run(&mut library, 8, 24, |day, minute| if day < 12 { batch(0, minute) } else { 50.0 });
    check(
        &told,
        &expect![[r#"
            8: batch_window 1.00 seen 8; daily 1.00 seen 8
            9: batch_window 1.00 seen 9; daily 1.00 seen 9
            10: batch_window 1.00 seen 10; daily 0.99 seen 10
            11: batch_window 1.00 seen 11; daily 0.99 seen 11
            12: batch_window 1.00 seen 12; daily 0.99 seen 12
            13: batch_window 0.76 seen 12; daily 0.74 seen 12
            14: batch_window 0.57 seen 12; daily 0.56 seen 12
            15: batch_window 0.43 seen 12; daily 0.42 seen 12
            16: batch_window 0.32 seen 12; daily 0.31 seen 12
            17: batch_window 0.30 seen 12; daily 0.24 seen 12
            18: batch_window 0.28 seen 12; daily 0.18 seen 12
            19: batch_window 0.24 seen 12; daily 0.13 seen 12
            20: batch_window 0.24 seen 12
            21: batch_window 0.23 seen 12
            22: batch_window 0.17 seen 12
            23: batch_window 0.13 seen 12
            24: 
        "#]],
    );
}

#[test]
fn a_flash_crowd_fades_with_time() {
    let mut library = Library::default();
    let told = run(&mut library, 9, 70, crowded);
    let some: Vec<&str> = told.lines().step_by(7).collect();
    check(
        &some.join("\n"),
        &expect![[r#"
            9: flash_crowd 0.65 seen 2
            16: flash_crowd 0.49 seen 3
            23: flash_crowd 0.35 seen 3
            30: flash_crowd 0.25 seen 3
            37: flash_crowd 0.17 seen 3
            44: flash_crowd 0.12 seen 3
            51: 
            58: 
            65: "#]],
    );
}

#[test]
fn a_day_that_is_unlike_costs_validity_and_wins_it_back() {
    let mut library = Library::default();
    let value = |day: usize, minute: usize| if (10..13).contains(&day) { 100.0 } else { wave(minute) };
    check(
        &run(&mut library, 8, 18, value),
        &expect![[r#"
        8: daily 1.00 seen 8
        9: daily 1.00 seen 9
        10: daily 1.00 seen 10
        11: daily 0.75 seen 10
        12: daily 0.56 seen 10
        13: daily 0.42 seen 10
        14: daily 0.57 seen 11
        15: daily 0.67 seen 12
        16: daily 0.76 seen 13
        17: daily 0.82 seen 14
        18: daily 0.86 seen 15
    "#]],
    );
}

#[test]
fn hours_that_are_not_known_are_not_judged() {
    let mut library = Library::default();
    let told = run(&mut library, 8, 12, |day, minute| if day >= 9 { f64::NAN } else { wave(minute) });
    check(
        &told,
        &expect![[r#"
        8: daily 1.00 seen 8
        9: daily 1.00 seen 9
        10: daily 1.00 seen 9
        11: daily 1.00 seen 9
        12: daily 1.00 seen 9
    "#]],
    );
}

#[test]
fn the_same_pattern_keeps_its_id() {
    let mut library = Library::default();
    run(&mut library, 16, 16, batch);
    let ids = |library: &Library| library.of(&workload(), "requests").map(|one| one.id.clone()).collect::<Vec<_>>();
    let before = ids(&library);
    run(&mut library, 17, 24, batch);
    assert!(!before.is_empty());
    assert!(before.iter().all(|id| ids(&library).contains(id)), "{before:?} {:?}", ids(&library));
}

#[test]
fn nothing_is_written_while_nothing_changes() {
    let mut library = Library::default();
    let values = days(16, batch);
    let seen = stretch(&values);
    assert!(!library.learn(&workload(), &metric(), &seen, seen.end()).changes.is_empty());
    for hour in 1..20 {
        let learned = library.learn(&workload(), &metric(), &seen, seen.end() + Duration::from_hours(hour));
        assert_eq!(learned, Learned::default());
    }
}

#[test]
fn workloads_are_looked_at_once_an_hour_each_at_its_own_minute() {
    let mut minutes = std::collections::BTreeSet::new();
    for nth in 0..600 {
        let workload = Workload::from(ObjectRef { name: format!("w{nth}"), ..ObjectRef::from(workload()) });
        let due = due_at(&workload, MONDAY);
        assert!(due > MONDAY && due <= MONDAY + LEARN_EVERY);
        assert_eq!(due_at(&workload, due), due + LEARN_EVERY);
        minutes.insert(due.since(MONDAY).as_secs() / 60);
    }
    assert!(minutes.len() > 55, "{}", minutes.len());
}
