//! Bodies that are broken, or meant to do harm.

use http::{HeaderMap, HeaderValue};
use prost::Message as _;

use super::oracle::{packed, receiver};
use super::{body, receive, series};
use crate::ingest::{Limits, Rejected};
use crate::labels::NAME;
use crate::proto::WriteRequest;

#[test]
fn a_header_of_any_length_makes_a_short_answer() {
    let (_, receiver) = receiver(Limits::default());
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_bytes(&[b"text/\xff\t".repeat(3_000)].concat()).unwrap());
    let text = receiver.negotiate(&headers).unwrap_err().to_string();
    assert!(text.len() < 400 && !text.contains('\t'), "{text}");
}

/// What is said of a body, and that it leaves nothing behind.
#[track_caller]
fn check_refused(body: &[u8], says: &str) {
    let (store, receiver) = receiver(Limits { decompressed_bytes_max: 1 << 20, ..Limits::default() });
    let rejected = receive(&receiver, body).unwrap_err();
    assert_eq!(rejected.status(), 400);
    assert!(rejected.to_string().contains(says), "want \"{says}\": {rejected}");
    assert_eq!(store.stats().series, 0, "a broken body changes nothing");
}

/// What is said of a message that begins soundly, with a series that is new.
#[track_caller]
fn check_malformed(message: &[u8], says: &str) {
    let sound = WriteRequest { timeseries: vec![series(&[(NAME, "up")], &[(0, 1.0)])], metadata: Vec::new() };
    check_refused(&packed(&[&sound.encode_to_vec(), message].concat()), says);
}

#[test]
fn broken_bodies_are_refused_whole_with_the_reason() {
    check_refused(b"", "no snappy block");
    check_refused(b"\x30", "claims to unpack to 48 bytes");
    check_refused(b"\xff", "no snappy block");
    check_refused(b"\xff\x06\x00\x00sNaPpY", "framed snappy");
    check_refused(b"\xff\xff\xff\xff\x0f\x00", "unpacks to 4294967295 bytes, limit is 1048576");
    check_refused(b"\x80\x80\x20\x00\x00", "claims to unpack to 524288 bytes");
    let good = body(vec![series(&[(NAME, "up")], &[(0, 1.0)])]);
    check_refused(&good[..good.len() - 1], "no snappy block");
    check_refused(&packed(b"\x08\x01"), "field 1 of WriteRequest has the wrong type");
    check_refused(&packed(b"\x0b"), "wire type 3 is not in use");
    check_refused(&packed(b"\x00\x00"), "a field number is out of range");
    check_refused(&packed(&[0xff; 12]), "longer than ten bytes");
    check_refused(&packed(b"\x22\x00\x2a\x00"), "io.prometheus.write.v2.Request");
}

#[test]
fn a_framed_stream_is_refused_as_such() {
    let mut framed = snap::write::FrameEncoder::new(Vec::new());
    std::io::Write::write_all(&mut framed, b"\x1a\x02\x08\x01").unwrap();
    check_refused(&framed.into_inner().unwrap(), "framed snappy");
}

#[test]
fn a_fault_anywhere_in_the_message_refuses_it_whole() {
    check_malformed(b"\x0a\x05\x0a\x09", "a field is cut short, in time series 1");
    check_malformed(b"\x1d\x00\x00\x00\x00", "field 3 of WriteRequest has the wrong type");
    // In a TimeSeries: labels, labels after a sample, samples, exemplars, histograms.
    for series in [&b"\x08\x01"[..], b"\x12\x00\x08\x01\x0a\x00", b"\x10\x01", b"\x18\x01", b"\x20\x01"] {
        let message = [&[0x0a, u8::try_from(series.len()).unwrap()], series].concat();
        check_malformed(&message, "of TimeSeries has the wrong type, in time series 1");
    }
    check_malformed(b"\x0a\x04\x0a\x02\x08\x01", "field 1 of Label has the wrong type");
    check_malformed(b"\x0a\x04\x0a\x02\x10\x01", "field 2 of Label has the wrong type");
    check_malformed(b"\x0a\x04\x12\x02\x08\x01", "field 1 of Sample has the wrong type");
    check_malformed(b"\x0a\x04\x12\x02\x12\x00", "field 2 of Sample has the wrong type");
    check_malformed(b"\x0a\x05\x12\x03\x10\x80\x80", "a field is cut short");
    check_malformed(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "a field is cut short");
    check_malformed(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "longer than ten bytes");
    check_malformed(b"\x0e\x00", "wire type 6 is not in use");
    // A label beyond the limit of labels, and a sample of a series without a name, are looked at all the same.
    let labels: Vec<String> = (0..65).map(|number| format!("l{number}")).collect();
    let labels: Vec<(&str, &str)> = labels.iter().map(|name| (name.as_str(), "1")).collect();
    let many = [&series(&labels, &[]).encode_to_vec()[..], b"\x0a\x02\x08\x01"].concat();
    let mut message = vec![0x0a];
    prost::encoding::encode_varint(many.len() as u64, &mut message);
    check_malformed(&[message, many].concat(), "field 1 of Label has the wrong type");
}

#[test]
fn faults_without_number_make_a_short_answer_of_printable_text() {
    let (_, receiver) = receiver(Limits { labels_max: 2, label_value_bytes_max: 100, ..Limits::default() });
    let mut all = Vec::new();
    for number in 0..2_000 {
        // Each with a name of its own, that is long and takes more room once it is printable.
        let name = format!("\u{1}\u{202e}\n{number}{}", "ü".repeat(400));
        all.push(series(&[(&name, "\u{7f}"), (&name, "1")], &[(0, 1.0)]));
        all.push(series(&[(NAME, &"\u{1}".repeat(101))], &[(0, 1.0), (1, 1.0)]));
        all.push(series(&[("a", &"\u{1}".repeat(100)), ("b", "1"), ("c", "1")], &[(0, 1.0)]));
        all.push(series(&[("", &"\u{1}".repeat(100)), ("b", "1")], &[(0, 1.0)]));
        all.push(series(&[("b", "\u{1f600}")], &[(0, 1.0)]));
    }
    let rejected = receive(&receiver, &body(all)).unwrap_err();
    let text = rejected.to_string();
    assert!(text.starts_with("12000 samples rejected, the rest was taken; 2000 with label name"), "{text}");
    assert!(text.ends_with("; and more") && text.len() <= 1_024, "{}: {text}", text.len());
    assert!(!text.contains(char::is_control), "{text}");
    let Rejected::Partial(partial) = rejected else { panic!("{rejected}") };
    assert_eq!(partial.faults().count(), 5);
}

#[test]
fn small_bodies_that_unpack_to_much_are_answered_in_little_memory() {
    let (store, receiver) = receiver(Limits::default());
    let all_empty = packed(&b"\x0a\x00".repeat(1 << 18));
    assert!(matches!(receive(&receiver, &all_empty), Err(Rejected::Partial(_))));
    let empty_labels = packed(&[&b"\x0a\x80\x80\x20"[..], &b"\x0a\x00".repeat(1 << 18)].concat());
    assert!(matches!(receive(&receiver, &empty_labels), Err(Rejected::Partial(_))));
    assert_eq!(store.stats().series, 0);
}
