//! A real Prometheus writes to us over TLS and proves itself in each way; and it reads the same web configuration.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::client::{Client, basic, bearer};
use super::pki::Authority;
use super::{SOON, Service, TLS, hash, prepared};
use crate::peers;
use crate::peers::process::{Process, eventually, free_address};
use crate::peers::prometheus::Prometheus;

/// A Prometheus that scrapes Headroom, and writes what it scraped to it.
fn sender(service: &Service, folder: &str, proof: &str) -> String {
    let at = service.address.port();
    let tls = format!("ca_file: '{folder}/ca.crt'");
    format!(
        "
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: headroom
    scheme: https
    static_configs: [{{targets: ['localhost:{at}']}}]
{proof}
remote_write:
  - url: https://localhost:{at}/api/v1/write
    queue_config: {{batch_send_deadline: 100ms}}
{proof}
"
    )
    .replace("TLS", &tls)
}

/// Runs a Prometheus that proves itself by `proof` until the service has kept a sample of what it scraped; gives the
/// service, where there is a Prometheus.
async fn writes(config: &str, proof: &str) -> Result<Option<Service>> {
    let Some(peers) = peers::need(&["prometheus"]) else { return Ok(None) };
    let (folder, authority, _) = prepared()?;
    let identity = authority.client(&folder, "prometheus", &["prometheus.monitoring.svc"])?;
    // Whoever asks for the test may have to prove himself in all ways.
    let client = Client::showing(&authority.file, &identity)?;
    folder.write("token", "t0ken\n")?;
    folder.write("password", "pass word\n")?;
    let path = folder.path().to_string_lossy().into_owned();
    let service = Service::start(folder, &format!("{TLS}{config}"), &client).await?;
    let prometheus = Prometheus::start(&peers, &sender(&service, &path, &proof.replace("DIR", &path)), &[]).await?;
    prometheus.wait_for("up{job='headroom'} == 1", SOON).await?;
    let right = basic("ann", "pass word");
    let answered = eventually("a sample that Prometheus wrote", SOON, async || {
        let answer = client.get(service.address, "/api/v1/query?query=total", &right).await?;
        let token = client.get(service.address, "/api/v1/query?query=total", &bearer("t0ken")).await?;
        Ok([answer, token].into_iter().find(|answer| answer.text.contains("\"1\"")))
    })
    .await
    .with_context(|| service.process.log_tail(20))?;
    assert_eq!(answered.status, 200);
    let log = service.log();
    assert!(!log.contains("t0ken") && !log.contains("pass word"), "{log}");
    Ok(Some(service))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_writes_with_a_password() -> Result<()> {
    let config = format!("basic_auth_users: {{ann: {}}}\n", hash("pass word"));
    let proof = "    tls_config: {TLS}\n    basic_auth: {username: ann, password_file: 'DIR/password'}";
    writes(&config, proof).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_writes_with_a_token() -> Result<()> {
    let proof = "    tls_config: {TLS}\n    authorization: {credentials_file: 'DIR/token'}";
    writes("bearer_token_files: [token]\n", proof).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_writes_with_a_certificate_over_http_2() -> Result<()> {
    let config = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  client_allowed_sans: \
                  [prometheus.monitoring.svc]\n";
    let proof = "    enable_http2: true\n    tls_config: {TLS, cert_file: 'DIR/prometheus.crt', key_file: \
                 'DIR/prometheus.key'}";
    let Some(service) = writes(config, proof).await? else { return Ok(()) };
    assert!(service.log().contains("received frame=Headers"), "it spoke HTTP/2");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_reads_the_same_file_and_answers_the_same() -> Result<()> {
    let Some(peers) = peers::need(&["prometheus"]) else { return Ok(()) };
    let (folder, authority, client) = prepared()?;
    let identity = authority.client(&folder, "me", &["me.example"])?;
    let showing = Client::showing(&authority.file, &identity)?;
    let foreign = Authority::create(&folder, "foreign")?.client(&folder, "foreigner", &["me.example"])?;
    let foreign = Client::showing(&authority.file, &foreign)?;
    let config = format!(
        "{TLS}  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.crt\n  min_version: TLS12\n  \
         prefer_server_cipher_suites: true\nhttp_server_config:\n  http2: true\n  headers: {{X-Frame-Options: \
         deny}}\nbasic_auth_users:\n  ann: {}\n  bob: {}\n",
        hash("a"),
        hash("b").replace("$2b$", "$2y$")
    );
    let service = Service::start(folder, &config, &client).await?;
    let file = service.folder.path().join("web-config.yml");

    let (theirs, at) = (super::folder()?, free_address()?);
    theirs.write("prometheus.yml", "scrape_configs: []\n")?;
    let mut command = Command::new(peers.program("prometheus"));
    command.arg("--config.file=prometheus.yml").arg("--storage.tsdb.path=data");
    command.arg(format!("--web.config.file={}", file.display())).arg(format!("--web.listen-address={at}"));
    let mut process = Process::spawn("prometheus", command, theirs.path(), Duration::from_secs(3))?;
    let right = basic("ann", "a");
    eventually("Prometheus is ready", SOON, async || {
        process.check()?;
        Ok(client.get(at, "/-/ready", &right).await.ok().filter(|answer| answer.status == 200))
    })
    .await?;

    let path = "/api/v1/query?query=vector(1)";
    for (name, client) in [("no certificate", &client), ("a certificate", &showing), ("a foreign one", &foreign)] {
        for headers in ["", &right, &basic("bob", "b"), &basic("bob", "a"), &basic("eve", "a")] {
            let ours = client.get(service.address, path, headers).await;
            let theirs = client.get(at, path, headers).await;
            let status = |answer: &Result<super::client::Answer>| answer.as_ref().ok().map(|answer| answer.status);
            assert_eq!(status(&ours), status(&theirs), "{name}, {headers}: {ours:?}, {theirs:?}");
            for (answer, whose) in [(ours, "ours"), (theirs, "theirs")] {
                let Ok(answer) = answer else { continue };
                assert!(answer.text.to_lowercase().contains("x-frame-options: deny"), "{whose}: {answer:?}");
            }
        }
        let ours = client.get_h2(service.address, path, &[]).await.map(|answer| answer.status).ok();
        let theirs = client.get_h2(at, path, &[]).await.map(|answer| answer.status).ok();
        assert_eq!(ours, theirs, "{name}");
    }
    Ok(())
}
