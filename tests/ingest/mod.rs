//! The hot path allocates nothing: bodies of known series, and of series that no rule reads.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use headroom::ingest::{Limits, Receiver};
use headroom::labels::{MatchOp, Matcher, NAME};
use headroom::proto::{Label, Sample, TimeSeries, WriteRequest};
use headroom::series::{self, Selector, Store};
use headroom::time::Timestamp;
use prost::Message as _;

/// The system's allocator, with a count for each thread.
struct Counting;

thread_local!(static ALLOCATIONS: Cell<u64> = const { Cell::new(0) });

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is the system allocator's; the count is a plain number of the thread's own, without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that is ending has no count any more.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

const START_MS: i64 = 1_760_000_000_000;

/// A request with one sample of each of a thousand series.
fn body(round: i64) -> Vec<u8> {
    let series = |pod: u32| {
        let labels = [("__name__", "requests_total".to_owned()), ("pod", format!("pod-{pod}"))];
        TimeSeries {
            labels: labels.map(|(name, value)| Label { name: name.to_owned(), value }).to_vec(),
            samples: vec![Sample { value: 1.0, timestamp: START_MS + round * 15_000 }],
            exemplars: Vec::new(),
        }
    };
    let request = WriteRequest { timeseries: (0..1_000).map(series).collect(), metadata: Vec::new() };
    snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).unwrap()
}

/// Allocations of one request, once the series have been met and their windows have grown.
#[track_caller]
fn check(read: &str, kept: u64) {
    let store = Arc::new(Store::new(series::Limits { retention: Duration::from_mins(1), ..series::Limits::default() }));
    let named = Matcher::new(NAME, MatchOp::Equal, read).unwrap();
    store.subscribe(&[Selector { matchers: vec![named], span: Duration::from_mins(1) }]);
    let receiver = Receiver::new(Arc::clone(&store), Limits::default(), 7, || {});
    let now = Timestamp::from_millis(START_MS) + Duration::from_hours(1);
    let bodies: Vec<Vec<u8>> = (0..40).map(body).collect();
    let (known, measured) = bodies.split_at(30);
    for body in known {
        receiver.receive(body, now).unwrap();
        while store.take_due().is_some() {}
    }
    for body in measured {
        let before = ALLOCATIONS.get();
        let received = receiver.receive(body, now).unwrap();
        let allocations = ALLOCATIONS.get() - before;
        assert_eq!(received.kept, kept);
        while store.take_due().is_some() {}
        // The due queue takes a new block for every 31 notes; nothing grows with the samples.
        assert!(allocations <= 2, "{allocations} allocations for 1,000 samples");
    }
}

#[test]
fn known_series_cost_no_allocation() {
    check("requests_total", 1_000);
}

#[test]
fn unread_series_cost_no_allocation() {
    check("something_else", 0);
}
