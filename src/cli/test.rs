//! `headroom test`: do the rules do what their authors expect?

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use regex::Regex;

use crate::sim::ruletest::{self, Report, RuleTests, Shown};

/// Where tests are looked for when no file is named.
const FOLDER: &str = "rules/tests";

/// Runs tests of rules: input series in, expected replicas, reasons and alerts at times out.
///
/// The files have the shape of promtool's. Time is virtual, and the decisions are made by the code that `serve` runs,
/// over a cluster in memory. rules/README.md has the fields.
///
/// Exit status: 0 where every test passed, 1 where one failed or a file is wrong, 2 where there is nothing to run.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Test files, or folders of them; rules/tests where none is named.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Run only the tests whose names match.
    #[arg(long, value_name = "REGEX")]
    pub run: Option<Regex>,
    /// Show failures as a diff: - is expected, + is what came instead.
    #[arg(long)]
    pub diff: bool,
    /// Write the results as JUnit's XML; - is standard output.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the results as TAP (Test Anything Protocol) instead of for people.
    #[arg(long)]
    pub tap: bool,
}

/// Runs the tests and prints what became of them.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let files = match files(&args.files) {
        Ok(files) => files,
        Err(why) => {
            eprintln!("headroom test: {why}");
            return Ok(ExitCode::from(2));
        }
    };
    let mut reports = Vec::new();
    let for_machines = args.tap || args.junit.is_some();
    let mut wrong = Vec::new();
    for file in &files {
        match RuleTests::load(file) {
            Ok(tests) => reports.extend(tests.run(args.run.as_ref())),
            Err(findings) => {
                if for_machines {
                    reports.push(Report::unreadable(file, &findings));
                }
                wrong.extend(findings);
            }
        }
    }
    let shown = if args.diff { Shown::Diff } else { Shown::Words };
    let to_stdout = args.junit.as_deref() == Some(Path::new("-"));
    if let Some(path) = args.junit.as_ref().filter(|_| !to_stdout) {
        std::fs::write(path, ruletest::junit(&reports)).with_context(|| format!("writing {}", path.display()))?;
    }
    let text = match (to_stdout, args.tap) {
        (true, _) => ruletest::junit(&reports),
        (false, true) => ruletest::tap(&reports),
        (false, false) => ruletest::text(&reports, shown),
    };
    io::stdout().write_all(text.as_bytes())?;
    for finding in &wrong {
        eprintln!("{finding}");
    }
    if reports.is_empty() && wrong.is_empty() {
        eprintln!("headroom test: no test has a name that matches");
        return Ok(ExitCode::from(2));
    }
    let right = wrong.is_empty() && reports.iter().all(Report::passed);
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The files to run: folders stand for the YAML files in them.
fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let default = [PathBuf::from(FOLDER)];
    let named = if named.is_empty() { &default[..] } else { named };
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            let unreadable = |error| format!("{}: {error}", path.display());
            let mut found = Vec::new();
            for entry in std::fs::read_dir(path).map_err(unreadable)? {
                let file = entry.map_err(unreadable)?.path();
                let yaml = file.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
                found.extend(Some(file).filter(|file| yaml && file.is_file()));
            }
            if found.is_empty() {
                return Err(format!("{} holds no test file (*.yaml)", path.display()));
            }
            found.sort();
            files.extend(found);
        } else if path.is_file() {
            files.push(path.clone());
        } else if path == Path::new(FOLDER) {
            return Err(format!("no file is named, and there is no folder {FOLDER}; name a test file"));
        } else {
            return Err(format!("{}: there is no such file", path.display()));
        }
    }
    Ok(files)
}
