//! `headroom relabel`: what must a Prometheus send?

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::config::{FileKind, Finding, Settings, Source};
use crate::rule::{self, RuleSet, Wanted};

/// Prints the `write_relabel_configs` that make a Prometheus send only the series that rules read.
///
/// Series are kept by their names: by those that the rules' expressions name, and by their regular expressions over
/// names. What record and alert rules of the files make is not asked for. The output goes into Headroom's entry under
/// `remote_write` in prometheus.yml; it has to be made anew when the rules change.
///
/// Exit status: 0, 1 where nothing can be left out or a file has a mistake, 2 where a file can't be read. Nothing is
/// printed but for 0.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Rule files, globs of them, and folders, which stand for the YAML files in them. A settings file among them is
    /// heeded; tests of rules are passed over.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What the command has to say.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    /// For standard output.
    out: String,
    /// For standard error.
    err: String,
    code: u8,
}

impl Said {
    fn wrong(code: u8, err: impl std::fmt::Display) -> Self {
        Self { out: String::new(), err: format!("{err}\n"), code }
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let said = say(&args.files);
    io::stdout().write_all(said.out.as_bytes())?;
    io::stderr().write_all(said.err.as_bytes())?;
    Ok(ExitCode::from(said.code))
}

fn say(paths: &[PathBuf]) -> Said {
    let files = match read(paths) {
        Ok(files) => files,
        Err(finding) => return Said::wrong(2, finding),
    };
    match compile(files) {
        Ok((rules, settings)) => config(&rules, &settings),
        Err(findings) => Said::wrong(1, findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")),
    }
}

/// The files that the arguments stand for, with their texts.
fn read(paths: &[PathBuf]) -> Result<Vec<(PathBuf, String)>, Finding> {
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    for path in paths {
        let found = if path.is_dir() {
            rule::load(&["*.yaml".to_owned(), "*.yml".to_owned()], path)?.files
        } else if path.exists() {
            vec![(path.clone(), rule::read(path)?)]
        } else {
            rule::load(&[path.to_string_lossy().into_owned()], Path::new(""))?.files
        };
        if found.is_empty() {
            return Err(Finding::about(path, "no file is there"));
        }
        // Named twice, it is meant once.
        files.extend(
            found.into_iter().filter(|(path, _)| files.iter().all(|(known, _)| known != path)).collect::<Vec<_>>(),
        );
    }
    Ok(files)
}

/// Rules and the settings that hold for them.
fn compile(files: Vec<(PathBuf, String)>) -> Result<(RuleSet, Settings), Vec<Finding>> {
    let (mut rules, mut settings) = (Vec::new(), Settings::default());
    for (file, text) in files {
        let source = Source { file: &file, text: &text };
        match FileKind::of(source) {
            FileKind::Settings => settings = Settings::parse(source)?,
            FileKind::Rules => rules.push((file, text)),
            FileKind::Tests | FileKind::Web => {}
        }
    }
    rule::compile(&rules, &settings).map(|rules| (rules, settings))
}

/// What a Prometheus has to be told, or why it has to send everything.
fn config(rules: &RuleSet, settings: &Settings) -> Said {
    let mut wanted = rules.wanted();
    let mut why = String::new();
    for selector in wanted.add_kept(&settings.ingest.keep) {
        // Writing to a String can't fail.
        let _ =
            writeln!(why, "# nothing can be left out: the settings keep {selector} (ingest.keep), series of any name");
    }
    if settings.ingest.relabel_configs.may_rename() {
        why += "# nothing can be left out: ingest.relabel_configs of the settings change metric names, so the names \
                that rules read are not those that are sent\n";
    }
    for any in &wanted.any {
        let (file, rule, selector) = (any.file.display(), &any.rule, &any.selector);
        // Writing to a String can't fail.
        let _ = writeln!(
            why,
            "# nothing can be left out: {selector} of the rule \"{rule}\" ({file}) may match a series of any name; \
             name the metric"
        );
    }
    if why.is_empty() && wanted.names.is_empty() && wanted.patterns.is_empty() {
        why += "# the rules read no series that a Prometheus would have to send\n";
    }
    if why.is_empty() {
        Said { out: render(rules, &wanted), err: String::new(), code: 0 }
    } else {
        Said::wrong(1, why.trim_end())
    }
}

/// The configuration, indented as an entry of `remote_write` has it.
fn render(rules: &RuleSet, wanted: &Wanted) -> String {
    let mut files: Vec<String> = rules.groups.iter().map(|group| group.file.display().to_string()).collect();
    files.dedup();
    let mut out = String::new();
    let mut say = |line: &str| {
        out.push_str("    ");
        out.push_str(line);
        out.push('\n');
    };
    say(
        "# Send only what Headroom's rules read, by name. Paste this into its entry under remote_write, below the url; where",
    );
    say("# write_relabel_configs are there already, put the step last. Make it anew when the rules change:");
    say("#   headroom relabel FILE...");
    say("# The rules are those of");
    for file in &files {
        say(&format!("#   {}", on_one_line(file)));
    }
    if !wanted.made.is_empty() {
        say("# which make these series themselves, so that nobody has to send them:");
        for name in &wanted.made {
            say(&format!("#   {}", on_one_line(name)));
        }
    }
    say("write_relabel_configs:");
    say("  - source_labels: [__name__]");
    say("    action: keep");
    // Between double quotes a backslash at the end of a line joins it with the next one, without a space.
    say(r#"    regex: "\"#);
    let names = wanted.names.iter().map(|name| regex::escape(name));
    let patterns = wanted.patterns.iter().map(|pattern| format!("(?:{pattern})"));
    let items: Vec<String> = names.chain(patterns).map(|item| quoted(&item)).collect();
    for (at, item) in items.iter().enumerate() {
        let end = if at + 1 == items.len() { "\"" } else { r"|\" };
        say(&format!("      {item}{end}"));
    }
    out
}

/// A text as a comment can hold it.
fn on_one_line(text: &str) -> String {
    text.chars().map(|sign| if breaks(sign) { ' ' } else { sign }).collect()
}

/// Whether a sign may end a line, or is none that YAML takes as it is.
fn breaks(sign: char) -> bool {
    sign.is_control() || matches!(sign, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A text as it stands between YAML's double quotes, where lines are joined without the spaces around the break.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '"' | '\\' => out.extend(['\\', sign]),
            ' ' => out.push_str(r"\x20"),
            _ if breaks(sign) => _ = write!(out, "\\u{:04x}", u32::from(sign)),
            _ => out.push(sign),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::labels::Relabel;

    fn of(settings: &str, exprs: &[&str]) -> Said {
        let mut rules = "groups:\n- name: g\n  rules:\n".to_owned();
        for (at, expr) in exprs.iter().enumerate() {
            // Writing to a String can't fail.
            let _ = writeln!(rules, "  - {{record: 'made:{at}', expr: {}}}", serde_json::to_string(expr).unwrap());
        }
        let files = [("headroom.yaml", settings.to_owned()), ("r.yaml", rules)];
        let (rules, settings) = compile(files.map(|(file, text)| (PathBuf::from(file), text)).to_vec()).unwrap();
        config(&rules, &settings)
    }

    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "expectations are made where they are checked")]
    fn check(settings: &str, exprs: &[&str], code: u8, want: Expect) {
        let said = of(settings, exprs);
        let indented = |line: &str| line.strip_prefix("    ").map(|line| format!("{line}\n"));
        let out: Option<String> = said.out.lines().map(indented).collect();
        want.assert_eq(&format!("{}{}", out.expect("every line is indented"), said.err));
        assert_eq!((said.code, said.out.is_empty()), (code, code != 0));
    }

    #[test]
    fn names_stand_one_in_a_line() {
        check(
            "",
            &["rate(b_total[1m]) / a", "made:0 + {__name__=~'node_.*', __name__!='x'}"],
            0,
            expect![[r#"
                    # Send only what Headroom's rules read, by name. Paste this into its entry under remote_write, below the url; where
                    # write_relabel_configs are there already, put the step last. Make it anew when the rules change:
                    #   headroom relabel FILE...
                    # The rules are those of
                    #   r.yaml
                    # which make these series themselves, so that nobody has to send them:
                    #   made:0
                    write_relabel_configs:
                      - source_labels: [__name__]
                        action: keep
                        regex: "\
                          a|\
                          b_total|\
                          (?:node_.*)"
            "#]],
        );
        check(
            "",
            &["a"],
            0,
            expect![[r#"
                    # Send only what Headroom's rules read, by name. Paste this into its entry under remote_write, below the url; where
                    # write_relabel_configs are there already, put the step last. Make it anew when the rules change:
                    #   headroom relabel FILE...
                    # The rules are those of
                    #   r.yaml
                    write_relabel_configs:
                      - source_labels: [__name__]
                        action: keep
                        regex: "\
                          a"
            "#]],
        );
    }

    #[test]
    fn where_nothing_can_be_left_out_it_says_why() {
        check(
            "",
            &["a", "sum({job='x'}) + b"],
            1,
            expect![[r##"
            # nothing can be left out: {job="x"} of the rule "made:1" (r.yaml) may match a series of any name; name the metric
        "##]],
        );
        check(
            "ingest: {keep: all}",
            &["a"],
            1,
            expect![[r#"
            # nothing can be left out: the settings keep {} (ingest.keep), series of any name
        "#]],
        );
        check(
            "ingest: {relabel_configs: [{regex: 'a(.*)', action: labelmap}]}",
            &["a"],
            1,
            expect![[r#"
            # nothing can be left out: ingest.relabel_configs of the settings change metric names, so the names that rules read are not those that are sent
        "#]],
        );
        check(
            "ingest: {relabel_configs: [{regex: 'a(.*)', action: labeldrop}]}",
            &["vector(1)"],
            1,
            expect![[r#"
            # the rules read no series that a Prometheus would have to send
        "#]],
        );
    }

    /// The steps that the output is, as our own settings read them.
    fn relabel(out: &str) -> Relabel {
        let text = out.replace("write_relabel_configs:", "relabel_configs:");
        let text = format!("ingest:\n{text}");
        Settings::parse(Source { file: Path::new("h.yaml"), text: &text }).unwrap().ingest.relabel_configs
    }

    #[test]
    fn what_rules_read_passes_and_nothing_else() {
        let names = ["a.b", "x y", " z", "qu\"o\\te", "d$1|", "é\u{2028}\t"];
        let exprs: Vec<String> =
            names.iter().map(|name| format!("{{__name__={}}}", serde_json::to_string(name).unwrap())).collect();
        let mut exprs: Vec<&str> = exprs.iter().map(String::as_str).collect();
        exprs.push(r#"{__name__=~"n(x|\\d)|o"}"#);
        let relabel = relabel(&of("", &exprs).out);
        let passes = |name: &str| relabel.apply([("__name__", name)]).is_some();
        assert!(names.iter().chain(&["nx", "n1", "o"]).all(|name| passes(name)), "{relabel:?}");
        for name in ["aXb", "xy", "z", "a", "n", "ox", "anx", "d", ""] {
            assert!(!passes(name), "{name}: {relabel:?}");
        }
    }

    #[test]
    fn folders_globs_and_files_are_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("a.yaml", "groups: [{name: a, rules: [{record: x, expr: a}]}]");
        write("b.yml", "groups: [{name: b, rules: [{record: y, expr: b}]}]");
        write("tests.yaml", "rule_files: [a.yaml]\ntests: []");
        let path = |name: &str| folder.path().join(name);
        let both = say(&[folder.path().to_owned(), path("a.yaml")]);
        assert!(both.code == 0 && both.out.contains("      a|\\\n          b\"\n"), "{both:?}");
        assert!(!both.out.contains("tests.yaml"), "{both:?}");
        let one = say(&[path("*.yaml")]);
        assert!(one.code == 0 && one.out.contains("      a\"\n"), "{one:?}");
        assert_eq!(say(&[path("nothing.yaml")]).code, 2);
        write("c.yaml", "groups: [{name: c, rules: [{record: z, expr: 'a +'}]}]");
        let broken = say(&[folder.path().to_owned()]);
        assert!(broken.code == 1 && broken.err.contains("c.yaml:1:"), "{broken:?}");
    }
}
