//! `headroom routes`: which way do decisions and alerts take?

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::config::{Finding, Settings, Source};
use crate::dispatch::{Route, Routing, shown};
use crate::labels::Labels;
use crate::rule;

/// Shows the route tree, or tells which receivers a set of labels is led to.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Settings file; without one, the routes are the default ones.
    #[arg(long, env = "HEADROOM_CONFIG", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// Show the route tree.
    #[command(after_help = "Example:\n  headroom routes show --config headroom.yaml")]
    Show,
    /// Tell which receivers labels are led to.
    ///
    /// Prints their names with commas between them, in the order of the routes, as amtool does. A decision has the
    /// labels of its rule, and workload, namespace, kind, name, rule and direction (up or down).
    ///
    /// Exit status: 0, 1 where the receivers are not those expected or the settings are wrong, 2 where a label or a
    /// file can't be read.
    #[command(after_help = "Example:\n  headroom routes test --config headroom.yaml \
                            --verify.receivers=kubernetes tier=web direction=up")]
    Test(Test),
}

#[derive(Debug, Clone, clap::Args)]
struct Test {
    /// Show the routes that are taken too.
    #[arg(long)]
    tree: bool,
    /// The receivers that are expected, with commas between them.
    #[arg(long = "verify.receivers", alias = "verify-receivers", value_name = "NAMES")]
    verify: Option<String>,
    /// A label; may be repeated.
    #[arg(long = "label", value_name = "NAME=VALUE")]
    label: Vec<String>,
    /// Labels.
    #[arg(value_name = "NAME=VALUE")]
    labels: Vec<String>,
}

/// What a command has to say.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    /// For standard output.
    out: String,
    /// For standard error.
    err: String,
    code: u8,
}

impl Said {
    fn right(out: String) -> Self {
        Self { out, err: String::new(), code: 0 }
    }

    fn wrong(code: u8, err: impl std::fmt::Display) -> Self {
        Self { out: String::new(), err: format!("{err}\n"), code }
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let said = match &args.command {
        Command::Show => with_routing(args.config.as_deref(), show),
        Command::Test(labels) => with_routing(args.config.as_deref(), |routing| test(routing, labels)),
    };
    io::stdout().write_all(said.out.as_bytes())?;
    io::stderr().write_all(said.err.as_bytes())?;
    Ok(ExitCode::from(said.code))
}

/// Reads the settings and lets `say` speak about their routes.
fn with_routing(config: Option<&Path>, say: impl FnOnce(&Routing) -> Said) -> Said {
    let Some(file) = config else { return say(&Routing::default()) };
    let text = match rule::read(file) {
        Ok(text) => text,
        Err(finding) => return Said::wrong(2, finding),
    };
    match routing(file, &text) {
        Ok(routing) => say(&routing),
        Err(findings) => Said::wrong(1, lines(findings.iter().map(Finding::to_string))),
    }
}

fn routing(file: &Path, text: &str) -> Result<Routing, Vec<Finding>> {
    Settings::parse(Source { file, text }).map(|settings| Routing::compile(&settings.routing))
}

fn show(routing: &Routing) -> Said {
    let tree = Tree::of(routing, routing.root());
    Said::right(format!("Routing tree:\n{tree}\n"))
}

fn test(routing: &Routing, args: &Test) -> Said {
    let labels = match labels(args.label.iter().chain(&args.labels)) {
        Ok(labels) => labels,
        Err(problem) => return Said::wrong(2, format!("headroom: {problem}")),
    };
    let mut said = Said::right(String::new());
    if args.tree {
        // Writing to a String can't fail.
        let _ = write!(said.out, "Matching routes:\n{}\n\n", Tree::taken(routing, routing.root(), &labels));
    }
    let names: Vec<&str> = routing.route(&labels).into_iter().map(|route| route.receiver.name.value.as_str()).collect();
    let names = names.join(",");
    let _ = writeln!(said.out, "{names}");
    if let Some(expected) = args.verify.as_ref().filter(|expected| **expected != names) {
        said.err = format!("headroom: the receivers are {names}, and not {expected} as expected\n");
        said.code = 1;
    }
    said
}

/// Reads `name=value`, where the value may stand in double quotes.
fn labels<'a>(written: impl Iterator<Item = &'a String>) -> Result<Labels, String> {
    let pair = |text: &'a String| {
        let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty() && !name.ends_with('!'))?;
        let inside = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let value = inside.unwrap_or(value);
        (!value.starts_with('~')).then_some((name, value))
    };
    let mut pairs = Vec::new();
    for text in written {
        pairs.push(pair(text).ok_or_else(|| format!("\"{text}\" is no label; write it as in tier=web"))?);
    }
    Labels::from_pairs(pairs).map_err(|error| error.to_string())
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

/// A tree as it is drawn.
#[derive(Debug)]
struct Tree {
    text: String,
    below: Vec<Self>,
}

impl Tree {
    /// A route and all below it.
    fn of(routing: &Routing, route: &Route) -> Self {
        let continues = if route.continues { "  continue: true" } else { "" };
        let text = format!("{}{continues}  receiver: {}", name(route), route.receiver.name.value);
        Self { text, below: routing.below(route).map(|route| Self::of(routing, route)).collect() }
    }

    /// A route and those below it that labels take.
    fn taken(routing: &Routing, route: &Route, labels: &Labels) -> Self {
        let mut below = Vec::new();
        for route in routing.below(route).filter(|route| route.matches(labels)) {
            below.push(Self::taken(routing, route, labels));
            if !route.continues {
                break;
            }
        }
        let receiver =
            if below.is_empty() { format!("  receiver: {}", route.receiver.name.value) } else { String::new() };
        Self { text: format!("{}{receiver}", name(route)), below }
    }

    fn draw(&self, f: &mut std::fmt::Formatter<'_>, indent: &str, last: bool) -> std::fmt::Result {
        let (branch, trunk) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
        writeln!(f, "{indent}{branch}{}", self.text)?;
        let indent = format!("{indent}{trunk}");
        for (at, tree) in self.below.iter().enumerate() {
            tree.draw(f, &indent, at + 1 == self.below.len())?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, ".")?;
        self.draw(f, "", true)
    }
}

fn name(route: &Route) -> String {
    if route.matchers.is_empty() { "default-route".to_owned() } else { shown(&route.matchers) }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use expect_test::{Expect, expect};

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    const SETTINGS: &str = r#"
route:
  receiver: cluster
  routes:
  - {matchers: ['audit="yes"'], receiver: audit, continue: true}
  - matchers: ['tier=~"web|api"', 'direction="up"']
    receiver: eu
    routes:
    - {matchers: ['team="shop"'], receiver: shop}
  - {receiver: audit}
receivers:
- {name: cluster, kubernetes_configs: [{}]}
- {name: eu, kubernetes_configs: [{context: eu}]}
- {name: shop, kubernetes_configs: [{}], log_configs: [{}]}
- {name: audit, log_configs: [{}]}
"#;

    fn say(words: &str) -> Said {
        let Line { args } = Line::try_parse_from(std::iter::once("routes").chain(words.split_whitespace())).unwrap();
        let routing = routing(Path::new("headroom.yaml"), SETTINGS).unwrap();
        match &args.command {
            Command::Show => show(&routing),
            Command::Test(args) => test(&routing, args),
        }
    }

    #[track_caller]
    fn check(words: &str, code: u8, out: &str) {
        let said = say(words);
        assert_eq!((said.out.trim_end(), said.code), (out, code), "{}", said.err);
    }

    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "expectations are made where they are checked")]
    fn draws(words: &str, want: Expect) {
        want.assert_eq(&say(words).out);
    }

    #[test]
    fn the_tree_is_drawn_as_amtool_does() {
        draws(
            "show",
            expect![[r#"
                Routing tree:
                .
                └── default-route  receiver: cluster
                    ├── {audit="yes"}  continue: true  receiver: audit
                    ├── {direction="up",tier=~"web|api"}  receiver: eu
                    │   └── {team="shop"}  receiver: shop
                    └── default-route  receiver: audit

            "#]],
        );
        draws(
            "test --tree audit=yes tier=api direction=up",
            expect![[r#"
                Matching routes:
                .
                └── default-route
                    ├── {audit="yes"}  receiver: audit
                    └── {direction="up",tier=~"web|api"}  receiver: eu


                audit,eu
            "#]],
        );
    }

    #[test]
    fn labels_lead_to_receivers() {
        check("test tier=web direction=up", 0, "eu");
        check("test --label tier=web --label direction=up team=shop", 0, "shop");
        check("test", 0, "audit");
        check("test audit=\"yes\"", 0, "audit,audit");
        check("test --verify.receivers=audit,eu audit=yes tier=web direction=up", 0, "audit,eu");
        check("test --verify.receivers=eu audit=yes tier=web direction=up", 1, "audit,eu");
    }

    #[test]
    fn what_is_no_label_is_refused() {
        check("test tier", 2, "");
        check("test tier!=web", 2, "");
        check("test tier=~web", 2, "");
        check("test =web", 2, "");
        check("test a=1 a=2", 2, "");
    }

    #[test]
    fn wrong_settings_and_missing_ones_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("headroom.yaml");
        assert_eq!(with_routing(Some(&file), show).code, 2);
        std::fs::write(&file, "route: {receiver: nobody}").unwrap();
        let said = with_routing(Some(&file), show);
        assert!(said.code == 1 && said.err.contains("unknown receiver \"nobody\""), "{said:?}");
    }
}
