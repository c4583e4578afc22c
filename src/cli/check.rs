//! `headroom check`: is what the files say right?

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::app;
use crate::config::{FileKind, Finding, Settings, Source, Web};
use crate::dispatch::{Route, Routing};
use crate::rule::{self, RuleSet};
use crate::sim::ruletest::RuleTests;
use crate::telemetry::WebMetrics;
use crate::time::format_duration;
use crate::web::Gate;

/// Checks settings, rule files and files of rule tests.
///
/// Prints a line for each file that is right, and for each finding its place, the line that it is about and the way
/// out. Rule files given together are checked together, as the service loads them, and under the settings file that is
/// given with them; without one, under the defaults.
///
/// Exit status: 0 where all is right, 1 where there are findings, 2 where a file can't be read.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Example:\n  headroom check headroom.yaml rules/*.yaml")]
pub(super) struct Args {
    /// Settings files, rule files (with `groups` at the top) and test files (with `tests` at the top).
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// The longest time between two batches of a group that passes without a note: scaling policies run over as much.
const GROUP_INTERVAL_USUAL: Duration = Duration::from_mins(1);

/// What `check` found out.
#[derive(Debug, Default)]
struct Report {
    /// For standard output: what is right.
    right: String,
    /// For standard error: what is not.
    wrong: String,
    findings: usize,
    unreadable: usize,
}

/// Checks the files and prints what is found.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let report = check(&args.files);
    io::stdout().write_all(report.right.as_bytes())?;
    io::stderr().write_all(report.wrong.as_bytes())?;
    Ok(report.exit_code())
}

impl Report {
    fn exit_code(&self) -> ExitCode {
        ExitCode::from(match (self.unreadable, self.findings) {
            (0, 0) => 0,
            (0, _) => 1,
            _ => 2,
        })
    }

    fn right(&mut self, file: &Path, what: &str) {
        // Writing to a String can't fail.
        let _ = writeln!(self.right, "{}: {what}", file.display());
    }

    fn note(&mut self, file: &Path, note: &str) {
        let _ = writeln!(self.right, "{}: note: {note}", file.display());
    }

    fn wrong(&mut self, findings: &[Finding]) {
        self.findings += findings.len();
        for finding in findings {
            let _ = writeln!(self.wrong, "{finding}");
        }
    }
}

fn check(paths: &[PathBuf]) -> Report {
    let mut report = Report::default();
    let (mut rules, mut settings) = (Vec::new(), None);
    for path in paths {
        match rule::read(path) {
            Ok(text) => match FileKind::of(Source { file: path, text: &text }) {
                FileKind::Rules => rules.push((path.clone(), text)),
                FileKind::Tests => match RuleTests::load(path) {
                    Ok(tests) => report.right(path, &counted(tests.len(), "test")),
                    Err(findings) => report.wrong(&findings),
                },
                FileKind::Settings => match Settings::parse(Source { file: path, text: &text }) {
                    Ok(mut read) => {
                        report.right(path, "settings");
                        for note in notes(&read) {
                            report.note(path, &note);
                        }
                        check_web(path, &mut read.web, &mut report);
                        settings = Some(read);
                    }
                    Err(findings) => report.wrong(&findings),
                },
                FileKind::Web => match Web::parse(Source { file: path, text: &text }) {
                    Ok(mut read) => {
                        report.right(path, "web configuration");
                        check_web(path, &mut read, &mut report);
                    }
                    Err(findings) => report.wrong(&findings),
                },
            },
            Err(finding) => {
                report.unreadable += 1;
                report.wrong(&[finding]);
            }
        }
    }
    check_rules(&rules, &settings.unwrap_or_default(), &mut report);
    if report.findings > 1 {
        let _ = writeln!(report.wrong, "{} findings", report.findings);
    }
    report
}

/// All rule files at once, for names must differ between them too; under the settings that were given with them.
fn check_rules(files: &[(PathBuf, String)], settings: &Settings, report: &mut Report) {
    match rule::compile(files, settings) {
        Ok(rules) => files.iter().for_each(|(path, _)| report.right(path, &counts(&rules, path))),
        Err(findings) => {
            for (path, text) in files.iter().filter(|(path, _)| findings.iter().all(|finding| finding.file != *path)) {
                // Without the others it is as right as with them.
                let rules = rule::compile(&[(path.clone(), text.clone())], settings).unwrap_or_default();
                report.right(path, &counts(&rules, path));
            }
            report.wrong(&findings);
        }
    }
}

/// What a file says about TLS and authentication, with the files that it names. Those may be elsewhere, as a Secret is
/// where the settings are checked before they are applied.
fn check_web(path: &Path, web: &mut Web, report: &mut Report) {
    web.files_below(path.parent().unwrap_or(Path::new("")));
    if let Err(findings) = app::read_web(web) {
        return report.wrong(&findings);
    }
    match Gate::open(web, WebMetrics::default()) {
        Err(error) if error.is_missing_file() => {
            report.note(path, &format!("{error}; the service would not start here"));
        }
        Err(error) => report.wrong(&[Finding::about(path, error.to_string())]),
        Ok(_) if web.asks_for_credentials() && web.tls.is_none() => {
            report.note(path, "without tls_server_config, passwords and tokens can be read on their way");
        }
        Ok(_) => {}
    }
}

/// What is right, and may not be what was meant.
fn notes(settings: &Settings) -> Vec<String> {
    let routing = Routing::compile(&settings.routing);
    let slow = |route: &&Route| route.receiver.acts() && route.decisions.group_interval > GROUP_INTERVAL_USUAL;
    let note = |route: &Route| {
        format!(
            "group_interval: {interval} of the route {key} lets a group be scaled once in {interval} only, however fast \
             its rules may go; leave it out there (alerts then wait 5m, decisions not at all) or set it on routes that \
             only tell",
            interval = format_duration(route.decisions.group_interval),
            key = route.key,
        )
    };
    routing.routes().iter().filter(slow).map(note).collect()
}

/// What a file holds.
fn counts(rules: &RuleSet, path: &Path) -> String {
    let groups = rules.groups.iter().filter(|group| group.file == path);
    let (groups, rules) = groups.fold((0, 0), |(groups, rules), group| (groups + 1, rules + group.rules.len()));
    format!("{}, {}", counted(groups, "group"), counted(rules, "rule"))
}

/// `1 rule`, `2 rules`.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
