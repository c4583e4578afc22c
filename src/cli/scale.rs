//! `headroom scale`: a count asked for by hand, for a time and with a reason.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::Target;
use crate::time::{format_duration, parse_duration};
use crate::workload::Replicas;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// As in `shop/checkout`, or `StatefulSet/shop/db`; the name alone where only one workload has it.
    workload: String,
    /// How many replicas it is to have.
    #[arg(required_unless_present = "release", conflicts_with = "release")]
    replicas: Option<Replicas>,
    /// Why; it is kept with the decision.
    #[arg(long)]
    reason: String,
    /// Who asks.
    #[arg(long, env = "USER", default_value = "")]
    author: String,
    /// How long it holds; then the rule has its say again.
    #[arg(long, default_value = "1h", value_parser = parse_duration)]
    ttl: Duration,
    /// Only show what would be decided.
    #[arg(long)]
    dry_run: bool,
    /// End what was asked for before.
    #[arg(long)]
    release: bool,
    #[command(flatten)]
    target: Target,
}

/// Asks, and prints what is decided.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    super::runtime()?.block_on(async {
        let server = args.target.server()?;
        let body = json!({
            "workload": args.workload,
            "replicas": args.replicas,
            "author": args.author,
            "reason": args.reason,
            "ttl": format_duration(args.ttl),
            "dry_run": args.dry_run,
        });
        let answer = server.post("/api/v1/scale", &body).await?.json()?;
        match answer.get("decision").and_then(Value::as_str) {
            Some(decision) => println!("{decision}"),
            None => println!("done"),
        }
        Ok(ExitCode::SUCCESS)
    })
}
