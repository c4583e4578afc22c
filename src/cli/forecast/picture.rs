//! History and forecast as a picture.

use std::fmt;
use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use crate::chart::{Band, Chart, Line, Mark, Page, Size, Stroke, Tone};
use crate::forecast::{Forecast, Predictor};
use crate::time::{Timestamp, format_duration};

/// How many times the length of the forecast the history before it is shown.
const HISTORY: usize = 5;
/// But no fewer steps than these.
const HISTORY_MIN: usize = 60;

/// Where the picture goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Svg(PathBuf),
    Html(PathBuf),
    Terminal,
}

impl Target {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        match path.extension().and_then(|extension| extension.to_str()) {
            _ if text == "-" => Ok(Self::Terminal),
            Some("svg") => Ok(Self::Svg(path)),
            Some("html" | "htm") => Ok(Self::Html(path)),
            _ => Err("name a file that ends in .svg or .html, or - for the terminal".to_owned()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Svg(path) | Self::Html(path) => write!(f, "{}", path.display()),
            Self::Terminal => f.write_str("-"),
        }
    }
}

/// The newest history, the forecast's line and band, and the peak to size for.
pub(super) fn chart(name: &str, told: &str, predictor: &Predictor, forecast: &Forecast) -> Chart {
    let points = &forecast.points;
    let shown = (HISTORY * points.len()).max(HISTORY_MIN);
    let history = predictor.history();
    let last = history.number(forecast.from);
    let first = last.saturating_sub(i64::try_from(shown).unwrap_or(i64::MAX)).max(history.first());
    let past: Vec<(Timestamp, f64)> =
        (first..=last).map(|step| (history.start_of(step), history.value(step).unwrap_or(f64::NAN))).collect();
    let now = past.last().copied();
    // The forecast goes on from the newest value, without a gap in the picture.
    let from_now = |value: fn(&crate::forecast::Point) -> f64| -> Vec<(Timestamp, f64)> {
        let begin = now.into_iter().filter(|(_, value)| value.is_finite());
        begin.chain(points.iter().map(|point| (point.at, value(point)))).collect()
    };
    let band = points.iter().map(|point| (point.at, point.p10, point.p90));
    let band =
        now.into_iter().filter(|now| now.1.is_finite()).map(|(at, value)| (at, value, value)).chain(band).collect();
    let line = |name: &str, tone, stroke, points| Line { name: name.to_owned(), tone, stroke, points };
    let length = forecast.step.saturating_mul(u32::try_from(points.len()).unwrap_or(u32::MAX));
    Chart {
        title: format!("{name}: the next {} ({told})", format_duration(length)),
        unit: format!("means of {}", format_duration(forecast.step)),
        bands: vec![Band { name: "p10 to p90".to_owned(), tone: Tone::Orange, points: band }],
        lines: vec![
            line("history", Tone::Ink, Stroke::Solid, past),
            line("pmax90", Tone::Red, Stroke::Dashed, from_now(|point| point.peak90)),
            line("mean", Tone::Orange, Stroke::Solid, from_now(|point| point.mean)),
        ],
        marks: vec![Mark { at: forecast.from, text: "now".to_owned() }],
    }
}

/// Writes the picture, or gives what the terminal is to show.
pub(super) fn put(chart: &Chart, target: &Target) -> io::Result<Option<String>> {
    match target {
        Target::Svg(path) => fs::write(path, chart.svg(960, 380)).map(|()| None),
        Target::Html(path) => {
            let mut page = Page::new(&chart.title);
            page.chart(&Chart { title: String::new(), ..chart.clone() }, 420);
            fs::write(path, page.finish()).map(|()| None)
        }
        Target::Terminal => Ok(Some(chart.terminal(size()))),
    }
}

/// The terminal's room as far as the shell tells it, colours only where somebody sees them.
fn size() -> Size {
    let told = |name: &str, least: usize, usual: usize| {
        let value = std::env::var(name).ok().and_then(|value| value.parse().ok());
        value.filter(|signs| (least..=400).contains(signs)).unwrap_or(usual)
    };
    let colours = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    Size { columns: told("COLUMNS", 24, 100), rows: told("LINES", 8, 26).min(40) - 2, colours }
}
