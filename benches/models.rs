//! The models by name: what a fit, an update and a forecast take, and what stays in memory.
//!
//! Unit: CPU time of each call, bytes after a fit; budget: a fit within a second, an update and a forecast of an hour
//! within 50 µs. The series is a production workload's CPU by the minute (`benches/traces`), and its five-minute means.

mod measure;
#[path = "measure/memory.rs"]
mod memory;

use std::hint::black_box;
use std::time::Duration;

use headroom::forecast::{Series, models};
use headroom::time::Timestamp;
use measure::{heading, line};

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// The newest values of the trace, which has one in each line.
fn trace(steps: usize) -> Vec<f64> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/traces/crane-daily.csv");
    let text = std::fs::read_to_string(path).expect("the trace is in the repository");
    let values = text.lines().filter(|line| !line.starts_with('#') && *line != "value");
    let values: Vec<f64> = values.map(|line| line.parse().unwrap_or(f64::NAN)).collect();
    values[values.len().saturating_sub(steps)..].to_vec()
}

fn figures(title: &str, values: &[f64], step: Duration, seasons: &[usize]) {
    heading(&format!("models: {title}"), "fit ms     update µs   60 steps µs        kB");
    let (past, coming) = values.split_at(values.len() - 60);
    let series = Series { start: Timestamp::from_millis(0), step, values: past, seasons };
    for name in models::NAMES {
        let before = memory::in_use();
        let mut model = models::by_name(name).expect("each name is a model");
        if let Err(error) = model.fit(&series) {
            line(name, &error.to_string());
            continue;
        }
        let bytes = memory::in_use() - before;
        let fit = measure::ns_per_unit(1, || {
            black_box(model.fit(&series).is_ok());
        });
        let update = measure::ns_per_unit(coming.len(), || coming.iter().for_each(|value| model.update(Some(*value))));
        let mut points = Vec::new();
        let forecast = measure::ns_per_unit(20, || {
            for _ in 0..20 {
                model.forecast(60, &mut points);
                black_box(&points);
            }
        });
        let (fit, update, forecast) = (fit / 1e6, update / 1e3, forecast / 1e3);
        line(name, &format!("{fit:>6.2}{update:>14.2}{forecast:>14.2}{:>10.1}", bytes as f64 / 1024.0));
    }
}

fn main() {
    let minutes = trace(measure::size(20_160, 4_500));
    let means: Vec<f64> = minutes.chunks(5).map(|chunk| chunk.iter().sum::<f64>() / chunk.len() as f64).collect();
    let week = &means[means.len().saturating_sub(2_016)..];
    figures("2,016 five-minute steps, a day of 288", week, Duration::from_mins(5), &[288, 2_016]);
    figures("20,160 minutes, a day and a week", &minutes, Duration::from_mins(1), &[1_440, 10_080]);
}
