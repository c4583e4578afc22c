//! What people tell the real program of demand: patterns are added, listed, labelled and removed, and outlive a kill.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{Headroom, SOON};
use crate::peers::http;

const RULES: &str = "
groups:
  - name: shop
    interval: 1s
    rules:
      - scale: checkout
        target: {kind: Deployment, namespace: shop, name: checkout}
        replicas: {max: 9}
        metrics: [{name: requests, demand: sum(load), per_replica: 50}]
        forecast: {holidays: [{date: 2026-12-25, name: christmas, like: sunday}]}
";

/// Asks for a change, and gives the pattern's id.
async fn change(headroom: &Headroom, body: Value) -> Result<String> {
    let reply = http::send(headroom.address, "POST", "/api/v1/patterns", &body.to_string()).await?;
    ensure!(reply.status == 200, "{body}: {} {}", reply.status, reply.body);
    let answer: Value = serde_json::from_str(&reply.body)?;
    Ok(answer["id"].as_str().unwrap_or_default().to_owned())
}

/// Name, kind and labels of each pattern.
async fn listed(headroom: &Headroom) -> Result<Vec<Value>> {
    let all = headroom.json("/api/v1/patterns?workload=checkout").await?;
    let shown = |one: &Value| json!([one["name"], one["kind"], one["labels"]]);
    Ok(all["patterns"].as_array().map(|all| all.iter().map(shown).collect()).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_are_added_labelled_and_removed_and_outlive_a_kill() -> Result<()> {
    let (folder, address) = Headroom::folder(RULES)?;
    folder.write("headroom.yaml", "journal: {directory: state}\n")?;
    let flags = ["--config", "headroom.yaml"];
    let mut process = Headroom::spawn(&folder, address, &flags)?;
    process.wait_http(address, "/-/ready", SOON).await?;
    let mut headroom = Headroom { process, address, folder };
    headroom.workload("the workload", SOON, |_| true).await?;

    let add = json!({"action": "add", "workload": "shop/checkout", "metric": "requests", "kind": "flash_crowd",
        "name": "black friday", "step": "5m", "values": [50, 200, 500, 500, 300, 50], "author": "ada"});
    let id = change(&headroom, add).await?;
    ensure!(listed(&headroom).await? == [json!(["black friday", "flash_crowd", {}])]);
    let label = json!({"action": "label", "id": id, "labels": {"cause": "sale"}, "author": "ada"});
    ensure!(change(&headroom, label).await? == id);
    let forecasts = headroom.json("/api/v1/forecasts?workload=checkout").await?;
    ensure!(forecasts["metrics"][0]["lent_by"].is_null() && forecasts["metrics"][0]["matched"].is_null());

    headroom.process.kill()?;
    headroom.process = Headroom::spawn(&headroom.folder, address, &flags)?;
    headroom.process.wait_http(address, "/-/ready", SOON).await?;
    headroom.workload("the workload again", SOON, |_| true).await?;
    ensure!(listed(&headroom).await? == [json!(["black friday", "flash_crowd", {"cause": "sale"}])]);

    let remove = json!({"action": "remove", "id": id, "author": "bob"});
    ensure!(change(&headroom, remove).await? == id);
    ensure!(listed(&headroom).await?.is_empty());
    let gone = json!({"action": "remove", "id": id, "author": "bob"}).to_string();
    let reply = http::send(address, "POST", "/api/v1/patterns", &gone).await?;
    ensure!(reply.status == 404, "{} {}", reply.status, reply.body);
    Ok(())
}
