//! Traces from files, and times from flags.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::super::packed;
use crate::app::clock;
use crate::sim::Trace;
use crate::time::{Timestamp, parse_duration};

/// The longest trace that is read: ten years of minutes.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// The traces of a file, of a folder's CSV files, or of standard input, with their names.
pub(in crate::cli) fn read(path: &Path) -> anyhow::Result<Vec<(String, Trace)>> {
    if path.is_dir() {
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(path).with_context(|| path.display().to_string())? {
            let file = entry.with_context(|| path.display().to_string())?.path();
            files.extend(Some(file).filter(|file| is_trace(file)));
        }
        files.sort();
        if files.is_empty() {
            bail!("{} holds no trace (*.csv, *.csv.gz)", path.display());
        }
        return files.iter().map(|file| one(file)).collect();
    }
    Ok(vec![one(path)?])
}

fn one(path: &Path) -> anyhow::Result<(String, Trace)> {
    let shown = path.display().to_string();
    let text = if path == Path::new("-") {
        packed::read(std::io::stdin(), FILE_BYTES_MAX)
    } else {
        File::open(path).and_then(|file| packed::read(file, FILE_BYTES_MAX))
    };
    let text = text.with_context(|| shown.clone())?;
    if text.len() as u64 > FILE_BYTES_MAX {
        bail!("{shown}: a trace has {FILE_BYTES_MAX} bytes at most; cut it in parts");
    }
    let name = path.file_stem().map_or_else(|| shown.clone(), |name| name.to_string_lossy().into_owned());
    let name = name.strip_suffix(".csv").map_or(name.clone(), str::to_owned);
    let name = if name == "-" { "standard input".to_owned() } else { name };
    let Ok(text) = String::from_utf8(text) else {
        bail!("{shown} is no text; a trace is CSV, packed by gzip or not");
    };
    Ok((name, Trace::parse(&text).with_context(|| shown)?))
}

/// By its name: `.csv`, or `.csv.gz`.
fn is_trace(file: &Path) -> bool {
    let ends = |file: &Path, ending: &str| file.extension().is_some_and(|found| found == ending);
    ends(file, "csv") || (ends(file, "gz") && file.file_stem().is_some_and(|stem| ends(Path::new(stem), "csv")))
}

/// The history that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) step: Duration,
}

impl Span {
    /// From what the flags say.
    pub(super) fn of(start: &str, end: &str, step: Duration) -> anyhow::Result<Self> {
        let now = clock::now();
        let (start, end) = (time("start", start, now)?, time("end", end, now)?);
        if step.is_zero() || end.since(start) < step {
            bail!("there is no step of {step:?} between --start and --end");
        }
        Ok(Self { start, end, step })
    }
}

/// RFC 3339, unix seconds, or how long before now.
pub(in crate::cli) fn time(flag: &str, text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    if let Ok(ago) = parse_duration(text) {
        return Ok(now - ago);
    }
    if let Ok(seconds) = text.parse::<f64>() {
        #[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
        return Ok(Timestamp::from_millis((seconds * 1000.0) as i64));
    }
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => Ok(Timestamp::from_millis(at.as_millisecond())),
        Err(_) => {
            bail!("--{flag} \"{text}\" is no time; write 2026-03-01T00:00:00Z, unix seconds, or 7d for seven days ago")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: i64) {
        let now = Timestamp::from_millis(1_700_000_000_000);
        assert_eq!(time("start", text, now).unwrap().as_millis(), want, "{text}");
    }

    #[test]
    fn times_are_told_in_three_ways() {
        check("0", 1_700_000_000_000);
        check("1h30m", 1_700_000_000_000 - 5_400_000);
        check("1690000000", 1_690_000_000_000);
        check("1690000000.5", 1_690_000_000_500);
        check("2023-07-22T04:26:40Z", 1_690_000_000_000);
        let error = time("end", "yesterday", Timestamp::default()).unwrap_err().to_string();
        assert!(error.starts_with("--end \"yesterday\" is no time; write 2026-"), "{error}");
    }
}
