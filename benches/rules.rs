//! Evaluating rules over 1k, 10k and 100k series, on settled windows and while every series gets a new sample.
//!
//! Unit: nanoseconds of CPU a series; budget: 500 ns for `sum(rate(...))`.

mod measure;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use headroom::labels::{Labels, NAME};
use headroom::promql::{Plan, Query};
use headroom::sample::Sample;
use headroom::series::{Limits, Store, Touched};
use headroom::time::Timestamp;
use measure::{heading, si};

const EXPRS: [&str; 5] = [
    "sum(rate(requests_total[1m]))",
    "sum by (app) (rate(requests_total[1m]))",
    "sum(irate(requests_total[1m]))",
    "max by (app) (requests_total)",
    "topk(5, sum by (app) (rate(requests_total[1m])))",
];

fn main() {
    heading("rules: one evaluation", "ns/series     ms/evaluation");
    for series in [measure::size(1_000, 100), measure::size(10_000, 200), measure::size(100_000, 500)] {
        for expr in EXPRS {
            evaluate(expr, series);
        }
    }
}

fn evaluate(expr: &str, series: usize) {
    let store = Store::new(Limits::default());
    let plan = Arc::new(Plan::compile(expr).expect("a good expression"));
    let query = Query::new(Arc::clone(&plan), store.subscribe(plan.selectors()));
    let labels: Vec<Labels> = (0..series)
        .map(|pod| {
            let (app, pod) = (format!("app-{}", pod / 20), format!("pod-{pod}"));
            Labels::from_pairs([(NAME, "requests_total"), ("app", &app), ("pod", &pod)]).expect("good labels")
        })
        .collect();
    let start = Timestamp::from_millis(1_760_000_000_000);
    let mut now = start;
    let mut touched = Touched::default();
    for round in 0..8_u32 {
        now = start + Duration::from_secs(15) * round;
        let batch = store.batch(&mut touched);
        for labels in &labels {
            batch.write(labels, Sample::new(now, f64::from(round) * 10.0)).expect("within limits");
        }
        batch.finish();
    }
    let ns = measure::ns_per_unit(series, || {
        black_box(query.eval(now).expect("an answer"));
    });
    let name = format!("{expr}, {}", si(series as f64));
    println!("{name:<64}{ns:>9.0}{:>18.3}", ns * series as f64 / 1e6);
}
