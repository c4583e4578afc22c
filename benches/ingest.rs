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
use payload::Payload;

const START_MS: i64 = 1_760_000_000_000;

fn receiver(names: &[String]) -> (Arc<Store>, Receiver) {
    let store = Arc::new(Store::new(series::Limits::default()));
    let selector = |name: &String| Selector {
        matchers: vec![Matcher::new(NAME, MatchOp::Equal, name).expect("a plain matcher")],
        span: Duration::from_mins(5),
    };
    store.subscribe(&names.iter().map(selector).collect::<Vec<_>>());
    let receiver = Receiver::new(Arc::clone(&store), Limits::default(), 7, || {});
    (store, receiver)
}

/// The requests of a round. Every pass sends later samples than the one before.
fn round(payload: &Payload, number: usize) -> Vec<Vec<u8>> {
    payload.round(START_MS + i64::try_from(number).expect("few rounds") * 15_000, number)
}

fn send(receiver: &Receiver, protocol: Protocol, round: &[Vec<u8>]) {
    let now = Timestamp::from_millis(START_MS) + Duration::from_mins(5);
    for body in round {
        let outcome = receiver.receive(protocol, body, now);
        assert_eq!(outcome.rejected, None, "every request is good");
    }
}

/// Steady state: the time of a sample whose series is known.
fn steady(name: &str, protocol: Protocol, series: usize, names: &[String]) -> f64 {
    let (store, receiver) = receiver(names);
    let payload = Payload::new(protocol, series);
    let mut number = 0;
    let mut next = || {
        number += 1;
        round(&payload, number)
    };
    for _ in 0..2 {
        send(&receiver, protocol, &next());
    }
    let mut times = Vec::new();
    for _ in 0..measure::passes() {
        let round = next();
        let before = measure::thread_cpu();
        send(&receiver, protocol, &round);
        times.push(measure::thread_cpu().saturating_sub(before).as_nanos() as f64 / series as f64);
    }
    let ns = median(&mut times);
    let stats = store.stats();
    let bytes = (stats.bytes + stats.index_bytes).checked_div(stats.series);
    let bytes = bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{bytes}"));
    line(&format!("{name}, {} series", si(series as f64)), &format!("{ns:>10.0}{:>16}{bytes:>14}", si(1e9 / ns)));
    ns
}

/// The time of a round with one pod in a hundred replaced, as a part of that of a round without: turn by turn, for the speed of a
/// machine that others share is not the same a second later.
fn churn(protocol: Protocol, series: usize, names: &[String]) {
    let same = Payload::new(protocol, series);
    let receivers = [receiver(names), receiver(names)];
    let mut ratios = Vec::new();
    for number in 0..measure::passes() + 10 {
        let other = payload::churned(protocol, series, number);
        let mut spent = [&same, &other].into_iter().zip(&receivers).map(|(payload, (_, receiver))| {
            let round = round(payload, number);
            let before = measure::thread_cpu();
            send(receiver, protocol, &round);
            measure::thread_cpu().saturating_sub(before).as_secs_f64()
        });
        let (same, other) = (spent.next().expect("two"), spent.next().expect("two"));
        ratios.push(other / same);
    }
    // Windows have grown to their size by then.
    let ratio = median(&mut ratios.split_off(10));
    let made = receivers[1].0.stats().created;
    line(&format!("1 in 100 new ({made} in all) / known"), &format!("{ratio:>10.2}"));
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn first_sight(protocol: Protocol, series: usize) {
    let body = round(&Payload::new(protocol, series), 0);
    let mut times: Vec<f64> = (0..measure::passes())
        .map(|_| {
            let (_store, receiver) = receiver(&payload::families());
            let before = measure::thread_cpu();
            send(&receiver, protocol, &body);
            measure::thread_cpu().saturating_sub(before).as_nanos() as f64 / series as f64
        })
        .collect();
    let ns = median(&mut times);
    line(&format!("first sight, {} series", si(series as f64)), &format!("{ns:>10.0}{:>16}", si(1e9 / ns)));
}

fn floor(protocol: Protocol, series: usize) {
    let round = round(&Payload::new(protocol, series), 0);
    let mut buffer = vec![0; 8 << 20];
    let ns = measure::ns_per_unit(series, || {
        for body in &round {
            snap::raw::Decoder::new().decompress(body, &mut buffer).expect("every request is good");
        }
    });
    line("floor: snappy alone", &format!("{ns:>10.0}{:>16}", si(1e9 / ns)));
}

fn main() {
    heading("ingest: remote-write 1.0 bodies into windows", "ns/sample  samples/CPU-s  bytes/series");
    let many = measure::size(100_000, 4_000);
    let all = &payload::families()[..];
    let few = measure::size(10_000, 2_000);
    for (protocol, name) in [(Protocol::V1, "1.0"), (Protocol::V2, "2.0")] {
        println!("remote write {name}");
        floor(protocol, many);
        steady("known series", protocol, few, all);
        let kept = steady("known series", protocol, many, all);
        if !measure::is_small() {
            steady("known series", protocol, 1_000_000, all);
        }
        let dropped = steady("no rule reads them", protocol, many, &["up".to_owned()]);
        steady("1 in 100 kept", protocol, many, &all[..1]);
        churn(protocol, many, all);
        first_sight(protocol, many);
        line("dropped / kept", &format!("{:>10.2}", dropped / kept));
    }
}
