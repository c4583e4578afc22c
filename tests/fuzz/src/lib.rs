//! What is fuzzed: bodies as senders post them. Whatever comes, the receiver answers, its counts add up, and it reads what
//! prost reads.

#![allow(clippy::missing_panics_doc, reason = "a panic is how a finding is told")]

// The paths by which the oracle finds the crate.
pub(crate) use headroom::{ingest, labels, proto, sample, series, time};

#[path = "../../../src/ingest/tests/oracle/mod.rs"]
#[allow(dead_code, reason = "the property tests use more")]
mod oracle;

use std::sync::Arc;
use std::time::Duration;

use headroom::proto::otlp::ExportMetricsServiceRequest;
use ingest::{Encoding, Limits, Malformed, Pairs, Protocol, Receiver, Rejected};
use labels::{MatchOp, Matcher, NAME};
use prost::Message as _;
use series::{Selector, Store};

/// Messages of remote write beyond this, in bytes, tell nothing that shorter ones don't.
const MESSAGE_MAX: usize = 1 << 16;

/// Takes a body of remote write as it was sent.
pub fn remote_write(protocol: Protocol, body: &[u8]) {
    particular(protocol, body);
    match unpacked(body) {
        Some(message) => oracle::agree(protocol, &message).expect("the walk and prost agree"),
        None if snap::raw::decompress_len(body).is_ok_and(|length| length > MESSAGE_MAX) => {}
        None => {
            let (store, receiver) = oracle::receiver(Limits::default());
            assert!(receiver.receive(protocol, body, oracle::NOW).rejected.is_some(), "snappy can't unpack it");
            assert_eq!(store.stats().series, 0);
        }
    }
}

/// Takes a body of OpenTelemetry's metrics. Plain, it is judged as prost judges it; and what is taken is taken a second time
/// without a change.
pub fn otlp(body: &[u8]) {
    let packed = oracle::receiver(Limits::default()).1;
    oracle::balanced(&packed.receive_otlp(Encoding::Gzip, body, oracle::NOW)).expect("counts add up");

    let (store, receiver) = oracle::receiver(Limits::default());
    let outcome = receiver.receive_otlp(Encoding::Plain, body, oracle::NOW);
    oracle::balanced(&outcome).expect("counts add up");
    match &outcome.rejected {
        // Groups, and lists within lists beyond all measure, are passed over by prost or refused by it alone.
        Some(Rejected::MalformedOtlp(Malformed::WireType(_) | Malformed::TooDeep)) => {}
        Some(Rejected::MalformedOtlp(fault)) => {
            // Ours reads texts as bytes; one that is no UTF-8 costs its own point.
            let theirs = ExportMetricsServiceRequest::decode(body);
            assert!(theirs.is_err(), "prost reads what was refused: {fault:?}");
            assert_eq!(store.stats().series, 0, "a broken body changes nothing");
        }
        _ => {
            let before = oracle::held(&store);
            let again = receiver.receive_otlp(Encoding::Plain, body, oracle::NOW);
            assert_eq!(again.received.kept, 0, "sent again");
            assert_eq!(oracle::held(&store), before, "the same body, sent again, changes something");
        }
    }
}

/// Takes a body where much is in force: rules that read one metric, pairs of replicas, low limits.
fn particular(protocol: Protocol, body: &[u8]) {
    let store = Arc::new(Store::new(series::Limits { series_max: 3, ..series::Limits::default() }));
    let named = Matcher::new(NAME, MatchOp::Equal, "m").expect("a plain matcher");
    store.subscribe(&[Selector { matchers: vec![named], span: Duration::from_mins(5) }]);
    let limits = Limits {
        labels_max: 4,
        label_name_bytes_max: 10,
        too_old_is_error: body.len().is_multiple_of(2),
        validate_all: body.len().is_multiple_of(3),
        pairs: Some(Pairs {
            cluster_label: "a".to_owned(),
            replica_label: "b".to_owned(),
            failover: Duration::from_secs(30),
            clusters_max: 2,
        }),
        ..Limits::default()
    };
    let receiver = Receiver::new(store, limits, 7, || {});
    for _ in 0..2 {
        oracle::balanced(&receiver.receive(protocol, body, oracle::NOW)).expect("counts add up");
    }
}

/// Changes a body where it matters: unpacked. One in eight is changed as it is, for the sake of the unpacking.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let plain = |data: &mut [u8]| libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    if seed.is_multiple_of(8) {
        return plain(data);
    }
    let Some(mut message) = unpacked(&data[..size]) else { return plain(data) };
    let length = message.len();
    message.resize(max_size, 0);
    let length = libfuzzer_sys::fuzzer_mutate(&mut message, length.min(max_size), max_size);
    let body = oracle::packed(&message[..length]);
    match data.get_mut(..body.len()) {
        Some(room) if body.len() <= max_size => {
            room.copy_from_slice(&body);
            body.len()
        }
        _ => plain(data),
    }
}

fn unpacked(body: &[u8]) -> Option<Vec<u8>> {
    snap::raw::decompress_len(body).ok().filter(|length| *length <= MESSAGE_MAX)?;
    snap::raw::Decoder::new().decompress_vec(body).ok()
}
