//! L: snappy, protobuf, and bodies that are meant to do harm.

use anyhow::Result;
use headroom::proto::{self, v2};
use prost::Message as _;

use super::{
    RULES, Second, V1, V2, door, first, metric, now_ms, packed, parse, post, raw, request, v1, value, value_at,
};
use crate::service::Headroom;

const UP: &[(i64, f64)] = &[(0, 1.0)];

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_body_over_the_limit_is_413_promised_or_not() -> Result<()> {
    let headroom = Headroom::start_with(RULES, "ingest: {keep: all, body_bytes_max: 1KiB}\n", &[]).await?;
    for (length, status) in [(1_024, 400), (1_025, 413)] {
        post(&headroom, V1, &vec![0x80; length]).await?.is(status);
        let chunk = [format!("{length:x}\r\n").as_bytes(), &vec![0x80; length], b"\r\n0\r\n\r\n"].concat();
        let head = format!(
            "POST /api/v1/write HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{V1}Transfer-Encoding: chunked\r\n\r\n"
        );
        parse(&raw(headroom.address, &[head.as_bytes(), &chunk].concat()).await?)?.is(status);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_a_length_that_is_too_long_or_impossible_is_400() -> Result<()> {
    let door = door().await?;
    for (body, says) in [
        // 2.5 GiB in 47 bytes.
        ([&[0x80, 0x80, 0x80, 0x80, 0x0a][..], &[0; 42]].concat(), "limit is 33554432"),
        ([&[0x80, 0x80, 0x80, 0x08][..], &[0; 42]].concat(), "claims to unpack to 16777216 bytes"),
    ] {
        for headers in [V1, V2] {
            let answer = post(door, headers, &body).await?;
            answer.is(400);
            assert!(answer.body.contains(says), "want \"{says}\": {answer:?}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_bodies_that_are_no_snappy_are_400() -> Result<()> {
    let door = door().await?;
    let good = v1(&[(&[("__name__", "l3")], UP)]);
    let mut bodies =
        vec![Vec::new(), vec![0x30], vec![0xff], good[..good.len() - 1].to_vec(), [&good[..], b"x"].concat()];
    // Another first byte is another length.
    bodies.extend([1_u8, 2, 0x7f].map(|by| [&[good[0].wrapping_add(by) & 0x7f], &good[1..]].concat()));
    for body in bodies {
        for headers in [V1, V2] {
            post(door, headers, &body).await?.is(400);
        }
    }
    assert_eq!(value(door, "l3").await?, None, "a broken body changes nothing");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn l5_what_is_no_message_is_400() -> Result<()> {
    let door = door().await?;
    let malformed: [&[u8]; 7] = [
        b"\x2a\x05\x0a\x09",                                 // cut short
        b"\x28\x01",                                         // series that are a number
        b"\x2b",                                             // a group
        b"\x00\x00",                                         // field number zero
        b"\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", // eleven bytes of length
        b"\x2a\x04\x12\x02\x08\x01",                         // a sample whose value is a number
        b"\x2a\x02\x0d\x00",                                 // references of four bytes, cut short
    ];
    for message in malformed {
        let answer = post(door, V2, &packed(message)).await?;
        answer.says(400, [0, 0, 0], "body is no io.prometheus.write.v2.Request");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn l9_shapes_that_unpack_to_much_are_answered_in_bounded_memory() -> Result<()> {
    let headroom = Headroom::start_with(RULES, "ingest: {keep: all}\n", &[]).await?;
    let before = headroom.resident()?;
    let many = 8 << 20;
    let shapes: [(&str, Vec<u8>); 5] = [
        (V2, b"\x22\x00".repeat(many)),
        (V2, b"\x2a\x00".repeat(many)),
        (V1, b"\x0a\x00".repeat(many)),
        (V1, [&b"\x0a\x80\x80\x80\x08"[..], &b"\x0a\x00".repeat(many)].concat()),
        // A series with millions of samples, each the same.
        (V1, [&b"\x0a\x8f\x80\x80\x08\x0a\x0d\x0a\x08__name__\x12\x01m"[..], &b"\x12\x00".repeat(many)].concat()),
    ];
    for (headers, shape) in shapes {
        let answer = post(&headroom, headers, &packed(&shape)).await?;
        assert!(answer.status == 400 || answer.status == 204, "{answer:?}");
        assert!(answer.body.len() <= 1_024, "{answer:?}");
    }
    let grown = headroom.resident()?.saturating_sub(before);
    assert!(grown < 160 << 20, "16 MiB unpacked cost {grown} bytes");
    Ok(())
}

/// A field of bytes.
fn field(number: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let length = u16::try_from(payload.len()).expect("a message of a test is short");
    if length >= 0x80 {
        bytes.extend([length.to_le_bytes()[0] | 0x80, u8::try_from(length >> 7).expect("shorter than 16 KiB")]);
    } else {
        bytes.extend([length.to_le_bytes()[0]]);
    }
    bytes.extend(payload);
    bytes
}

/// Fields with the number 100, one of each type that a field may have.
const UNKNOWN: &[u8] =
    b"\xa0\x06\x96\x01\xa1\x06\x01\x02\x03\x04\x05\x06\x07\x08\xa2\x06\x03\x0a\xff\x01\xa5\x06\x01\x02\x03\x04";

/// A `Sample` message whose time is `ago` milliseconds before now; one with the value 0 does not say it.
fn sample(value: f64, ago: i64) -> Vec<u8> {
    proto::Sample { value, timestamp: now_ms() - ago }.encode_to_vec()
}

fn label(name: &str, value: &str) -> Vec<u8> {
    proto::Label { name: name.to_owned(), value: value.to_owned() }.encode_to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_unknown_fields_are_skipped_at_every_level() -> Result<()> {
    let door = door().await?;
    let with = |message: &[u8]| [UNKNOWN, message, UNKNOWN].concat();
    let labels = field(1, &with(&label("__name__", "l4_v1")));
    let series = field(1, &with(&[labels, field(2, &with(&sample(4.0, 0)))].concat()));
    let metadata = field(3, &with(b"\x08\x01\x12\x05l4_v1"));
    post(door, V1, &packed(&with(&[series, metadata].concat()))).await?.is(204);
    assert_eq!(value(door, "l4_v1").await?.as_deref(), Some("4"));

    let symbols = ["", "__name__", "l4_v2"].map(|symbol| field(4, symbol.as_bytes())).concat();
    let exemplar = v2::Exemplar { timestamp: now_ms(), ..v2::Exemplar::default() }.encode_to_vec();
    let parts = [
        field(1, &[1, 2]),
        field(2, &with(&sample(4.0, 0))),
        field(3, &with(&v2::Histogram { timestamp: now_ms(), ..v2::Histogram::default() }.encode_to_vec())),
        field(4, &with(&exemplar)),
        field(5, &with(b"\x08\x01")),
        // `created_timestamp`, as a draft had it.
        b"\x30\x96\x01".to_vec(),
    ];
    let series = field(5, &with(&parts.concat()));
    post(door, V2, &packed(&with(&[symbols, series].concat()))).await?.says(204, [1, 1, 1], "");
    assert_eq!(value(door, "l4_v2").await?.as_deref(), Some("4"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn l6_fields_may_come_in_any_order() -> Result<()> {
    let door = door().await?;
    // Samples before, between and after the labels; a value that stands twice is the last one.
    let twice = [proto::Sample { value: 9.0, timestamp: 1 }.encode_to_vec(), sample(3.0, 0)].concat();
    let parts = [
        field(2, &sample(1.0, 2_000)),
        field(1, &label("__name__", "l6_v1")),
        field(2, &sample(2.0, 1_000)),
        field(1, &label("pod", "a")),
        field(2, &twice),
    ];
    post(door, V1, &packed(&field(1, &parts.concat()))).await?.is(204);
    assert_eq!(value(door, "sum_over_time(l6_v1{pod=\"a\"}[1m])").await?.as_deref(), Some("6"));

    let symbols = ["", "__name__", "l6_v2", "pod", "a", "help"].map(|symbol| field(4, symbol.as_bytes()));
    // References packed and not; metadata in two parts; symbols before and behind the series.
    let parts = [
        field(5, b"\x08\x01"),
        b"\x08\x01".to_vec(),
        field(2, &sample(5.0, 0)),
        field(1, &[2, 3]),
        b"\x08\x04".to_vec(),
        field(5, b"\x18\x05"),
    ];
    let (before, behind) = symbols.split_at(2);
    let body = [before.concat(), field(5, &parts.concat()), behind.concat()].concat();
    post(door, V2, &packed(&body)).await?.says(204, [1, 0, 0], "");
    assert_eq!(value(door, "l6_v2{pod=\"a\"}").await?.as_deref(), Some("5"));
    let said = request(door.address, "GET", "/api/v1/metadata?metric=l6_v2", "", b"").await?;
    let said: serde_json::Value = serde_json::from_str(&said.body)?;
    assert_eq!(said["data"]["l6_v2"], serde_json::json!([{"type": "counter", "unit": "", "help": "help"}]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn l7_what_is_left_out_is_zero_and_times_may_be_negative() -> Result<()> {
    let headroom = Headroom::start_with(RULES, "ingest: {keep: all}\n", &[]).await?;
    let name = [("__name__", "l7")];
    for (ago, answer) in [
        (1_000, super::post_v1(&headroom, &[(&name, &[(1_000, 0.0)])]).await?),
        (0, super::post_v2(&headroom, &[(&name, &[(0, 0.0)])]).await?),
    ] {
        answer.is(204);
        assert_eq!(value_at(&headroom, "l7", now_ms() - ago).await?.as_deref(), Some("0"));
    }
    // 1970, said by nothing, and before: both are older than anybody looks back.
    for (round, timestamp) in [(1.0, 0), (2.0, -5)] {
        let mut one = first(&[(&name, &[])]);
        one.timeseries[0].samples = vec![proto::Sample { value: 1.0, timestamp }];
        post(&headroom, V1, &packed(&one.encode_to_vec())).await?.is(204);
        let mut two = Second::new();
        two.series(&name, &[]).samples = vec![v2::Sample { value: 1.0, timestamp, start_timestamp: 0 }];
        post(&headroom, V2, &two.body()).await?.says(204, [1, 0, 0], "");
        let old = metric(&headroom, "headroom_ingest_samples_not_kept_total{reason=\"old\"}").await?;
        assert_eq!(old, 2.0 * round, "at {timestamp} ms");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn l11_arbitrary_bytes_are_answered_and_nothing_breaks() -> Result<()> {
    let headroom = Headroom::start_with(RULES, "ingest: {keep: all}\n", &[]).await?;
    // Any seed would do: fuzzing tries them by the million.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    let good = [v1(&[(&[("__name__", "l11")], UP)]), super::second(&[(&[("__name__", "l11")], UP)])];
    for round in 0..400 {
        let mut body: Vec<u8> = match round % 3 {
            0 => (0..random(200)).map(|_| u8::try_from(random(256)).expect("a byte")).collect(),
            1 => packed(&(0..random(200)).map(|_| u8::try_from(random(256)).expect("a byte")).collect::<Vec<_>>()),
            _ => good[random(2)].clone(),
        };
        if round % 3 == 2 {
            let at = random(body.len());
            body[at] ^= 1 << random(8);
        }
        for headers in [V1, V2] {
            let answer = post(&headroom, headers, &body).await?;
            assert!(matches!(answer.status, 204 | 400), "{body:?}: {answer:?}");
        }
    }
    assert_eq!(metric(&headroom, "headroom_http_handler_panics_total").await?, 0.0);
    Ok(())
}
