//! What the journal costs: a step's commit, a start from a large one, a page.
//!
//! Unit: milliseconds of wall time, of which CPU; budget: a restart with 10,000 workloads and 100,000 decisions is ready
//! within a second, so opening may take half of one. A commit waits for one `fsync`, whose time is the disk's: the same
//! commit without it stands beside.

mod measure;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use headroom::decision::{Decision, Inputs, MetricInput, Policy, State, decide};
use headroom::demand::Presence;
use headroom::dispatch::Outcome;
use headroom::journal::{Change, Directory, Durability, Entry, Filter, Journal, Limits, PAGE_MAX, Recovered, Table};
use headroom::telemetry::JournalMetrics;
use headroom::time::Timestamp;
use headroom::workload::{ObjectRef, Workload};
use measure::{heading, line, size};
use tokio::time::Instant;

const START: Timestamp = Timestamp::from_millis(1_760_000_000_000);
const WORKLOADS: u64 = 10_000;

fn workload(number: u64) -> Workload {
    let (kind, namespace) = ("Deployment".to_owned(), "shop".to_owned());
    Workload::from(ObjectRef { api_version: "apps/v1".to_owned(), kind, namespace, name: format!("workload-{number}") })
}

/// A decision of the usual size, and what is remembered after it.
fn decision(at: Timestamp) -> (Decision, State) {
    let (name, demand, per_replica) = (Arc::from("requests"), Presence::Present(190.0), Presence::Present(50.0));
    let metrics = vec![MetricInput::new(name, demand, per_replica)];
    decide(&Policy::new(1, 100), &Inputs { metrics, replicas: 2, ready: 2, ..Inputs::default() }, &State::default(), at)
}

fn entry(id: u64) -> Entry {
    let at = START + Duration::from_secs(id);
    let entry = Entry::new(id, workload(id % WORKLOADS), Arc::from("every-deployment"), decision(at).0);
    Entry { outcome: Some(Outcome::Done), ended_at: Some(at), ..entry }
}

fn open(folder: &Path, durability: Durability) -> (Journal, Recovered) {
    let opened = Journal::open(Directory::new(folder, durability), Limits::default(), JournalMetrics::default(), START);
    opened.expect("the journal opens")
}

fn ms(duration: Duration) -> String {
    format!("{:>10.3}", duration.as_secs_f64() * 1e3)
}

/// The median wall and CPU time of several passes.
fn median(mut pass: impl FnMut()) -> (Duration, Duration) {
    let mut times: Vec<_> = (0..measure::passes())
        .map(|_| {
            let (wall, cpu) = (Instant::now(), measure::thread_cpu());
            pass();
            (wall.elapsed(), measure::thread_cpu().saturating_sub(cpu))
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn report(name: &str, (wall, cpu): (Duration, Duration)) {
    line(name, &format!("{}{}", ms(wall), ms(cpu)));
}

fn commits(folder: &Path) {
    heading("journal: the commit of a step", "   ms wall    ms CPU");
    for (durability, name) in [(Durability::Immediate, "on disk"), (Durability::Eventual, "without fsync")] {
        let (journal, _) = open(&folder.join(name), durability);
        let mut id = 0;
        for count in [1, 10, 100] {
            let commits = size(20, 2);
            let (wall, cpu) = median(|| {
                for _ in 0..commits {
                    let changes: Vec<Change> =
                        (0..count).map(|more| Change::Entry(Arc::new(entry(id + more)))).collect();
                    id += count;
                    journal.write(&changes, START).expect("it is written");
                }
            });
            let each = |time: Duration| time / u32::try_from(commits).unwrap_or(1);
            report(&format!("{count} entries, {name}"), (each(wall), each(cpu)));
        }
    }
}

/// 10,000 workload states and 100,000 decisions.
fn fill(folder: &Path) {
    let (journal, _) = open(folder, Durability::Eventual);
    let state = decision(START).1;
    let put = |number| Change::put(Table::Workloads, workload(number).to_string(), &state).expect("a state is JSON");
    journal.write(&(0..WORKLOADS).map(put).collect::<Vec<_>>(), START).expect("it is written");
    let decisions = size(100_000, 2_000) as u64;
    for first in (0..decisions).step_by(1_000) {
        let entries = (first..first + 1_000).map(|id| Change::Entry(Arc::new(entry(id))));
        journal.write(&entries.collect::<Vec<_>>(), START).expect("it is written");
    }
}

fn starts(folder: &Path) {
    let file = Directory::new(folder, Durability::Eventual).file();
    let bytes = std::fs::metadata(&file).map_or(0, |file| file.len());
    let json = serde_json::to_vec(&entry(12_345)).map_or(0, |json| json.len());
    heading("journal: start with 10,000 workloads and 100,000 decisions", "   ms wall    ms CPU");
    line("bytes of an entry, of the file", &format!("{json:>10}{bytes:>10}"));
    let start = || {
        let (_, recovered) = open(folder, Durability::Eventual);
        let states = recovered.rows::<State>(Table::Workloads);
        assert_eq!(states.len() as u64, WORKLOADS);
        assert!(!recovered.entries.is_empty());
    };
    report("after an orderly end", median(start));
    // A copy of the file while it is open is what a kill leaves.
    let killed = folder.join("killed");
    std::fs::create_dir_all(&killed).expect("a folder");
    let (journal, _) = open(folder, Durability::Eventual);
    journal.write(&[Change::Entry(Arc::new(entry(1_000_000)))], START).expect("it is written");
    let copy = Directory::new(&killed, Durability::Eventual).file();
    let mut after_kill = Vec::new();
    for _ in 0..measure::passes() {
        std::fs::copy(&file, &copy).expect("a copy");
        let began = (Instant::now(), measure::thread_cpu());
        let (_, recovered) = open(&killed, Durability::Eventual);
        assert_eq!(recovered.rows::<State>(Table::Workloads).len() as u64, WORKLOADS);
        after_kill.push((began.0.elapsed(), measure::thread_cpu().saturating_sub(began.1)));
    }
    after_kill.sort_unstable();
    report("after a kill", after_kill[after_kill.len() / 2]);
}

fn pages(folder: &Path) {
    heading("journal: pages", "   ms wall    ms CPU");
    let (journal, _) = open(folder, Durability::Eventual);
    let reader = journal.reader();
    let all = Filter { limit: 100, ..Filter::default() };
    let middle = (START + Duration::from_secs(size(50_000, 1_000) as u64), START + Duration::from_mins(1_000));
    for (name, filter) in [
        ("the newest 100", all.clone()),
        ("the newest 1,000", Filter { limit: PAGE_MAX, ..all.clone() }),
        ("100 of a time long ago", Filter { from: Some(middle.0), to: Some(middle.1), ..all.clone() }),
        ("one workload's", Filter { workload: Some(workload(77).to_string()), ..all.clone() }),
        ("an outcome that no entry has", Filter { outcome: Some("refused".to_owned()), ..all }),
    ] {
        report(name, median(|| drop(reader.decisions(&filter).expect("it is read"))));
    }
}

fn main() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("journal-{}", std::process::id()));
    commits(&folder);
    let large = folder.join("large");
    fill(&large);
    starts(&large);
    pages(&large);
    std::fs::remove_dir_all(&folder).expect("the folder is removed");
}
