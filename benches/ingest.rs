//! Remote-write bodies into windows, in one process without the network.
//!
//! Unit: nanoseconds of CPU a sample, snappy included; budget: 500 ns for a kept sample (2 million samples a
//! CPU-second), and less than half of a kept one's time for a sample that no rule reads.

mod measure;
#[path = "measure/payload.rs"]
mod payload;

use std::sync::Arc;
use std::time::Duration;

use headroom::ingest::{Limits, Protocol, Receiver};
use headroom::labels::{MatchOp, Matcher, NAME};
use headroom::series::{self, Selector, Store};
use headroom::time::Timestamp;
use measure::{heading, line, si};

const START_MS: i64 = 1_760_000_000_000;

fn receiver(names: &[&str]) -> (Arc<Store>, Receiver) {
    let store = Arc::new(Store::new(series::Limits::default()));
    let selector = |name: &&str| Selector {
        matchers: vec![Matcher::new(NAME, MatchOp::Equal, *name).expect("a plain matcher")],
        span: Duration::from_mins(5),
    };
    store.subscribe(&names.iter().map(selector).collect::<Vec<_>>());
    let receiver = Receiver::new(Arc::clone(&store), Limits::default(), 7, || {});
    (store, receiver)
}

/// Rounds of requests, made beforehand: every pass sends later samples than the one before.
fn rounds(series: usize, count: usize) -> Vec<Vec<Vec<u8>>> {
    (0..count).map(|round| payload::round(series, START_MS, round)).collect()
}

fn send(receiver: &Receiver, round: &[Vec<u8>]) {
    let now = Timestamp::from_millis(START_MS) + Duration::from_hours(1);
    for body in round {
        let outcome = receiver.receive(Protocol::V1, body, now);
        assert_eq!(outcome.rejected, None, "every request is good");
    }
}

/// Steady state: the time of a sample whose series is known.
fn steady(name: &str, series: usize, names: &[&str]) -> f64 {
    let (store, receiver) = receiver(names);
    let mut rounds = rounds(series, measure::passes() + 3).into_iter();
    for round in rounds.by_ref().take(2) {
        send(&receiver, &round);
    }
    let ns = measure::ns_per_unit(series, || send(&receiver, &rounds.next().expect("a round for each pass")));
    let stats = store.stats();
    let bytes = stats.bytes.checked_div(stats.series).map_or_else(|| "-".to_owned(), |bytes| format!("{bytes}"));
    line(&format!("{name}, {} series", si(series as f64)), &format!("{ns:>10.0}{:>16}{bytes:>14}", si(1e9 / ns)));
    ns
}

fn first_sight(series: usize) {
    let mut times: Vec<f64> = (0..measure::passes())
        .map(|_| {
            let (_store, receiver) = receiver(payload::families());
            let round = payload::round(series, START_MS, 0);
            let before = measure::thread_cpu();
            send(&receiver, &round);
            measure::thread_cpu().saturating_sub(before).as_nanos() as f64 / series as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let ns = times[times.len() / 2];
    line(&format!("first sight, {} series", si(series as f64)), &format!("{ns:>10.0}{:>16}", si(1e9 / ns)));
}

fn floor(series: usize) {
    let rounds = rounds(series, 1);
    let mut buffer = vec![0; 8 << 20];
    let ns = measure::ns_per_unit(series, || {
        for body in &rounds[0] {
            snap::raw::Decoder::new().decompress(body, &mut buffer).expect("every request is good");
        }
    });
    line("floor: snappy alone", &format!("{ns:>10.0}{:>16}", si(1e9 / ns)));
}

fn main() {
    heading("ingest: remote-write 1.0 bodies into windows", "ns/sample  samples/CPU-s  bytes/series");
    let many = measure::size(100_000, 4_000);
    floor(many);
    let all = payload::families();
    let few = measure::size(10_000, 2_000);
    steady("known series", few, all);
    let kept = steady("known series", many, all);
    if !measure::is_small() {
        steady("known series", 400_000, all);
    }
    let dropped = steady("no rule reads them", many, &["up"]);
    steady("1 in 20 kept", many, &all[..1]);
    first_sight(many);
    line("dropped / kept", &format!("{:>10.2}", dropped / kept));
}
