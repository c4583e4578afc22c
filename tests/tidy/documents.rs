//! What documents claim: links lead somewhere, rules compile, commands and targets exist, metrics are in the table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use headroom::config::Settings;
use headroom::telemetry::{Kind, names::TABLE};
use regex::Regex;

use super::{files_below, none, read, sources};

/// The pages that people read first.
const PAGES: [&str; 7] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "deploy/README.md",
    "rules/README.md",
    "rules/COOKBOOK.md",
    "tests/peers/README.md",
];

/// Where metrics of ours may be named.
const FOLDERS: [&str; 2] = ["deploy", "rules"];

fn pages() -> impl Iterator<Item = (PathBuf, String)> {
    PAGES.into_iter().map(|page| (PathBuf::from(page), read(page)))
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is one")
}

/// The blocks of a page fenced as `language`, dedented by nothing: ours begin at the margin.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = pattern(&format!("(?ms)^```{language}\n(.*?)^```$"));
    fence.captures_iter(page).map(|found| found[1].to_owned()).collect()
}

#[test]
fn links_lead_somewhere() {
    let link = pattern(r"\]\(([^)\s]+)\)");
    let mut broken = Vec::new();
    for (page, text) in pages() {
        let folder = page.parent().unwrap_or(Path::new(""));
        for found in link.captures_iter(&text) {
            let target = found[1].split('#').next().unwrap_or_default();
            if !target.contains("://") && !target.is_empty() && !folder.join(target).exists() {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    none("links to files that don't exist", &broken);
}

#[test]
fn rules_in_the_readme_compile() {
    let rules = blocks(&read("README.md"), "yaml").into_iter().filter(|block| block.contains("groups:"));
    let mut compiled = 0;
    for text in rules {
        let files = [(PathBuf::from("README.md"), text)];
        let set = headroom::rule::compile(&files, &Settings::default()).unwrap_or_else(|findings| {
            let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
            panic!("{}", lines.join("\n"))
        });
        compiled += set.rules();
    }
    assert!(compiled > 0, "the README shows a rule file");
}

/// What `headroom … --help` says.
fn help(command: Option<&str>) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_headroom")).args(command).arg("--help").output();
    let output = output.expect("the program runs");
    assert!(output.status.success(), "headroom {command:?} --help");
    String::from_utf8(output.stdout).expect("help is text")
}

#[test]
fn commands_and_flags_of_the_pages_exist() {
    let (call, flag) =
        (pattern(r"(?m)(?:`|^|\$ )headroom ([a-z]+)([^`\n]*`?[^\n]*)"), pattern(r"--[a-z][a-z-]*(?:\.[a-z]+)*"));
    let commands = help(None);
    let mut helps = BTreeMap::new();
    let mut unknown = Vec::new();
    for (page, text) in pages() {
        for found in call.captures_iter(&text) {
            let command = found[1].to_owned();
            if !pattern(&format!(r"(?m)^  {command} ")).is_match(&commands) {
                unknown.push(format!("{}: headroom {command}", page.display()));
                continue;
            }
            let help = helps.entry(command.clone()).or_insert_with(|| help(Some(&command)));
            let flags = flag.find_iter(&found[2]).map(|flag| flag.as_str());
            let missing =
                flags.filter(|flag| !help.contains(&format!("{flag} ")) && !help.contains(&format!("{flag}\n")));
            unknown.extend(missing.map(|flag| format!("{}: headroom {command} {flag}", page.display())));
        }
    }
    assert!(helps.len() >= 3, "the pages show each command: {:?}", helps.keys());
    none("commands that the program doesn't know", &unknown);
}

#[test]
fn make_targets_of_the_pages_exist() {
    let (target, makefile) = (pattern(r"`make ([a-z]+)`"), read("Makefile"));
    let mut unknown = Vec::new();
    for (page, text) in pages() {
        let named: BTreeSet<String> = target.captures_iter(&text).map(|found| found[1].to_owned()).collect();
        let missing =
            named.into_iter().filter(|name| !makefile.lines().any(|line| line.starts_with(&format!("{name}:"))));
        unknown.extend(missing.map(|name| format!("{}: make {name}", page.display())));
    }
    none("targets that the Makefile doesn't have", &unknown);
}

#[test]
fn metrics_that_documents_name_are_in_the_table() {
    let name = pattern(r"\bheadroom_[a-z][a-z_]*[a-z]\b");
    let files = FOLDERS.into_iter().flat_map(files_below).chain(PAGES.map(PathBuf::from));
    let mut unknown = BTreeSet::new();
    for file in files {
        let text = read(&file);
        let strangers = name.find_iter(&text).map(|found| found.as_str()).filter(|name| !is_exported(name));
        unknown.extend(strangers.map(|name| format!("{}: {name}", file.display())));
    }
    none("metrics that Headroom doesn't export", &unknown.into_iter().collect::<Vec<_>>());
}

/// Whether a series of this name is exported; a histogram's parts carry suffixes.
fn is_exported(series: &str) -> bool {
    let part = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| series.strip_suffix(suffix));
    let is = |metric: &&headroom::telemetry::Metric| {
        metric.name == series || (metric.kind == Kind::Histogram && Some(metric.name) == part)
    };
    TABLE.iter().any(is)
}

#[test]
fn files_that_the_code_speaks_of_exist() {
    let place = pattern(r"`((?:benches|tests|proto|deploy|rules)/[a-z0-9_/.-]+)`");
    let mut missing = BTreeSet::new();
    for path in files_below("src").into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs")) {
        let text = read(&path);
        let gone = place.captures_iter(&text).map(|found| found[1].to_owned()).filter(|file| !Path::new(file).exists());
        missing.extend(gone.map(|file| format!("{}: {file}", path.display())));
    }
    none("files that comments name and nobody has", &missing.into_iter().collect::<Vec<_>>());
}

#[test]
fn symbols_on_the_map_are_in_the_code() {
    let code: String = sources().into_iter().map(|source| source.code).collect();
    let map = read("ARCHITECTURE.md");
    let symbols = pattern(r"`([A-Za-z_]+(?:::[A-Za-z_]+)*::([A-Za-z_]+))(?:\([a-z, ]*\))?`");
    let named: BTreeMap<String, String> =
        symbols.captures_iter(&map).map(|found| (found[1].to_owned(), found[2].to_owned())).collect();
    assert!(named.len() > 30, "the map names symbols: {}", named.len());
    let gone = named.into_iter().filter(|(_, name)| !pattern(&format!(r"\b{name}\b")).is_match(&code));
    none("symbols that the code doesn't have", &gone.map(|(symbol, _)| symbol).collect::<Vec<_>>());
}
