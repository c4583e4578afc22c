//! The journal against a map: any run of writes, prunings and restarts leaves both with the same content.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::disk::Disk;
use super::*;

/// What the journal must hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    /// By time and id.
    pub(super) entries: BTreeMap<(Timestamp, u64), Entry>,
    pub(super) rows: BTreeMap<(Table, String), Vec<u8>>,
    pub(super) last_id: u64,
}

impl Model {
    pub(super) fn make(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Entry(entry) => {
                    self.entries.retain(|(_, id), _| *id != entry.id);
                    self.entries.insert((entry.decision.at, entry.id), (**entry).clone());
                    self.last_id = self.last_id.max(entry.id);
                }
                Change::Put { table, key, value } => {
                    self.rows.insert((*table, key.clone()), value.clone());
                }
                Change::Delete { table, key } => {
                    self.rows.remove(&(*table, key.clone()));
                }
            }
        }
    }

    fn newest_first(&self, wants: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        self.entries.values().rev().filter(|entry| wants(entry)).cloned().collect()
    }
}

/// All pages of a filter, put together.
pub(super) fn all_pages(reader: &Reader, filter: &Filter) -> Vec<Entry> {
    let (mut filter, mut entries) = (filter.clone(), Vec::new());
    loop {
        let page = reader.decisions(&filter).unwrap();
        assert!(page.entries.len() <= filter.limit.max(1));
        entries.extend(page.entries);
        match page.next {
            Some(next) => filter.before_id = Some(next),
            None => return entries,
        }
    }
}

/// Everything that can be read, by every index, is what the model has.
#[track_caller]
pub(super) fn check(journal: &Journal, model: &Model, when: &str) {
    let reader = journal.reader();
    let filter = Filter { limit: 3, ..Filter::default() };
    let all = all_pages(&reader, &filter);
    assert_eq!(all, model.newest_first(|_| true), "{when}");
    for name in ["checkout", "search", "check"] {
        let workload = Some(workload(name).to_string());
        let own = all_pages(&reader, &Filter { workload: workload.clone(), ..filter.clone() });
        assert_eq!(own, model.newest_first(|entry| Some(entry.workload.to_string()) == workload), "{when}: {name}");
    }
    for entry in &all {
        assert_eq!(reader.entry_of(entry.id).unwrap().as_ref(), Some(entry), "{when}");
    }
    let mut unsettled: Vec<u64> = model.newest_first(|entry| entry.outcome.is_none()).iter().map(|e| e.id).collect();
    unsettled.sort_unstable();
    let found: Vec<u64> = reader.unsettled().unwrap().iter().map(|entry| entry.id).collect();
    assert_eq!(found, unsettled, "{when}");

    let mut bytes: usize = all.iter().map(|entry| serde_json::to_vec(entry).unwrap().len()).sum();
    for table in Table::ALL {
        let found = reader.rows::<Value>(table).into_iter();
        let found: Vec<_> = found.map(|(key, value)| (key, serde_json::to_vec(&value).unwrap())).collect();
        let want = model.rows.iter().filter(|((own, _), _)| *own == table);
        let want: Vec<_> = want.map(|((_, key), value)| (key.clone(), value.clone())).collect();
        bytes += want.iter().map(|(_, value)| value.len()).sum::<usize>();
        assert_eq!(found, want, "{when}: {}", table.as_str());
    }
    let counts = journal.shared.read(shared::counts).unwrap();
    assert_eq!((counts.entries, counts.bytes), (all.len() as u64, bytes as u64), "{when}");
    assert!(counts.last_id >= model.last_id, "{when}: {} and {}", counts.last_id, model.last_id);
}

#[derive(Debug, Clone)]
enum Act {
    Write(Vec<Change>),
    /// At so many seconds.
    Prune(u64),
    Restart,
}

fn outcome() -> impl Strategy<Value = Option<Outcome>> {
    prop_oneof![
        Just(None),
        Just(Some(Outcome::Done)),
        Just(Some(Outcome::Conflict)),
        Just(Some(Outcome::Failed("x".to_owned()))),
    ]
}

fn changes() -> impl Strategy<Value = Change> {
    let names = prop::sample::select(vec!["checkout", "search", "check"]);
    let entries = (1..30_u64, names, 0..100_u64, outcome()).prop_map(|(id, name, seconds, outcome)| {
        // Its time and its workload may differ, though the loop's never do: a repeated write moves it.
        Change::Entry(Arc::new(Entry { outcome, ..entry(id, name, at(seconds)) }))
    });
    let table = || prop::sample::select(Table::ALL.to_vec());
    let puts =
        (table(), "[a-c]", 0..1_000_u32).prop_map(|(table, key, value)| Change::put(table, key, &value).unwrap());
    let deletes = (table(), "[a-c]").prop_map(|(table, key)| Change::delete(table, key));
    prop_oneof![4 => entries, 2 => puts, 1 => deletes]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let write = prop::collection::vec(changes(), 0..6).prop_map(Act::Write);
    let act = prop_oneof![8 => write, 1 => (0..200_u64).prop_map(Act::Prune), 1 => Just(Act::Restart)];
    prop::collection::vec(act, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_journal_holds_what_a_map_holds(acts in acts()) {
        let disk = Disk::default();
        let limits = Limits { retention: Duration::from_secs(50), ..Limits::default() };
        let reopen = || Journal::open(disk.clone(), limits, JournalMetrics::default(), START).unwrap();
        let (mut journal, mut recovered) = reopen();
        let mut model = Model::default();
        for act in acts {
            match act {
                Act::Write(changes) => {
                    journal.write(&changes, START).unwrap();
                    model.make(&changes);
                }
                Act::Prune(seconds) => {
                    while journal.prune(at(seconds)).unwrap().more {}
                    model.entries.retain(|(decided_at, _), _| *decided_at >= at(seconds) - limits.retention);
                }
                Act::Restart => {
                    drop((journal, recovered));
                    disk.restart(u64::MAX);
                    (journal, recovered) = reopen();
                    prop_assert_eq!(recovered.last_id, model.last_id);
                }
            }
        }
        check(&journal, &model, "at the end");
    }

    #[test]
    fn pages_are_what_a_filter_of_the_map_gives(
        entries in prop::collection::vec((0..60_u64, 0..2_usize, outcome()), 0..40),
        from in prop::option::of(0..60_u64),
        to in prop::option::of(0..60_u64),
        name in prop::option::of(0..2_usize),
        wanted in prop::option::of(prop::sample::select(vec!["in_flight", "done", "failed"])),
        limit in 0..10_usize,
    ) {
        let names = ["checkout", "search"];
        let (journal, _) = open(Memory);
        let mut model = Model::default();
        for (id, (seconds, own, outcome)) in (1..).zip(entries) {
            let entry = Entry { outcome, ..entry(id, names[own], at(seconds)) };
            journal.write(&[change(&entry)], START).unwrap();
            model.make(&[change(&entry)]);
        }
        let filter = Filter {
            workload: name.map(|name| workload(names[name]).to_string()),
            from: from.map(at),
            to: to.map(at),
            outcome: wanted.map(str::to_owned),
            limit,
            ..Filter::default()
        };
        let want = model.newest_first(|entry| {
            from.is_none_or(|from| entry.decision.at >= at(from))
                && to.is_none_or(|to| entry.decision.at <= at(to))
                && name.is_none_or(|name| entry.workload == workload(names[name]))
                && wanted.is_none_or(|wanted| entry.outcome_code() == wanted)
        });
        prop_assert_eq!(all_pages(&journal.reader(), &filter), want);
    }
}
