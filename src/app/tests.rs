//! The loop over a journal that can't be written for a while.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redb::StorageBackend;
use redb::backends::InMemoryBackend;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::pacemaker::{Heart, Pace};
use super::recorder::Recorder;
use super::*;
use crate::actuate::{Action, Applying, Outcome, Status};
use crate::engine::Event;
use crate::journal::{Filter, Limits, Opened, Storage};
use crate::labels::{Labels, NAME};
use crate::rule;
use crate::sample::Sample;
use crate::series;
use crate::workload::Workload;

const RULES: &str = "
groups:
  - name: shop
    interval: 1s
    rules:
      - scale: checkout
        target: {kind: Deployment, namespace: shop, name: checkout}
        replicas: {min: 1, max: 20}
        metrics: [{name: requests, demand: sum(load), per_replica: 50}]
";

/// A disk that is full while the flag is up.
#[derive(Debug, Clone, Default)]
struct Full {
    disk: Arc<InMemoryBackend>,
    is_full: Arc<AtomicBool>,
}

impl Full {
    fn check(&self) -> io::Result<()> {
        if self.is_full.load(Ordering::Relaxed) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Storage for Full {
    fn open(&self) -> io::Result<Opened> {
        Ok(Opened { backend: Box::new(self.clone()), is_new: self.disk.len()? == 0 })
    }

    fn set_aside(&self, _: Timestamp) -> io::Result<String> {
        panic!("a full disk is not damaged")
    }

    fn place(&self) -> String {
        "the disk".to_owned()
    }
}

impl StorageBackend for Full {
    fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check().and_then(|()| self.disk.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check().and_then(|()| self.disk.write(offset, data))
    }
}

/// A cluster that takes everything, and remembers it.
struct Willing {
    observed: mpsc::Sender<Observation>,
    applied: Mutex<Vec<Action>>,
}

impl Actuator for Willing {
    fn watch(&self, workload: &Workload, _context: Option<&str>) {
        let observation = Observation { workload: workload.clone(), status: Status::found(2, 2) };
        self.observed.try_send(observation).unwrap();
    }

    fn apply<'a>(&'a self, action: &'a Action) -> Applying<'a> {
        self.applied.lock().unwrap().push(action.clone());
        Box::pin(std::future::ready(Outcome::Done))
    }
}

async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = timeout(Duration::from_secs(30), async {
        while !is_so() {
            sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_scaled_that_cannot_be_written_down() {
    let (store, telemetry) = (Arc::new(Store::new(series::Limits::default())), Arc::new(Telemetry::new()));
    let full = Full::default();
    let metrics = telemetry.journal.clone();
    let (journal, recovered) = Journal::open(full.clone(), Limits::default(), metrics, clock::now()).unwrap();
    let (observed, observations) = mpsc::channel(10);
    let cluster = Arc::new(Willing { observed, applied: Mutex::default() });
    let recorder = Recorder::new(journal.clone(), &telemetry);
    let settings = Settings::default();
    let clock: Clock = Arc::new(clock::now);
    let messenger = messenger::Messenger::start(&settings, &telemetry, &clock, &CancellationToken::new()).unwrap();
    let (heart, pulse) = Heart::new(&store, &telemetry, observations, &settings, recorder, messenger, &recovered);
    let (view, stop) = (heart.view(), CancellationToken::new());

    let files = [(PathBuf::from("rules.yaml"), RULES.to_owned())];
    let rules = rule::compile(&files, &Settings::default()).unwrap();
    let subscriptions = store.subscribe(&rules.selectors());
    pulse.events.send(Event::Rules(rules.bind(subscriptions))).await.unwrap();
    let labels = Labels::from_pairs([(NAME, "load")]).unwrap();
    store.batch(&mut series::Touched::default()).write(&labels, Sample::new(clock::now(), 190.0)).unwrap();

    full.is_full.store(true, Ordering::Relaxed);
    let pace = Pace { debounce: Duration::from_millis(1), speed: 1 };
    let beating = tokio::spawn(heart.beat(Arc::clone(&cluster) as _, clock::system(), pace, stop.clone()));
    eventually("the failure is shown", || {
        let view = view.borrow();
        let errors = view.workloads.iter().filter_map(|workload| workload.last_error.clone());
        errors.into_iter().any(|error| error.contains("can't be written down") && error.contains("the disk"))
    })
    .await;
    assert!(cluster.applied.lock().unwrap().is_empty(), "nothing is done");
    assert!(telemetry.journal.errors.get() > 0);

    full.is_full.store(false, Ordering::Relaxed);
    eventually("it is tried again", || !cluster.applied.lock().unwrap().is_empty()).await;
    let done = cluster.applied.lock().unwrap()[0].clone();
    assert_eq!((done.from, done.to), (2, 4));
    let read = |id| journal.reader().entry_of(id).unwrap();
    eventually("its outcome is written", || read(done.entry).is_some_and(|entry| entry.outcome.is_some())).await;
    // What failed is in the journal too, once it can be written.
    let failed = Filter { outcome: Some("failed".to_owned()), limit: 10, ..Filter::default() };
    assert!(!journal.reader().decisions(&failed).unwrap().entries.is_empty());
    stop.cancel();
    beating.await.unwrap();
}
