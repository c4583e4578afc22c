//! The time machine: writing a recording, reading it, and replaying it through rules.
//!
//! Unit: bytes a sample, and nanoseconds of CPU a sample; budget: 3.5 bytes, 1 µs to write, 250 ns to read. A day of 20
//! workloads replayed in 10 s.

mod measure;

use std::path::PathBuf;
use std::time::Duration;

use headroom::config::Settings;
use headroom::labels::{Labels, NAME};
use headroom::recording::{Limits, Recording, Taken, Writer};
use headroom::sample::Sample;
use headroom::sim::simulate::Options;
use headroom::sim::simulate::recorded::{Replay, Tape};
use headroom::time::Timestamp;
use measure::{heading, line, si};

const START_MS: i64 = 1_760_000_000_000;

const RULES: &str = r#"
groups:
  - name: shop
    interval: 15s
    rules:
      - scale: web
        target: {kind: Deployment, namespace: shop, name: "{{ $labels.app }}"}
        replicas: {min: 2, max: 100}
        metrics:
          - name: requests
            demand: sum by (app) (rate(http_requests_total[1m]))
            per_replica: 50
"#;

/// A number from 0 to 1 that looks like chance and is the same in each run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / (1_u64 << 31) as f64
    }
}

/// Series of 20 applications, five labels each: counters of requests and of CPU seconds, bytes of memory, short queues.
fn series(count: usize) -> Vec<Labels> {
    let metrics = ["http_requests_total", "container_cpu_usage_seconds_total", "container_memory_bytes", "queue_depth"];
    let one = |n: usize| {
        let (app, pod, node) =
            (format!("app-{}", n / 4 % 20), format!("app-7d9f8b6c5d-{n:05x}"), format!("10.1.0.{}:80", n / 4 % 250));
        let pairs =
            [(NAME, metrics[n % 4]), ("namespace", "shop"), ("app", &app), ("pod", &pod), ("instance", node.as_str())];
        Labels::from_pairs(pairs).expect("good labels")
    };
    (0..count).map(one).collect()
}

/// What one series has next.
fn next(kind: usize, value: f64, step: f64, load: f64, chance: &mut Chance) -> f64 {
    match kind {
        0 => value + (load * step * (0.9 + 0.2 * chance.next())).round(),
        1 => ((value + 0.3 * step * (0.5 + chance.next())) * 1e6).round() / 1e6,
        2 if chance.next() < 0.5 => value,
        2 => ((3e8 + chance.next() * 1e7) / 4096.0).floor() * 4096.0,
        _ => (chance.next() * 4.0).floor(),
    }
}

/// Records hours of series that are scraped at a step, at times of their own; gives the nanoseconds for each sample.
fn record(folder: &std::path::Path, series: &[Labels], step_ms: i64, hours: i64) -> f64 {
    let limits = Limits { max_bytes: 10 << 30, max_age: Duration::from_hours(10_000) };
    let mut writer = Writer::open(folder, limits, Timestamp::from_millis(START_MS)).expect("a folder of our own");
    let (mut chance, mut values) = (Chance(7), vec![0.0; series.len()]);
    let (mut cpu, mut count) = (Duration::ZERO, 0);
    let mut round = Vec::new();
    for at in (0..hours * 3_600_000).step_by(usize::try_from(step_ms).expect("a step")) {
        let load = 50.0 * (1.5 + (at as f64 / 86_400_000.0 * std::f64::consts::TAU).sin());
        round.clear();
        for (n, (labels, value)) in series.iter().zip(&mut values).enumerate() {
            *value = next(n % 4, *value, step_ms as f64 / 1000.0, load, &mut chance);
            let offset = i64::try_from(n / 40 * 173).expect("a place") % step_ms;
            let sampled_at = Timestamp::from_millis(START_MS + at + offset);
            round.push(Taken { labels: labels.clone(), sample: Sample::new(sampled_at, *value) });
        }
        let (now, before) = (Timestamp::from_millis(START_MS + at), measure::thread_cpu());
        for taken in &round {
            writer.add(taken, now).expect("room on the disk");
        }
        writer.tick(now).expect("room on the disk");
        cpu += measure::thread_cpu().saturating_sub(before);
        count += round.len();
    }
    writer.flush(Timestamp::from_millis(START_MS + hours * 3_600_000)).expect("room on the disk");
    cpu.as_nanos() as f64 / count as f64
}

fn main() {
    heading("recording: one thread", "bytes/sample     write ns     read ns    samples");
    let many = measure::size(1_000, 80);
    for (name, count, step_ms, hours) in [
        ("scraped each 15 s", many, 15_000, 24),
        ("scraped each second", many / 5, 1_000, 6),
        ("each minute", many, 60_000, 24),
    ] {
        let hours = if measure::is_small() { 1 } else { hours };
        let folder = tempfile::tempdir().expect("a folder");
        let written = record(folder.path(), &series(count), step_ms, hours);
        let recording = Recording::open(folder.path()).expect("just recorded");
        let samples = usize::try_from(recording.len()).expect("they fit");
        let read = measure::ns_per_unit(samples, || {
            assert!(recording.samples(Timestamp::MIN..Timestamp::MAX).count() == samples, "all are read");
        });
        let bytes = recording.bytes() as f64 / samples as f64;
        let figures = format!("{bytes:>12.2}{written:>13.0}{read:>12.0}{:>11}", si(samples as f64));
        line(&format!("{count} series, {name}"), &figures);
    }

    heading("replay: a recording through rules", "workloads      days/CPU-s");
    let folder = tempfile::tempdir().expect("a folder");
    let hours = if measure::is_small() { 1 } else { 24 };
    record(folder.path(), &series(measure::size(400, 80)), 15_000, hours);
    let recording = Recording::open(folder.path()).expect("just recorded");
    let tape = Tape::Recording { recording: &recording, range: Timestamp::MIN..Timestamp::MAX };
    let (settings, options) = (Settings::default(), Options::default());
    let replay = Replay { tape: &tape, settings: &settings, options: &options, step: Duration::from_secs(15) };
    for (name, rules) in [
        ("reactive", RULES.to_owned()),
        ("with a forecast", RULES.replace("per_replica: 50", "per_replica: 50\n        forecast: {}")),
    ] {
        let rules = headroom::rule::compile(&[(PathBuf::from("bench.yaml"), rules)], &settings).expect("good rules");
        let before = measure::thread_cpu();
        let played = replay.play(&rules, &|_| ()).expect("a recording");
        let seconds = measure::thread_cpu().saturating_sub(before).as_secs_f64();
        let days = hours as f64 / 24.0 / seconds;
        line(&format!("400 series, {name}"), &format!("{:>9}{days:>16.2}", played.workloads.len()));
    }
}
