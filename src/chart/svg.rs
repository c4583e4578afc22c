//! The picture as SVG. Colours are rules of a style sheet within it, so that it follows light and dark by itself.

use std::fmt::Write as _;

use super::axis::{Times, Values};
use super::{Chart, Line, Stroke, Tone, escape};
use crate::time::Timestamp;

/// Space for the labels and the legend, in pixels: left, right, top, bottom; and for a title above it.
const MARGIN: (f64, f64, f64, f64) = (64.0, 18.0, 38.0, 44.0);
const TITLE: f64 = 24.0;
/// About what a sign takes, in pixels, at the size of the legend.
const SIGN: f64 = 6.6;
/// Rows in which the words of marks may stand.
const MARK_ROWS: usize = 3;

/// A tone's name in the style sheet, its colour in the light and in the dark.
const TONES: [(Tone, &str, &str, &str); 6] = [
    (Tone::Ink, "ink", "#16202b", "#e4eaf0"),
    (Tone::Blue, "blue", "#2673b8", "#6db3e8"),
    (Tone::Orange, "orange", "#cf5a00", "#ff9a3d"),
    (Tone::Red, "red", "#c92a2a", "#ff7b72"),
    (Tone::Green, "green", "#2b8a3e", "#69db7c"),
    (Tone::Grey, "grey", "#7b8794", "#93a1b0"),
];

/// The plot within the picture, in pixels, and its axes.
struct Plot {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    times: Times,
    values: Values,
}

impl Plot {
    fn x(&self, at: Timestamp) -> f64 {
        self.left + self.times.share(at) * (self.right - self.left)
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom - self.values.share(value) * (self.bottom - self.top)
    }
}

// Writing to a String can't fail: what `write!` gives is let go throughout.
pub(super) fn render(chart: &Chart, width: u32, height: u32) -> String {
    let (width, height) = (f64::from(width.max(240)), f64::from(height.max(160)));
    let (left, right, top, bottom) = (MARGIN.0, width - MARGIN.1, MARGIN.2, height - MARGIN.3);
    let top = if chart.title.is_empty() { top } else { top + TITLE };
    let mut out = String::with_capacity(32 << 10);
    let title = escape(&chart.title);
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n"
    );
    out.push_str(&style());
    let _ = writeln!(out, "<rect class=\"sheet\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>");
    let _ = writeln!(out, "<text class=\"title\" x=\"16\" y=\"25\">{title}</text>");
    if let Some((first, last)) = chart.times() {
        // A label of a time takes 70 pixels with the space around it, one of a value 36.
        let (across, up) = (whole((right - left) / 70.0), whole((bottom - top) / 36.0));
        let values = Values::holding(chart.finite().map(|(_, value)| value), up.max(2));
        let plot = Plot { left, right, top, bottom, times: Times::between(first, last, across.max(2)), values };
        grid(&mut out, &plot, &chart.unit);
        bands(&mut out, &plot, chart);
        marks(&mut out, &plot, chart);
        for line in &chart.lines {
            let path = path(line, &plot);
            let dash = if line.stroke == Stroke::Dashed { " dash" } else { "" };
            let _ = writeln!(out, "<path class=\"line {}{dash}\" d=\"{path}\"/>", name_of(line.tone));
        }
        legend(&mut out, chart, right, top - 18.0);
    } else {
        let _ = writeln!(out, "<text class=\"soft\" x=\"16\" y=\"50\">there is nothing to draw</text>");
    }
    out.push_str("</svg>\n");
    out
}

/// A count of labels; never negative, and small.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=100 before")]
fn whole(count: f64) -> usize {
    count.clamp(0.0, 100.0) as usize
}

fn name_of(tone: Tone) -> &'static str {
    TONES.iter().find(|(known, ..)| *known == tone).map_or("ink", |(_, name, ..)| name)
}

fn style() -> String {
    let mut light = String::new();
    let mut dark = String::new();
    for (_, name, by_day, by_night) in TONES {
        let _ = write!(light, ".chart .{name}{{stroke:{by_day};fill:{by_day}}}");
        let _ = write!(dark, ".chart .{name}{{stroke:{by_night};fill:{by_night}}}");
    }
    format!(
        "<style>.chart{{font:12px system-ui,-apple-system,\"Segoe UI\",sans-serif}}.chart .sheet{{fill:#fff}}\
         .chart text{{fill:#16202b}}.chart .title{{font-size:15px;font-weight:600}}.chart text.soft{{fill:#5a6775}}\
         .chart .grid{{stroke:#dfe4ea;stroke-width:1}}.chart .mark{{stroke:#7b8794;stroke-width:1;stroke-dasharray:2 3}}\
         {light}.chart .line{{fill:none;stroke-width:1.7;stroke-linejoin:round;stroke-linecap:round}}\
         .chart .dash{{stroke-dasharray:6 4}}.chart .band{{stroke:none;fill-opacity:.2}}\
         @media(prefers-color-scheme:dark){{.chart .sheet{{fill:#171e26}}.chart text{{fill:#e4eaf0}}\
         .chart text.soft{{fill:#93a1b0}}.chart .grid{{stroke:#2a343f}}{dark}.chart .line{{fill:none}}\
         .chart .band{{stroke:none}}}}</style>\n"
    )
}

fn grid(out: &mut String, plot: &Plot, unit: &str) {
    for (value, label) in &plot.values.ticks {
        let y = plot.y(*value);
        let _ = writeln!(
            out,
            "<path class=\"grid\" d=\"M{:.1} {y:.1}H{:.1}\"/><text class=\"soft\" x=\"{:.1}\" y=\"{:.1}\" \
             text-anchor=\"end\">{label}</text>",
            plot.left,
            plot.right,
            plot.left - 8.0,
            y + 4.0
        );
    }
    for moment in &plot.times.ticks {
        let x = plot.x(moment.at);
        let _ = writeln!(
            out,
            "<path class=\"grid\" d=\"M{x:.1} {:.1}v5\"/><text class=\"soft\" x=\"{x:.1}\" y=\"{:.1}\" \
             text-anchor=\"middle\">{}</text>",
            plot.bottom,
            plot.bottom + 18.0,
            moment.label
        );
        if let Some(day) = &moment.day {
            let y = plot.bottom + 34.0;
            let _ = writeln!(out, "<text class=\"soft\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{day}</text>");
        }
    }
    let (right, y) = (plot.right, plot.bottom + 34.0);
    let _ = writeln!(out, "<text class=\"soft\" x=\"{right:.1}\" y=\"{y:.1}\" text-anchor=\"end\">UTC</text>");
    let (unit, y) = (escape(unit), plot.top - 12.0);
    let _ = writeln!(out, "<text class=\"soft\" x=\"16\" y=\"{y:.1}\">{unit}</text>");
}

fn bands(out: &mut String, plot: &Plot, chart: &Chart) {
    for band in &chart.bands {
        for run in band.points.split(|(_, low, high)| !(low.is_finite() && high.is_finite())) {
            let there = run.iter().map(|&(at, _, high)| (plot.x(at), plot.y(high)));
            let back = run.iter().rev().map(|&(at, low, _)| (plot.x(at), plot.y(low)));
            let edge: Vec<String> = there.chain(back).map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
            if edge.len() > 2 {
                let _ = writeln!(out, "<path class=\"band {}\" d=\"M{}Z\"/>", name_of(band.tone), edge.join("L"));
            }
        }
    }
}

fn marks(out: &mut String, plot: &Plot, chart: &Chart) {
    // Where the words of each row end so far: those that would run into others stand below them.
    let mut rows = [plot.left; MARK_ROWS];
    for mark in &chart.marks {
        let (x, text) = (plot.x(mark.at), escape(&mark.text));
        let (top, bottom) = (plot.top, plot.bottom);
        let _ = writeln!(out, "<path class=\"mark\" d=\"M{x:.1} {top:.1}V{bottom:.1}\"><title>{text}</title></path>");
        let width = 8.0 + mark.text.chars().count() as f64 * SIGN;
        // Words that would not fit to the right of their line stand to the left.
        let fits = x + width < plot.right;
        let (beside, anchor, begins) = if fits { (x + 5.0, "start", x) } else { (x - 5.0, "end", x - width) };
        // Without a free row only the line is there, which says it to whoever points at it.
        let Some(row) = rows.iter().position(|ends| *ends <= begins) else { continue };
        rows[row] = begins + width;
        let y = top + 11.0 + 13.0 * row as f64;
        let _ =
            writeln!(out, "<text class=\"soft\" x=\"{beside:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>");
    }
}

/// The way of a line's pen. Where many points share a column of pixels, its first, lowest, highest and last are kept.
fn path(line: &Line, plot: &Plot) -> String {
    let mut path = String::new();
    for run in line.points.split(|(_, value)| !value.is_finite()) {
        let points: Vec<(f64, f64)> = run.iter().map(|&(at, value)| (plot.x(at), plot.y(value))).collect();
        for (at, (x, y)) in thinned(&points).into_iter().enumerate() {
            let _ = match (at, line.stroke) {
                (0, _) => write!(path, "M{x:.1} {y:.1}"),
                (_, Stroke::Steps) => write!(path, "H{x:.1}V{y:.1}"),
                _ => write!(path, "L{x:.1} {y:.1}"),
            };
        }
        // A point alone is a dot.
        if let [(x, y)] = points.as_slice() {
            let _ = write!(path, "L{x:.1} {y:.1}");
        }
    }
    path
}

fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept = Vec::new();
    for column in points.chunk_by(|a, b| a.0.floor() == b.0.floor()) {
        if column.len() <= 4 {
            kept.extend_from_slice(column);
            continue;
        }
        let extreme = |least: bool| {
            let indices = 0..column.len();
            indices.min_by(|&a, &b| {
                let order = column[a].1.total_cmp(&column[b].1);
                if least { order } else { order.reverse() }
            })
        };
        let mut picked: Vec<usize> =
            [Some(0), extreme(true), extreme(false), Some(column.len() - 1)].into_iter().flatten().collect();
        picked.sort_unstable();
        picked.dedup();
        kept.extend(picked.into_iter().map(|at| column[at]));
    }
    kept
}

/// Swatches and names, at the right above the plot.
fn legend(out: &mut String, chart: &Chart, right: f64, y: f64) {
    let lines = chart.lines.iter().map(|line| (&line.name, line.tone, Some(line.stroke)));
    let bands = chart.bands.iter().map(|band| (&band.name, band.tone, None));
    let entries: Vec<_> = lines.chain(bands).filter(|(name, ..)| !name.is_empty()).collect();
    let width = |name: &str| 30.0 + name.chars().count() as f64 * SIGN + 14.0;
    let mut x = right - entries.iter().map(|(name, ..)| width(name)).sum::<f64>() + 14.0;
    for (name, tone, stroke) in entries {
        let tone = name_of(tone);
        let dash = if stroke == Some(Stroke::Dashed) { " dash" } else { "" };
        let _ = match stroke {
            Some(_) => write!(out, "<path class=\"line {tone}{dash}\" d=\"M{x:.1} {y:.0}h22\"/>"),
            None => write!(
                out,
                "<rect class=\"band {tone}\" x=\"{x:.1}\" y=\"{:.0}\" width=\"22\" height=\"12\"/>",
                y - 6.0
            ),
        };
        let _ =
            writeln!(out, "<text class=\"soft\" x=\"{:.1}\" y=\"{:.0}\">{}</text>", x + 28.0, y + 4.0, escape(name));
        x += width(name);
    }
}
