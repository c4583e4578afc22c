//! Reading windows: the newest sample, and the samples of a range.
//!
//! Unit: nanoseconds of CPU a series; budget: 100 ns for the newest sample, 1 ns a sample more for a range.

mod measure;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use headroom::labels::{Labels, MatchOp, Matcher, NAME};
use headroom::sample::Sample;
use headroom::series::{Limits, Selector, Store, Subscription, Touched};
use headroom::time::{Range, Timestamp};
use measure::{heading, line, si};

const START_MS: i64 = 1_760_000_000_000;
const STEP_MS: usize = 15_000;

/// Windows of `samples` each, 15 s apart; and when the last sample came.
fn windows(series: usize, samples: usize) -> (Store, Arc<Subscription>, Timestamp) {
    let store = Store::new(Limits::default());
    let matchers = vec![Matcher::new(NAME, MatchOp::Equal, "requests").expect("a plain matcher")];
    let span = Duration::from_millis((STEP_MS * samples) as u64);
    let subscription = store.subscribe(&[Selector { matchers, span }]).remove(0);
    let labels: Vec<Labels> = (0..series)
        .map(|pod| Labels::from_pairs([(NAME, "requests"), ("pod", &format!("pod-{pod}"))]).expect("good labels"))
        .collect();
    let mut now = Timestamp::from_millis(START_MS);
    for (round, at) in (START_MS..).step_by(STEP_MS).take(samples).enumerate() {
        now = Timestamp::from_millis(at);
        let mut touched = Touched::default();
        let batch = store.batch(&mut touched);
        for labels in &labels {
            batch.write(labels, Sample::new(now, round as f64)).expect("within limits");
        }
        batch.finish();
    }
    (store, subscription, now)
}

fn main() {
    heading("window: one thread reads all windows of a selector", "ns/series        series/CPU-s");
    let figure = |name: &str, ns: f64| line(name, &format!("{ns:>9.1}{:>20}", si(1e9 / ns)));
    for series in [measure::size(1_000, 100), measure::size(100_000, 1_000)] {
        let (_store, subscription, now) = windows(series, 16);
        let windows = subscription.windows();
        let lookback = Range::ending_at(now, Duration::from_mins(5));
        let ns = measure::ns_per_unit(series, || {
            for window in windows.iter() {
                black_box(window.last(lookback));
            }
        });
        figure(&format!("newest sample, {} series", si(series as f64)), ns);
        for samples in [4_u32, 16] {
            let range = Range::ending_at(now, Duration::from_secs(15) * samples);
            let mut read = Vec::new();
            let ns = measure::ns_per_unit(series, || {
                for window in windows.iter() {
                    read.clear();
                    window.read(range, &mut read);
                    black_box(&read);
                }
            });
            figure(&format!("range of {samples} samples, {} series", si(series as f64)), ns);
        }
    }
}
