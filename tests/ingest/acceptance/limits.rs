//! L: snappy, protobuf, and bodies that are meant to do harm.

use anyhow::Result;

use super::{RULES, V1, V2, door, packed, parse, post, raw, v1, value};
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
