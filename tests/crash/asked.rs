//! What is asked of the service over its API while it is killed: silences set and ended, counts set by hand. What was
//! answered with 200 is there after the restart; what got no answer may or may not be.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use headroom::journal::{Recovered, Table};
use headroom::time::Timestamp;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::luck::Luck;
use crate::peers::http;

/// Workloads that are scaled by hand; the others follow their load.
const BY_HAND: u64 = 2;

/// Silences that are set at most, for ended ones are kept.
const SILENCES_MAX: usize = 3_000;

/// How often the API is looked at until it shows all that was acknowledged in the lives before.
const LOOKS_MAX: usize = 2_000;

/// What something may be by now: one thing, or two while a command is on its way or its answer was cut off.
type May<T> = Vec<T>;

/// What was asked, and what is known of it.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Silences by their id: whether they are active.
    silences: BTreeMap<String, May<bool>>,
    /// Counts set by hand, by the workload's number.
    counts: BTreeMap<u64, May<Option<u64>>>,
    pub(super) acknowledged: usize,
}

impl Asked {
    /// Compares a journal that a kill left behind with what was acknowledged; what was open is known from now on.
    pub(super) fn check(&mut self, recovered: &Recovered, now: Timestamp) -> Result<()> {
        let rows: BTreeMap<String, Value> = recovered.rows(Table::Silences).into_iter().collect();
        for (id, may) in &mut self.silences {
            let row = rows.get(id).with_context(|| format!("silence {id} was acknowledged and is lost"))?;
            settle(may, row["ends_at"].as_i64().context("an end")? > now.as_millis())
                .with_context(|| format!("silence {id}: {row}"))?;
        }
        let rows: BTreeMap<String, Value> = recovered.rows(Table::Workloads).into_iter().collect();
        for (number, may) in &mut self.counts {
            let row = rows.get(&name(*number)).unwrap_or(&Value::Null);
            settle(may, row["memory"]["manual"]["replicas"].as_u64())
                .with_context(|| format!("{}, set by hand: {row}", name(*number)))?;
        }
        Ok(())
    }

    /// Looks whether the service knows what was acknowledged before it started, then asks for more and more. Ends only
    /// where an answer makes no sense.
    pub(super) async fn ask(&mut self, address: SocketAddr, mut luck: Luck) -> anyhow::Error {
        if let Err(error) = self.is_shown(address).await {
            return error;
        }
        loop {
            let asked = match luck.below(4) {
                0 if self.silences.len() < SILENCES_MAX => self.silence(address).await,
                1 => self.expire(address, &mut luck).await,
                _ => self.scale(address, &mut luck).await,
            };
            if let Err(error) = asked {
                return error;
            }
            sleep(Duration::from_millis(luck.below(10))).await;
        }
    }

    async fn is_shown(&self, address: SocketAddr) -> Result<()> {
        let mut missing = String::new();
        for _ in 0..LOOKS_MAX {
            match self.missing(address).await? {
                None => return Ok(()),
                Some(what) => missing = what,
            }
            sleep(Duration::from_millis(5)).await;
        }
        bail!("after the restart the API does not show {missing}")
    }

    /// What the API does not show. Workloads come one by one, with their samples.
    async fn missing(&self, address: SocketAddr) -> Result<Option<String>> {
        let Some(silences) = get(address, "/api/v2/silences").await? else { return Ok(None) };
        let shown = |id: &str| {
            let silence = silences.as_array()?.iter().find(|silence| silence["id"] == id)?;
            Some(silence["status"]["state"] != "expired")
        };
        for (id, may) in &self.silences {
            if !shown(id).is_some_and(|active| may.contains(&active)) {
                return Ok(Some(format!("silence {id} as {may:?}: {:?}", shown(id))));
            }
        }
        let Some(answer) = get(address, "/api/v1/workloads").await? else { return Ok(None) };
        for (number, may) in &self.counts {
            let workloads = answer["workloads"].as_array().context("no list of workloads")?;
            let found = workloads.iter().find(|one| one["workload"] == name(*number).as_str());
            if !found.is_some_and(|one| may.contains(&one["manual"]["replicas"].as_u64())) {
                return Ok(Some(format!("{} as {may:?}: {found:?}", name(*number))));
            }
        }
        Ok(None)
    }

    async fn silence(&mut self, address: SocketAddr) -> Result<()> {
        // Of nobody, so that the load still moves all.
        let matcher = json!({"name": "name", "value": "nobody", "isRegex": false, "isEqual": true});
        let silence = json!({
            "matchers": [matcher], "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z",
            "createdBy": "crash", "comment": "a kill may come",
        });
        if let Some(answer) = sent(address, "POST", "/api/v2/silences", &silence.to_string()).await? {
            let answer: Value = serde_json::from_str(&answer)?;
            let id = answer["silenceID"].as_str().context("an id")?.to_owned();
            ensure!(self.silences.insert(id.clone(), vec![true]).is_none(), "the id {id} was given out twice");
            self.acknowledged += 1;
        }
        Ok(())
    }

    async fn expire(&mut self, address: SocketAddr, luck: &mut Luck) -> Result<()> {
        let active = self.silences.iter_mut().filter(|(_, may)| may.contains(&true));
        let mut active: Vec<_> = active.collect();
        if active.is_empty() {
            return Ok(());
        }
        let place = usize::try_from(luck.below(active.len() as u64))?;
        let (id, may) = active.swap_remove(place);
        let path = format!("/api/v2/silence/{id}");
        may.push(false);
        if sent(address, "DELETE", &path, "").await?.is_some() {
            *may = vec![false];
            self.acknowledged += 1;
        }
        Ok(())
    }

    async fn scale(&mut self, address: SocketAddr, luck: &mut Luck) -> Result<()> {
        let number = luck.below(BY_HAND);
        // Now and then what was asked for is taken back.
        let replicas = Some(1 + luck.below(90)).filter(|_| luck.below(4) > 0);
        let may = self.counts.entry(number).or_insert_with(|| vec![None]);
        may.push(replicas);
        let body = json!({
            "workload": name(number), "replicas": replicas, "author": "crash", "reason": "a kill may come", "ttl": "12h",
        });
        if sent(address, "POST", "/api/v1/scale", &body.to_string()).await?.is_some() {
            *may = vec![replicas];
            self.acknowledged += 1;
        }
        Ok(())
    }
}

fn name(number: u64) -> String {
    format!("shop/w{number}")
}

/// What may be is what is.
fn settle<T: PartialEq + std::fmt::Debug>(may: &mut May<T>, found: T) -> Result<()> {
    ensure!(may.contains(&found), "acknowledged {may:?}, found {found:?}");
    *may = vec![found];
    Ok(())
}

/// The body of a 200. `None` where there is no answer, for the service may have been killed, or where it says that the
/// workload has not been met yet.
async fn sent(address: SocketAddr, method: &str, path: &str, body: &str) -> Result<Option<String>> {
    let Ok(reply) = http::send(address, method, path, body).await else { return Ok(None) };
    match reply.status {
        200 => Ok(Some(reply.body)),
        404 if path == "/api/v1/scale" => Ok(None),
        503 => Ok(None),
        status => bail!("{method} {path}: {status} {}", reply.body),
    }
}

async fn get(address: SocketAddr, path: &str) -> Result<Option<Value>> {
    match http::get(address, path).await {
        Ok(reply) if reply.status == 200 => Ok(Some(serde_json::from_str(&reply.body)?)),
        _ => Ok(None),
    }
}
