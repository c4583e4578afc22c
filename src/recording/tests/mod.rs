mod damage;
mod encoding;
mod keeping;

use std::path::Path;

use super::{Limits, Recording, Taken, Writer};
use crate::labels::{Labels, NAME};
use crate::sample::Sample;
use crate::time::Timestamp;

const START: i64 = 1_760_000_000_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(START + ms)
}

fn series(name: &str, pod: usize) -> Labels {
    Labels::from_pairs([(NAME, name.to_owned()), ("pod", format!("checkout-{pod}"))]).unwrap()
}

fn taken(labels: &Labels, ms: i64, value: f64) -> Taken {
    Taken { labels: labels.clone(), sample: Sample::new(at(ms), value) }
}

/// Plenty.
fn limits() -> Limits {
    Limits { max_bytes: 1 << 30, max_age: std::time::Duration::from_hours(24 * 30) }
}

/// Records, a block for each part.
fn record(folder: &Path, parts: &[&[Taken]]) {
    let mut writer = Writer::open(folder, limits(), at(0)).unwrap();
    for part in parts {
        for taken in *part {
            writer.add(taken, at(0)).unwrap();
        }
        writer.flush(at(0)).unwrap();
    }
}

/// All that a folder holds, as `ms after the start, series, bits of the value`; and what is told of damage.
fn read(folder: &Path) -> (Vec<(i64, String, u64)>, Vec<String>) {
    let recording = Recording::open(folder).unwrap();
    let mut samples = recording.samples(Timestamp::MIN..Timestamp::MAX);
    let mut rows = Vec::new();
    for (series, sample) in samples.by_ref() {
        let labels = recording.series()[series as usize].to_string();
        rows.push((sample.at.as_millis() - START, labels, sample.value.to_bits()));
    }
    let findings = [recording.findings(), samples.findings()].concat();
    // Their places differ from run to run.
    let folder = format!("{}/", folder.display());
    (rows, findings.into_iter().map(|finding| finding.replace(&folder, "")).collect())
}

fn rows(parts: &[&[Taken]]) -> Vec<(i64, String, u64)> {
    let row =
        |taken: &Taken| (taken.sample.at.as_millis() - START, taken.labels.to_string(), taken.sample.value.to_bits());
    let mut rows: Vec<(i64, String, u64)> = parts.iter().flat_map(|part| part.iter()).map(row).collect();
    rows.sort_by_key(|(at, ..)| *at);
    rows
}
