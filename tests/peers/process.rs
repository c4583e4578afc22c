//! Child processes that never outlive the tests, their folders, their ports, and waiting for them.
//!
//! In goes a command, out comes a guard: dropped, it ends the process; and where the tests are
//! killed without a drop, the kernel ends it. What the process prints is in a log file whose end is
//! part of every error. Never here: a process that is ended by its name, a wait without a limit.

// Signals and the parent-death flag are system calls without a safe form in the standard library.
#![allow(unsafe_code)]
// Real processes live by the real clock; the ban keeps it out of what decides.
#![allow(clippy::disallowed_methods)]

use std::collections::VecDeque;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

use super::http;

/// A running peer. Dropping it ends the process and waits for that.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    grace: Duration,
}

impl Process {
    /// Starts `command`, with its output in `<folder>/<name>.log`.
    ///
    /// `grace` is how long it may take to end by itself when the guard is dropped; zero suits a
    /// peer whose state is thrown away with its folder.
    pub(crate) fn spawn(name: &str, mut command: Command, folder: &Path, grace: Duration) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("log {}", log.display()))?;
        command.current_dir(folder).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        // Home: some programs read and write settings there, which would tie a test to the machine.
        command.env("HOME", folder).process_group(0);
        let program = command.get_program().to_owned();
        let child = spawn_bound(command).with_context(|| format!("start {}", Path::new(&program).display()))?;
        Ok(Self { name: name.to_owned(), child, log, grace })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Stops the process where it stands (SIGSTOP): connections stay open and nothing answers.
    pub(crate) fn pause(&self) -> Result<()> {
        self.signal(libc::SIGSTOP)
    }

    /// Lets a paused process go on (SIGCONT).
    pub(crate) fn resume(&self) -> Result<()> {
        self.signal(libc::SIGCONT)
    }

    /// Asks the process to end (SIGTERM).
    pub(crate) fn terminate(&self) -> Result<()> {
        self.signal(libc::SIGTERM)
    }

    /// Waits until the process has ended by itself.
    pub(crate) async fn ended(&mut self, limit: Duration) -> Result<ExitStatus> {
        let what = format!("{} ends", self.name);
        eventually(&what, limit, async || Ok(self.child.try_wait()?)).await
    }

    /// Ends the process at once (SIGKILL) and waits for its end: a crash, as its peers see it.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Fails, with the end of the log, if the process has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended ({status}); its log ends:\n{}", self.name, self.log_tail(15)),
            None => Ok(()),
        }
    }

    /// The last `lines` lines of what the process printed.
    pub(crate) fn log_tail(&self, lines: usize) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let mut tail = VecDeque::with_capacity(lines + 1);
        for line in text.lines() {
            tail.push_back(line);
            if tail.len() > lines {
                tail.pop_front();
            }
        }
        Vec::from(tail).join("\n")
    }

    /// Waits until `path` answers 200; fails early if the process ends, and with its log if it is late.
    pub(crate) async fn wait_http(&mut self, address: SocketAddr, path: &str, limit: Duration) -> Result<()> {
        let what = format!("{} answers 200 to {path}", self.name);
        let waited = eventually(&what, limit, async || {
            self.check()?;
            Ok(http::get(address, path).await.is_ok_and(|reply| reply.status == 200).then_some(()))
        })
        .await;
        waited.map_err(|error| anyhow!("{error}; its log ends:\n{}", self.log_tail(15)))
    }

    fn signal(&self, signal: libc::c_int) -> Result<()> {
        let id = libc::pid_t::try_from(self.child.id())?;
        // SAFETY: `kill` touches no memory of ours. The id is our child's and can't have passed to
        // another process: only `wait`, which needs the child, lets the kernel reuse it.
        match unsafe { libc::kill(id, signal) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()).with_context(|| format!("signal {signal} to {}", self.name)),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Whatever fails here, the process has already ended.
        if !self.grace.is_zero() && self.signal(libc::SIGTERM).is_ok() {
            let _ = self.resume();
            let end = Instant::now() + self.grace;
            while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Spawns a process that the kernel kills when the tests end, however they end.
///
/// The kernel watches the *thread* that spawned, and a test's thread ends with the test, before a
/// peer that several tests share. So one thread spawns them all and lives as long as the process.
fn spawn_bound(mut command: Command) -> Result<Child> {
    type Order = (Command, mpsc::Sender<std::io::Result<Child>>);
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();

    let parent = std::process::id();
    // SAFETY: between fork and exec only these two system calls run; they allocate nothing and take
    // no lock.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            // The parent may have ended before the flag was set.
            match u32::try_from(libc::getppid()) {
                Ok(id) if id == parent => Ok(()),
                _ => Err(std::io::ErrorKind::BrokenPipe.into()),
            }
        });
    }
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in inbox {
                // Who asked may have given up; the child then ends with its dropped answer.
                let _ = reply.send(command.spawn());
            }
        });
        orders
    });
    let (reply, answer) = mpsc::channel();
    spawner.send((command, reply)).map_err(|_| anyhow!("the thread that spawns has ended"))?;
    Ok(answer.recv()??)
}

/// A folder of one run. Dropped, it loses its folders (the data) and keeps its files (logs, settings):
/// whether the test fails is known only later. [`sweep`] removes the rest.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes `<parent>/<test>-<process id>-<n>`, and removes what dead test runs left behind.
    pub(crate) fn create(parent: &Path, test: &str) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        sweep(parent);
        let test: String = test.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{test}-{}-{count}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("folder {}", path.display()))?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file into the folder and gives its path.
    pub(crate) fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        fs::write(&path, content).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        remove_data(&self.path);
    }
}

/// Removes what ended test runs left in `parent`: data at once, logs after an hour.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.rsplit('-').nth(1)).unwrap_or_default();
        if Path::new("/proc").join(owner).exists() {
            continue;
        }
        let age = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|time| time.elapsed().ok());
        if age.is_some_and(|age| age > Duration::from_hours(1)) {
            // Another test may be sweeping the same folder.
            let _ = fs::remove_dir_all(entry.path());
        } else {
            remove_data(&entry.path());
        }
    }
}

/// Removes the folders in a run's folder; what can't be removed now is swept by a later run.
fn remove_data(run: &Path) {
    for entry in fs::read_dir(run).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A loopback address that nobody listens on.
///
/// The ports lie below the range that the kernel gives to outgoing connections (32768 and up), so
/// that none of those takes the port before its peer does; each test process starts in its own
/// block and hands out each port once.
pub(crate) fn free_address() -> Result<SocketAddr> {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    const BLOCK: u32 = 40;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..COUNT {
        let offset = std::process::id().wrapping_mul(BLOCK).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + offset % COUNT)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no loopback port from {FIRST} to {} is free", FIRST + COUNT - 1)
}

/// Asks `probe` again and again until it gives something, fails, or `limit` is over.
///
/// `what` is the statement that should come true; the error says it with the limit.
pub(crate) async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    const PAUSE: Duration = Duration::from_millis(50);
    tokio::time::timeout(limit, async {
        loop {
            if let Some(found) = probe().await? {
                return Ok(found);
            }
            tokio::time::sleep(PAUSE).await;
        }
    })
    .await
    .unwrap_or_else(|_| Err(anyhow!("not within {limit:?}: {what}")))
}
