//! Passwords and tokens: whose are right, and what wrong ones cost.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::client::{Client, basic, bearer, read_one};
use super::{SOON, Service, TLS, folder, hash, prepared};
use crate::peers::process::eventually;

/// Resident bytes of a process, now and at most so far.
fn resident(pid: u32) -> Result<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("a line of the status")?;
        Ok::<_, anyhow::Error>(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1_024)
    };
    Ok((bytes("VmRSS:")?, bytes("VmHWM:")?))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_right_credentials_open_and_probes_need_none() -> Result<()> {
    let (folder, _, client) = prepared()?;
    folder.write("token", "t0ken-of-the-sender\n")?;
    let users = format!("basic_auth_users:\n  ann: {}\n  bob: {}\n", hash("ann's:pässword"), hash("b"));
    let config = format!("{TLS}{users}bearer_token_files: [token]\n");
    let service = Service::start(folder, &config, &client).await?;
    let at = service.address;
    let status = async |headers: &str| anyhow::Ok(client.get(at, "/api/v1/status", headers).await?.status);

    for _ in 0..2 {
        for right in [basic("ann", "ann's:pässword"), basic("bob", "b"), bearer("t0ken-of-the-sender")] {
            assert_eq!(status(&right).await?, 200, "{right}");
        }
        for wrong in [
            String::new(),
            basic("ann", "b"),
            basic("bob", ""),
            basic("eve", "b"),
            basic("", ""),
            bearer("t0ken-of-the-sende"),
            bearer(""),
            bearer("b"),
            "Authorization: Basic\r\n".to_owned(),
            "Authorization: Basic %%%\r\n".to_owned(),
            "Authorization: Digest b\r\n".to_owned(),
        ] {
            assert_eq!(status(&wrong).await?, 401, "{wrong}");
        }
    }
    let refused = client.get(at, "/api/v1/write", "").await?.text.to_lowercase();
    for challenge in ["www-authenticate: basic realm=\"headroom\"", "www-authenticate: bearer realm=\"headroom\""] {
        assert!(refused.contains(challenge), "{refused}");
    }
    for path in ["/", "/metrics", "/-/reload", "/api/v2/status", "/no/such/path", "/-/healthy/", "//-/ready"] {
        assert_eq!(client.get(at, path, "").await?.status, 401, "{path}");
        assert_eq!(client.get_h2(at, path, &[("authorization", "Bearer x")]).await?.status, 401, "{path}");
    }
    for path in ["/-/healthy", "/-/ready"] {
        assert_eq!(client.get(at, path, "").await?.status, 200, "{path}");
    }
    let counted = "headroom_http_requests_refused_total{reason=\"credentials\"}";
    assert_eq!(service.metric(&client, &basic("bob", "b"), counted).await?, 22.0 + 1.0 + 14.0);

    // Another token, and other users, while it runs.
    service.folder.write("token", "newer")?;
    eventually("the newer token", SOON, async || Ok((status(&bearer("newer")).await? == 200).then_some(()))).await?;
    assert_eq!(status(&bearer("t0ken-of-the-sender")).await?, 401);
    service.folder.write("web-config.yml", &format!("{TLS}basic_auth_users:\n  ann: {}\n", hash("other")))?;
    eventually("the other password", SOON, async || Ok((status(&basic("ann", "other")).await? == 200).then_some(())))
        .await?;
    for gone in [basic("ann", "ann's:pässword"), basic("bob", "b"), bearer("newer")] {
        assert_eq!(status(&gone).await?, 401, "{gone}");
    }

    // A mistake changes nothing, and shows no secret.
    service.folder.write("web-config.yml", "basic_auth_users: {ann: plain-text-password}\n")?;
    eventually("the mistake in the log", SOON, async || {
        Ok(service.log().contains("web-config.yml:1:20: expected a bcrypt hash").then_some(()))
    })
    .await?;
    assert_eq!(status(&basic("ann", "other")).await?, 200);
    let log = service.log();
    for secret in ["plain-text-password", "t0ken", "newer\"", "pässword", "$2b$", "Basic YW5u"] {
        assert!(!log.contains(secret), "the log has {secret}");
    }
    Ok(())
}

/// A body of 30 MiB, as its head promises it.
const PROMISED: usize = 30 << 20;

fn promise() -> String {
    let headers = format!("Host: x\r\n{}Content-Length: {PROMISED}\r\n\r\n", basic("ann", "wrong"));
    format!("POST /api/v1/write HTTP/1.1\r\n{headers}")
}

#[tokio::test(flavor = "multi_thread")]
async fn h13_a_large_body_with_bad_credentials_is_answered_early_and_takes_no_memory() -> Result<()> {
    let (folder, _, tls) = prepared()?;
    let users = format!("basic_auth_users: {{ann: {}}}\n", hash("right"));
    let secure = Service::start(folder, &format!("{TLS}{users}"), &tls).await?;
    let open = Service::start(super::folder()?, &users, &Client::plain()).await?;
    for (service, client) in [(&secure, &tls), (&open, &Client::plain())] {
        let at = service.address;
        // Nothing of the body is sent, and the answer comes.
        let mut stream = client.connect(at).await?;
        let asked = Instant::now();
        stream.write_all(promise().as_bytes()).await?;
        let early = read_one(&mut stream).await?;
        let after = asked.elapsed();
        assert_eq!(early.status, 401, "{early:?}");
        ensure!(after < Duration::from_secs(2), "it took {after:?}");
        assert!(!early.text.contains("100 Continue"));

        // As much of it is sent as goes, twenty at once. As in Go's client, an error of a write that comes before the
        // answer is all that its user hears.
        let (before, _) = resident(service.process.id())?;
        let mut senders = JoinSet::new();
        for _ in 0..20 {
            let client = client.clone();
            senders.spawn(async move {
                let (mut answers, mut requests) = tokio::io::split(client.connect(at).await?);
                requests.write_all(promise().as_bytes()).await?;
                let sending = async {
                    let part = vec![7; 64 * 1024];
                    for _ in 0..PROMISED / part.len() {
                        requests.write_all(&part).await?;
                    }
                    std::future::pending::<std::io::Result<()>>().await
                };
                tokio::select! {
                    biased;
                    broken = sending => anyhow::bail!("{broken:?}"),
                    answer = read_one(&mut answers) => Ok(answer?.status),
                }
            });
        }
        let mut answered = 0;
        while let Some(sender) = senders.join_next().await {
            answered += u32::from(matches!(sender?, Ok(401)));
        }
        let (after, most) = resident(service.process.id())?;
        let grown = after.max(most).saturating_sub(before);
        println!("20 bodies of 30 MiB: {answered} heard the 401, memory grew by {} KiB", grown >> 10);
        ensure!(grown < 24 << 20, "600 MiB cost {grown} bytes");
        ensure!(answered == 20, "only {answered} of 20 heard why");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tries_passwords_slows_nobody_who_has_the_right_one() -> Result<()> {
    let client = Client::plain();
    let users = format!("basic_auth_users: {{ann: {}}}\n", bcrypt::hash("right", 12).unwrap());
    let service = Service::start(folder()?, &users, &client).await?;
    let at = service.address;
    let right = basic("ann", "right");
    let first = Instant::now();
    assert_eq!(client.get(at, "/api/v1/status", &right).await?.status, 200);
    let first = first.elapsed();
    let mut thieves = JoinSet::new();
    for tried in 0..60 {
        let client = client.clone();
        let user = if tried % 2 == 0 { "ann" } else { "nobody" };
        thieves.spawn(async move { client.get(at, "/api/v1/status", &basic(user, &tried.to_string())).await });
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..50 {
        let asked = Instant::now();
        assert_eq!(client.get(at, "/api/v1/status", &right).await?.status, 200);
        slowest = slowest.max(asked.elapsed());
    }
    let mut answers = std::collections::BTreeMap::new();
    while let Some(thief) = thieves.join_next().await {
        *answers.entry(thief??.status).or_insert(0) += 1;
    }
    println!("first look {first:?}; known again within {slowest:?}; thieves were answered {answers:?}");
    ensure!(answers.keys().all(|status| [401, 503].contains(status)), "{answers:?}");
    ensure!(slowest < first.max(Duration::from_millis(500)), "{slowest:?}");
    Ok(())
}
