//! The ring of `src/series/ring.rs` under loom: that very file, compiled against loom's atomics, and every
//! interleaving of small cases (bounded in preemptions, so that `make test` stays short).

// The name by which the ring finds its atomics: `super::sync`.
mod sync {
    pub(super) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

    /// crossbeam's `Backoff`, as far as the ring uses it.
    pub(super) struct Backoff;

    impl Backoff {
        pub(super) fn new() -> Self {
            Self
        }

        #[allow(clippy::unused_self, reason = "the signature is crossbeam's")]
        pub(super) fn snooze(&self) {
            loom::thread::yield_now();
        }
    }
}

#[path = "../../src/series/ring.rs"]
#[allow(dead_code, reason = "the models use a part")]
mod ring;

use loom::sync::Arc;
use loom::thread;
use ring::{Pushed, Ring};

/// The value that belongs to a time, so that a torn sample shows.
fn bits_of(at: i64) -> u64 {
    at.cast_unsigned().wrapping_mul(0x0101)
}

fn push(ring: &Ring, at: i64) -> Pushed {
    ring.push(at, bits_of(at), 0)
}

/// A ring with room for `samples`, filled with the times given.
fn filled(samples: usize, times: &[i64]) -> Arc<Ring> {
    let ring = Ring::new(samples);
    for &at in times {
        assert_eq!(push(&ring, at), Pushed::Kept);
    }
    Arc::new(ring)
}

/// What a reader sees: times in order, each with the value that belongs to it.
fn read_whole(ring: &Ring) -> Vec<i64> {
    let mut samples = Vec::new();
    ring.read(i64::MIN, i64::MAX, &mut samples, |at, bits| (at, bits));
    for &(at, bits) in &samples {
        assert_eq!(bits, bits_of(at), "a sample is never torn");
    }
    let times: Vec<i64> = samples.into_iter().map(|(at, _)| at).collect();
    assert!(times.is_sorted_by(|one, next| one < next), "times are in order and unique: {times:?}");
    times
}

fn model(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(body);
}

#[test]
fn a_reader_beside_an_append_sees_whole_samples() {
    model(3, || {
        let ring = filled(1, &[10]);
        let writer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                assert_eq!(push(&ring, 20), Pushed::Kept);
                assert_eq!(push(&ring, 30), Pushed::Kept);
            })
        };
        let times = read_whole(&ring);
        assert!(times.len() <= 1, "{times:?}");
        writer.join().unwrap();
        assert_eq!(read_whole(&ring), [30]);
    });
}

#[test]
fn a_reader_beside_an_insertion_sees_it_whole_or_not_at_all() {
    model(3, || {
        let ring = filled(3, &[10, 30]);
        let writer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || assert_eq!(push(&ring, 20), Pushed::Kept))
        };
        let times = read_whole(&ring);
        assert!(times == [10, 30] || times == [10, 20, 30], "{times:?}");
        writer.join().unwrap();
        assert_eq!(read_whole(&ring), [10, 20, 30]);
    });
}

#[test]
fn the_newest_sample_is_whole_while_the_ring_turns() {
    model(3, || {
        let ring = filled(1, &[10]);
        let writer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                push(&ring, 20);
                push(&ring, 30);
            })
        };
        if let Some((at, bits)) = ring.last(i64::MIN, i64::MAX) {
            assert_eq!(bits, bits_of(at));
        }
        writer.join().unwrap();
    });
}

#[test]
fn of_two_writers_one_writes_and_the_other_is_told() {
    model(3, || {
        let ring = filled(3, &[10]);
        let other = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || push(&ring, 20))
        };
        let (mine, other) = (push(&ring, 30), other.join().unwrap());
        let mut expected = vec![10];
        expected.extend((other == Pushed::Kept).then_some(20));
        expected.extend((mine == Pushed::Kept).then_some(30));
        assert_eq!(read_whole(&ring), expected);
        assert!(mine == Pushed::Kept || other == Pushed::Kept, "one of them always gets through");
    });
}

#[test]
fn what_is_pushed_before_a_ring_retires_is_in_its_successor() {
    model(3, || {
        let ring = filled(3, &[10]);
        let writer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || push(&ring, 20))
        };
        let successor = ring.retire().map(Iterator::collect::<Vec<_>>);
        let pushed = writer.join().unwrap();
        if let Some(samples) = successor {
            let times: Vec<i64> = samples.into_iter().map(|(at, _)| at).collect();
            let expected: &[i64] = if pushed == Pushed::Kept { &[10, 20] } else { &[10] };
            assert_eq!(times, expected);
            assert_eq!(push(&ring, 40), Pushed::Busy, "a retired ring takes nothing more");
        }
    });
}
