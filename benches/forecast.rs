//! How good forecasts are on twelve measured workloads, and what they cost: the automatic choice, and each model by name.
//!
//! `folds` says how they are scored: MASE of the median, WAPE, pinball loss of p90 in MASE's scale, the share of steps
//! under p90, the share of hours whose largest step is under peak90, and by how much peak90 is above it. Ten origins a
//! trace are few: the automatic choice is scored on forty too. It has its slow lane fitted every six hours of the last two
//! days. A named model is fitted three days before each origin,
//! so that its quantiles rest on three days of its own record, and again at the origin. The three traces that were kept
//! out while the forecaster was developed stand apart.
//!
//! Units: CPU time of one series's update, forecast of an hour and refit; bytes of one series. Budget: 50 µs a minute for
//! update and forecast, 60 kB; 50 ms for a past of 14 days at once. `HEADROOM_FORECAST=all` (`make bench-forecast`) scores
//! the named models too, and where Python has it, those of statsforecast side by side; that takes a while.

mod folds;
mod measure;

use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use folds::{Figures, Score, TRACES, Trace, average};
use headroom::forecast::{Options, Predictor, models};
use measure::{heading, line};

fn options(trace: &Trace, model: &str) -> Options {
    Options { step: trace.step(), model: model.into(), ..Options::default() }
}

/// The figures of `model` on `trace` over `count` origins.
fn score(trace: &Trace, model: &str, count: usize) -> [Figures; 3] {
    let mut sums = [Score::default(); 3];
    for origin in trace.origins(count) {
        let mut predictor = Predictor::new(options(trace, model));
        let begin = trace.begin(origin);
        let steps = |hours: i64| usize::try_from(hours * 3_600 / trace.step).unwrap_or(0);
        if model == "auto" {
            let mut fed = origin.saturating_sub(steps(48)).max(begin);
            trace.feed(&mut predictor, begin..fed);
            while fed < origin {
                predictor.refit();
                let next = (fed + steps(6).max(1)).min(origin);
                trace.feed(&mut predictor, fed..next);
                fed = next;
            }
        } else {
            let fitted = origin - steps(72);
            trace.feed(&mut predictor, begin..fitted);
            predictor.refit();
            trace.feed(&mut predictor, fitted..origin);
        }
        predictor.refit();
        let horizon = trace.step() * u32::try_from(trace.horizons()[2]).unwrap_or(1);
        if let Some(forecast) = predictor.forecast(horizon) {
            let scores = trace.score(origin, &forecast);
            sums.iter_mut().zip(&scores).for_each(|(sum, score)| sum.add(score));
        }
    }
    sums.map(|sum| sum.figures())
}

/// Scores a model on all traces, as many at once as there are cores.
fn all(traces: &[Trace], model: &str, count: usize) -> Vec<[Figures; 3]> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(vec![[Figures::default(); 3]; traces.len()]));
    let work = || {
        while let Some((index, trace)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            traces.get(index).map(|trace| (index, trace))
        } {
            let figures = score(trace, model, count);
            done.lock().expect("no scorer panics")[index] = figures;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    done.into_inner().expect("no scorer panics")
}

fn show(name: &str, figures: &[Figures; 3]) {
    let three = |field: fn(&Figures) -> f64| {
        figures.iter().map(|one| format!("{:.3}", field(one))).collect::<Vec<_>>().join(" ")
    };
    let text = format!(
        "{}   {}   {}   {}   {:.2} {:.2}",
        three(|one| one.mase),
        three(|one| one.wape),
        three(|one| one.pinball),
        three(|one| one.covered),
        figures[2].peak_covered,
        figures[2].over
    );
    line(name, &text);
}

/// Shows a model's means over the traces that were developed on, those kept out, and all of them.
fn show_means(traces: &[Trace], name: &str, figures: &[[Figures; 3]]) {
    let of = |held_out: Option<bool>| -> Vec<[Figures; 3]> {
        let with = traces.iter().zip(figures).filter(|(trace, _)| held_out.is_none_or(|held| trace.held_out == held));
        with.map(|(_, figures)| *figures).collect()
    };
    for (what, held_out) in [("nine known", Some(false)), ("three kept out", Some(true)), ("all", None)] {
        let chosen = of(held_out);
        if !chosen.is_empty() {
            show(&format!("{name}: {what}"), &average(&chosen));
        }
    }
}

const COLUMNS: &str =
    "MASE 5/15/60        WAPE 5/15/60        pinball 5/15/60     p90 covers          peak90 covers, over (60)";

fn accuracy() {
    let small = measure::is_small();
    let chosen = if small { &TRACES[7..8] } else { &TRACES[..] };
    let traces: Vec<Trace> = chosen.iter().map(|trace| Trace::load(*trace)).collect();
    let mut ours = Vec::new();
    for count in if small { vec![2] } else { vec![10, 40] } {
        heading(&format!("forecast: auto, {count} origins a trace"), COLUMNS);
        let figures = all(&traces, "auto", count);
        for (trace, figures) in traces.iter().zip(&figures) {
            let apart = if trace.held_out { " (kept out)" } else { "" };
            show(&format!("{}{apart}", trace.name), figures);
        }
        show_means(&traces, "mean", &figures);
        ours.push(figures);
    }
    if !small && !std::env::var("HEADROOM_FORECAST").is_ok_and(|which| which == "all") {
        return;
    }
    heading("forecast: models by name, 10 origins a trace", COLUMNS);
    let names = if small { &["naive", "seasonal_naive"][..] } else { models::NAMES };
    for name in names {
        show_means(&traces, name, &all(&traces, name, measure::size(10, 2)));
    }
    if !small {
        beside(&traces, &ours[0]);
    }
}

/// The models of statsforecast on the same folds, and ours against the best of them on each trace.
fn beside(traces: &[Trace], ours: &[[Figures; 3]]) {
    heading("forecast: statsforecast, the same 10 origins", COLUMNS);
    let Some(peers) = folds::peers::score(traces, 10) else {
        line("left out", "no Python with statsforecast; pip install statsforecast, or say which by PYTHON=");
        return;
    };
    for (name, seconds, figures) in &peers {
        show_means(traces, name, figures);
        line(&format!("{name}: CPU s a fit"), &format!("{seconds:.2}"));
    }
    heading("forecast: auto against the best of them", "MASE 5/15/60, each divided by the best one's");
    for (at, (trace, ours)) in traces.iter().zip(ours).enumerate() {
        let ratio = |horizon: usize| {
            let best = peers.iter().map(|(_, _, figures)| figures[at][horizon].mase).fold(f64::INFINITY, f64::min);
            format!("{:.2}", ours[horizon].mase / best)
        };
        line(trace.name, &[0, 1, 2].map(ratio).join(" "));
    }
}

fn cost() {
    heading(
        "forecast: cost of one series (crane-daily, 14 days of minutes)",
        "update µs  forecast 1 h µs     refit ms     bytes  snapshot   all at once ms",
    );
    let trace = Trace::load(TRACES[3]);
    let days = measure::size(14, 3) * 1_440;
    let names = if measure::is_small() { &["naive"][..] } else { models::NAMES };
    for name in std::iter::once("auto").chain(names.iter().copied()) {
        let mut predictor = Predictor::new(options(&trace, name));
        let before = measure::thread_cpu();
        trace.feed_all(&mut predictor, 0..days);
        let whole = measure::thread_cpu().saturating_sub(before).as_secs_f64() * 1e3;
        let before = measure::thread_cpu();
        predictor.refit();
        let refit = measure::thread_cpu().saturating_sub(before).as_secs_f64() * 1e3;
        let steps = measure::size(1_000, 100);
        let before = measure::thread_cpu();
        trace.feed(&mut predictor, days..days + steps);
        let update = measure::thread_cpu().saturating_sub(before).as_secs_f64() * 1e6 / steps as f64;
        let forecast = measure::ns_per_unit(100, || {
            for _ in 0..100 {
                black_box(predictor.forecast(Duration::from_hours(1)));
            }
        });
        let (size, snapshot) = (predictor.size(), predictor.snapshot().len());
        line(name, &format!("{update:>9.1}{:>17.1}{refit:>13.2}{size:>10}{snapshot:>10}{whole:>15.1}", forecast / 1e3));
    }
}

fn main() {
    cost();
    accuracy();
}
