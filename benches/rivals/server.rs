//! Servers to be measured: each a process of its own, started from nothing, with what the kernel says of its time and memory.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::payload::ONE_FAMILY;

/// Work that was put off is waited for this long.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// Which series Headroom keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kept {
    All,
    /// All, and a rule reads one in a hundred, evaluated as samples come.
    AllAndRead,
    OneFamily,
    /// None: the one rule reads other names.
    NoName,
    /// None: what the one rule reads is told by another label than the name.
    NoLabel,
}

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Headroom with windows of five minutes.
    pub(crate) fn headroom(kept: Kept) -> Self {
        let (keep, read) = match kept {
            Kept::All => ("all", "nothing_of_this_name"),
            Kept::AllAndRead => ("all", ONE_FAMILY),
            Kept::OneFamily => ("rules", ONE_FAMILY),
            Kept::NoName => ("rules", "nothing_of_this_name"),
            Kept::NoLabel => ("rules", "{__name__=~'container_.+',job='of_nobody'}"),
        };
        let rules = format!("groups: [{{name: bench, rules: [{{record: busy, expr: \"sum(rate({read}[4m]))\"}}]}}]\n");
        let settings = format!(
            "ingest: {{keep: {keep}}}\nwindows: {{retention: 5m, series_max: 2000000, memory_bytes_max: 8GiB}}\n\
             kubernetes: {{enabled: false}}\n"
        );
        Self::start(|folder, address| {
            std::fs::write(folder.join("rules.yaml"), &rules).expect("a folder of our own");
            std::fs::write(folder.join("headroom.yaml"), &settings).expect("a folder of our own");
            let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
            command.args([
                "serve",
                "--config",
                "headroom.yaml",
                "--rules",
                "rules.yaml",
                "--listen",
                &address.to_string(),
            ]);
            command
        })
    }

    /// This very program as a sink.
    pub(crate) fn sink() -> Self {
        Self::start(|_, address| {
            let mut command = Command::new(std::env::current_exe().expect("we are a program"));
            command.args(["--sink", &address.to_string()]);
            command
        })
    }

    pub(crate) fn victoria_metrics() -> Option<Self> {
        let program = peer("victoria-metrics")?;
        Some(Self::start(|folder, address| {
            let mut command = Command::new(&program);
            command
                .arg(format!("-httpListenAddr={address}"))
                .arg(format!("-storageDataPath={}", folder.join("data").display()));
            command
        }))
    }

    pub(crate) fn prometheus() -> Option<Self> {
        let program = peer("prometheus")?;
        Some(Self::start(|folder, address| {
            std::fs::write(folder.join("prometheus.yml"), "").expect("a folder of our own");
            let mut command = Command::new(&program);
            command
                .args([
                    "--config.file=prometheus.yml",
                    "--web.enable-remote-write-receiver",
                    "--storage.tsdb.path=data",
                ])
                .arg(format!("--web.listen-address={address}"));
            command
        }))
    }

    fn start(command: impl FnOnce(&std::path::Path, SocketAddr) -> Command) -> Self {
        let folder = TempDir::new().expect("a folder of our own");
        let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let mut command = command(folder.path(), address);
        command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("KUBECONFIG", "none").env_remove("HEADROOM_CONFIG");
        let mut child = command.spawn().expect("the program is there");
        let until = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect(address).is_err() {
            assert!(child.try_wait().is_ok_and(|ended| ended.is_none()), "the server ended: {command:?}");
            assert!(Instant::now() < until, "the server does not listen: {command:?}");
            std::thread::yield_now();
        }
        // Prometheus listens before it is ready.
        std::thread::park_timeout(Duration::from_secs(2));
        Self { child, address, _folder: folder }
    }

    /// User and system time of all its threads so far.
    pub(crate) fn cpu(&self) -> Duration {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("the server lives");
        // A thread that has just ended has no more to say.
        let spent =
            threads.flatten().filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok());
        let nanos = spent.filter_map(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        Duration::from_nanos(nanos.sum())
    }

    /// System time of all its threads so far, to a hundredth of a second.
    pub(crate) fn kernel(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("the server lives");
        // Counted behind the name, which may hold anything; a tick is a hundredth of a second to programs, on every machine.
        let ticks = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(12)?.parse::<u32>().ok());
        Duration::from_millis(10) * ticks.expect("stime")
    }

    /// The time that is spent after the last answer, within a while.
    pub(crate) fn afterwards(&self) -> Duration {
        let before = self.cpu();
        std::thread::park_timeout(AFTERWARDS);
        self.cpu().saturating_sub(before)
    }

    /// The most memory that was resident.
    pub(crate) fn resident_peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the server lives");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
        peak.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number") * 1_024
    }
}

/// A program that `make peers` has built.
fn peer(name: &str) -> Option<PathBuf> {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/peers");
    let peers = std::env::var_os("HEADROOM_PEERS_DIR").map_or(own, PathBuf::from);
    let program = peers.join("bin").join(name);
    program.exists().then(|| program.canonicalize().unwrap_or(program))
}
