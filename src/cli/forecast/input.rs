//! Rows of `timestamp,value`.

use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::super::packed;
use crate::time::Timestamp;

/// The longest text that is read: ten years of minutes take 130 MB.
const BYTES_MAX: u64 = 256 << 20;
/// Findings that are told one by one.
const FINDINGS_MAX: usize = 10;

/// One sample, or a missing one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    pub at: Timestamp,
    pub value: Option<f64>,
}

/// How a file writes its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stamp {
    /// Seconds since the Unix epoch, perhaps with a fraction.
    Seconds,
    /// `2026-11-23T06:00:00Z`, or with another offset.
    Rfc3339,
}

/// A file's rows, in the order of their times.
#[derive(Debug, PartialEq)]
pub(super) struct Table {
    pub rows: Vec<Row>,
    pub stamp: Stamp,
    /// The usual distance between two rows.
    pub step: Duration,
}

/// What is wrong with a file's rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Line (0: the whole file) and what is wrong there.
    told: Vec<(usize, String)>,
    count: usize,
}

impl Findings {
    fn add(&mut self, line: usize, what: impl FnOnce() -> String) {
        self.count += 1;
        if self.told.len() < FINDINGS_MAX {
            self.told.push((line, what()));
        }
    }

    /// `file:line: what`, a line each, and how many more there are.
    pub(super) fn told(&self, file: &str) -> String {
        let mut out = String::new();
        for (line, what) in &self.told {
            // Writing to a String can't fail.
            let _ = match line {
                0 => writeln!(out, "{file}: {what}"),
                line => writeln!(out, "{file}:{line}: {what}"),
            };
        }
        if self.count > self.told.len() {
            let _ = writeln!(out, "{file}: and {} more", self.count - self.told.len());
        }
        out
    }
}

/// The text of a file, or of standard input.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let source: Box<dyn io::Read> =
        if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    let text = packed::read(source, BYTES_MAX)?;
    if text.len() as u64 > BYTES_MAX {
        return Err(io::Error::other(format!("it is longer than {} MB; give the newest part of it", BYTES_MAX >> 20)));
    }
    String::from_utf8(text).map_err(|_| io::Error::other("it is no text; a trace is CSV, packed by gzip or not"))
}

impl Stamp {
    fn read(text: &str) -> Option<(Self, Timestamp)> {
        // Milliseconds of a whole or broken number of seconds, within what a time can tell.
        if let Ok(seconds) = text.parse::<i64>() {
            let ms = seconds.checked_mul(1000)?;
            jiff::Timestamp::from_millisecond(ms).ok()?;
            return Some((Self::Seconds, Timestamp::from_millis(ms)));
        }
        if let Ok(seconds) = text.parse::<f64>() {
            let exact = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
            let at = jiff::Timestamp::from_duration(exact).ok()?;
            return Some((Self::Seconds, Timestamp::from_millis(at.as_millisecond())));
        }
        let at: jiff::Timestamp = text.parse().ok()?;
        Some((Self::Rfc3339, Timestamp::from_millis(at.as_millisecond())))
    }

    /// A time as the file writes it.
    pub(super) fn write(self, at: Timestamp) -> String {
        let ms = at.as_millis();
        match self {
            Self::Seconds if ms % 1000 == 0 => (ms / 1000).to_string(),
            Self::Seconds => format!("{:.3}", at.as_secs_f64()),
            Self::Rfc3339 => jiff::Timestamp::from_millisecond(ms).map_or_else(|_| at.to_string(), |at| at.to_string()),
        }
    }
}

impl Table {
    /// Reads `timestamp,value` lines. An empty value is missing; empty lines, lines that begin with `#` and a header are
    /// skipped.
    pub(super) fn parse(text: &str) -> Result<Self, Findings> {
        let mut findings = Findings::default();
        let mut rows: Vec<Row> = Vec::new();
        let mut stamp = None;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
        for (nth, (line, text)) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).enumerate() {
            let (at, value) = text.split_once(',').unwrap_or((text, "no value"));
            let (at, value) = (Stamp::read(at.trim()), read_value(value.trim()));
            match (at, value) {
                (None, Err(())) if nth == 0 => {}
                (Some((written, at)), Ok(value)) => {
                    stamp = stamp.or(Some(written));
                    if rows.last().is_some_and(|before| before.at >= at) {
                        findings.add(line, || {
                            format!(
                                "\"{}\" is not later than the row before it; sort the rows by time, one for each",
                                shown(text)
                            )
                        });
                    } else {
                        rows.push(Row { at, value });
                    }
                }
                _ => findings.add(line, || {
                    format!(
                        "\"{}\" is not a row; write Unix seconds or RFC 3339 and a number, as in 899164800,17613",
                        shown(text)
                    )
                }),
            }
        }
        let step = usual_distance(&rows);
        match (stamp, step) {
            (Some(stamp), Some(step)) if findings.count == 0 => Ok(Self { rows, stamp, step }),
            _ => {
                if findings.count == 0 {
                    findings.add(0, || format!("a forecast needs 3 rows at least; there {}", be(rows.len())));
                }
                Err(findings)
            }
        }
    }
}

fn be(count: usize) -> String {
    if count == 1 { "is 1".to_owned() } else { format!("are {count}") }
}

/// The beginning of a line that may be long.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A number, or nothing where it is missing: empty, or not a number as Prometheus writes it.
fn read_value(text: &str) -> Result<Option<f64>, ()> {
    match text {
        "" | "NaN" => Ok(None),
        text => text.parse().ok().filter(|value: &f64| value.is_finite()).map(Some).ok_or(()),
    }
}

/// The median of the distances between rows; `None` where there are fewer than two.
fn usual_distance(rows: &[Row]) -> Option<Duration> {
    let mut distances: Vec<Duration> = rows.windows(2).map(|pair| pair[1].at.since(pair[0].at)).collect();
    distances.sort_unstable();
    distances.get(distances.len() / 2).copied()
}
