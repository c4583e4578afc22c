//! What the demo came to, against a fixed count of replicas that would have carried the same peak.

use std::fmt;
use std::time::Duration;

use super::frame::time_of_day;
use super::paint::{grouped, percent, stopwatch};
use crate::sim::{Pace, Replay, Sent};
use crate::time::{Timestamp, format_duration};

/// The demo's last words.
#[derive(Debug, Clone)]
pub(super) struct Summary {
    title: &'static str,
    /// The time of day at which the traffic was measured, first and last.
    clocks: [String; 2],
    /// Virtual time.
    covered: Duration,
    /// Real time.
    took: Duration,
    sent: Sent,
    paces: Vec<Pace>,
}

impl Summary {
    pub(super) fn of(replay: &Replay, start: Timestamp, took: Duration, sent: Sent) -> Self {
        let now = replay.now();
        Self {
            title: replay.scenario().title,
            clocks: [start, now].map(|at| time_of_day(replay.measured_at(at))),
            covered: Duration::from_secs(now.since(start).as_secs()),
            took,
            sent,
            paces: replay.paces(),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, last] = &self.clocks;
        let covered = format_duration(self.covered);
        writeln!(f, "{}, {first} to {last} UTC: {covered} replayed in {}", self.title, stopwatch(self.took))?;
        let Sent { requests, samples, failures } = self.sent;
        let (requests, samples) = (grouped(requests), grouped(samples));
        writeln!(f, "{samples} samples in {requests} remote-write requests, {failures} failed\n")?;
        writeln!(
            f,
            "{:<16} {:>12} {:>12} {:>9} {:>8} {:>13} {:>15} {:>8}",
            "WORKLOAD", "SERVED", "DROPPED", "DROPPED", "SCALED", "REPLICA-HOURS", "FIXED AT PEAK", "SAVED",
        )?;
        self.paces.iter().try_for_each(|pace| self.pace(f, pace))
    }
}

impl Summary {
    fn pace(&self, f: &mut fmt::Formatter<'_>, pace: &Pace) -> fmt::Result {
        let totals = &pace.totals;
        let used = totals.pod_time.div_duration_f64(Duration::from_hours(1));
        let fixed = f64::from(pace.peak) * self.covered.div_duration_f64(Duration::from_hours(1));
        let saved = if fixed > 0.0 { format!("{:.0} %", (1.0 - used / fixed) * 100.0) } else { "-".to_owned() };
        writeln!(
            f,
            "{:<16} {:>12} {:>12} {:>9} {:>8} {:>13.1} {:>15} {:>8}",
            pace.workload.to_string(),
            grouped(totals.served.whole()),
            grouped(totals.dropped.whole()),
            percent(totals.dropped.share_of(totals.offered)),
            format!("{}+ {}-", totals.scaled_up, totals.scaled_down),
            used,
            format!("{fixed:.1} ({} x)", pace.peak),
            saved,
        )
    }
}
