//! `headroom simulate`: recorded demand through a rule, and through what else there is.

pub(super) mod input;
mod prometheus;
#[cfg(test)]
mod tests;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use super::recorded;
use crate::config::Settings;
use crate::labels::Labels;
use crate::rule;
use crate::sim::Trace;
use crate::sim::simulate::recorded::{Replay, Tape, replay as replay_all};
use crate::sim::simulate::{self, Case, Choice, Load, Options, Plain, Policy, Progress, Report, Shape, Subject, Swept};
use crate::time::parse_duration;
use crate::workload::Replicas;

/// The part of the time for which a rule made of flags plans: what is above comes too seldom to plan for.
const PLANNED: f64 = 0.99;

/// Replays recorded demand through a rule, and side by side through HPA, KEDA, a predictive HPA, a fixed count and an
/// oracle that knows the future.
///
/// The rule is decided by the code that `serve` runs; the workload is simulated. Nothing is scaled. Without --rules a
/// plain rule is made of the flags. rules/README.md has the fields of rules.
///
/// A table tells, for each policy: replica-hours, and as a multiple of the oracle's; cost; missed%, the work that came
/// while the ready replicas could not take it; lost%, what of it had to wait for longer than --patience; minutes
/// under-provisioned; θ accuracy and τ timeshare of under- (U) and over-provisioning (O); instability k (moves too much),
/// k' (too little) and υ (both); elastic speedup ε over HPA; flaps (turns of direction); scale actions; adapt p95, how
/// long a rise of the demand waits for its replicas; p99 of the response time by a queueing model (M/M/c, and a fluid
/// queue in overload).
///
/// Exit status: 0 where it ran, 1 where a file or a server has a problem, 2 for wrong flags.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// CSV files of `timestamp,value` (unix seconds; an empty value is missing), packed by gzip or not, folders of them,
    /// or - for standard input.
    #[arg(value_name = "TRACE", required_unless_present_any = ["from_prometheus", "from"])]
    traces: Vec<PathBuf>,
    /// Take the demand from this Prometheus, or what speaks its API.
    #[arg(long, value_name = "URL", requires = "query")]
    from_prometheus: Option<String>,
    /// What to ask it: an expression for the demand; each series of the answer is a trace.
    #[arg(long, value_name = "EXPR", requires = "from_prometheus")]
    query: Option<String>,
    /// Replay what the service recorded into this folder (`recording.directory`), through all that --rules name.
    #[arg(long, value_name = "FOLDER", requires = "rules", conflicts_with_all = ["traces", "from_prometheus", "sweep", "metric", "series", "per_replica"])]
    from: Option<PathBuf>,
    /// The settings that the rules are compiled under, for --from.
    #[arg(long, value_name = "FILE", requires = "from")]
    config: Option<PathBuf>,
    /// Where the history begins: RFC 3339, unix seconds, or how long ago [default: 7d, or where a recording begins].
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Where it ends [default: now].
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
    /// The step of the query.
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = parse_duration)]
    step: Duration,

    /// Rule files.
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Which scale rule of theirs.
    #[arg(long, value_name = "NAME", requires = "rules")]
    rule: Option<String>,
    /// Which metric of that rule the trace is the demand of [default: the first].
    #[arg(long, value_name = "NAME", requires = "rules")]
    metric: Option<String>,
    /// The series that the trace is, as in `http_requests_total{app="checkout"}` [default: what the metric reads]. One
    /// that is named as a counter counts the trace up.
    #[arg(long, value_name = "SERIES", requires = "rules", value_parser = simulate::series)]
    series: Option<Labels>,
    /// Work that one replica is planned to take, in the trace's unit [default: the rule's].
    #[arg(long, value_name = "NUMBER", value_parser = positive)]
    per_replica: Option<f64>,
    /// Without --rules and --per-replica: so many replicas take the 99th percentile of each trace.
    #[arg(long, value_name = "REPLICAS", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..))]
    scale_to: Replicas,
    /// The fewest replicas of the plain rule.
    #[arg(long, value_name = "REPLICAS", default_value_t = 1, conflicts_with = "rules")]
    min: Replicas,
    /// The most replicas of the plain rule.
    #[arg(long, value_name = "REPLICAS", default_value_t = 1000, conflicts_with = "rules")]
    max: Replicas,
    /// A further field of the plain rule, as YAML: `behavior: {scale_down: {stabilization_window: 1m}}`.
    #[arg(long, value_name = "YAML", conflicts_with = "rules")]
    field: Vec<String>,

    /// From a pod's creation until it is ready.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    startup: Duration,
    /// The time between two samples.
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = parse_duration)]
    scrape: Duration,
    /// From a scrape until its sample has arrived; Prometheus sends after 5 s at the latest.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_duration)]
    delay: Duration,
    /// What a replica can do at most, as a multiple of what is planned for it.
    #[arg(long, value_name = "TIMES", default_value_t = 1.25, value_parser = positive)]
    slack: f64,
    /// How long work waits before it is lost.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    patience: Duration,
    /// The mean time in which a replica does one piece of work.
    #[arg(long, value_name = "DURATION", default_value = "100ms", value_parser = parse_duration)]
    service_time: Duration,
    /// How the demand goes between two values of a trace.
    #[arg(long, value_name = "SHAPE", default_value = "linear", value_parser = ["linear", "steps"])]
    shape: String,
    /// Who is tried, as in headroom,hpa,oracle [default: all].
    #[arg(long, value_name = "POLICIES", value_delimiter = ',', value_parser = policy)]
    policies: Vec<Policy>,
    /// The fixed count of the policy "static" [default: what the peak takes].
    #[arg(long, value_name = "REPLICAS")]
    fixed: Option<Replicas>,
    /// Money for one replica in one hour.
    #[arg(long, value_name = "MONEY", value_parser = positive)]
    cost_replica_hour: Option<f64>,
    /// Money for each hour with too few ready replicas. With --cost-replica-hour, the forecast's quantile follows from the
    /// two: under / (under + replica).
    #[arg(long, value_name = "MONEY", requires = "cost_replica_hour", value_parser = positive)]
    cost_under_hour: Option<f64>,

    /// Also try variants of the plain rule (work per replica, forecast, behavior), and print the best one.
    #[arg(long, conflicts_with = "field")]
    sweep: bool,
    /// What the best variant may miss, in percent, where there is no price.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.1, value_parser = not_negative)]
    missed_max: f64,
    /// Write the scores as JSON; - is standard output, in place of the table.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a page with plots, in one file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// How many threads [default: one for each core].
    #[arg(long, value_name = "THREADS")]
    threads: Option<usize>,
}

/// A number above zero.
pub(super) fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "write a number above zero".to_owned())
}

/// A number that is zero or above.
pub(super) fn not_negative(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "write a number, zero or above".to_owned())
}

fn policy(text: &str) -> Result<Policy, String> {
    Policy::ALL
        .into_iter()
        .find(|policy| policy.as_str() == text)
        .ok_or_else(|| format!("known: {}", Policy::ALL.map(Policy::as_str).join(", ")))
}

/// Simulates, and prints what came of it.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    io::stdout().write_all(simulated(args)?.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Simulates and writes the files; gives what is for standard output.
fn simulated(args: &Args) -> anyhow::Result<String> {
    if let Some(folder) = &args.from {
        return from_recording(folder, args);
    }
    if args.from_prometheus.is_none() && (args.start.is_some() || args.end.is_some()) {
        anyhow::bail!("--start and --end are for --from-prometheus and --from; a file is replayed as a whole");
    }
    let mut traces = Vec::new();
    for path in &args.traces {
        traces.extend(input::read(path)?);
    }
    if let (Some(url), Some(query)) = (&args.from_prometheus, &args.query) {
        let (start, end) = (args.start.as_deref().unwrap_or("7d"), args.end.as_deref().unwrap_or("0"));
        let span = input::Span::of(start, end, args.step)?;
        traces.extend(super::runtime()?.block_on(prometheus::fetch(url, query, &span))?);
    }
    let shape = if args.shape == "steps" { Shape::Steps } else { Shape::Linear };
    let load = |(name, trace): (String, Trace)| {
        Load::new(name.clone(), &trace, args.scrape.max(Duration::from_millis(1)), shape).context(name)
    };
    let loads = traces.into_iter().map(load).collect::<anyhow::Result<Vec<Load>>>()?;
    let tried = Tried::new(args)?;
    let cases = loads.iter().map(|load| tried.case(load)).collect::<anyhow::Result<Vec<Case>>>()?;
    for note in cases.first().iter().flat_map(|case| &case.subject.notes) {
        eprintln!("{note}");
    }
    let policies = if args.policies.is_empty() { &Policy::ALL[..] } else { &args.policies };
    let options = options(args);
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from));

    let bar = bar(cases.len() * policies.len(), "simulated");
    let days = std::sync::Mutex::new(0.0);
    let report = simulate::run(&cases, policies, &options, threads, &|progress: Progress| {
        if let Ok(mut days) = days.lock() {
            *days += progress.days;
            bar.set_message(format!("{:.0} days", *days));
        }
        bar.inc(1);
    })?;
    bar.finish_and_clear();
    let swept = args.sweep.then(|| sweep(args, &tried, &cases, &options, threads)).transpose()?;
    write(args, &report, swept.as_ref())
}

/// Replays a recording.
fn from_recording(folder: &Path, args: &Args) -> anyhow::Result<String> {
    let settings = recorded::settings(args.config.as_deref())?;
    let mut rules = recorded::rules(&args.rules, &settings)?;
    if let Some(name) = &args.rule {
        recorded::only(&mut rules, name)?;
    }
    let recording = recorded::open(folder)?;
    let range = recorded::range(args.start.as_deref(), args.end.as_deref())?;
    let (tape, options) = (Tape::Recording { recording: &recording, range }, options(args));
    let policies = if args.policies.is_empty() { &Policy::ALL[..] } else { &args.policies };
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from));
    let step = args.scrape.max(Duration::from_secs(1));
    let replay = Replay { tape: &tape, settings: &settings, options: &options, step };
    let bar = recorded::bar(&tape);
    let (report, notes) = replay_all(&replay, &rules, policies, threads, &|at| bar.reached(at), &|_| ())
        .context(folder.display().to_string())?;
    bar.finish();
    for note in &notes {
        eprintln!("{note}");
    }
    write(args, &report, None)
}

fn options(args: &Args) -> Options {
    Options {
        startup: args.startup,
        delay: args.delay,
        slack: args.slack,
        patience: args.patience,
        service: args.service_time.max(Duration::from_micros(1)),
        price: args.cost_replica_hour,
        under_price: args.cost_under_hour,
        fixed: args.fixed,
    }
}

/// The rule that is tried: of files, or made for each trace.
enum Tried<'a> {
    Files(Arc<Subject>),
    Flags(&'a Args),
}

impl<'a> Tried<'a> {
    fn new(args: &'a Args) -> anyhow::Result<Self> {
        if args.rules.is_empty() {
            return Ok(Self::Flags(args));
        }
        let mut files = Vec::new();
        for path in &args.rules {
            files.push((path.clone(), rule::read(path).map_err(|finding| anyhow::anyhow!("{finding}"))?));
        }
        let choice = Choice {
            rule: args.rule.clone(),
            metric: args.metric.clone(),
            series: args.series.clone(),
            per_replica: args.per_replica,
        };
        Ok(Self::Files(Arc::new(Subject::of(&files, &Settings::default(), &choice)?)))
    }

    fn case(&self, load: &Load) -> anyhow::Result<Case> {
        let subject = match self {
            Self::Files(subject) => Arc::clone(subject),
            Self::Flags(args) => Arc::new(plain(args, load).subject()?),
        };
        Ok(Case { load: load.clone(), subject })
    }

    /// The plain rule that is nearest to it.
    fn plain(&self, load: &Load) -> Plain {
        match self {
            Self::Files(subject) => {
                let Subject { min, max, per_replica, .. } = **subject;
                Plain { min, max, per_replica, fields: Vec::new() }
            }
            Self::Flags(args) => plain(args, load),
        }
    }
}

/// A rule made of flags.
fn plain(args: &Args, load: &Load) -> Plain {
    let per_replica = args.per_replica.unwrap_or_else(|| {
        // What is planned for is never nothing: a load is above zero somewhere.
        let planned = Some(load.quantile(PLANNED)).filter(|planned| *planned > 0.0).unwrap_or_else(|| load.peak());
        planned / f64::from(args.scale_to)
    });
    let mut fields = args.field.clone();
    if !fields.iter().any(|field| field.starts_with("forecast:")) && forecasts() {
        fields.push(match quantile(args) {
            Some(quantile) => format!("forecast: {{quantile: {quantile:.3}}}"),
            None => "forecast: {}".to_owned(),
        });
    }
    Plain { min: args.min, max: args.max, per_replica, fields }
}

/// The quantile that the prices make.
fn quantile(args: &Args) -> Option<f64> {
    Some(simulate::newsvendor(args.cost_under_hour?, args.cost_replica_hour?))
}

/// Whether rules can have a forecast.
fn forecasts() -> bool {
    let fields = vec!["forecast: {}".to_owned()];
    Plain { min: 1, max: 2, per_replica: 1.0, fields }.subject().is_ok()
}

fn sweep(args: &Args, tried: &Tried, cases: &[Case], options: &Options, threads: usize) -> anyhow::Result<Swept> {
    let loads: Vec<(Load, Plain)> = cases.iter().map(|case| (case.load.clone(), tried.plain(&case.load))).collect();
    let candidates = simulate::candidates(forecasts(), quantile(args));
    let bar = bar(candidates.len() * loads.len(), "tried");
    let swept = simulate::sweep(&loads, options, &candidates, args.missed_max, threads, &|_, _| bar.inc(1))?;
    bar.finish_and_clear();
    Ok(swept)
}

/// A bar on standard error, which shows itself on a terminal only.
pub(super) fn bar(length: usize, verb: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(length as u64);
    let template = format!("  {verb} {{pos}} of {{len}} {{wide_bar}} {{msg}} {{elapsed}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}

/// Writes the files that were asked for; gives the rest.
fn write(args: &Args, report: &Report, swept: Option<&Swept>) -> anyhow::Result<String> {
    let to_stdout = args.json.as_deref().is_some_and(|path| path.as_os_str() == "-");
    let text = if to_stdout {
        simulate::json(report)
    } else {
        let swept = swept.map(Swept::text).unwrap_or_default();
        let verdicts =
            if report.traces.len() > 1 { format!("\n{}", simulate::verdicts(report)) } else { String::new() };
        format!("{}{}{verdicts}{swept}", simulate::table(report), simulate::summary(report))
    };
    if let Some(path) = args.json.as_ref().filter(|_| !to_stdout) {
        std::fs::write(path, simulate::json(report)).with_context(|| format!("writing {}", path.display()))?;
    }
    if let Some(path) = &args.html {
        let page = simulate::page(report, swept);
        std::fs::write(path, page).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(text)
}
