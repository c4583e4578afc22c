//! Real programs for the tests to talk to: a Prometheus, a Kubernetes control plane.
//!
//! `build.sh` beside this file puts the programs under `target/peers/bin`; this module finds them
//! there and starts them on free loopback ports, each in a folder of its own under
//! `target/peers/run`. A test opens with
//!
//! ```ignore
//! let Some(peers) = peers::need(&["prometheus", "kube-apiserver"]) else { return };
//! ```
//!
//! and so is named as skipped where a peer can't be had. Never here: a program from the search
//! path, a port that others can reach, a wait without a limit, a process that outlives the tests.

// A fixture serves tests that come and go; what none of them uses today is not dead.
#![allow(dead_code)]

pub(crate) mod alertmanager;
pub(crate) mod cluster;
pub(crate) mod http;
mod pki;
pub(crate) mod process;
pub(crate) mod prometheus;
mod smoke;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use self::process::Folder;

/// The programs that `build.sh` left for the tests, at least those that a test asked for.
#[derive(Debug, Clone)]
pub(crate) struct Peers {
    cache: PathBuf,
}

/// Finds the `programs` that the calling test can't do without.
///
/// Where one is missing, this says so in one line and gives nothing: the test returns. With
/// `HEADROOM_PEERS=required` in the environment the missing program is a failure instead.
#[track_caller]
pub(crate) fn need(programs: &[&str]) -> Option<Peers> {
    let peers = Peers { cache: cache() };
    let missing: Vec<&str> = programs.iter().copied().filter(|program| !peers.program(program).is_file()).collect();
    if missing.is_empty() {
        return Some(peers);
    }
    let line = format!("skipped: {}: no {} (run make peers)", test_name(), missing.join(", "));
    let required = std::env::var_os("HEADROOM_PEERS").is_some_and(|value| value == "required");
    assert!(!required, "{line}");
    // To the stream itself, for the test harness hides what the print macros write; and in one
    // piece, for tests run side by side. Nothing is lost where nobody listens.
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
    None
}

/// All that [`cluster::Cluster`] starts.
pub(crate) const CLUSTER: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kwok"];

impl Peers {
    /// Where the program `name` is.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.cache.join("bin").join(name)
    }

    /// A fresh folder for one run of a peer; its data goes with the guard, its logs stay for a while.
    pub(crate) fn folder(&self) -> anyhow::Result<Folder> {
        Folder::create(&self.cache.join("run"), &test_name())
    }
}

/// The folder that `build.sh` fills.
fn cache() -> PathBuf {
    // Cargo names `target/tmp` to integration tests, wherever the target folder is.
    std::env::var_os("HEADROOM_PEERS_DIR").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap_or(Path::new("target")).join("peers"),
        PathBuf::from,
    )
}

/// The name of the running test, which the harness gives to its thread.
fn test_name() -> String {
    std::thread::current().name().unwrap_or("test").to_owned()
}
