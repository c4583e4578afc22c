//! What the service and the world say to each other: JSON, a line each, over loopback.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use headroom::dispatch::Outcome;
use headroom::workload::{Replicas, Workload};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// From the service.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Said {
    /// It serves here.
    Ready(SocketAddr),
    Watch(Workload),
    Forget(Workload),
    Apply {
        entry: u64,
        workload: Workload,
        from: Replicas,
        to: Replicas,
    },
}

/// From the world.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Heard {
    Observed { workload: Workload, replicas: Replicas, ready: Replicas },
    Applied { entry: u64, outcome: Outcome },
}

/// Writes one message.
pub(super) async fn say(stream: &mut OwnedWriteHalf, message: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    stream.write_all(&line).await.context("the other side is gone")
}

/// Reads one message; `None` where the other side has ended, be it within a line.
pub(super) async fn hear<T: DeserializeOwned>(stream: &mut BufReader<OwnedReadHalf>) -> Result<Option<T>> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await;
    if read.is_err() || !line.ends_with('\n') {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line).with_context(|| format!("no message: {line}"))?))
}
