//! The real `amtool`, unmodified, asks Headroom.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::door::Door;
use crate::peers::alertmanager::amtool;
use crate::peers::{self, Peers};

/// What an operator does with silences, from the first to the last.
async fn silences(peers: &Peers, address: SocketAddr) -> Result<()> {
    let run = async |args: &[&str]| amtool(peers, address, args).await;
    let query = async |args: &[&str]| -> Result<Vec<Value>> {
        let text = run(&[&["silence", "query", "-o", "json"], args].concat()).await?;
        Ok(serde_json::from_str(&text)?)
    };
    let added = run(&["silence", "add", "-a", "ann", "-c", "deploy", "-d", "1h", "tier=web", "app=~shop|cart"]).await?;
    let id = added.trim();
    let other = run(&["silence", "add", "-c", "night", "-d", "2h", "Frozen"]).await?;

    let found = query(&["tier=web"]).await?;
    ensure!(found.len() == 1 && found[0]["id"] == id, "{found:?}");
    ensure!(found[0]["createdBy"] == "ann" && found[0]["status"]["state"] == "active", "{found:?}");
    ensure!(query(&["app=~shop|cart"]).await?.len() == 1 && query(&["app=shop"]).await?.is_empty());
    ensure!(query(&["Frozen"]).await?[0]["id"] == other.trim(), "a lone word is the alert's name");
    let ids = run(&["silence", "query", "-q"]).await?;
    ensure!(ids.split_whitespace().count() == 2, "{ids}");
    let table = run(&["silence", "query", "-o", "extended"]).await?;
    ensure!(table.contains("deploy") && table.contains("app=~\"shop|cart\""), "{table}");

    let updated = run(&["silence", "update", "-c", "deploy, again", "-d", "3h", id]).await?;
    ensure!(updated.contains("deploy, again"), "{updated}");
    let found = query(&["tier=web"]).await?;
    ensure!(found.len() == 1 && found[0]["comment"] == "deploy, again" && found[0]["id"] == id, "{found:?}");

    run(&["silence", "expire", id]).await?;
    run(&["silence", "expire", id]).await.context("to end it twice is no mistake")?;
    ensure!(query(&["tier=web"]).await?.is_empty());
    ensure!(query(&["--expired", "tier=web"]).await?.len() == 1);
    let gone = run(&["silence", "expire", "5b8e9d2c-0000-4000-8000-000000000000"]).await.unwrap_err().to_string();
    ensure!(gone.contains("deleteSilenceNotFound"), "{gone}");
    let wide = run(&["silence", "add", "-c", "all but prod", "namespace!=prod"]).await?;
    run(&["silence", "expire", wide.trim()]).await?;
    let refused = run(&["silence", "add", "-c", "all", "tier=~.*"]).await.unwrap_err().to_string();
    ensure!(refused.contains("at least one matcher must not match the empty string"), "{refused}");
    Ok(())
}

async fn alerts(peers: &Peers, address: SocketAddr) -> Result<()> {
    let run = async |args: &[&str]| amtool(peers, address, args).await;
    run(&["alert", "add", "Hot", "node=a", "--annotation=summary=it is hot", "--generator-url=http://x"]).await?;
    run(&["alert", "add", "Hot", "node=b"]).await?;
    run(&["alert", "add", "Hot", "node=b"]).await?;
    let found = run(&["alert", "query", "-o", "json", "Hot"]).await?;
    let found: Vec<Value> = serde_json::from_str(&found)?;
    ensure!(found.len() == 2, "each alert is there once: {found:?}");
    let table = run(&["alert", "query", "node=a"]).await?;
    ensure!(table.contains("Hot") && table.contains("it is hot") && table.contains("active"), "{table}");
    ensure!(run(&["alert", "query", "-o", "json", "--receiver=nobody"]).await?.trim() == "[]");
    let bad = run(&["alert", "query", "--receiver=("]).await.unwrap_err().to_string();
    ensure!(bad.contains("getAlertsBadRequest") && bad.contains("receiver param"), "{bad}");
    Ok(())
}

async fn config(peers: &Peers, address: SocketAddr, receiver: &str) -> Result<()> {
    let shown = amtool(peers, address, &["config", "show"]).await?;
    ensure!(shown.contains("receiver:"), "{shown}");
    let led = amtool(peers, address, &["config", "routes", "test", "tier=web"]).await?;
    ensure!(led.trim() == receiver, "{led}");
    amtool(peers, address, &["cluster", "show"]).await?;
    Ok(())
}

#[tokio::test]
async fn the_tool_works_as_it_is() -> Result<()> {
    let Some(peers) = peers::need(&["amtool"]) else { return Ok(()) };
    let door = Door::open().await?;
    silences(&peers, door.address).await?;
    alerts(&peers, door.address).await?;
    config(&peers, door.address, "default").await
}
