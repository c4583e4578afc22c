//! `headroom serve` with two receivers and no rules, to which Alertmanager's tools talk.

use std::net::SocketAddr;

use anyhow::Result;
use tempfile::TempDir;

use crate::service::Headroom;

const SETTINGS: &str = "
alerting: {resend_delay: 1s}
route: {receiver: default, group_wait: 0s}
receivers: [{name: default, kubernetes_configs: [{}]}, {name: oncall}]
";

/// A service that ends when it is dropped.
pub(super) struct Door {
    pub(super) address: SocketAddr,
    _headroom: Headroom,
    _folder: TempDir,
}

impl Door {
    pub(super) async fn open() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let settings = folder.path().join("headroom.yaml");
        std::fs::write(&settings, SETTINGS)?;
        let headroom = Headroom::start("groups: []", &["--config", &settings.to_string_lossy()]).await?;
        Ok(Self { address: headroom.address, _headroom: headroom, _folder: folder })
    }
}
