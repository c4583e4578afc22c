//! `headroom diff`: what would a change of rules have done?

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::{recorded, simulate};
use crate::config::Settings;
use crate::labels::Labels;
use crate::rule::RuleSet;
use crate::sim::simulate::recorded::{
    Differences, Gate, Judge, Replay, Tape, Tolerances, diff, diff_json, diff_table, tripped,
};
use crate::sim::simulate::{Choice, Load, Options, Shape, Subject, series};
use crate::time::parse_duration;

/// The exit code where a gate is not passed.
const TRIPPED: u8 = 3;

/// Replays recorded demand through two sets of rules, in step, and tells what differs for each workload: replica-hours,
/// missed demand, turns of direction, the fewest and the most replicas, and the first moments at which the two ask for
/// different counts, each with both reasons.
///
/// The rules are decided by the code that `serve` runs; the workloads are simulated, and begin alike under both. Nothing
/// is scaled. Both are measured by the demand that the old rules see and the capacity that they plan (--judge). A
/// recording has the demand that there was: where rules read what each pod does, as CPU, it was the work of the pods that
/// ran then. rules/README.md has more.
///
/// Exit status: 0 where it ran and every gate of --fail-on is passed, 1 where a file has a problem, 2 for wrong flags, 3
/// where a gate is not passed.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The rules as they are: a file, or a folder of them.
    old: PathBuf,
    /// The rules as they would be.
    new: PathBuf,
    /// What is replayed: the folder of a recording, or a CSV file of `timestamp,value`, packed by gzip or not.
    #[arg(long, value_name = "PATH")]
    from: PathBuf,
    /// The settings that both are compiled under.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the replay begins: RFC 3339, unix seconds, or how long ago [default: where the recording does].
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Where it ends.
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
    /// Which scale rule, where there are several; needed for a CSV file.
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    /// Of which of its metrics a CSV file is the demand [default: the first].
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    /// The series that a CSV file is [default: what the metric reads].
    #[arg(long, value_name = "SERIES", value_parser = series)]
    series: Option<Labels>,

    /// Whose demand and capacity both are measured by.
    #[arg(long, value_name = "WHO", default_value = "old", value_parser = ["old", "new"])]
    judge: String,
    /// From a pod's creation until it is ready.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    startup: Duration,
    /// The time between two looks at the demand.
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = parse_duration)]
    scrape: Duration,
    /// From a scrape until its sample has arrived.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_duration)]
    delay: Duration,
    /// What a replica can do at most, as a multiple of what is planned for it.
    #[arg(long, value_name = "TIMES", default_value_t = 1.25, value_parser = simulate::positive)]
    slack: f64,
    /// Money for one replica in one hour [default: the rule's].
    #[arg(long, value_name = "MONEY", value_parser = simulate::positive)]
    cost_replica_hour: Option<f64>,
    /// Money for each hour with too few ready replicas.
    #[arg(long, value_name = "MONEY", requires = "cost_replica_hour", value_parser = simulate::positive)]
    cost_under_hour: Option<f64>,

    /// Exit with 3 where the change is worse in this: missed (a workload misses more demand, or is no longer scaled), cost (all take more
    /// replica-hours), flaps (a workload turns more often), change (any count differs).
    #[arg(long, value_name = "GATES", value_delimiter = ',', value_parser = gate)]
    fail_on: Vec<Gate>,
    /// How many percentage points more of its demand a workload may miss.
    #[arg(long, value_name = "POINTS", default_value_t = Tolerances::default().missed, value_parser = simulate::not_negative)]
    missed_tolerance: f64,
    /// How many percent more replica-hours all workloads may take.
    #[arg(long, value_name = "PERCENT", default_value_t = Tolerances::default().cost, value_parser = simulate::not_negative)]
    cost_tolerance: f64,
    /// Write the differences as JSON; - is standard output, in place of the table.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn gate(text: &str) -> Result<Gate, String> {
    let known = || format!("known: {}", Gate::ALL.map(Gate::as_str).join(", "));
    Gate::ALL.into_iter().find(|gate| gate.as_str() == text).ok_or_else(known)
}

/// Compares, and prints what came of it.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let differences = compare(args)?;
    let tolerances = Tolerances { missed: args.missed_tolerance, cost: args.cost_tolerance };
    let tripped = tripped(&differences, &args.fail_on, tolerances);
    let json = || diff_json(&differences, &tripped);
    let to_stdout = args.json.as_deref() == Some(Path::new("-"));
    if let Some(path) = args.json.as_ref().filter(|_| !to_stdout) {
        std::fs::write(path, json()).with_context(|| format!("writing {}", path.display()))?;
    }
    let text = if to_stdout { json() } else { diff_table(&differences) };
    io::stdout().write_all(text.as_bytes())?;
    for line in &tripped {
        eprintln!("headroom diff: {line}");
    }
    Ok(if tripped.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(TRIPPED) })
}

fn compare(args: &Args) -> anyhow::Result<Differences> {
    let settings = recorded::settings(args.config.as_deref())?;
    if args.from.is_dir() && !is_traces(&args.from) {
        let recording = recorded::open(&args.from)?;
        let range = recorded::range(args.start.as_deref(), args.end.as_deref())?;
        let compiled = |path: &PathBuf| -> anyhow::Result<RuleSet> {
            let mut rules = recorded::rules(std::slice::from_ref(path), &settings)?;
            if let Some(name) = &args.rule {
                recorded::only(&mut rules, name)?;
            }
            Ok(rules)
        };
        let rules = [compiled(&args.old)?, compiled(&args.new)?];
        return replay(args, &settings, &Tape::Recording { recording: &recording, range }, &rules);
    }
    if args.start.is_some() || args.end.is_some() {
        bail!("--start and --end are for a recording; {} is replayed as a whole", args.from.display());
    }
    let traces = simulate::input::read(&args.from)?;
    let [(name, trace)] = traces.as_slice() else {
        bail!("{} holds several traces; name one of them", args.from.display());
    };
    let load = Load::new(name.clone(), trace, args.scrape.max(Duration::from_secs(1)), Shape::Linear);
    let load = load.with_context(|| name.clone())?;
    let (old, new) = (subject(args, &args.old, &settings)?, subject(args, &args.new, &settings)?);
    for note in old.notes.iter().chain(&new.notes) {
        eprintln!("{note}");
    }
    if old.shadow != new.shadow {
        let side = if new.shadow { &args.new } else { &args.old };
        bail!(
            "{}: rule \"{}\" is a shadow there and scales nothing, so the two can't be compared",
            side.display(),
            new.name
        );
    }
    let tape = Tape::of_trace(&load, old.series.into_iter().chain(new.series));
    replay(args, &settings, &tape, &[old.rules, new.rules])
}

/// A folder of CSV files, by mistake.
fn is_traces(folder: &Path) -> bool {
    let csv = |path: PathBuf| path.extension().is_some_and(|ending| ending == "csv");
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(|entry| csv(entry.path()))))
}

/// The rule that reads a trace.
fn subject(args: &Args, path: &Path, settings: &Settings) -> anyhow::Result<Subject> {
    let files = recorded::files(path)?;
    let choice =
        Choice { rule: args.rule.clone(), metric: args.metric.clone(), series: args.series.clone(), per_replica: None };
    Subject::of(&files, settings, &choice).with_context(|| path.display().to_string())
}

fn replay(args: &Args, settings: &Settings, tape: &Tape<'_>, rules: &[RuleSet; 2]) -> anyhow::Result<Differences> {
    let options = Options {
        startup: args.startup,
        delay: args.delay,
        slack: args.slack,
        price: args.cost_replica_hour,
        under_price: args.cost_under_hour,
        ..Options::default()
    };
    let replay = Replay { tape, settings, options: &options, step: args.scrape.max(Duration::from_secs(1)) };
    let judge = if args.judge == "new" { Judge::New } else { Judge::Old };
    let bar = recorded::bar(tape);
    let [old, new] = rules;
    let differences = diff(&replay, old, new, judge, &|at| bar.reached(at));
    bar.finish();
    differences.with_context(|| args.from.display().to_string())
}
