//! H: methods, paths, content types, transports.

use anyhow::Result;

use super::{Second, V1, V2, door, packed, parse, post, raw, request, second, v1, value};

const UP: &[(i64, f64)] = &[(0, 1.0)];

#[tokio::test(flavor = "multi_thread")]
async fn h1_other_methods_are_405_and_told_which_is_right() -> Result<()> {
    let door = door().await?;
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let answer = request(door.address, method, "/api/v1/write", V1, b"").await?;
        answer.is(405);
        assert_eq!(answer.header("allow"), Some("post"), "{method}: {answer:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_both_paths_take_samples() -> Result<()> {
    let door = door().await?;
    for (path, name) in [("/api/v1/write", "h2_write"), ("/api/v1/push", "h2_push")] {
        request(door.address, "POST", path, V1, &v1(&[(&[("__name__", name)], UP)])).await?.is(204);
        assert_eq!(value(door, name).await?.as_deref(), Some("1"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_the_content_type_says_which_message_it_is() -> Result<()> {
    let door = door().await?;
    let of_one = ["application/x-protobuf", "application/x-protobuf;proto=prometheus.WriteRequest"];
    for (number, content_type) in of_one.into_iter().enumerate() {
        let name = format!("h3_v1_{number}");
        let headers = format!("Content-Type: {content_type}\r\nContent-Encoding: snappy\r\n");
        post(door, &headers, &v1(&[(&[("__name__", &name)], UP)])).await?.is(204);
        assert_eq!(value(door, &name).await?.as_deref(), Some("1"));
    }
    post(door, V2, &second(&[(&[("__name__", "h3_v2")], UP)])).await?.is(204);
    assert_eq!(value(door, "h3_v2").await?.as_deref(), Some("1"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_other_media_types_and_messages_are_415_whatever_the_body() -> Result<()> {
    let door = door().await?;
    let good = v1(&[(&[("__name__", "h4")], UP)]);
    let types = ["application/json", "image/png", "text/plain", "application/x-protobuf;proto=other.Message"];
    for content_type in types {
        for body in [&good[..], b"no snappy at all", b""] {
            let headers = format!("Content-Type: {content_type}\r\nContent-Encoding: snappy\r\n");
            post(door, &headers, body).await?.is(415);
        }
    }
    // Decided before the body is there: its end never comes.
    let head = "POST /api/v1/write HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n";
    parse(&raw(door.address, head.as_bytes()).await?)?.is(415);
    assert_eq!(value(door, "h4").await?, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_the_content_type_is_read_by_the_rules_of_http() -> Result<()> {
    let door = door().await?;
    let body = second(&[(&[("__name__", "h5")], UP)]);
    for content_type in [
        "APPLICATION/X-PROTOBUF; charset=utf-8; Proto=\"io.prometheus.write.v2.Request\"",
        "application/x-protobuf ;  proto = io.prometheus.write.v2.Request",
    ] {
        let answer =
            post(door, &format!("Content-Type: {content_type}\r\nContent-Encoding: snappy\r\n"), &body).await?;
        answer.says(204, [1, 0, 0], "");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_without_a_content_type_it_is_remote_write_1() -> Result<()> {
    let door = door().await?;
    post(door, "", &v1(&[(&[("__name__", "h6")], UP)])).await?.is(204);
    assert_eq!(value(door, "h6").await?.as_deref(), Some("1"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn h7_snappy_in_any_case_or_no_word_of_it_and_nothing_else() -> Result<()> {
    let door = door().await?;
    let body = v1(&[(&[("__name__", "h7")], UP)]);
    for encoding in ["Content-Encoding: snappy\r\n", "Content-Encoding: Snappy\r\n", ""] {
        post(door, encoding, &body).await?.is(204);
    }
    for encoding in ["gzip", "deflate", "zstd", "snappy, gzip", "identity"] {
        post(door, &format!("Content-Encoding: {encoding}\r\n"), &body).await?.is(415);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn h8_framed_snappy_is_400() -> Result<()> {
    let door = door().await?;
    let mut framed = snap::write::FrameEncoder::new(Vec::new());
    std::io::Write::write_all(&mut framed, b"\x1a\x02\x08\x01")?;
    let framed = framed.into_inner()?;
    for headers in [V1, V2] {
        let answer = post(door, headers, &framed).await?;
        answer.is(400);
        assert!(answer.body.contains("framed"), "{answer:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn h9_the_version_header_decides_nothing() -> Result<()> {
    let door = door().await?;
    for version in ["0.1.0", "2.0.0", "2.1.0", "nonsense"] {
        let version = format!("X-Prometheus-Remote-Write-Version: {version}\r\n");
        post(door, &format!("{V1}{version}"), &v1(&[(&[("__name__", "h9_v1")], UP)])).await?.is(204);
        post(door, &format!("{V2}{version}"), &second(&[(&[("__name__", "h9_v2")], UP)])).await?.says(
            204,
            [1, 0, 0],
            "",
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn h10_a_message_under_the_other_content_type_is_told_so() -> Result<()> {
    let door = door().await?;
    let answer = post(door, V1, &second(&[(&[("__name__", "h10")], UP)])).await?;
    answer.is(400);
    assert!(answer.body.contains("body is io.prometheus.write.v2.Request"), "{answer:?}");
    let answer = post(door, V2, &v1(&[(&[("__name__", "h10")], UP)])).await?;
    answer.says(400, [0, 0, 0], "body is prometheus.WriteRequest");
    assert_eq!(value(door, "h10").await?, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn h11_empty_requests_and_metadata_alone_are_welcome() -> Result<()> {
    let door = door().await?;
    post(door, V1, &packed(b"")).await?.is(204);
    post(door, V2, &packed(b"")).await?.says(204, [0, 0, 0], "");
    post(door, V2, &Second::new().body()).await?.says(204, [0, 0, 0], "");
    post(door, V1, &packed(b"\x1a\x05\x08\x01\x12\x01m")).await?.is(204);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn h12_connections_are_kept_pipelined_chunked_and_asked_to_continue() -> Result<()> {
    let door = door().await?;
    let body = v1(&[(&[("__name__", "h12")], UP)]);
    let head = |more: &str| format!("POST /api/v1/write HTTP/1.1\r\nHost: x\r\n{V1}{more}");
    // Three at once on one connection; the last one closes it.
    let length = format!("Content-Length: {}\r\n\r\n", body.len());
    let mut pipelined = Vec::new();
    for close in ["", "", "Connection: close\r\n"] {
        pipelined.extend(head(&format!("{close}{length}")).into_bytes());
        pipelined.extend(&body);
    }
    let answers = raw(door.address, &pipelined).await?;
    assert_eq!(answers.matches("HTTP/1.1 204").count(), 3, "{answers}");
    // In chunks of a byte and the rest.
    let (one, rest) = body.split_at(1);
    let mut chunked = head("Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    for part in [one, rest] {
        chunked.extend(format!("{:x}\r\n", part.len()).into_bytes());
        chunked.extend([part, b"\r\n"].concat());
    }
    chunked.extend(b"0\r\n\r\n");
    parse(&raw(door.address, &chunked).await?)?.is(204);
    let expecting = head(&format!("Connection: close\r\nExpect: 100-continue\r\n{length}"));
    let answers = raw(door.address, &[expecting.as_bytes(), &body].concat()).await?;
    assert!(answers.contains("HTTP/1.1 204"), "{answers}");
    Ok(())
}
