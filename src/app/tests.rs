//! The loop over a journal that can't be written for a while.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redb::StorageBackend;
use redb::backends::InMemoryBackend;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::pacemaker::{Heart, Pace, Pulse};
use super::recorder::Recorder;
use super::*;
use crate::actuate::{Action, Applying, Outcome, Status};
use crate::config::Source;
use crate::dispatch::Silence;
use crate::engine::{Answer, Command, Event};
use crate::journal::{Filter, Limits, Opened, Storage, Table};
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
    /// It breaks down at the first action.
    clumsy: AtomicBool,
}

impl Actuator for Willing {
    fn watch(&self, workload: &Workload, _context: Option<&str>) {
        let observation = Observation { workload: workload.clone(), status: Status::found(2, 2) };
        self.observed.try_send(observation).unwrap();
    }

    fn apply<'a>(&'a self, action: &'a Action) -> Applying<'a> {
        assert!(!self.clumsy.swap(false, Ordering::Relaxed), "a bug");
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

/// The loop over its rules, a cluster that has two pods, a load for four, and a disk.
struct Bench {
    full: Full,
    journal: Journal,
    cluster: Arc<Willing>,
    telemetry: Arc<Telemetry>,
    pulse: Pulse,
    view: watch::Receiver<Arc<View>>,
    stop: CancellationToken,
    beating: JoinHandle<()>,
}

impl Bench {
    async fn start(settings: &Settings, is_full: bool, clumsy: bool) -> Self {
        let (store, telemetry) = (Arc::new(Store::new(series::Limits::default())), Arc::new(Telemetry::new()));
        let full = Full::default();
        let metrics = telemetry.journal.clone();
        let (journal, recovered) = Journal::open(full.clone(), Limits::default(), metrics, clock::now()).unwrap();
        let (observed, observations) = mpsc::channel(10);
        let clumsy = AtomicBool::new(clumsy);
        let cluster = Arc::new(Willing { observed, applied: Mutex::default(), clumsy });
        let recorder = Recorder::new(journal.clone(), &telemetry);
        let (clock, stop): (Clock, _) = (Arc::new(clock::now), CancellationToken::new());
        let messenger = Arc::new(messenger::Messenger::start(settings, &telemetry, &clock, &stop).unwrap());
        let (heart, pulse) = Heart::new(&store, &telemetry, observations, settings, recorder, messenger, &recovered);
        let view = heart.view();
        let files = [(PathBuf::from("rules.yaml"), RULES.to_owned())];
        let rules = rule::compile(&files, settings).unwrap();
        let subscriptions = store.subscribe(&rules.selectors());
        pulse.events.send(Event::Rules(rules.bind(subscriptions))).await.unwrap();
        let labels = Labels::from_pairs([(NAME, "load")]).unwrap();
        store.batch(&mut series::Touched::default()).write(&labels, Sample::new(clock::now(), 190.0)).unwrap();
        full.is_full.store(is_full, Ordering::Relaxed);
        let pace = Pace { debounce: Duration::from_millis(1), speed: 1 };
        let beating = tokio::spawn(heart.beat(Arc::clone(&cluster) as _, clock::system(), pace, stop.clone()));
        Self { full, journal, cluster, telemetry, pulse, view, stop, beating }
    }

    async fn ask(&self, command: Command) -> Answer {
        let (asker, answer) = oneshot::channel();
        self.pulse.commands.send((command, asker)).await.unwrap();
        answer.await.unwrap()
    }

    fn errors(&self) -> Vec<String> {
        self.view.borrow().workloads.iter().filter_map(|workload| workload.last_error.clone()).collect()
    }

    async fn fails_with(&self, what: &str) {
        eventually(what, || self.errors().iter().any(|error| error.contains(what))).await;
    }

    async fn end(self) {
        self.stop.cancel();
        self.beating.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_scaled_that_cannot_be_written_down() {
    let bench = Bench::start(&Settings::default(), true, false).await;
    bench.fails_with("can't be written down: ").await;
    assert!(bench.errors()[0].contains("the disk"), "{:?}", bench.errors());
    assert!(bench.cluster.applied.lock().unwrap().is_empty(), "nothing is done");
    assert!(bench.telemetry.journal.errors.get() > 0);

    bench.full.is_full.store(false, Ordering::Relaxed);
    eventually("it is tried again", || !bench.cluster.applied.lock().unwrap().is_empty()).await;
    let done = bench.cluster.applied.lock().unwrap()[0].clone();
    assert_eq!((done.from, done.to), (2, 4));
    let read = |id| bench.journal.reader().entry_of(id).unwrap();
    eventually("its outcome is written", || read(done.entry).is_some_and(|entry| entry.outcome.is_some())).await;
    // What failed is in the journal too, once it can be written.
    let failed = Filter { outcome: Some("failed".to_owned()), limit: 10, ..Filter::default() };
    assert!(!bench.journal.reader().decisions(&failed).unwrap().entries.is_empty());
    bench.end().await;
}

/// A silence of everything but `prod`.
fn silence() -> Silence {
    Silence {
        id: String::new(),
        matchers: crate::labels::parse_matchers("namespace!=prod").unwrap(),
        starts_at: clock::now(),
        ends_at: clock::now() + Duration::from_hours(1),
        updated_at: clock::now(),
        created_by: "alice".to_owned(),
        comment: "a test".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_hears_that_it_is_in_effect_and_not_on_disk() {
    let bench = Bench::start(&Settings::default(), true, false).await;
    bench.fails_with("can't be written down: ").await;
    let answer = bench.ask(Command::Silence { silence: silence(), spare_id: "s1".to_owned() }).await;
    assert!(
        matches!(&answer, Answer::Unwritten(text) if text.starts_with("it is in effect, but not on disk")),
        "{answer:?}"
    );
    assert_eq!(bench.view.borrow().silences.len(), 1);
    let answer = bench.ask(Command::Expire { id: "none".to_owned() }).await;
    assert_eq!(answer, Answer::NotFound("there is no silence none".to_owned()), "what changes nothing is as ever");
    bench.full.is_full.store(false, Ordering::Relaxed);
    let kept = || bench.journal.reader().rows::<serde_json::Value>(Table::Silences);
    eventually("it is written as soon as it can be", || kept().len() == 1).await;
    assert_eq!(bench.ask(Command::Expire { id: "s1".to_owned() }).await, Answer::Done);
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_a_decision_that_cannot_be_written_down() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            let mut request = vec![0; 65_536];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        }
    });
    for acts in [true, false] {
        told.store(0, Ordering::Relaxed);
        let scales = if acts { "kubernetes_configs: [{}], " } else { "" };
        let text = format!("receivers: [{{name: default, {scales}webhook_configs: [{{url: '{url}'}}]}}]");
        let settings = Settings::parse(Source { file: "headroom.yaml".as_ref(), text: &text }).unwrap();
        let bench = Bench::start(&settings, true, false).await;
        eventually("the journal is tried", || bench.telemetry.journal.errors.get() > 1).await;
        sleep(Duration::from_millis(300)).await;
        assert_eq!(told.load(Ordering::Relaxed), 0, "acts: {acts}");
        bench.full.is_full.store(false, Ordering::Relaxed);
        eventually("it is told once it is written", || told.load(Ordering::Relaxed) > 0).await;
        bench.end().await;
        assert_eq!(told.load(Ordering::Relaxed), 1, "acts: {acts}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actuator_that_breaks_down_is_told_of_and_tried_again() {
    let bench = Bench::start(&Settings::default(), false, true).await;
    bench.fails_with("the actuator broke down").await;
    eventually("it is tried again", || !bench.cluster.applied.lock().unwrap().is_empty()).await;
    let failed = Filter { outcome: Some("failed".to_owned()), limit: 10, ..Filter::default() };
    assert_eq!(bench.journal.reader().decisions(&failed).unwrap().entries.len(), 1);
    bench.end().await;
}
