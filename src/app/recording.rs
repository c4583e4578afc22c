//! Writes the recording on a thread of its own: who receives samples only puts them in a queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use tokio::task::JoinHandle;
use tracing::{error, info};

use crate::config;
use crate::recording::{Limits, RecordingError, Taken, Writer};
use crate::telemetry::{NotRecorded, RecordingMetrics};
use crate::time::{Clock, Timestamp};

/// Requests that wait to be recorded, and their samples of 24 bytes: 24 MiB. Those beyond are not recorded.
const REQUESTS_MAX: usize = 4096;
const SAMPLES_MAX: usize = 1 << 20;

/// How often the queue is looked at: at ten million samples a second it has not filled up meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What waits to be written.
#[derive(Debug)]
struct Queue {
    requests: ArrayQueue<Vec<Taken>>,
    /// Samples in it.
    samples: AtomicUsize,
    metrics: RecordingMetrics,
    ends: AtomicBool,
}

/// A recording that is being written.
#[derive(Debug)]
pub(super) struct Recording {
    queue: Arc<Queue>,
    writing: JoinHandle<()>,
}

impl Recording {
    /// Opens the folder that the settings name, and begins to write; `None` where they name none.
    pub(super) fn start(
        settings: &config::Recording,
        metrics: RecordingMetrics,
        clock: Clock,
    ) -> Result<Option<Self>, RecordingError> {
        let Some(folder) = &settings.directory else { return Ok(None) };
        let limits = Limits { max_bytes: settings.size_bytes_max as u64, max_age: settings.retention };
        let writer = Writer::open(folder, limits, clock())?;
        metrics.bytes.set(writer.bytes() as f64);
        metrics.bytes_limit.set(limits.max_bytes as f64);
        info!(folder = %folder.display(), bytes = writer.bytes(), "what comes in is recorded");
        let requests = ArrayQueue::new(REQUESTS_MAX);
        let queue = Arc::new(Queue { requests, samples: AtomicUsize::new(0), metrics, ends: AtomicBool::new(false) });
        let writing = tokio::task::spawn_blocking({
            let queue = Arc::clone(&queue);
            move || write(&queue, writer, &clock)
        });
        Ok(Some(Self { queue, writing }))
    }

    /// Where the samples of a request go. It never waits.
    pub(super) fn tap(&self) -> impl Fn(Vec<Taken>) + Send + Sync + 'static {
        let queue = Arc::clone(&self.queue);
        move |taken| queue.push(taken)
    }

    /// Writes what waits, and ends.
    pub(super) async fn finish(mut self) {
        self.queue.ends.store(true, Ordering::Release);
        // A writer that panicked has said so already.
        drop((&mut self.writing).await);
    }
}

impl Drop for Recording {
    /// A service that did not come up, or ended in haste, leaves no thread behind.
    fn drop(&mut self) {
        self.queue.ends.store(true, Ordering::Release);
    }
}

impl Queue {
    fn push(&self, taken: Vec<Taken>) {
        let count = taken.len();
        let room = self.samples.fetch_add(count, Ordering::Relaxed) + count <= SAMPLES_MAX;
        if !room || self.requests.push(taken).is_err() {
            self.samples.fetch_sub(count, Ordering::Relaxed);
            self.metrics.dropped.add(NotRecorded::QueueFull, count as u64);
        }
    }

    fn pop(&self) -> Option<Vec<Taken>> {
        let taken = self.requests.pop()?;
        self.samples.fetch_sub(taken.len(), Ordering::Relaxed);
        Some(taken)
    }
}

/// Writes until the recording ends.
fn write(queue: &Queue, mut writer: Writer, clock: &Clock) {
    let mut trouble = Trouble::default();
    loop {
        let ends = queue.ends.load(Ordering::Acquire);
        let now = clock();
        while let Some(taken) = queue.pop() {
            for taken in taken {
                trouble.note(writer.add(&taken, now), queue);
            }
        }
        let done = if ends { writer.flush(now) } else { writer.tick(now) };
        trouble.note(done, queue);
        trouble.tell(&writer, now, queue);
        if ends {
            return;
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// How often a failure that goes on is told.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// What goes wrong, told once a minute.
#[derive(Debug, Default)]
struct Trouble {
    newest: Option<RecordingError>,
    told_at: Option<Timestamp>,
    written: u64,
}

impl Trouble {
    fn note(&mut self, done: Result<(), RecordingError>, queue: &Queue) {
        let Err(error) = done else { return };
        if let RecordingError::Write { lost, .. } = &error {
            queue.metrics.dropped.add(NotRecorded::WriteFailed, *lost);
        }
        self.newest = Some(error);
    }

    fn tell(&mut self, writer: &Writer, now: Timestamp, queue: &Queue) {
        queue.metrics.samples.add(writer.written() - self.written);
        queue.metrics.bytes.set(writer.bytes() as f64);
        if writer.written() > self.written && self.newest.is_none() && self.told_at.take().is_some() {
            info!("the recording is written again");
        }
        self.written = writer.written();
        if let Some(newest) = self.newest.take_if(|_| self.told_at.is_none_or(|at| now.since(at) >= TELL_EVERY)) {
            let cause = std::error::Error::source(&newest).map(ToString::to_string).unwrap_or_default();
            error!(reason = %newest, cause, "the recording can't be written");
            self.told_at = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{Labels, NAME};
    use crate::sample::Sample;

    fn taken(count: usize) -> Vec<Taken> {
        let labels = Labels::from_pairs([(NAME, "up")]).unwrap();
        let at = |n: usize| Timestamp::from_millis(i64::try_from(n).unwrap());
        (0..count).map(|n| Taken { labels: labels.clone(), sample: Sample::new(at(n), 1.0) }).collect()
    }

    #[tokio::test]
    async fn what_is_taken_is_on_disk_when_the_service_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let settings = config::Recording { directory: Some(folder.path().join("deep/down")), ..Default::default() };
        let metrics = RecordingMetrics::default();
        let clock: Clock = Arc::new(|| Timestamp::from_millis(1_760_000_000_000));
        let recording = Recording::start(&settings, metrics.clone(), clock).unwrap().unwrap();
        let tap = recording.tap();
        tap(taken(1000));
        tap(taken(1));
        recording.finish().await;
        assert_eq!((metrics.samples.get(), metrics.dropped.total()), (1001, 0));
        assert!(metrics.bytes.get() > 0.0 && metrics.bytes_limit.get() > 1e9);
        let recording = crate::recording::Recording::open(&folder.path().join("deep/down")).unwrap();
        assert_eq!(recording.len(), 1001);
    }

    #[test]
    fn what_finds_no_room_is_counted_and_dropped() {
        let metrics = RecordingMetrics::default();
        let requests = ArrayQueue::new(2);
        let queue = Queue { requests, samples: AtomicUsize::new(0), metrics, ends: AtomicBool::new(false) };
        queue.push(taken(SAMPLES_MAX - 1));
        queue.push(taken(2));
        queue.push(taken(1));
        assert_eq!(queue.metrics.dropped.get(NotRecorded::QueueFull), 2);
        assert_eq!(queue.pop().map(|taken| taken.len()), Some(SAMPLES_MAX - 1));
        (0..2).for_each(|_| queue.push(taken(3)));
        assert_eq!(queue.metrics.dropped.get(NotRecorded::QueueFull), 5);
        assert_eq!(queue.samples.load(Ordering::Relaxed), 4);
    }

    #[tokio::test]
    async fn without_a_folder_nothing_is_recorded() {
        let clock: Clock = Arc::new(Timestamp::default);
        let none = Recording::start(&config::Recording::default(), RecordingMetrics::default(), clock);
        assert!(none.unwrap().is_none());
    }
}
