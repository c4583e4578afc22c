//! What commands that replay recordings share: rules, settings, the recording, the times.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use indicatif::ProgressBar;

use super::simulate;
use crate::app::{SettingsFile, clock};
use crate::config::{Finding, Settings};
use crate::recording::Recording;
use crate::rule::{self, Rule, RuleSet};
use crate::sim::simulate::recorded::Tape;
use crate::time::Timestamp;

/// The settings of a file, or the defaults.
pub(super) fn settings(file: Option<&Path>) -> anyhow::Result<Settings> {
    let file = SettingsFile { path: file.map(Path::to_owned), ..SettingsFile::default() };
    file.read().map_err(|found| findings(&found))
}

/// Rule files, compiled together; a folder stands for the YAML files in it.
pub(super) fn rules(paths: &[PathBuf], settings: &Settings) -> anyhow::Result<RuleSet> {
    let mut all = Vec::new();
    for path in paths {
        all.extend(files(path)?);
    }
    rule::compile(&all, settings).map_err(|found| findings(&found))
}

/// The texts of a rule file, or of all in a folder.
pub(super) fn files(path: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let texts = yaml(path)?.into_iter().map(|file| match rule::read(&file) {
        Ok(text) => Ok((file, text)),
        Err(finding) => Err(findings(&[finding])),
    });
    texts.collect()
}

fn findings(findings: &[Finding]) -> anyhow::Error {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    anyhow!("{}", lines.join("\n"))
}

fn yaml(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).with_context(|| path.display().to_string())? {
        let file = entry.with_context(|| path.display().to_string())?.path();
        let yaml = file.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        files.extend(Some(file).filter(|file| yaml && file.is_file()));
    }
    files.sort();
    if files.is_empty() {
        bail!("{} holds no rule file (*.yaml)", path.display());
    }
    Ok(files)
}

/// Leaves one scale rule, and all that is not one.
pub(super) fn only(rules: &mut RuleSet, name: &str) -> anyhow::Result<()> {
    let mut known: Vec<String> = Vec::new();
    for group in &mut rules.groups {
        group.rules.retain(|rule| match rule {
            Rule::Scale(scale) => {
                known.push(format!("\"{}\"", scale.name));
                *scale.name == *name
            }
            _ => true,
        });
    }
    if known.iter().any(|known| known.trim_matches('"') == name) {
        return Ok(());
    }
    bail!("there is no scale rule \"{name}\"; there are {}", known.join(", "))
}

/// A recording; what is damaged is told and left out.
pub(super) fn open(folder: &Path) -> anyhow::Result<Recording> {
    let recording = Recording::open(folder)?;
    for finding in recording.findings() {
        eprintln!("{finding}");
    }
    Ok(recording)
}

/// The times between two flags; all times without them.
pub(super) fn range(start: Option<&str>, end: Option<&str>) -> anyhow::Result<Range<Timestamp>> {
    let now = clock::now();
    let start = start.map(|text| simulate::input::time("start", text, now)).transpose()?.unwrap_or(Timestamp::MIN);
    let end = end.map(|text| simulate::input::time("end", text, now)).transpose()?.unwrap_or(Timestamp::MAX);
    if start >= end {
        bail!("--end is not after --start");
    }
    Ok(start..end)
}

/// How far a replay is, on standard error where that is a terminal.
pub(super) struct Bar {
    bar: ProgressBar,
    start: Timestamp,
}

pub(super) fn bar(tape: &Tape<'_>) -> Bar {
    let (start, end) = tape.span().unwrap_or_default();
    Bar { bar: simulate::bar(minutes(start, end), "replayed minutes"), start }
}

fn minutes(start: Timestamp, end: Timestamp) -> usize {
    usize::try_from(end.since(start).as_secs() / 60).unwrap_or(usize::MAX)
}

impl Bar {
    pub(super) fn reached(&self, at: Timestamp) {
        self.bar.set_position(minutes(self.start, at) as u64);
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
