//! R, L, F and O under pressure: no room, slow clients, a shutdown, floods, rules that go.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Answer, RULES, SOON, V1, V2, metric, parse, post, post_v1, post_v2, request, second, v1, value};
use crate::peers::process::eventually;
use crate::service::Headroom;

/// Takes all the room that there is for bodies, for as long as it is held.
const LITTLE_ROOM: &str = "ingest: {keep: all, in_flight_bytes_max: 64KiB}\n";

/// Begins a request that promises `length` bytes, and does not send them.
async fn begin(at: SocketAddr, length: usize) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(at).await?;
    let head =
        format!("POST /api/v1/write HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{V1}Content-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    Ok(stream)
}

/// Begins a request that takes all the room, and waits until it has.
async fn take_all_room(headroom: &Headroom) -> Result<TcpStream> {
    let held = begin(headroom.address, 1 << 20).await?;
    eventually("the room is taken", SOON, async || {
        Ok((metric(headroom, "headroom_ingest_in_flight_bytes").await? >= 65_536.0).then_some(()))
    })
    .await?;
    Ok(held)
}

#[tokio::test(flavor = "multi_thread")]
async fn r7_after_a_5xx_the_same_request_gives_what_it_gives_alone() -> Result<()> {
    let headroom = Headroom::start_with(RULES, LITTLE_ROOM, &[]).await?;
    let held = take_all_room(&headroom).await?;
    let body = second(&[(&[("__name__", "r7")], &[(2_000, 1.0), (1_000, 2.0)])]);
    let refused = post(&headroom, V2, &body).await?;
    refused.is(503);
    assert_eq!(refused.written(), None, "nothing is said to be written: {refused:?}");
    assert_eq!(metric(&headroom, "headroom_ingest_samples_accepted_total").await?, 0.0);
    drop(held);
    // The room is given back when the server sees the end of the other connection.
    eventually("it is taken", SOON, async || Ok((post(&headroom, V2, &body).await?.status == 204).then_some(())))
        .await?;
    for series in ["accepted", "kept"] {
        assert_eq!(metric(&headroom, &format!("headroom_ingest_samples_{series}_total")).await?, 2.0);
    }
    assert_eq!(value(&headroom, "sum_over_time(r7[1m])").await?.as_deref(), Some("3"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_who_is_sent_away_is_told_when_to_come_back_and_later_each_time() -> Result<()> {
    let settings = "ingest: {keep: all, in_flight_bytes_max: 64KiB, sender_samples_per_second_max: 1}\n";
    let headroom = Headroom::start_with(RULES, settings, &[]).await?;
    let seconds = |answer: &Answer| -> Result<u32> {
        let after = answer.header("retry-after").with_context(|| format!("no Retry-After: {answer:?}"))?;
        Ok(after.parse()?)
    };
    let body = v1(&[(&[("__name__", "r8")], &[(0, 1.0)])]);
    let held = take_all_room(&headroom).await?;
    let mut waits: Vec<Vec<u32>> = Vec::new();
    for attempt in 0..5 {
        let mut asked = JoinSet::new();
        for _ in 0..12 {
            let (at, body) = (headroom.address, body.clone());
            let headers = format!("{V1}Retry-Attempt: {attempt}\r\n");
            asked.spawn(async move { request(at, "POST", "/api/v1/write", &headers, &body).await });
        }
        let mut told = Vec::new();
        while let Some(answer) = asked.join_next().await {
            let answer = answer??;
            answer.is(503);
            told.push(seconds(&answer)?);
        }
        waits.push(told);
    }
    let shortest: Vec<_> = waits.iter().filter_map(|told| told.iter().min()).collect();
    assert!(**shortest.first().expect("five tries") > 0 && shortest.is_sorted(), "{waits:?}");
    assert!(shortest.first() < shortest.last(), "later with each try: {waits:?}");
    assert!(waits.iter().all(|told| told.iter().min() < told.iter().max()), "not all at once: {waits:?}");
    drop(held);
    // A sender's own rate is another limit, with another status.
    let many: Vec<(i64, f64)> = (0..40).map(|ago| (ago * 100, 1.0)).collect();
    eventually("it is taken", SOON, async || {
        let answer = post_v1(&headroom, &[(&[("__name__", "r8_many")], &many)]).await?;
        Ok((answer.status == 204).then_some(()))
    })
    .await?;
    let refused = post(&headroom, V1, &body).await?;
    refused.is(429);
    ensure!(seconds(&refused)? > 0, "{refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_a_shutdown_answers_what_is_on_its_way_and_breaks_no_answer() -> Result<()> {
    let settings = "ingest: {keep: all}\n";
    let mut headroom = Headroom::start_with(RULES, settings, &[]).await?;
    let at = headroom.address;
    let body = v1(&[(&[("__name__", "r12")], &[(0, 1.0)])]);
    // Three are half sent when the end begins.
    let mut halves = Vec::new();
    for _ in 0..3 {
        let mut stream = begin(at, body.len()).await?;
        stream.write_all(&body[..body.len() / 2]).await?;
        halves.push(stream);
    }
    eventually("they are being read", SOON, async || {
        Ok((metric(&headroom, "headroom_ingest_in_flight_bytes").await? > 0.0).then_some(()))
    })
    .await?;
    // And others send without a pause, until nobody answers any more.
    let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut senders = JoinSet::new();
    for _ in 0..4 {
        let (body, over, answered) = (body.clone(), Arc::clone(&over), Arc::clone(&answered));
        senders.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let mut heard = Vec::new();
                let Ok(mut stream) = begin(at, body.len()).await else { return Ok(()) };
                if stream.write_all(&body).await.is_err() {
                    return Ok(());
                }
                let _ = timeout(SOON, stream.read_to_end(&mut heard)).await?;
                if heard.is_empty() {
                    // Sent away unheard, which loses nothing: whoever has no answer sends again.
                    return Ok(());
                }
                let answer = parse(&String::from_utf8_lossy(&heard))?;
                ensure!(matches!(answer.status, 204 | 503), "{answer:?}");
                answered.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
    }
    eventually("the load", SOON, async || Ok((answered.load(Ordering::Relaxed) > 200).then_some(()))).await?;
    headroom.terminate()?;
    eventually("no new connections", SOON, async || Ok(TcpStream::connect(at).await.is_err().then_some(()))).await?;
    for stream in &mut halves {
        stream.write_all(&body[body.len() / 2..]).await?;
        let mut heard = Vec::new();
        timeout(SOON, stream.read_to_end(&mut heard)).await.context("no answer")??;
        parse(&String::from_utf8_lossy(&heard))?.is(204);
    }
    let status = headroom.ended(SOON).await?;
    over.store(true, Ordering::Relaxed);
    while let Some(sender) = senders.join_next().await {
        sender??;
    }
    ensure!(status.success(), "it ended with {status}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn l10_many_slow_clients_disturb_nobody_and_are_sent_away() -> Result<()> {
    let headroom = Headroom::start_with(RULES, "ingest: {keep: all}\n", &[]).await?;
    // From another address, for each has connections of its own.
    let slow = async |bytes: &[u8]| -> Result<Option<TcpStream>> {
        let socket = TcpSocket::new_v4()?;
        socket.bind("127.0.0.2:0".parse()?)?;
        let mut stream = socket.connect(headroom.address).await?;
        // What is over the limit is closed at once.
        Ok(stream.write_all(bytes).await.is_ok().then_some(stream))
    };
    let half_head = b"POST /api/v1/write HTTP/1.1\r\nHost: x\r\n";
    let half_body = [half_head, V1.as_bytes(), b"Content-Length: 30000000\r\n\r\nxxxx"].concat();
    let (mut heads, mut bodies) = (Vec::new(), Vec::new());
    for _ in 0..250 {
        heads.extend(slow(half_head).await?);
        bodies.extend(slow(&half_body).await?);
    }
    for round in 0..200 {
        let answer = timeout(SOON, post_v1(&headroom, &[(&[("__name__", "l10")], &[(200 - round, 1.0)])])).await??;
        answer.is(204);
    }
    assert_eq!(value(&headroom, "count_over_time(l10[1m])").await?.as_deref(), Some("200"));
    let promised = metric(&headroom, "headroom_ingest_in_flight_bytes").await?;
    assert!(promised < 64.0 * 1_048_576.0, "bodies that don't come take little of the room: {promised}");
    // 15 s for a body, 30 s for a head.
    let (mut answered, mut unheard) = (0, 0);
    for mut stream in bodies.into_iter().chain(heads) {
        let mut heard = Vec::new();
        match timeout(Duration::from_mins(1), stream.read_to_end(&mut heard)).await.context("it stays open")? {
            Ok(_) if !heard.is_empty() => {
                let answer = parse(&String::from_utf8_lossy(&heard))?;
                ensure!(matches!(answer.status, 408 | 503), "{answer:?}");
                answered += 1;
            }
            _ => unheard += 1,
        }
    }
    assert!(answered >= 100, "{answered} heard why, {unheard} did not");
    post_v1(&headroom, &[(&[("__name__", "l10_after")], &[(0, 1.0)])]).await?.is(204);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_windows_go_with_the_rules_that_read_them() -> Result<()> {
    let rules = "groups: [{name: one, rules: [{record: one, expr: 'sum(f2)'}]}]\n";
    let headroom = Headroom::start(rules, &[]).await?;
    let pods: Vec<String> = (0..5_000).map(|pod| format!("pod-{pod}-of-a-long-name")).collect();
    let labels: Vec<[(&str, &str); 2]> = pods.iter().map(|pod| [("__name__", "f2"), ("pod", pod.as_str())]).collect();
    let all: Vec<super::Series<'_>> = labels.iter().map(|labels| (&labels[..], &[(0, 1.0)][..])).collect();
    post_v2(&headroom, &all).await?.is(204);
    let kept = async || metric(&headroom, "headroom_series_kept").await;
    eventually("the windows are there", SOON, async || Ok((kept().await? >= 5_000.0).then_some(()))).await?;
    let before = metric(&headroom, "headroom_window_bytes").await?;
    headroom.write_rules(RULES)?;
    request(headroom.address, "POST", "/-/reload", "", b"").await?.is(200);
    eventually("they are gone", Duration::from_mins(2), async || {
        // What nobody reads any more goes with the next look at all windows.
        sleep(Duration::from_millis(500)).await;
        Ok((kept().await? < 10.0).then_some(()))
    })
    .await?;
    eventually("so has their memory", Duration::from_mins(2), async || {
        sleep(Duration::from_millis(500)).await;
        Ok((metric(&headroom, "headroom_window_bytes").await? < before / 20.0).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn o1_each_sender_is_shown_with_how_far_behind_it_is() -> Result<()> {
    let headroom = Headroom::start_with(RULES, "ingest: {keep: all}\nwindows: {retention: 1h}\n", &[]).await?;
    post_v1(&headroom, &[(&[("__name__", "o1_lag")], &[(600_000, 1.0), (700_000, 1.0)])]).await?.is(204);
    let lag = metric(&headroom, "headroom_ingest_newest_sample_lag_seconds{sender=\"127.0.0.1\"}").await?;
    assert!((600.0..700.0).contains(&lag), "{lag}");
    let waits = metric(&headroom, "headroom_ingest_admission_duration_seconds_count").await?;
    assert_eq!(waits, 1.0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn o2_a_flood_of_bad_requests_is_one_line_with_who_sent_it() -> Result<()> {
    let headroom = Headroom::start_with(RULES, "ingest: {keep: all}\n", &[]).await?;
    for _ in 0..500 {
        post(&headroom, &format!("{V1}User-Agent: flood/1.0\r\n"), b"no snappy").await?.is(400);
        post(&headroom, "Content-Type: text/plain\r\nUser-Agent: lost/2.0\r\n", b"x").await?.is(415);
    }
    let log = headroom.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("a request was turned away")).collect();
    assert_eq!(lines.len(), 2, "{log}");
    for (reason, agent) in [("invalid", "flood/1.0"), ("unsupported", "lost/2.0")] {
        let told = |line: &&&str| {
            [reason, agent, "sender=127.0.0.1", "untold_before=0"].iter().all(|part| line.contains(part))
        };
        assert_eq!(lines.iter().filter(told).count(), 1, "{reason}: {lines:?}");
    }
    Ok(())
}
