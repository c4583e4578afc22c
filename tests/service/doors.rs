//! What goes wrong at the doors of the real program: bodies, headers, rule files, an API server that is away, the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use headroom::proto::{Label, Sample, TimeSeries, WriteRequest};
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Headroom, SOON};
use crate::peers::process::eventually;

const RULES: &str = "
groups:
  - name: shop
    rules:
      - record: total
        expr: sum(door_total)
";

/// A block of snappy with one sample.
fn body(at_ms: i64, value: f64) -> Vec<u8> {
    let labels = [("__name__", "door_total"), ("pod", "a")];
    let label = |(name, value): (&str, &str)| Label { name: name.to_owned(), value: value.to_owned() };
    let samples = vec![Sample { value, timestamp: at_ms }];
    let series =
        TimeSeries { labels: labels.map(label).to_vec(), samples, exemplars: Vec::new(), histograms: Vec::new() };
    let request = WriteRequest { timeseries: vec![series], metadata: Vec::new() };
    snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).unwrap()
}

fn now_ms() -> i64 {
    headroom::app::clock::now().as_millis()
}

const V1: &str = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n";

/// Sends one request as written and gives the whole answer.
async fn raw(address: SocketAddr, head: &str, body: &[u8]) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(head.as_bytes()).await?;
    // A server that has answered already may close before it has read all.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let read = timeout(SOON, stream.read_to_end(&mut answer)).await.context("no answer")?;
    ensure!(read.is_ok() || !answer.is_empty(), "the connection broke without an answer");
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

async fn post(address: SocketAddr, headers: &str, body: &[u8]) -> Result<String> {
    let length = body.len();
    let head = format!(
        "POST /api/v1/write HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    raw(address, &head, body).await
}

#[track_caller]
fn check(answer: &str, status: u16, says: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "want {status}: {answer}");
    assert!(answer.contains(says), "want \"{says}\": {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_body_and_header_gets_a_clear_answer_and_costs_nothing() -> Result<()> {
    let headroom = Headroom::start(RULES, &[]).await?;
    let at = headroom.address;
    let good = body(now_ms(), 1.0);
    check(&post(at, V1, &good).await?, 204, "");
    check(&post(at, "", &good).await?, 204, "");
    check(&post(at, V1, b"garbage, no snappy at all").await?, 400, "snappy");
    check(&post(at, V1, &good[..good.len() - 3]).await?, 400, "snappy");
    check(&post(at, V1, b"").await?, 400, "snappy");
    let framed = b"\xff\x06\x00\x00sNaPpY and so on";
    check(&post(at, V1, framed).await?, 400, "framed");
    let no_message = snap::raw::Encoder::new().compress_vec(b"\x0a\x7fno message").unwrap();
    check(&post(at, V1, &no_message).await?, 400, "cut short");
    check(&post(at, "Content-Type: application/json\r\n", &good).await?, 415, "application/json");
    check(&post(at, "Content-Type: image/png\r\n", b"garbage").await?, 415, "image/png");
    check(&post(at, "Content-Encoding: gzip\r\n", &good).await?, 415, "gzip");
    let v2 = "Content-Type: application/x-protobuf;proto=io.prometheus.write.v2.Request\r\n";
    check(
        &post(at, v2, &good).await?,
        400,
        "body is prometheus.WriteRequest, under the content type of io.prometheus.write.v2.Request",
    );
    let get = raw(at, "GET /api/v1/write HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"").await?;
    check(&get.to_lowercase().replace("http/1.1", "HTTP/1.1"), 405, "allow: post");
    check(&raw(at, "GET /no/such/page HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"").await?, 404, "");
    let long =
        format!("POST /api/v1/write HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{V1}Content-Length: 104857600\r\n\r\n");
    check(&raw(at, &long, b"").await?, 413, "104857600");
    // It still works.
    check(&post(at, V1, &good).await?, 204, "");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_length_of_four_gib_takes_no_memory() -> Result<()> {
    let headroom = Headroom::start(RULES, &[]).await?;
    // A varint of 4 GiB - 1, and a few bytes behind it.
    let bomb = [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0; 40]].concat();
    check(&post(headroom.address, V1, &bomb).await?, 400, "4294967295");
    let before = headroom.resident()?;
    for _ in 0..100 {
        check(&post(headroom.address, V1, &bomb).await?, 400, "4294967295");
    }
    let grown = headroom.resident()?.saturating_sub(before);
    ensure!(grown < 32 << 20, "100 such bodies cost {grown} bytes");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_with_204_is_read_by_the_next_query() -> Result<()> {
    let headroom = Headroom::start(RULES, &[]).await?;
    let start = now_ms() - 200_000;
    for round in 0..100_u32 {
        let at_ms = start + i64::from(round) * 1_000;
        check(&post(headroom.address, V1, &body(at_ms, f64::from(round))).await?, 204, "");
        let path = format!("/api/v1/query?query=door_total&time={}", at_ms as f64 / 1_000.0);
        let answer = headroom.json(&path).await?;
        ensure!(
            answer["data"]["result"][0]["value"][1].as_str() == Some(&*format!("{round}")),
            "round {round}: {answer}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_rule_file_is_shown_with_its_place_and_keeps_the_old_rules() -> Result<()> {
    let broken = RULES.replace("sum(door_total)", "summ(door_total)");
    // At the start there is nothing to keep.
    let (folder, address) = Headroom::folder(&broken)?;
    let mut process = Headroom::spawn(&folder, address, &[])?;
    let ended = process.wait_http(address, "/-/ready", SOON).await.unwrap_err().to_string();
    ensure!(ended.contains("exit status: 1"), "{ended}");
    ensure!(ended.contains("rules.yaml:6:15: "), "{ended}");
    ensure!(ended.contains("    6 |         expr: summ(door_total)\n      |               ^^^^"), "{ended}");

    let headroom = Headroom::start(RULES, &[]).await?;
    headroom.write_rules(&broken)?;
    let reload = "POST /-/reload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    check(&raw(headroom.address, reload, b"").await?, 500, "rules.yaml:6:15: ");
    // The old rules are in force.
    check(&post(headroom.address, V1, &body(now_ms(), 7.0)).await?, 204, "");
    recorded(&headroom, "total", "7").await?;

    // A file that is mended is taken up by itself.
    headroom.write_rules(&RULES.replace("record: total", "record: mended"))?;
    eventually("the mended rule", SOON, async || {
        check(&post(headroom.address, V1, &body(now_ms(), 8.0)).await?, 204, "");
        let answer = headroom.json("/api/v1/query?query=mended").await?;
        Ok((answer["data"]["result"][0]["value"][1] == "8").then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_settings_take_effect_while_the_service_runs() -> Result<()> {
    let routing = |receiver: &str| {
        format!("route: {{receiver: {receiver}}}\nreceivers: [{{name: {receiver}, log_configs: [{{}}]}}]\n")
    };
    let (folder, address) = Headroom::folder(RULES)?;
    folder.write("headroom.yaml", &routing("people"))?;
    let mut process = Headroom::spawn(&folder, address, &["--config", "headroom.yaml"])?;
    process.wait_http(address, "/-/ready", SOON).await?;
    let headroom = Headroom { process, address, folder };
    ensure!(headroom.get("/api/v2/receivers").await?.body.contains("people"));

    // A mistake changes nothing, and is told to whoever asked.
    headroom.folder.write("headroom.yaml", "route: {receiver: nobody}\n")?;
    let reload = "POST /-/reload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    check(&raw(address, reload, b"").await?, 500, "headroom.yaml:1:");
    ensure!(headroom.get("/api/v2/receivers").await?.body.contains("people"));

    // What is mended is taken up by itself; what needs a restart is named.
    headroom.folder.write("headroom.yaml", &format!("{}windows: {{retention: 1h}}\n", routing("others")))?;
    eventually("the other receiver", SOON, async || {
        Ok(headroom.get("/api/v2/receivers").await?.body.contains("others").then_some(()))
    })
    .await?;
    let log = headroom.process.log_tail(20);
    ensure!(log.contains("need a restart") && log.contains("windows"), "{log}");
    check(&post(address, V1, &body(now_ms(), 7.0)).await?, 204, "");
    recorded(&headroom, "total", "7").await
}

/// Waits until a record rule has written a value.
async fn recorded(headroom: &Headroom, name: &str, value: &str) -> Result<()> {
    eventually("a recorded value", SOON, async || {
        let answer = headroom.json(&format!("/api/v1/query?query={name}")).await?;
        Ok((answer["data"]["result"][0]["value"][1] == value).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_away_is_shown_and_waited_for() -> Result<()> {
    let rules = "
groups:
  - name: shop
    rules:
      - scale: checkout
        target: {kind: Deployment, namespace: shop, name: checkout}
        replicas: {min: 1, max: 9}
        metrics:
          - {name: requests, demand: sum(door_total), per_replica: 1}
";
    let (folder, address) = Headroom::folder(rules)?;
    // A port that nobody listens on.
    let nobody = crate::peers::process::free_address()?;
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{{name: x, context: {{cluster: x, user: x}}}}]\n\
         clusters: [{{name: x, cluster: {{server: 'http://{nobody}'}}}}]\nusers: [{{name: x, user: {{}}}}]\n"
    );
    folder.write("kubeconfig", &kubeconfig)?;
    folder.write("headroom.yaml", "kubernetes: {enabled: true, kubeconfig: kubeconfig, timeout: 1s}\n")?;
    let mut process = Headroom::spawn(&folder, address, &["--config", "headroom.yaml"])?;
    process.wait_http(address, "/-/ready", SOON).await?;
    let headroom = Headroom { process, address, folder };
    check(&post(address, V1, &body(now_ms(), 3.0)).await?, 204, "");
    let away = headroom.workload("a problem to be shown", SOON, |workload| workload["problem"].is_string()).await?;
    let problem = away["problem"].as_str().unwrap_or_default();
    ensure!(problem.contains(&nobody.to_string()) || problem.contains("refused"), "{problem}");
    ensure!(away["decision"].is_null(), "without a cluster there is nothing to decide from: {away}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_term_under_load_answers_what_it_took_and_ends_well() -> Result<()> {
    let mut headroom = Headroom::start(RULES, &[]).await?;
    let (taken, broken, stop) =
        (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut senders = Vec::new();
    for sender in 0..8 {
        let (taken, broken, stop) = (Arc::clone(&taken), Arc::clone(&broken), Arc::clone(&stop));
        let at = headroom.address;
        senders.push(tokio::spawn(async move {
            let mut round = 0;
            while !stop.load(Ordering::Relaxed) {
                round += 1;
                match keep_alive(at, sender, round).await {
                    Ok(true) => _ = taken.fetch_add(1, Ordering::Relaxed),
                    // 503, or nobody there any more.
                    Ok(false) => {}
                    Err(_) => _ = broken.fetch_add(1, Ordering::Relaxed),
                }
            }
        }));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    // SIGTERM, then the wait for its end, is what the guard does too; here the exit status counts.
    let pid = headroom.process.id();
    let status = std::process::Command::new("kill").args(["-TERM", &pid.to_string()]).status()?;
    ensure!(status.success(), "kill");
    let ended = eventually("the end of the service", SOON, async || {
        Ok(headroom.process.check().err().map(|error| error.to_string()))
    })
    .await?;
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await?;
    }
    ensure!(ended.contains("exit status: 0"), "{ended}");
    ensure!(taken.load(Ordering::Relaxed) > 100, "only {} requests were taken", taken.load(Ordering::Relaxed));
    ensure!(broken.load(Ordering::Relaxed) == 0, "{} answers broke off in the middle", broken.load(Ordering::Relaxed));
    Ok(())
}

/// Sends one request: `true` where it was taken, `false` where it was refused or nobody listens; an error where a
/// request that was written whole got half of an answer.
async fn keep_alive(at: SocketAddr, sender: i64, round: i64) -> Result<bool> {
    let Ok(mut stream) = TcpStream::connect(at).await else { return Ok(false) };
    let body = body(now_ms() - 60_000 + round * 8 + sender, 1.0);
    let head = format!(
        "POST /api/v1/write HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{V1}Content-Length: {}\r\n\r\n",
        body.len()
    );
    if stream.write_all(head.as_bytes()).await.is_err() || stream.write_all(&body).await.is_err() {
        return Ok(false);
    }
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    if answer.is_empty() {
        return Ok(false);
    }
    ensure!(read.is_ok() && answer.windows(4).any(|bytes| bytes == b"\r\n\r\n"), "half of an answer");
    Ok(answer.starts_with(b"HTTP/1.1 204"))
}
