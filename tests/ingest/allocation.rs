//! A request of known series allocates nothing, and neither does one that no rule reads.

#![allow(unsafe_code, reason = "an allocator can't be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use headroom::ingest::{Limits, Protocol, Receiver};
use headroom::labels::{MatchOp, Matcher, NAME};
use headroom::proto::{Label, Sample, TimeSeries, WriteRequest};
use headroom::series::{self, Selector, Store};
use headroom::time::Timestamp;
use prost::Message as _;

/// The system's allocator, counting what each thread asks of it.
struct Counting;

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends has no count any more.
    let _ = ASKED.try_with(|asked| asked.set(asked.get() + 1));
}

// SAFETY: every call goes on to the system's allocator as it came; the count is a number that needs no memory.
unsafe impl GlobalAlloc for Counting {
    // SAFETY: as for the system's allocator.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the promises that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    // SAFETY: as for the system's allocator.
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the promises that the system's allocator asks for.
        unsafe { System.alloc_zeroed(layout) }
    }

    // SAFETY: as for the system's allocator.
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the promises that the system's allocator asks for.
        unsafe { System.realloc(block, layout, size) }
    }

    // SAFETY: as for the system's allocator.
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block was given by the system's allocator, through the functions above.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn asked() -> u64 {
    ASKED.with(Cell::get)
}

/// Rounds until every ring has the size that its span needs: 15 minutes and some, 15 s apart.
const ROUNDS: i64 = 100;

const SERIES: usize = 500;

fn label(name: &str, value: &str) -> Label {
    Label { name: name.to_owned(), value: value.to_owned() }
}

/// A request with a sample for each series, one of which writes its labels after its sample.
fn request(name: &str, at: Timestamp) -> Vec<u8> {
    let one = |pod: usize| TimeSeries {
        labels: vec![label(NAME, name), label("pod", &format!("checkout-{pod}-{}", "x".repeat(pod % 150)))],
        samples: vec![Sample { value: pod as f64, timestamp: at.as_millis() }],
        exemplars: Vec::new(),
        histograms: Vec::new(),
    };
    let mut message = WriteRequest { timeseries: (1..SERIES).map(one).collect(), metadata: Vec::new() }.encode_to_vec();
    let TimeSeries { labels, samples, .. } = one(0);
    let samples = TimeSeries { samples, ..TimeSeries::default() }.encode_to_vec();
    let labels = TimeSeries { labels, ..TimeSeries::default() }.encode_to_vec();
    let scattered = [samples, labels].concat();
    message.push(0x0a);
    message.push(u8::try_from(scattered.len()).unwrap());
    message.extend(scattered);
    snap::raw::Encoder::new().compress_vec(&message).unwrap()
}

/// Sends rounds of `name` where rules read `read{pod=~"checkout.*"}`, and tells what the last one allocates.
#[track_caller]
fn check(name: &str, read: &str, kept: usize) {
    check_recording(name, read, kept, false);
}

/// The same where what is kept is recorded: the list that it goes into is the one allocation.
#[track_caller]
fn check_recording(name: &str, read: &str, kept: usize, recorded: bool) {
    let store = Arc::new(Store::new(series::Limits::default()));
    let matchers = vec![
        Matcher::new(NAME, MatchOp::Equal, "http_requests_total").unwrap(),
        Matcher::new("pod", MatchOp::Regex, read).unwrap(),
    ];
    let _subscriptions = store.subscribe(&[Selector { matchers, span: std::time::Duration::from_mins(15) }]);
    let receiver = Receiver::new(store, Limits::default(), 7, || {});
    let receiver = if recorded { receiver.recording(std::mem::forget) } else { receiver };
    let at = |round: i64| Timestamp::from_millis(1_760_000_000_000 + round * 15_000);
    for round in 0..ROUNDS {
        assert_eq!(receiver.receive(Protocol::V1, &request(name, at(round)), at(round)).rejected, None);
    }
    let last = request(name, at(ROUNDS));
    let before = asked();
    let received = receiver.receive(Protocol::V1, &last, at(ROUNDS)).received;
    let allocations = asked() - before;
    assert_eq!((received.kept, received.unread), (kept as u64, (SERIES - kept) as u64));
    assert_eq!(allocations, u64::from(recorded), "for {SERIES} series");
}

#[test]
fn samples_of_known_series_allocate_nothing() {
    check("http_requests_total", "checkout.*", SERIES);
}

#[test]
fn a_recording_allocates_once_for_a_request() {
    check_recording("http_requests_total", "checkout.*", SERIES, true);
}

#[test]
fn samples_that_no_rule_reads_allocate_nothing() {
    check("other_total", "checkout.*", 0);
    check("http_requests_total", "other.*", 0);
}
