//! Handshakes: versions, certificates of both sides, reload, and those that never end.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::client::{Client, read, read_one};
use super::pki::Authority;
use super::{RULES, SOON, Service, TLS, folder, prepared};
use crate::peers::process::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_of_http_are_agreed_on_in_the_handshake() -> Result<()> {
    let (folder, authority, client) = prepared()?;
    let stranger = Client::tls(&Authority::create(&folder, "other")?.file)?;
    let old = Client::with(&authority.file, None, &[&rustls::version::TLS12])?;
    let service = Service::start(folder, TLS, &client).await?;
    let at = service.address;
    for client in [&client, &old] {
        let one = client.get(at, "/api/v1/status", "").await?;
        let two = client.get_h2(at, "/api/v1/status", &[]).await?;
        assert_eq!((one.status, two.status, two.version), (200, 200, http::Version::HTTP_2));
    }
    let refused = stranger.get(at, "/-/ready", "").await.unwrap_err();
    assert!(format!("{refused:#}").contains("UnknownIssuer"), "{refused:#}");
    let plain = Client::plain().get(at, "/-/ready", "").await?;
    assert!(plain.status == 400 && plain.text.contains("https://"), "{plain:?}");
    let failures = |reason: &str| format!("headroom_http_tls_handshake_failures_total{{reason=\"{reason}\"}}");
    assert!(service.metric(&client, "", &failures("failed")).await? >= 1.0);
    assert!(service.metric(&client, "", &failures("plain")).await? >= 1.0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_and_headers_are_those_that_are_asked_for() -> Result<()> {
    let (folder, authority, client) = prepared()?;
    let old = Client::with(&authority.file, None, &[&rustls::version::TLS12])?;
    let config = format!(
        "{TLS}  min_version: TLS13\nhttp_server_config:\n  http2: false\n  headers: {{X-Frame-Options: deny}}\n"
    );
    let service = Service::start(folder, &config, &client).await?;
    let refused = old.get(service.address, "/-/ready", "").await.unwrap_err();
    assert!(format!("{refused:#}").contains("ProtocolVersion"), "{refused:#}");
    let answer = client.get_h2(service.address, "/-/ready", &[]).await?;
    assert_eq!((answer.status, answer.version), (200, http::Version::HTTP_11));
    let answer = client.get(service.address, "/", "").await?;
    assert!(answer.text.contains("x-frame-options: deny\r\n"), "{answer:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_needed_from_the_right_authority_with_a_name_on_the_list() -> Result<()> {
    let (folder, authority, nobody) = prepared()?;
    let sans = ["prometheus.monitoring.svc", "10.1.2.3", "spiffe://cluster/ns/monitoring"];
    let mut allowed = Vec::new();
    for (at, san) in sans.iter().enumerate() {
        let identity = authority.client(&folder, &format!("client{at}"), &["other.example", san])?;
        allowed.push(Client::showing(&authority.file, &identity)?);
    }
    let other = authority.client(&folder, "unlisted", &["other.example", "*.monitoring.svc", "10.1.2.4"])?;
    let other = Client::showing(&authority.file, &other)?;
    let foreign = Authority::create(&folder, "foreign")?.client(&folder, "foreigner", &sans)?;
    let foreign = Client::showing(&authority.file, &foreign)?;
    let asking = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n";
    let config = format!("{TLS}{asking}  client_allowed_sans: ['{}', '{}', '{}']\n", sans[0], sans[1], sans[2]);
    let service = Service::start(folder, &config, &nobody).await?;
    let at = service.address;

    for client in &allowed {
        assert_eq!(client.get(at, "/metrics", "").await?.status, 200);
        assert_eq!(client.get_h2(at, "/metrics", &[]).await?.status, 200);
    }
    let none = nobody.get(at, "/metrics", "").await?;
    assert!(none.status == 403 && none.text.contains("certificate is needed"), "{none:?}");
    let unlisted = other.get(at, "/api/v1/write", "").await?;
    assert!(unlisted.status == 403 && unlisted.text.contains("none of the allowed names"), "{unlisted:?}");
    assert_eq!(other.get_h2(at, "/no/such/path", &[]).await?.status, 403, "it is not told which paths there are");
    foreign.get(at, "/metrics", "").await.expect_err("signed by somebody else");
    foreign.get(at, "/-/ready", "").await.expect_err("signed by somebody else");
    for path in ["/-/healthy", "/-/ready"] {
        assert_eq!(nobody.get(at, path, "").await?.status, 200, "a kubelet shows no certificate");
    }
    let refused = "headroom_http_requests_refused_total{reason=\"certificate\"}";
    assert_eq!(service.metric(&allowed[0], "", refused).await?, 3.0);

    // Another configuration while it runs: any certificate will do, and none.
    service.folder.write(
        "web-config.yml",
        &format!("{TLS}{}", asking.replace("RequireAndVerify", "Verify").replace("Cert\n", "CertIfGiven\n")),
    )?;
    eventually("the list is gone", SOON, async || {
        Ok((other.get(at, "/metrics", "").await?.status == 200).then_some(()))
    })
    .await?;
    assert_eq!(nobody.get(at, "/metrics", "").await?.status, 200);
    foreign.get(at, "/metrics", "").await.expect_err("signed by somebody else");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_reloaded_as_a_secret_turns_its_link_and_no_connection_is_dropped() -> Result<()> {
    let folder = folder()?;
    let (first, second) = (Authority::create(&folder, "first")?, Authority::create(&folder, "second")?);
    // As the kubelet lays a Secret down: names that link into ..data, which links to a folder.
    let lay = |authority: &Authority, name: &str| -> Result<()> {
        let identity = authority.server(&folder, name)?;
        let data = folder.path().join(format!("..{name}"));
        fs::create_dir(&data)?;
        fs::rename(identity.certificate, data.join("tls.crt"))?;
        fs::rename(identity.key, data.join("tls.key"))?;
        turn(&folder, name)
    };
    lay(&first, "one")?;
    for file in ["tls.crt", "tls.key"] {
        symlink(format!("..data/{file}"), folder.path().join(file))?;
    }
    let (trusts_first, trusts_second) = (Client::tls(&first.file)?, Client::tls(&second.file)?);
    let web = Service::start(
        crate::peers::process::Folder::create(folder.path(), "service")?,
        &format!("tls_server_config: {{cert_file: '{0}/tls.crt', key_file: '{0}/tls.key'}}\n", folder.path().display()),
        &trusts_first,
    )
    .await?;
    let at = web.address;
    let mut open = trusts_first.handshake(at).await?;
    let ask = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n";
    open.write_all(ask).await?;
    assert_eq!(read_one(&mut open).await?.status, 200);

    lay(&second, "two")?;
    eventually("the second certificate", SOON, async || Ok(trusts_second.get(at, "/-/ready", "").await.ok().map(drop)))
        .await?;
    trusts_first.get(at, "/-/ready", "").await.expect_err("the first certificate is not shown any more");
    open.write_all(ask).await?;
    assert_eq!(read_one(&mut open).await?.status, 200, "an open connection goes on");

    // What can't be used changes nothing, and is told once.
    let reloaded = "headroom_http_certificates_last_reload_successful";
    assert_eq!(web.metric(&trusts_second, "", reloaded).await?, 1.0);
    fs::write(folder.path().join("..two/tls.key"), "hardly-a-key")?;
    eventually("the failure on /metrics", SOON, async || {
        Ok((web.metric(&trusts_second, "", reloaded).await? == 0.0).then_some(()))
    })
    .await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(trusts_second.get(at, "/-/ready", "").await?.status, 200);
    let log = web.log();
    assert_eq!(log.matches("can't be used, the former ones stay").count(), 1, "{log}");
    assert!(log.contains("tls.key: there is no private key") && !log.contains("hardly"), "{log}");
    turn(&folder, "one")?;
    eventually("the first certificate again", SOON, async || {
        Ok(trusts_first.get(at, "/-/ready", "").await.ok().map(drop))
    })
    .await?;
    assert_eq!(web.metric(&trusts_first, "", reloaded).await?, 1.0);
    Ok(())
}

/// Lets `..data` lead to another folder, in one stroke.
fn turn(folder: &crate::peers::process::Folder, name: &str) -> Result<()> {
    let (link, next) = (folder.path().join("..data"), folder.path().join("..data_tmp"));
    symlink(format!("..{name}"), &next)?;
    fs::rename(next, link).context("the link turns")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_shakes_hands_is_dropped_and_keeps_nobody_waiting() -> Result<()> {
    let (folder, _, client) = prepared()?;
    let service = Service::start(folder, TLS, &client).await?;
    let at = service.address;
    let started = Instant::now();
    let mut silent = Vec::new();
    for round in 0..100_u8 {
        let mut stream = TcpStream::connect(at).await?;
        if round % 2 == 0 {
            // The beginning of a handshake, and no more.
            stream.write_all(&[22, 3, 1, 2, 0, 1]).await?;
        }
        silent.push(stream);
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let asked = Instant::now();
        assert_eq!(client.get(at, "/-/ready", "").await?.status, 200);
        slowest = slowest.max(asked.elapsed());
    }
    ensure!(slowest < Duration::from_secs(2), "others waited for {slowest:?}");
    for stream in &mut silent {
        let _ = timeout(Duration::from_secs(20), stream.read(&mut [0; 64])).await.context("still open after 20 s")?;
    }
    let lasted = started.elapsed();
    ensure!((Duration::from_secs(9)..Duration::from_secs(20)).contains(&lasted), "they lasted for {lasted:?}");
    let slow = "headroom_http_tls_handshake_failures_total{reason=\"slow\"}";
    eventually("all are counted", SOON, async || Ok((service.metric(&client, "", slow).await? >= 100.0).then_some(())))
        .await?;
    println!("others were answered within {slowest:?}; the silent were dropped after {lasted:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_no_more_connections_than_it_may() -> Result<()> {
    let folder = folder()?;
    folder.write("rules.yaml", RULES)?;
    folder.write("headroom.yaml", "web: {connections_per_peer_max: 3}\n")?;
    let client = Client::plain();
    let service = Service::serve(folder, &["--config", "headroom.yaml"], &client).await?;
    let mut open = Vec::new();
    eventually("three connections", SOON, async || {
        // Those of the start may not be gone yet.
        let mut stream = TcpStream::connect(service.address).await?;
        stream.write_all(b"GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n").await?;
        if read_one(&mut stream).await?.status == 200 {
            open.push(stream);
        }
        Ok((open.len() == 3).then_some(()))
    })
    .await?;
    let mut fourth = TcpStream::connect(service.address).await?;
    assert_eq!(read(&mut fourth).await?.status, 503);
    open.pop();
    eventually("room for one", SOON, async || {
        let answer = client.get(service.address, "/metrics", "").await;
        Ok(answer.ok().filter(|answer| answer.status == 200))
    })
    .await?;
    Ok(())
}
