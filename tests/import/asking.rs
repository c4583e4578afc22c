//! `explain`, `decisions` and `scale` against a running service.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::{headroom, text};
use crate::peers::process::eventually;
use crate::service::Headroom;

/// A rule that needs no samples: 290 requests at 50 each, for a workload that a dry run takes to have one replica, and which follows.
const RULES: &str = "
groups:
  - name: shop
    interval: 1s
    rules:
      - scale: checkout
        target: {kind: Deployment, namespace: shop, name: checkout}
        replicas: {min: 1, max: 60}
        metrics: [{name: requests, demand: vector(290), per_replica: 50}]
";

const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_running_service_answers_the_commands_that_ask_it() -> Result<()> {
    let service = Headroom::start(RULES, &[]).await?;
    let (folder, url) = (tempfile::tempdir()?, format!("http://{}", service.address));
    let ask = |args: &[&str]| headroom(folder.path(), &[args, &["--url", &url]].concat());

    let decisions = eventually("a decision", SOON, async || {
        let output = ask(&["decisions"]);
        ensure!(output.status.success(), "{output:?}");
        Ok(Some(text(&output.stdout)).filter(|text| text.contains("simulated")))
    })
    .await?;
    let mut lines = decisions.lines();
    let first = lines.next().context("a headline")?;
    ensure!(first.contains(" shop/checkout 1 -> 5: simulated"), "{decisions}");
    ensure!(lines.next() == Some("  reactive    requests 290 / 50 = 6"), "{decisions}");

    let output = ask(&["decisions", "--outcome", "failed"]);
    ensure!(text(&output.stdout).is_empty() && output.status.success(), "{output:?}");
    let output = ask(&["decisions", "--output", "json", "--limit", "1", "--reason", "rate", "--since", "1h"]);
    let json: serde_json::Value = serde_json::from_str(text(&output.stdout).trim())?;
    ensure!(json["workload"] == "shop/checkout" && json["reason_code"] == "rate", "{json}");

    let output = ask(&["explain", "checkout"]);
    let explanation = text(&output.stdout);
    ensure!(explanation.starts_with("shop/checkout has "), "{explanation}");
    ensure!(explanation.lines().count() < 10, "{explanation}");
    let output = ask(&["explain", "cart"]);
    ensure!(
        text(&output.stderr).contains("no rule scales a workload \"cart\"; there are: shop/checkout"),
        "{output:?}"
    );
    ensure!(output.status.code() == Some(1), "{output:?}");

    let output = ask(&["scale", "cart", "3", "--reason", "sale", "--author", "ada"]);
    ensure!(text(&output.stderr).contains("no rule scales a workload"), "{output:?}");
    let output = ask(&["scale", "checkout", "--reason", "sale"]);
    ensure!(output.status.code() == Some(2), "neither a count nor --release: {output:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_watched_as_they_are_made() -> Result<()> {
    let service = Headroom::start(RULES, &[]).await?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
    command.args(["decisions", "--watch", "--url", &format!("http://{}", service.address)]);
    let mut watching = command.stdout(Stdio::piped()).spawn()?;
    let (send, lines) = mpsc::channel();
    let out = watching.stdout.take().context("its output")?;
    std::thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    let line = tokio::task::block_in_place(|| lines.recv_timeout(SOON));
    watching.kill()?;
    watching.wait()?;
    ensure!(line.as_deref().is_ok_and(|line| line.contains("shop/checkout 1 -> 5")), "{line:?}");
    Ok(())
}

#[test]
fn a_server_that_is_not_there_is_told_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    // Port 1 on loopback: nothing listens there.
    let output = headroom(folder.path(), &["explain", "checkout", "--url", "http://127.0.0.1:1"]);
    let told = text(&output.stderr);
    assert!(told.contains("no Headroom answers at http://127.0.0.1:1: ") && told.contains("HEADROOM_URL"), "{told}");
    assert_eq!(output.status.code(), Some(1));
}
