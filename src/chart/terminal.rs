//! The picture in a terminal: lines in braille dots, two by four to a sign; bands in shade.

use std::fmt::Write as _;

use super::axis::{Times, Values};
use super::{Chart, Tone};

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Signs across, labels included; at least 24 are taken.
    pub columns: usize,
    /// Rows down, labels included; at least 6 are taken.
    pub rows: usize,
    /// Whether ANSI colours may be used.
    pub colours: bool,
}

/// Signs that the labels of values take, with the space beside them.
const LABELS: usize = 9;

/// The dot's bit by its column and row within a sign, as Unicode's block 2800 has them.
const DOTS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// One sign of the plot.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    dots: u8,
    line: Option<Tone>,
    band: Option<Tone>,
}

struct Canvas {
    columns: usize,
    rows: usize,
    cells: Vec<Cell>,
}

impl Canvas {
    fn cell(&mut self, column: usize, row: usize) -> Option<&mut Cell> {
        if column < self.columns { self.cells.get_mut(row * self.columns + column) } else { None }
    }

    /// A dot, counted from the upper left.
    fn dot(&mut self, x: usize, y: usize, tone: Tone) {
        if let Some(cell) = self.cell(x / 2, y / 4) {
            cell.dots |= DOTS[x % 2][y % 4];
            cell.line = Some(tone);
        }
    }
}

/// The dot at a share of `count` of them.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small count, from 0")]
fn dot_at(share: f64, count: usize) -> usize {
    let last = count.saturating_sub(1);
    ((share * last as f64).round().max(0.0) as usize).min(last)
}

pub(super) fn render(chart: &Chart, size: Size) -> String {
    let mut out = format!("{}\n", chart.title);
    let Some((first, last)) = chart.times() else { return out + "there is nothing to draw\n" };
    let (columns, rows) = (size.columns.max(24) - LABELS, size.rows.max(6) - 4);
    let times = Times::between(first, last, (columns / 12).max(2));
    let values = Values::holding(chart.finite().map(|(_, value)| value), (rows / 3).max(2));
    let mut canvas = Canvas { columns, rows, cells: vec![Cell::default(); columns * rows] };
    shade(&mut canvas, chart, &times, &values);
    lines(&mut canvas, chart, &times, &values);

    let mut labels = vec![String::new(); rows];
    for (value, label) in &values.ticks {
        if let Some(row) = labels.get_mut(rows - 1 - dot_at(values.share(*value), rows)) {
            label.clone_into(row);
        }
    }
    for (label, cells) in labels.iter().zip(canvas.cells.chunks(columns)) {
        let _ = write!(out, "{label:>width$} ┤", width = LABELS - 2);
        let signs: String = cells.iter().map(|cell| sign(*cell, size.colours)).collect();
        out.push_str(signs.trim_end());
        out.push('\n');
    }
    out.push_str(&time_labels(&times, columns));
    out.push_str(&legend(chart, size.colours));
    out
}

fn shade(canvas: &mut Canvas, chart: &Chart, times: &Times, values: &Values) {
    let across = canvas.columns * 2;
    for band in &chart.bands {
        for run in band.points.split(|(_, low, high)| !(low.is_finite() && high.is_finite())) {
            let mut before = None;
            for &(at, low, high) in run {
                let here = (dot_at(times.share(at), across) / 2, values.share(low), values.share(high));
                let (from, low_before, high_before) = before.unwrap_or(here);
                for column in from..=here.0 {
                    let part = if column == from { 0.0 } else { (column - from) as f64 / (here.0 - from) as f64 };
                    let row = |share: f64| canvas.rows - 1 - dot_at(share, canvas.rows);
                    let (top, bottom) = (mixed(high_before, here.2, part), mixed(low_before, here.1, part));
                    for row in row(top)..=row(bottom) {
                        if let Some(cell) = canvas.cell(column, row) {
                            cell.band = Some(band.tone);
                        }
                    }
                }
                before = Some(here);
            }
        }
    }
}

fn mixed(from: f64, to: f64, part: f64) -> f64 {
    from + (to - from) * part
}

fn lines(canvas: &mut Canvas, chart: &Chart, times: &Times, values: &Values) {
    let (across, down) = (canvas.columns * 2, canvas.rows * 4);
    for line in &chart.lines {
        for run in line.points.split(|(_, value)| !value.is_finite()) {
            let mut before: Option<(usize, usize)> = None;
            for &(at, value) in run {
                let x = dot_at(times.share(at), across);
                let y = down - 1 - dot_at(values.share(value), down);
                let (from_x, from_y) = before.unwrap_or((x, y));
                // A dot in each column on the way, and up or down to where the next one is.
                let mut last_y = from_y;
                for step in from_x..=x {
                    let part = if x == from_x { 1.0 } else { (step - from_x) as f64 / (x - from_x) as f64 };
                    let here = dot_at((from_y as f64 + part * (y as f64 - from_y as f64)) / down as f64, down + 1);
                    for dot in here.min(last_y)..=here.max(last_y) {
                        canvas.dot(step, dot, line.tone);
                    }
                    last_y = here;
                }
                before = Some((x, y));
            }
        }
    }
}

fn sign(cell: Cell, colours: bool) -> String {
    let (sign, tone) = match cell {
        Cell { dots: 0, band: Some(tone), .. } => ('░', Some(tone)),
        Cell { dots: 0, .. } => (' ', None),
        Cell { dots, line, .. } => (char::from_u32(0x2800 + u32::from(dots)).unwrap_or('·'), line),
    };
    painted(&sign.to_string(), tone.filter(|_| colours))
}

fn painted(text: &str, tone: Option<Tone>) -> String {
    let code = match tone {
        None | Some(Tone::Ink) => return text.to_owned(),
        Some(Tone::Blue) => 34,
        Some(Tone::Orange) => 33,
        Some(Tone::Red) => 31,
        Some(Tone::Green) => 32,
        Some(Tone::Grey) => 90,
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// The times under the plot, and below them the days where they change.
fn time_labels(times: &Times, columns: usize) -> String {
    let (mut clock, mut days) = (String::new(), String::new());
    for moment in &times.ticks {
        let column = LABELS + dot_at(times.share(moment.at), columns * 2) / 2;
        let put = |line: &mut String, text: &str| {
            let begin = column.saturating_sub(text.chars().count() / 2);
            let width = line.chars().count();
            if begin > width || width == 0 {
                line.push_str(&" ".repeat(begin - width));
                line.push_str(text);
            }
        };
        put(&mut clock, &moment.label);
        if let Some(day) = &moment.day {
            put(&mut days, day);
        }
    }
    format!("{clock}\n{days} UTC\n")
}

fn legend(chart: &Chart, colours: bool) -> String {
    let lines = chart.lines.iter().map(|line| ("─", &line.name, line.tone));
    let bands = chart.bands.iter().map(|band| ("░", &band.name, band.tone));
    let entries = lines.chain(bands).filter(|(_, name, _)| !name.is_empty());
    let words: Vec<String> =
        entries.map(|(sign, name, tone)| format!("{} {name}", painted(sign, Some(tone).filter(|_| colours)))).collect();
    format!("{}{}\n", " ".repeat(LABELS), words.join("   "))
}
