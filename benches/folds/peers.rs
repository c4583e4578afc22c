//! The same folds put to the models of statsforecast, where Python has it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use headroom::forecast::{Forecast, Point};
use headroom::time::Timestamp;

use super::{Figures, Score, Trace};

/// One model of theirs: its name, CPU seconds a fit, its figures on each trace.
pub(crate) type Peer = (String, f64, Vec<[Figures; 3]>);

/// What `peers.py` makes of `count` origins of each trace. `None` where there is no Python with statsforecast
/// (`PYTHON` names another one than `python3`).
pub(crate) fn score(traces: &[Trace], count: usize) -> Option<Vec<Peer>> {
    let script = format!("{}/benches/folds/peers.py", env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut child = Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let mut folds = String::new();
    for trace in traces {
        for origin in trace.origins(count) {
            let (begin, horizon, path) = (trace.begin(origin), trace.horizons()[2], trace.path());
            let _ = writeln!(folds, "{} {} {begin} {origin} {horizon} {path}", trace.name, trace.step);
        }
    }
    let mut input = child.stdin.take()?;
    // Another thread writes, so that neither side waits for the other with full pipes.
    let writer = std::thread::spawn(move || input.write_all(folds.as_bytes()));
    let told = child.wait_with_output().ok()?;
    let written = writer.join().ok()?;
    if !told.status.success() || written.is_err() {
        return None;
    }
    let mut peers: Vec<(String, f64, f64, Vec<[Score; 3]>)> = Vec::new();
    for row in String::from_utf8(told.stdout).ok()?.lines() {
        let [name, trace, origin, seconds, median, high] = row.split('\t').collect::<Vec<_>>().try_into().ok()?;
        let at = traces.iter().position(|known| known.name == trace)?;
        if !peers.iter().any(|peer| peer.0 == name) {
            peers.push((name.to_owned(), 0.0, 0.0, vec![[Score::default(); 3]; traces.len()]));
        }
        let peer = peers.iter_mut().find(|peer| peer.0 == name)?;
        peer.1 += seconds.parse::<f64>().ok()?;
        peer.2 += 1.0;
        let scores = traces[at].score(origin.parse().ok()?, &forecast(&numbers(median)?, &numbers(high)?));
        peer.3[at].iter_mut().zip(&scores).for_each(|(sum, score)| sum.add(score));
    }
    let figures = |sums: &[Score; 3]| sums.map(|sum| sum.figures());
    Some(peers.into_iter().map(|peer| (peer.0, peer.1 / peer.2, peer.3.iter().map(figures).collect())).collect())
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split(',').map(|value| value.parse().ok()).collect()
}

/// Theirs as one of ours. They know nothing of peaks: the largest of the p90 so far stands in for it.
fn forecast(median: &[f64], high: &[f64]) -> Forecast {
    let mut peak90 = f64::NEG_INFINITY;
    let point = |(mean, p90): (&f64, &f64)| {
        peak90 = peak90.max(*p90);
        let (mean, p90, at) = (*mean, *p90, Timestamp::default());
        Point { at, mean, p10: mean, p50: mean, p90, p95: p90, peak90 }
    };
    let points = median.iter().zip(high).map(point).collect();
    Forecast { from: Timestamp::default(), step: Duration::ZERO, points }
}
