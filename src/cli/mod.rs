//! The commands: one file each. Exit codes: 0 ok, 1 findings or failure, 2 usage.

mod access;
mod check;
mod client;
mod decisions;
mod demo;
mod diff;
mod explain;
mod forecast;
mod import;
mod packed;
mod recorded;
mod relabel;
mod routes;
mod scale;
mod serve;
mod simulate;
mod stop;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Scales Kubernetes workloads from a Prometheus remote-write stream, and says why.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch a real traffic trace scale a simulated cluster; needs nothing else.
    #[command(after_help = "Example:\n  headroom demo --speed 120")]
    Demo(demo::Args),
    /// Receive remote write, decide and scale.
    #[command(after_help = "Example:\n  headroom serve --config headroom.yaml --listen 0.0.0.0:4323")]
    Serve(serve::Args),
    /// Validate settings and rule files.
    #[command(after_help = "Example:\n  headroom check headroom.yaml rules/*.yaml")]
    Check(check::Args),
    /// Test rules: input series in, expected replicas, reasons and alerts out.
    #[command(after_help = "Example:\n  headroom test rules/tests/web.yaml --run 'scales out' --junit results.xml")]
    Test(test::Args),
    /// Replay recorded demand through a rule, and through HPA, KEDA and an oracle.
    #[command(
        after_help = "Examples:\n  headroom simulate requests.csv --startup 90s --html report.html\n  headroom simulate \
                      --from-prometheus http://prometheus:9090 --query 'sum(rate(http_requests_total{app=\"checkout\"}[1m]))' \
                      --start 14d --rules rules/web.yaml --rule checkout\n  headroom simulate --from data/recording --rules \
                      rules/web.yaml\n  headroom simulate traces/ --sweep \
                      --cost-replica-hour 0.05 --cost-under-hour 20"
    )]
    Simulate(Box<simulate::Args>),
    /// Replay recorded demand through two sets of rules, and tell what differs.
    #[command(
        after_help = "Examples:\n  headroom diff old/web.yaml rules/web.yaml --from data/recording\n  headroom diff \
                      main/rules rules --from requests.csv.gz --json diff.json --fail-on missed,cost"
    )]
    Diff(Box<diff::Args>),
    /// Forecast a series: CSV in, expected values and quantiles out, or a picture.
    #[command(after_help = "Example:\n  headroom forecast requests.csv --horizon 2h --plot forecast.svg")]
    Forecast(forecast::Args),
    /// Turn HPAs, KEDA's ScaledObjects and their kin into rule files.
    #[command(after_help = "Example:\n  kubectl get hpa,scaledobject -A -o yaml | headroom import - --output rules/")]
    Import(import::Args),
    /// Print what makes a Prometheus send only the series that rules read.
    #[command(after_help = "Example:\n  headroom relabel rules/ > relabel.yaml")]
    Relabel(relabel::Args),
    /// Why a workload has the count that it has, and what would change it.
    #[command(after_help = "Example:\n  headroom explain shop/checkout")]
    Explain(explain::Args),
    /// What was decided, and what is being decided.
    #[command(after_help = "Example:\n  headroom decisions --watch --workload shop/checkout")]
    Decisions(decisions::Args),
    /// Show the route tree, and test it.
    #[command(after_help = "Example:\n  headroom routes test --config headroom.yaml tier=web direction=up")]
    Routes(routes::Args),
    /// Ask for a count by hand, for a time.
    #[command(
        after_help = "Example:\n  headroom scale shop/checkout 12 --ttl 2h --reason \"flash sale\"\n  headroom scale \
                      shop/checkout --release --reason \"sale is over\""
    )]
    Scale(scale::Args),
}

/// Runs the command of the command line.
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Forecast(args) => forecast::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Relabel(args) => relabel::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Decisions(args) => decisions::run(&args),
        Command::Routes(args) => routes::run(&args),
        Command::Scale(args) => scale::run(&args),
    };
    done.unwrap_or_else(|error| {
        eprintln!("headroom: {error:#}");
        ExitCode::FAILURE
    })
}

/// The runtime of a service: two workers at least, so that a body that takes long leaves one for the others.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    tokio::runtime::Builder::new_multi_thread().worker_threads(cores.max(2)).enable_all().build()
}
