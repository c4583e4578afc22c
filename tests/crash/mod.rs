//! The real service is killed (SIGKILL) at random instants while decisions flow. After each kill the journal is
//! compared with what reached the cluster, with what anybody was shown, and with what was acknowledged to people who
//! set silences and scaled by hand meanwhile.
//!
//! The test hosts the cluster and survives; the service is this test binary once more, told its role by the
//! environment. `HEADROOM_KILLS=500` kills more often, `SEED=7` repeats a run's chances.

mod asked;
mod luck;
mod service;
mod wire;
mod world;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use headroom::app::clock;
use headroom::decision::State;
use headroom::dispatch::Outcome;
use headroom::journal::{Change, Directory, Durability, Entry, FILE, Filter, Journal, Limits, PAGE_MAX, Table};
use headroom::telemetry::JournalMetrics;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::peers::http;
use crate::peers::process::{Folder, Process};
use asked::Asked;
use luck::Luck;
use world::World;

/// How long a start may take on a machine that is busy with other tests, in a build without optimization. The promise,
/// a second with 10,000 workloads, is measured by `benches/journal.rs`.
const START_MAX: Duration = Duration::from_secs(20);

/// Entries that one life of the service makes at most; older ones are compared now and then only.
const LIFE_ENTRIES_MAX: usize = 2 * PAGE_MAX;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The other process. As a test of its own it does nothing.
#[test]
fn the_service_that_is_killed() -> Result<()> {
    let Ok(world) = std::env::var(service::WORLD) else { return Ok(()) };
    let directory = PathBuf::from(std::env::var_os(service::DIRECTORY).context("the journal's directory")?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(service::serve(world.parse()?, directory))
}

/// All that is known to have been acknowledged, in whichever way.
#[derive(Debug, Default)]
struct Witness {
    /// Every entry that the journal ever held.
    entries: BTreeMap<u64, Entry>,
    /// Every decision that the API ever showed.
    shown: Shown,
    /// What people asked for.
    asked: Asked,
}

/// Decisions by their id: workload, from, to.
type Shown = BTreeMap<u64, (String, u64, u64)>;

impl Witness {
    /// Compares the journal that a kill left behind with all that is known. Looks at a copy: opening mends, and the
    /// next life is to meet the file as it was left.
    fn check(&mut self, folder: &Folder, world: &World, thorough: bool) -> Result<()> {
        let file = folder.path().join("data").join(FILE);
        ensure!(file.exists(), "the journal is gone");
        let copy = folder.path().join("copy");
        std::fs::create_dir_all(&copy)?;
        std::fs::copy(file, copy.join(FILE))?;
        let metrics = JournalMetrics::default();
        let storage = Directory::new(&copy, Durability::Eventual);
        let (journal, recovered) = Journal::open(storage, Limits::default(), metrics.clone(), clock::now())?;
        ensure!(metrics.errors.get() == 0, "the journal was damaged, and set aside");
        let (reader, mut looked_at) = (journal.reader(), 0);
        let mut filter = Filter { limit: PAGE_MAX, ..Filter::default() };
        let mut found = BTreeMap::new();
        while thorough || looked_at < LIFE_ENTRIES_MAX {
            let page = reader.decisions(&filter)?;
            looked_at += page.entries.len();
            found.extend(page.entries.into_iter().map(|entry| (entry.id, entry)));
            filter.before_id = page.next;
            if page.next.is_none() {
                break;
            }
        }
        let first = if filter.before_id.is_none() { 0 } else { found.keys().next().copied().unwrap_or(0) };
        ensure!(recovered.last_id >= found.keys().next_back().copied().unwrap_or(0), "ids go on");
        ensure!(metrics.unreadable.get() == 0, "every row can be read");
        self.compare(&found, first, world)?;
        self.asked.check(&recovered, clock::now())?;
        self.entries.extend(found);
        Ok(())
    }

    fn compare(&self, found: &BTreeMap<u64, Entry>, first: u64, world: &World) -> Result<()> {
        for (id, before) in self.entries.range(first..) {
            let now = found.get(id).with_context(|| format!("entry {id} is lost: {before:?}"))?;
            let same = (&now.workload, &now.decision) == (&before.workload, &before.decision);
            ensure!(same, "the id {id} was given out twice: {before:?}, then {now:?}");
            ensure!(before.outcome.is_none() || now.outcome == before.outcome, "{before:?} changed into {now:?}");
        }
        for (id, (workload, from, to)) in self.shown.range(first..) {
            let entry = found.get(id).with_context(|| format!("decision {id} was shown and is lost"))?;
            let decision = (entry.workload.to_string(), u64::from(entry.decision.from), u64::from(entry.decision.to));
            ensure!(decision == (workload.clone(), *from, *to), "decision {id} was shown as another: {entry:?}");
        }
        let ledger = world.ledger();
        ensure!(ledger.wrong.is_empty(), "{}", ledger.wrong.join("\n"));
        for (id, deed) in ledger.deeds.range(first..) {
            let entry =
                found.get(id).with_context(|| format!("{deed:?} reached the cluster without its entry {id}"))?;
            let covered = (&entry.workload, entry.decision.from, entry.decision.to);
            ensure!(covered == (&deed.workload, deed.from, deed.to), "{deed:?} was done under {entry:?}");
        }
        for (id, entry) in found.range(first..) {
            let done = ledger.deeds.get(id).is_some_and(|deed| deed.outcome == Outcome::Done);
            ensure!(entry.outcome != Some(Outcome::Done) || done, "{entry:?} counts as done, and was not");
        }
        Ok(())
    }
}

/// A journal that knows 10,000 workloads already: every start has to read them.
fn fill(directory: &Path) -> Result<()> {
    let storage = Directory::new(directory, Durability::Immediate);
    let (journal, _) = Journal::open(storage, Limits::default(), JournalMetrics::default(), clock::now())?;
    let row = serde_json::json!({"memory": {"state": State::default()}, "at": clock::now()});
    let rows = (0..10_000).map(|number| Change::put(Table::Workloads, format!("other/w{number}"), &row));
    Ok(journal.write(&rows.collect::<Result<Vec<_>, _>>()?, clock::now())?)
}

/// One life of the service, from its start to its kill.
struct Life<'a> {
    folder: &'a Folder,
    listener: &'a TcpListener,
    world: &'a World,
}

impl Life<'_> {
    fn spawn(&self) -> Result<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--exact", "crash::the_service_that_is_killed", "--nocapture", "--test-threads=1"]);
        command.env(service::WORLD, self.listener.local_addr()?.to_string());
        command.env(service::DIRECTORY, self.folder.path().join("data"));
        // No grace: dropped, it is killed.
        Process::spawn("service", command, self.folder.path(), Duration::ZERO)
    }

    /// Lives until `luck` says, and gives how long it took to be ready, where it came so far.
    async fn live(&self, luck: &mut Luck, witness: &mut Witness) -> Result<Option<Duration>> {
        let began = Instant::now();
        let process = self.spawn()?;
        let (tell_ready, mut ready) = watch::channel(None);
        let world = self.world.clone();
        let conversation = world.accept(self.listener, tell_ready);
        let killed = async {
            // Most are killed at work, some while they start.
            let started = luck.below(5) > 0;
            let mut took = None;
            if started {
                let address = self.ready(&mut ready).await.with_context(|| process.log_tail(40))?;
                took = Some(began.elapsed());
                let work = Duration::from_micros(luck.below(800_000));
                let load = world::load(address, Luck::new(luck.next()));
                let asking = Luck::new(luck.next());
                let Witness { shown, asked, .. } = witness;
                tokio::select! {
                    () = load => {}
                    () = sleep(work) => {}
                    error = watch_decisions(address, shown) => return Err(error),
                    error = asked.ask(address, asking) => return Err(error),
                }
            } else {
                sleep(Duration::from_micros(luck.below(250_000))).await;
            }
            drop(process);
            anyhow::Ok(took)
        };
        tokio::pin!(conversation);
        tokio::select! {
            // One that is killed early never connects.
            took = killed => {
                let took = took?;
                // What it said last is still heard.
                let rest = timeout(Duration::from_millis(if took.is_some() { 10_000 } else { 200 }), conversation).await;
                if took.is_some() {
                    rest.context("the conversation with the dead does not end")??;
                }
                Ok(took)
            }
            ended = &mut conversation => anyhow::bail!("the service ended by itself: {ended:?}"),
        }
    }

    async fn ready(&self, ready: &mut watch::Receiver<Option<SocketAddr>>) -> Result<SocketAddr> {
        timeout(START_MAX, async {
            let address = *ready.wait_for(Option::is_some).await?;
            let address = address.context("ready, and nowhere")?;
            while !http::get(address, "/-/ready").await.is_ok_and(|reply| reply.status == 200) {
                sleep(Duration::from_millis(1)).await;
            }
            Ok(address)
        })
        .await
        .with_context(|| format!("not ready within {START_MAX:?}"))?
    }
}

/// Looks at the API again and again, and keeps what it shows. Ends only where an answer makes no sense.
async fn watch_decisions(address: SocketAddr, witness: &mut Shown) -> anyhow::Error {
    loop {
        if let Ok(reply) = http::get(address, "/api/v1/decisions").await {
            match world::shown(&reply.body) {
                Ok(shown) => witness.extend(shown.into_iter().map(|(id, name, from, to)| (id, (name, from, to)))),
                Err(error) => return error,
            }
        }
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_instant_loses_nothing_and_repeats_nothing() -> Result<()> {
    let (kills, seed) = (number("HEADROOM_KILLS", 15), number("SEED", 1));
    let folder = Folder::create(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("crash"), "kills")?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let (world, mut witness, mut luck) = (World::new(), Witness::default(), Luck::new(seed));
    let life = Life { folder: &folder, listener: &listener, world: &world };
    fill(&folder.path().join("data"))?;
    let mut starts = Vec::new();
    for kill in 1..=kills {
        let when = || format!("kill {kill} of {kills}, SEED={seed}");
        starts.extend(life.live(&mut luck, &mut witness).await.with_context(when)?);
        witness.check(&folder, &world, kill % 50 == 0 || kill == kills).with_context(when)?;
    }
    let (deeds, entries) = (world.ledger().deeds.len(), witness.entries.len());
    let unsettled = witness.entries.values().filter(|entry| entry.outcome.is_none()).count();
    starts.sort_unstable();
    let (median, longest) = (starts.get(starts.len() / 2), starts.last());
    println!(
        "{kills} kills: {entries} entries, {} shown, {deeds} reached the cluster, {unsettled} unsettled, {} commands \
         acknowledged; ready after {median:?}, {longest:?} at most",
        witness.shown.len(),
        witness.asked.acknowledged,
    );
    ensure!(deeds as u64 > kills, "decisions flow: {deeds} in {kills} lives");
    ensure!(witness.asked.acknowledged as u64 > kills, "commands are answered: {}", witness.asked.acknowledged);
    // What the kills interrupted is settled by looking; only the last life's actions may be open.
    ensure!(unsettled <= world::WORKLOADS, "{unsettled} entries are still without an outcome");
    Ok(())
}
