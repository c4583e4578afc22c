//! What became of tests, as people and build servers read it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::Finding;
use crate::time::format_duration;

/// What became of one test.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The test file.
    pub file: PathBuf,
    pub name: String,
    /// Its line in the file.
    pub line: usize,
    /// How long it plays, in virtual time.
    pub length: Duration,
    /// None where it passed.
    pub failures: Vec<Failure>,
}

/// An expectation that did not come true.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Its line in the test file.
    pub line: usize,
    /// Of what something was expected, and when.
    pub what: String,
    /// What was expected and is not so.
    pub expected: Vec<String>,
    /// What is so instead.
    pub got: Vec<String>,
    /// The decision of that time, when the expectation held, what else may help.
    pub notes: Vec<String>,
}

/// How failures are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// What was expected, then what is.
    Words,
    /// Lines with `-` for what is missing and `+` for what is there instead.
    Diff,
}

impl Failure {
    /// A failure that is all said in one line.
    pub(super) fn plain(line: usize, what: String) -> Self {
        Self { line, what, expected: Vec::new(), got: Vec::new(), notes: Vec::new() }
    }

    /// The lines of a failure, the first one with its place.
    fn lines(&self, file: &Path, shown: Shown) -> Vec<String> {
        let mut lines = vec![format!("{}:{}: {}", file.display(), self.line, self.what)];
        match shown {
            Shown::Words => {
                for (verb, list) in [("expected", &self.expected), ("got", &self.got)] {
                    let nothing = ["nothing".to_owned()];
                    let both = self.expected.len() + self.got.len();
                    let list = if list.is_empty() && both > 0 { &nothing[..] } else { list };
                    for (at, item) in list.iter().enumerate() {
                        lines.push(format!("  {:<8}  {item}", if at == 0 { verb } else { "" }));
                    }
                }
            }
            Shown::Diff => {
                lines.extend(self.expected.iter().map(|item| format!("  - {item}")));
                lines.extend(self.got.iter().map(|item| format!("  + {item}")));
            }
        }
        lines.extend(self.notes.iter().map(|note| format!("  {note}")));
        lines
    }
}

impl Report {
    /// Stands for the tests of a file that can't be run, so that a build server sees that something is missing.
    #[must_use]
    pub fn unreadable(file: &Path, findings: &[Finding]) -> Self {
        let line = |finding: &Finding| finding.place.as_ref().map_or(1, |place| place.line);
        let failures = findings.iter().map(|finding| Failure::plain(line(finding), finding.message.clone()));
        let name = "the file can be run".to_owned();
        Self { file: file.to_owned(), name, line: 1, length: Duration::ZERO, failures: failures.collect() }
    }

    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }

    /// The lines of all failures.
    fn lines(&self, shown: Shown) -> Vec<String> {
        self.failures.iter().flat_map(|failure| failure.lines(&self.file, shown)).collect()
    }
}

/// What people read: a line for each test under its file, what failed with its reasons, and a count.
#[must_use]
pub fn text(reports: &[Report], shown: Shown) -> String {
    let mut text = String::new();
    let mut files = 0;
    for of_file in reports.chunk_by(|one, next| one.file == next.file) {
        files += 1;
        let file = of_file.first().map(|report| report.file.display().to_string()).unwrap_or_default();
        let _ = writeln!(text, "{file}");
        for report in of_file {
            let length = format_duration(report.length);
            let verdict = if report.passed() { "ok  " } else { "FAIL" };
            let _ = writeln!(text, "  {verdict}  {} ({length})", report.name);
            for line in report.lines(shown) {
                let _ = writeln!(text, "        {line}");
            }
        }
    }
    let failed = reports.iter().filter(|report| !report.passed()).count();
    let (tests, passed) = (reports.len(), reports.len() - failed);
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let _ = writeln!(
        text,
        "{tests} test{} in {files} file{}: {passed} passed, {failed} failed",
        plural(tests),
        plural(files)
    );
    text
}

/// JUnit's XML, as build servers read it. Times are virtual: how long a test plays.
#[must_use]
pub fn junit(reports: &[Report]) -> String {
    let failed = |reports: &[Report]| reports.iter().filter(|report| !report.passed()).count();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        text,
        "<testsuites name=\"headroom test\" tests=\"{}\" failures=\"{}\" errors=\"0\">",
        reports.len(),
        failed(reports)
    );
    for of_file in reports.chunk_by(|one, next| one.file == next.file) {
        let Some(first) = of_file.first() else { continue };
        let file = xml(&first.file.display().to_string());
        let (tests, failures) = (of_file.len(), failed(of_file));
        let _ = writeln!(
            text,
            "  <testsuite name=\"{file}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">"
        );
        for report in of_file {
            let (name, line, length) = (xml(&report.name), report.line, report.length.as_secs_f64());
            let _ = write!(
                text,
                "    <testcase name=\"{name}\" classname=\"{file}\" file=\"{file}\" line=\"{line}\" time=\"{length}\""
            );
            let Some(failure) = report.failures.first() else {
                text.push_str("/>\n");
                continue;
            };
            let (message, lines) = (xml(&failure.what), xml(&report.lines(Shown::Words).join("\n")));
            let _ = writeln!(text, ">\n      <failure message=\"{message}\">{lines}</failure>\n    </testcase>");
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

/// A text within XML: marks escaped, and control characters, which XML can't hold, left out.
fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// The Test Anything Protocol, version 14; what failed follows as a block of YAML.
#[must_use]
pub fn tap(reports: &[Report]) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", reports.len());
    for (at, report) in reports.iter().enumerate() {
        let verdict = if report.passed() { "ok" } else { "not ok" };
        // A "#" would begin a directive.
        let name = format!("{}: {}", report.file.display(), report.name).replace('\\', "\\\\").replace('#', "\\#");
        let _ = writeln!(text, "{verdict} {} - {}", at + 1, name.replace('\n', " "));
        if !report.passed() {
            let _ = writeln!(text, "  ---\n  at: {}:{}\n  message: |", report.file.display(), report.line);
            for line in report.lines(Shown::Words).iter().flat_map(|line| line.lines()) {
                let _ = writeln!(text, "    {line}");
            }
            text.push_str("  ...\n");
        }
    }
    text
}
