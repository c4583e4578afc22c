//! The trade-off as a picture: what is missed against the replica-hours that it costs.

use std::fmt::Write as _;

use super::sweep::{Candidate, Sum};

/// Pixels of the picture, and of the room for its texts.
const SIZE: (f64, f64) = (1030.0, 280.0);
const MARGIN: (f64, f64) = (64.0, 36.0);

/// The front as an SVG: replica-hours to the right, percent missed upwards, the best one filled.
pub(super) fn curve(front: &[(Candidate, Sum)], best: usize) -> String {
    let hours = || front.iter().map(|(_, sum)| sum.replica_hours);
    let (least, most) = (hours().fold(f64::INFINITY, f64::min), hours().fold(0.0, f64::max));
    let missed = front.iter().map(|(_, sum)| sum.missed_percent).fold(0.0, f64::max);
    // A front of one point has no width, and one that misses nothing no height.
    let (width, height) = ((most - least).max(f64::MIN_POSITIVE), missed.max(f64::MIN_POSITIVE));
    let place = |sum: &Sum| {
        let x = MARGIN.0 + (sum.replica_hours - least) / width * (SIZE.0 - 2.0 * MARGIN.0);
        let y = SIZE.1 - MARGIN.1 - sum.missed_percent / height * (SIZE.1 - 2.0 * MARGIN.1);
        (x, y)
    };
    let points: Vec<(f64, f64)> = front.iter().map(|(_, sum)| place(sum)).collect();
    let line: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let mut svg = format!(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"missed demand against replica-hours\" fill=\"none\" \
         stroke=\"currentColor\" font-size=\"12\"><polyline points=\"{}\"/>",
        SIZE.0,
        SIZE.1,
        line.join(" ")
    );
    for (at, (x, y)) in points.iter().enumerate() {
        let (radius, fill) = if at == best { (6, "currentColor") } else { (3, "none") };
        let _ = write!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{fill}\"/>");
    }
    let mut text = |x: f64, y: f64, anchor: &str, text: &str| {
        let _ = write!(
            svg,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" fill=\"currentColor\" stroke=\"none\">{text}</text>"
        );
    };
    let (left, right, foot) = (MARGIN.0, SIZE.0 - MARGIN.0, SIZE.1 - 10.0);
    text(left, foot, "start", &format!("{least:.0} replica-hours"));
    text(right, foot, "end", &format!("{most:.0}"));
    text(left - 8.0, MARGIN.1, "end", &format!("{missed:.2}%"));
    text(left - 8.0, SIZE.1 - MARGIN.1, "end", "0%");
    text(left, 18.0, "start", "demand missed");
    svg + "</svg>"
}
