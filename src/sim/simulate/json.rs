//! The report for machines.

use serde::Serialize;

use super::{Options, Report, Score, TraceReport};

/// What stands at the top, so that a reader knows what it reads. It changes when a field goes or means something else.
const FORMAT: &str = "headroom-simulate/1";

#[derive(Serialize)]
struct Document<'r> {
    format: &'static str,
    options: Assumed,
    traces: Vec<Trace<'r>>,
}

/// What was assumed of the simulated workload; times in seconds.
#[derive(Serialize)]
struct Assumed {
    startup: f64,
    delay: f64,
    slack: f64,
    patience: f64,
    service: f64,
    price: Option<f64>,
    under_price: Option<f64>,
}

#[derive(Serialize)]
struct Trace<'r> {
    name: &'r str,
    days: f64,
    scrape_seconds: f64,
    per_replica: f64,
    capacity: f64,
    min: u32,
    max: u32,
    policies: Vec<Policy<'r>>,
}

#[derive(Serialize)]
struct Policy<'r> {
    policy: &'static str,
    #[serde(flatten)]
    score: &'r Score,
}

/// The report as JSON: the scores of each policy on each trace, full precision.
#[must_use]
pub fn json(report: &Report) -> String {
    let Options { startup, delay, slack, patience, service, price, under_price, .. } = report.options;
    let options = Assumed {
        startup: startup.as_secs_f64(),
        delay: delay.as_secs_f64(),
        slack,
        patience: patience.as_secs_f64(),
        service: service.as_secs_f64(),
        price,
        under_price,
    };
    let document = Document { format: FORMAT, options, traces: report.traces.iter().map(trace).collect() };
    // Numbers, texts and lists always have a JSON.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

fn trace(trace: &TraceReport) -> Trace<'_> {
    let policies = trace.results.iter().map(|result| Policy { policy: result.policy.as_str(), score: &result.score });
    Trace {
        name: &trace.load.name,
        days: trace.load.days(),
        scrape_seconds: trace.load.step().as_secs_f64(),
        per_replica: trace.per_replica,
        capacity: trace.capacity,
        min: trace.min,
        max: trace.max,
        policies: policies.collect(),
    }
}
