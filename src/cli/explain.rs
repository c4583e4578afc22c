//! `headroom explain`: why a workload has the count that it has, and what would change it.

use std::process::ExitCode;

use http::StatusCode;

use super::client::{Target, escaped};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// As in `shop/checkout`, or `StatefulSet/shop/db`; the name alone where only one workload has it.
    workload: String,
    #[command(flatten)]
    target: Target,
}

/// Prints the server's explanation.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    super::runtime()?.block_on(async {
        let server = args.target.server()?;
        let path = format!("/api/v1/explain?workload={}", escaped(&args.workload));
        let answer = server.get(&path, "text/plain").await?;
        if answer.status != StatusCode::OK {
            anyhow::bail!(answer.error());
        }
        print!("{}", answer.text());
        Ok(ExitCode::SUCCESS)
    })
}
