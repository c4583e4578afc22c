//! A [`Frame`] as text: the table that is drawn in place, and the lines for where nothing can be drawn over.

use std::fmt::Write as _;

use super::frame::{COLUMNS, Frame, Line, Row};
use super::paint::{Paint, curve, grouped, percent, rounded, stopwatch};

/// What is shown for a value that isn't known.
const UNKNOWN: &str = "-";

/// How many decisions the table has room for.
const DECISIONS: usize = 5;

/// The table, about 20 lines of 100 columns.
pub(super) fn render(frame: &Frame, paint: Paint) -> String {
    let mut text = String::new();
    header(&mut text, frame, paint);
    let columns = "WORKLOAD             DEMAND    CAPACITY   WANTED   READY   DROPPED/S    DROPPED";
    let _ = writeln!(text, "{}", paint.dim(columns));
    for row in &frame.rows {
        self::row(&mut text, row, paint);
    }
    let _ = writeln!(text, "{}", paint.dim("DECISIONS"));
    if frame.decisions.is_empty() {
        let _ = writeln!(text, "none yet");
    }
    for line in frame.decisions.iter().rev().take(DECISIONS).rev() {
        let _ = writeln!(text, "{}", decision(line, paint));
    }
    text
}

fn header(text: &mut String, frame: &Frame, paint: Paint) {
    let mark = frame.mark.as_ref().map(|mark| format!("   {mark}")).unwrap_or_default();
    let _ = writeln!(text, "{}   {}, {} UTC{mark}", paint.bold("headroom demo"), frame.title, paint.bold(&frame.clock));
    let running = format!("{} at {}x", stopwatch(frame.elapsed), frame.speed);
    let samples = format!("{} samples sent", grouped(frame.sent.samples));
    let _ = writeln!(text, "{}   {running}   {samples}   Ctrl-C ends", paint.cyan(&frame.page));
    let _ = writeln!(text, "{}", failures(frame).map(|failures| paint.red(failures)).unwrap_or_default());
}

/// How many requests failed, and why the last one did.
fn failures(frame: &Frame) -> Option<String> {
    let failure = frame.failure.as_ref()?;
    Some(format!("{} write requests failed; the last: {failure}", grouped(frame.sent.failures)))
}

fn row(text: &mut String, row: &Row, paint: Paint) {
    let dropping = |cell: String, dropping: bool| if dropping { paint.red(cell) } else { cell };
    let wanted = row.wanted.map_or_else(|| UNKNOWN.to_owned(), |wanted| wanted.to_string());
    let _ = writeln!(
        text,
        "{} {:>10} {:>11} {} {:>7} {} {}",
        paint.bold(format!("{:<16}", row.workload.to_string())),
        per_second(row.demand),
        per_second(Some(row.capacity)),
        // Pods on their way, or more than are wanted by now.
        if row.wanted.is_some_and(|wanted| wanted != row.ready) {
            paint.cyan(format!("{wanted:>8}"))
        } else {
            format!("{wanted:>8}")
        },
        row.ready,
        dropping(format!("{:>11}", rounded(row.dropped)), row.dropped >= 0.5),
        dropping(format!("{:>10}", percent(row.dropped_share)), row.dropped >= 0.5),
    );
    let values = row.points.iter().flat_map(|point| [point.offered, point.capacity]);
    let max = values.fold(0.0, f64::max);
    // Blanks keep the place of columns that are still to come.
    let offered = format!("{:COLUMNS$}|", curve(row.points.iter().map(|point| point.offered), max));
    let capacity = format!("{:COLUMNS$}|", curve(row.points.iter().map(|point| point.capacity), max));
    let _ = writeln!(text, "  {}  {}", paint.dim("traffic "), paint.cyan(offered));
    let _ = writeln!(text, "  {}  {}", paint.dim("capacity"), paint.green(capacity));
    let _ = writeln!(text, "  {}\n", row.reason);
}

fn per_second(rate: Option<f64>) -> String {
    rate.map_or_else(|| UNKNOWN.to_owned(), |rate| format!("{}/s", rounded(rate)))
}

/// A decision in one line.
pub(super) fn decision(line: &Line, paint: Paint) -> String {
    let Line { clock, workload, from, to, reason, .. } = line;
    let change = format!("{:<10}", format!("{from} -> {to}"));
    let change = if to > from { paint.green(change) } else { paint.cyan(change) };
    format!("{}  {:<16} {change} {reason}", paint.dim(clock), workload.to_string())
}

/// A line for each workload, and one for what went wrong.
pub(super) fn plain(frame: &Frame) -> String {
    let mut text = String::new();
    if let Some(failures) = failures(frame) {
        let _ = writeln!(text, "{}  {failures}", frame.clock);
    }
    for row in &frame.rows {
        let wanted = row.wanted.map_or_else(|| UNKNOWN.to_owned(), |wanted| wanted.to_string());
        let _ = writeln!(
            text,
            "{}  {:<16} demand {}, capacity {}, wanted {wanted}, ready {}, dropped {}; {}",
            frame.clock,
            row.workload.to_string(),
            per_second(row.demand),
            per_second(Some(row.capacity)),
            row.ready,
            percent(row.dropped_share),
            row.reason,
        );
    }
    text
}
