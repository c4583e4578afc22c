use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::Pushed::{Conflicting, Duplicate, Kept};
use super::*;
use crate::labels::{Labels, MatchOp, Matcher, NAME};
use crate::sample::{STALE, Sample, is_stale};
use crate::time::{Range, Timestamp};

const ALWAYS: Range = Range { start: Timestamp::MIN, end: Timestamp::MAX };

fn labels(name: &str, pod: &str) -> Labels {
    Labels::from_pairs([(NAME, name), ("pod", pod)]).unwrap()
}

fn selector(matchers: &[(&str, MatchOp, &str)], span_s: u64) -> Selector {
    let matcher = |&(name, op, value): &(&str, _, &str)| Matcher::new(name, op, value).unwrap();
    Selector { matchers: matchers.iter().map(matcher).collect(), span: Duration::from_secs(span_s) }
}

fn named(name: &str, span_s: u64) -> Selector {
    selector(&[(NAME, MatchOp::Equal, name)], span_s)
}

fn sample(s: i64, value: f64) -> Sample {
    Sample::new(Timestamp::from_millis(s * 1_000), value)
}

fn write(store: &Store, labels: &Labels, sample: Sample) -> Pushed {
    store.batch(&mut Touched::default()).write(labels, sample).unwrap()
}

/// The times in seconds and the values of the only window of a subscription.
#[track_caller]
fn content(subscription: &Subscription) -> Vec<(i64, f64)> {
    let windows = subscription.windows();
    let [window] = &**windows else { panic!("one window, not {}", windows.len()) };
    let mut samples = Vec::new();
    window.read(ALWAYS, &mut samples);
    samples.iter().map(|sample| (sample.at.as_millis() / 1_000, sample.value)).collect()
}

#[test]
fn only_series_that_a_rule_reads_are_kept() {
    let store = Store::new(Limits::default());
    let subscriptions = store.subscribe(&[named("up", 60), selector(&[("pod", MatchOp::Regex, "b.*")], 60)]);
    write(&store, &labels("up", "a1"), sample(1, 1.0));
    write(&store, &labels("down", "a1"), sample(1, 1.0));
    write(&store, &labels("down", "b1"), sample(1, 1.0));
    let names = |at: usize| -> Vec<String> {
        subscriptions[at].windows().iter().map(|window| window.labels().to_string()).collect()
    };
    assert_eq!(names(0), [r#"up{pod="a1"}"#]);
    assert_eq!(names(1), [r#"down{pod="b1"}"#]);
    assert_eq!(store.stats().series, 2);
}

#[test]
fn late_samples_are_sorted_in_and_resent_ones_change_nothing() {
    let store = Store::new(Limits::default());
    let subscriptions = store.subscribe(&[named("up", 60)]);
    let up = labels("up", "a");
    let pushed: Vec<Pushed> = [(10, 1.0), (30, 3.0), (20, 2.0), (20, 2.0), (20, 9.0), (30, 3.0), (5, 0.5)]
        .map(|(s, value)| write(&store, &up, sample(s, value)))
        .to_vec();
    assert_eq!(pushed, [Kept, Kept, Kept, Duplicate, Conflicting, Duplicate, Kept]);
    assert_eq!(content(&subscriptions[0]), [(5, 0.5), (10, 1.0), (20, 2.0), (30, 3.0)]);
}

#[test]
fn a_sample_before_all_others_finds_room_where_the_span_wants_it() {
    let store = Store::new(Limits::default());
    let subscriptions = store.subscribe(&[named("up", 60)]);
    for s in 12..19 {
        write(&store, &labels("up", "a"), sample(s, 0.0));
    }
    assert_eq!(write(&store, &labels("up", "a"), sample(0, 0.0)), Pushed::Kept);
    assert_eq!(content(&subscriptions[0]).len(), 8);
}

#[test]
fn staleness_markers_and_other_nans_keep_their_bits() {
    let store = Store::new(Limits::default());
    let subscriptions = store.subscribe(&[named("up", 60)]);
    write(&store, &labels("up", "a"), sample(1, STALE));
    write(&store, &labels("up", "a"), sample(2, f64::NAN));
    let content = content(&subscriptions[0]);
    assert!(is_stale(content[0].1));
    assert!(content[1].1.is_nan() && !is_stale(content[1].1));
}

#[test]
fn a_window_grows_as_far_as_its_span_needs_at_any_scrape_interval() {
    for interval in [1, 5, 60] {
        let store = Store::new(Limits { retention: Duration::ZERO, ..Limits::default() });
        let subscriptions = store.subscribe(&[named("up", 600)]);
        for s in 0..2_000 {
            write(&store, &labels("up", "a"), sample(s * interval, 0.0));
        }
        let held = i64::try_from(content(&subscriptions[0]).len()).unwrap();
        // A minute of slack for a sender whose clock is ahead.
        let needed = (600 + 60) / interval;
        assert!(held >= needed && held <= (needed * 2 + 1).max(7), "{held} samples for {needed} at {interval} s");
    }
}

#[test]
fn a_sender_whose_clock_is_a_minute_ahead_takes_nothing_from_the_range_that_is_read() {
    let store = Store::new(Limits { retention: Duration::ZERO, ..Limits::default() });
    let subscriptions = store.subscribe(&[named("up", 600)]);
    let now = 2_000;
    for s in 0..=now + 60 {
        write(&store, &labels("up", "a"), sample(s, 0.0));
    }
    let mut read = Vec::new();
    subscriptions[0].windows()[0].read(Range::ending_at(sample(now, 0.0).at, Duration::from_mins(10)), &mut read);
    assert_eq!(read.len(), 600);
}

#[test]
fn a_full_window_out_of_room_lets_the_oldest_go() {
    let store = Store::new(Limits { samples_max: 7, ..Limits::default() });
    let subscriptions = store.subscribe(&[named("up", 600)]);
    for s in 0..20 {
        write(&store, &labels("up", "a"), sample(s, 0.0));
    }
    let times: Vec<i64> = content(&subscriptions[0]).into_iter().map(|(s, _)| s).collect();
    assert_eq!(times, [13, 14, 15, 16, 17, 18, 19]);
    assert_eq!(write(&store, &labels("up", "a"), sample(3, 0.0)), Pushed::TooOld);
}

#[test]
fn limits_refuse_new_series_and_leave_known_ones_alone() {
    let store = Store::new(Limits { series_max: 1, ..Limits::default() });
    store.subscribe(&[named("up", 60)]);
    write(&store, &labels("up", "a"), sample(1, 0.0));
    let refused = store.batch(&mut Touched::default()).write(&labels("up", "b"), sample(1, 0.0));
    assert_eq!(refused, Err(Refused::Series(1)));
    assert_eq!(write(&store, &labels("up", "a"), sample(2, 0.0)), Pushed::Kept);

    let store = Store::new(Limits { memory_bytes_max: 100, ..Limits::default() });
    store.subscribe(&[named("up", 60)]);
    let refused = store.batch(&mut Touched::default()).write(&labels("up", "a"), sample(1, 0.0));
    assert_eq!(refused, Err(Refused::Memory(100)));
}

#[test]
fn the_memory_that_is_counted_is_given_back() {
    let store = Store::new(Limits { retention: Duration::from_secs(10), ..Limits::default() });
    let subscriptions = store.subscribe(&[named("up", 60)]);
    for s in 0..100 {
        write(&store, &labels("up", "a"), sample(s, 0.0));
    }
    assert!(store.stats().bytes > 60 * 16);
    store.evict(Timestamp::from_millis(219_000));
    assert_eq!(store.stats().series, 1, "silent for less than the span and its slack");
    store.evict(Timestamp::from_millis(219_001));
    let stats = store.stats();
    assert_eq!((stats.series, stats.bytes, stats.evicted), (0, 0, 1));
    assert!(subscriptions[0].windows().is_empty());
    write(&store, &labels("up", "a"), sample(200, 7.0));
    assert_eq!(content(&subscriptions[0]), [(200, 7.0)], "a series that comes back begins anew");
}

/// All pods of a cluster are replaced every few minutes, and so are the series that no rule reads.
#[test]
fn memory_stays_flat_while_all_series_are_replaced_again_and_again() {
    const PODS: i64 = 2_000;
    let store = Store::new(Limits { retention: Duration::from_mins(1), ..Limits::default() });
    let subscriptions =
        store.subscribe(&[selector(&[("__name__", MatchOp::Equal, "up"), ("app", MatchOp::Equal, "a")], 60)]);
    let mut highest = Vec::new();
    for generation in 0..24 {
        for round in 0..10 {
            let now = generation * 300 + round * 30;
            let mut touched = Touched::default();
            let batch = store.batch(&mut touched);
            for pod in 0..PODS {
                let name = format!("pod-{generation}-{pod}");
                let app = if pod % 2 == 0 { "a" } else { "b" };
                let fingerprint =
                    Fingerprint(u128::from((generation * PODS + pod).unsigned_abs()).wrapping_mul(u128::MAX / 3));
                let spelling = Spelling { fingerprint, label_bytes: 0, tag: 0 };
                let sorted = [(NAME, "up"), ("app", app), ("pod", name.as_str())];
                let known = match batch.known(fingerprint) {
                    None if batch.unkept(fingerprint).is_some() => None,
                    None => batch.meet(spelling, &sorted).unwrap(),
                    known => known,
                };
                if let Some(known) = known {
                    assert_eq!(batch.push(known.window(), sample(now, 1.0)), Pushed::Kept);
                }
            }
            batch.finish();
            store.evict(Timestamp::from_millis(now * 1_000));
        }
        let stats = store.stats();
        highest.push((stats.series, stats.unread, stats.bytes, stats.index_bytes));
        assert_eq!(subscriptions[0].windows().len(), stats.series, "the selector's list shrinks too");
    }
    let settled = highest[4];
    assert!(settled.0 <= 2_000 && settled.1 <= 6_000, "{settled:?}");
    for later in &highest[5..] {
        assert!(later.0 == settled.0 && later.3 <= settled.3 * 5 / 4, "{later:?} after {settled:?}");
        assert!(later.1 <= settled.1 * 5 / 4 && later.2 <= settled.2 * 5 / 4, "{later:?} after {settled:?}");
    }
}

#[test]
fn a_reload_keeps_what_is_still_read_and_picks_up_what_is_read_anew() {
    let store = Store::new(Limits::default());
    let before = store.subscribe(&[named("up", 60)]);
    write(&store, &labels("up", "a"), sample(1, 1.0));
    let after = store.subscribe(&[named("up", 60), selector(&[("pod", MatchOp::Equal, "a")], 60)]);
    assert!(Arc::ptr_eq(&before[0], &after[0]), "an equal selector goes on with its windows");
    assert_eq!(content(&after[0]), [(1, 1.0)]);
    assert_eq!(content(&after[1]), [(1, 1.0)], "a new selector finds windows that are there");
    store.subscribe(&[]);
    store.evict(Timestamp::from_millis(2_000));
    assert_eq!(store.stats().series, 0, "what no rule reads any more goes, silent or not");
}

#[test]
fn selectors_with_the_same_matchers_share_the_longest_window() {
    let store = Store::new(Limits::default());
    let subscriptions = store.subscribe(&[named("up", 60), named("up", 3_600)]);
    assert!(Arc::ptr_eq(&subscriptions[0], &subscriptions[1]));
    assert_eq!(subscriptions[0].selector().span, Duration::from_hours(1));
}

#[test]
fn what_a_rule_records_is_kept_until_it_falls_silent() {
    let store = Store::new(Limits { retention: Duration::from_secs(10), ..Limits::default() });
    store.subscribe(&[]);
    let mut touched = Touched::default();
    assert_eq!(store.batch(&mut touched).record(&labels("total", ""), sample(1, 1.0)), Ok(Pushed::Kept));
    store.evict(Timestamp::from_millis(5_000));
    assert_eq!(store.stats().series, 1, "though nobody reads it");
    store.evict(Timestamp::from_millis(120_000));
    assert_eq!(store.stats().series, 0);
}

#[test]
fn a_batch_makes_each_reader_due_once() {
    let store = Store::new(Limits::default());
    let subscriptions = store.subscribe(&[named("up", 60)]);
    let mut touched = Touched::default();
    let batch = store.batch(&mut touched);
    for s in 0..10 {
        batch.write(&labels("up", "a"), sample(s, 0.0)).unwrap();
        batch.write(&labels("up", "b"), sample(s, 0.0)).unwrap();
    }
    assert!(store.take_due().is_none(), "not before the batch is in");
    assert!(batch.finish());
    assert!(Arc::ptr_eq(&store.take_due().unwrap(), &subscriptions[0]));
    assert!(store.take_due().is_none());
    assert_eq!(write(&store, &labels("up", "a"), sample(0, 0.0)), Pushed::Duplicate);
    assert!(store.take_due().is_none(), "a resent sample makes nothing due");
}

proptest! {
    /// Whatever comes, in whatever order: the window holds the newest samples that fit, the first value of each time.
    #[test]
    fn a_window_is_the_sorted_set_of_what_came(sent in prop::collection::vec((0_i64..64, 0_u8..3), 1..200)) {
        let store = Store::new(Limits { samples_max: 15, ..Limits::default() });
        let subscriptions = store.subscribe(&[named("up", 3_600)]);
        let mut first: BTreeMap<i64, f64> = BTreeMap::new();
        for &(s, value) in &sent {
            let value = f64::from(value);
            let expected = match first.get(&s) {
                Some(known) if *known == value => Pushed::Duplicate,
                Some(_) => Pushed::Conflicting,
                None if first.len() == 15 && first.keys().next().is_some_and(|oldest| s < *oldest) => Pushed::TooOld,
                None => Pushed::Kept,
            };
            prop_assert_eq!(write(&store, &labels("up", "a"), sample(s, value)), expected);
            if expected == Pushed::Kept {
                first.insert(s, value);
                if first.len() > 15 {
                    first.pop_first();
                }
            }
        }
        prop_assert_eq!(content(&subscriptions[0]), first.into_iter().collect::<Vec<_>>());
    }

    /// A part of a window is the part of the whole.
    #[test]
    fn a_range_reads_its_part(times in prop::collection::btree_set(0_i64..200, 0..50), start in -5_i64..205, length in 0_i64..205) {
        let store = Store::new(Limits::default());
        let subscriptions = store.subscribe(&[named("up", 3_600)]);
        write(&store, &labels("up", "a"), sample(-1_000, 0.0));
        for &s in &times {
            write(&store, &labels("up", "a"), sample(s, s as f64));
        }
        let range = Range { start: sample(start, 0.0).at, end: sample(start + length, 0.0).at };
        let windows = subscriptions[0].windows();
        let mut read = Vec::new();
        windows[0].read(range, &mut read);
        let expected: Vec<Sample> = times.iter().map(|&s| sample(s, s as f64)).filter(|sample| range.contains(sample.at)).collect();
        prop_assert_eq!(&read, &expected);
        prop_assert_eq!(windows[0].last(range), expected.last().copied());
    }
}

/// Real threads on few windows: writers that race for the same series, in and out of order, while readers check
/// that every sample is whole and the order holds, and rings grow under them.
#[test]
fn readers_and_writers_in_threads_never_see_a_torn_sample() {
    const WRITERS: i64 = 3;
    const SAMPLES: i64 = 21_000;
    let store = Store::new(Limits { samples_max: 1_023, retention: Duration::from_secs(500), ..Limits::default() });
    let subscriptions = store.subscribe(&[named("up", 60)]);
    let done = AtomicBool::new(false);
    let value = |s: i64| s as f64 * 0.5;
    write(&store, &labels("up", "a"), sample(-1, value(-1)));
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let store = &store;
                scope.spawn(move || {
                    for round in 0..SAMPLES {
                        // Each writer has its own times; blocks of three run backwards.
                        let s = (round / 3 * 3 + 2 - round % 3) * WRITERS + writer;
                        write(store, &labels("up", "a"), sample(s, value(s)));
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| {
                let mut read = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    let windows = subscriptions[0].windows();
                    read.clear();
                    windows[0].read(ALWAYS, &mut read);
                    assert!(!read.is_empty());
                    assert!(read.is_sorted_by(|one, next| one.at < next.at), "in order");
                    assert!(read.iter().all(|sample| sample.value == value(sample.at.as_millis() / 1_000)), "whole");
                    let newest = windows[0].last(ALWAYS).unwrap();
                    assert!(newest.at >= read.last().unwrap().at, "time does not run backwards");
                }
            });
        }
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(content(&subscriptions[0]).last().unwrap().0, SAMPLES * WRITERS - 1);
}
