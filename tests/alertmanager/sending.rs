//! Real Alertmanagers are told of our alerts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use headroom::app::clock;
use headroom::config::{Access, Alerting, Alertmanager as Settings, Credentials};
use headroom::dispatch::{Alert, valid_until};
use headroom::labels::Labels;
use headroom::notify::{Limits, Notifier};
use headroom::telemetry::Telemetry;
use tokio_util::sync::CancellationToken;

use crate::peers::alertmanager::{Alertmanager, CONFIG};
use crate::peers::process::{eventually, free_address};
use crate::peers::{self, http};
use crate::service::Headroom;

const SOON: Duration = Duration::from_mins(1);

fn settings(url: String, access: Access) -> Settings {
    Settings { url, path_prefix: String::new(), timeout: Duration::from_secs(5), access }
}

fn start(alertmanagers: Vec<Settings>) -> Result<(Notifier, Arc<Telemetry>)> {
    let alerting = Alerting {
        alertmanagers,
        external_labels: BTreeMap::from([("cluster".to_owned(), "eu".to_owned())]),
        ..Alerting::default()
    };
    let telemetry = Arc::new(Telemetry::new());
    let limits = Limits { retry_first: Duration::from_millis(50), ..Limits::default() };
    let shutdown = CancellationToken::new();
    let notifier = Notifier::start(&alerting, Arc::clone(&telemetry), clock::system(), limits, shutdown)?;
    Ok((notifier, telemetry))
}

fn plain(address: SocketAddr) -> Settings {
    settings(format!("http://{address}"), Access::default())
}

fn alert(name: &str, node: &str) -> Result<Alert> {
    let now = clock::now();
    Ok(Alert {
        labels: Labels::from_pairs([("alertname", name), ("node", node)])?,
        annotations: BTreeMap::from([("summary".to_owned(), format!("{name} on {node}"))]),
        starts_at: now - Duration::from_mins(1),
        ends_at: valid_until(now, Duration::from_secs(15), Duration::from_mins(1)),
        updated_at: now,
        generator_url: "http://headroom/query?q=up".to_owned(),
    })
}

#[tokio::test]
async fn both_alertmanagers_are_told_though_one_was_down_at_first() -> Result<()> {
    let Some(peers) = peers::need(&["alertmanager"]) else { return Ok(()) };
    let (one, two) = (free_address()?, free_address()?);
    let up = Alertmanager::start(&peers, one, CONFIG).await?;
    let (notifier, telemetry) = start(vec![plain(one), plain(two)])?;
    notifier.alerts(vec![alert("Frozen", "a")?, alert("Frozen", "b")?]);
    let there = up.wait_alerts("alertname=Frozen", 2, SOON).await?;
    ensure!(there[0]["labels"]["cluster"] == "eu", "{there:?}");
    ensure!(there[0]["generatorURL"] == "http://headroom/query?q=up", "{there:?}");
    let down = telemetry.notify.addressee(&format!("http://{two}"));
    eventually("attempts fail", SOON, async || Ok((down.errors.get() > 2).then_some(()))).await?;
    ensure!(down.queue_length.get() <= 2.0 && down.dropped.get() == 0);

    let late = Alertmanager::start(&peers, two, CONFIG).await?;
    late.wait_alerts("alertname=Frozen", 2, SOON).await?;

    // Said again, it is the same alert, with its first beginning.
    let begun = there[0]["startsAt"].clone();
    notifier.alerts(vec![alert("Frozen", "a")?]);
    let metrics = telemetry.notify.addressee(&up.url());
    eventually("it is sent again", SOON, async || Ok((metrics.sent.get() == 3).then_some(()))).await?;
    let again = up.wait_alerts("alertname=Frozen", 2, SOON).await?;
    ensure!(again[0]["startsAt"] == begun, "{again:?}");

    // And over, it is gone from both.
    notifier.alerts(vec![Alert { ends_at: clock::now(), ..alert("Frozen", "a")? }]);
    for alertmanager in [&up, &late] {
        let left = alertmanager.wait_alerts("alertname=Frozen", 1, SOON).await?;
        ensure!(left[0]["labels"]["node"] == "b", "{left:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_alert_has_the_fingerprint_that_alertmanager_gives_it() -> Result<()> {
    let Some(peers) = peers::need(&["alertmanager"]) else { return Ok(()) };
    let up = Alertmanager::start(&peers, free_address()?, CONFIG).await?;
    let (notifier, _) = start(vec![plain(up.address())])?;
    let alerts: Vec<Alert> = (0..200).map(|node| alert("Many", &format!("n\u{e4}-{node}"))).collect::<Result<_>>()?;
    notifier.alerts(alerts.clone());
    let there = up.wait_alerts("alertname=Many", 200, SOON).await?;
    for alert in alerts {
        let alert = Alert { labels: alert.labels.with(&[("cluster", "eu")]), ..alert };
        let node = alert.labels.get("node").unwrap_or_default();
        let shown = there.iter().find(|shown| shown["labels"]["node"] == node);
        let fingerprint = shown.map(|shown| shown["fingerprint"].as_str().unwrap_or_default().to_owned());
        ensure!(fingerprint == Some(format!("{:016x}", alert.fingerprint())), "{node}: {fingerprint:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_guarded_alertmanager_is_told_over_tls() -> Result<()> {
    // Of the password "test", from Prometheus's guide to basic authentication.
    const USERS: &str = "basic_auth_users: {admin: $2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay}";
    let Some(peers) = peers::need(&["alertmanager"]) else { return Ok(()) };
    let address = free_address()?;
    let pair = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    let guarded = Alertmanager::spawn(&peers, address, CONFIG, |folder| {
        let certificate = folder.write("tls.crt", &pair.cert.pem())?;
        let key = folder.write("tls.key", &pair.signing_key.serialize_pem())?;
        let (certificate, key) = (certificate.display(), key.display());
        let web = format!("tls_server_config: {{cert_file: {certificate}, key_file: {key}}}\n{USERS}\n");
        Ok(vec![format!("--web.config.file={}", folder.write("web.yml", &web)?.display())])
    })?;
    let password_file = guarded.folder().write("password", "wrong\n")?;
    let credentials = Credentials::Basic { username: "admin".to_owned(), password_file };
    let access = Access { credentials, ca_file: Some(guarded.folder().path().join("tls.crt")) };
    let url = format!("https://{address}");
    let strangers = settings(format!("https://localhost:{}", address.port()), access.clone());
    let (notifier, telemetry) = start(vec![settings(url.clone(), access), strangers])?;
    let (metrics, stranger) = (
        telemetry.notify.addressee(&url),
        telemetry.notify.addressee(&format!("https://localhost:{}", address.port())),
    );
    notifier.alerts(vec![alert("Guarded", "a")?]);
    eventually("it is refused", SOON, async || Ok((metrics.dropped.get() == 1).then_some(()))).await?;
    guarded.folder().write("password", "test\n")?;
    notifier.alerts(vec![alert("Guarded", "a")?]);
    eventually("it is taken", SOON, async || Ok((metrics.sent.get() == 1).then_some(()))).await?;
    ensure!(stranger.sent.get() == 0 && stranger.errors.get() > 0, "a certificate for another name is not trusted");
    Ok(())
}

/// An alert that fires at once.
const RULES: &str = "
groups:
  - name: always
    interval: 1s
    rules:
      - alert: AlwaysThere
        expr: vector(1)
        labels: {severity: info}
        annotations: {summary: it is always there}
";

#[tokio::test]
async fn an_alert_of_a_rule_arrives_and_is_resolved_with_its_rule() -> Result<()> {
    let Some(peers) = peers::need(&["alertmanager"]) else { return Ok(()) };
    let up = Alertmanager::start(&peers, free_address()?, CONFIG).await?;
    let folder = peers.folder()?;
    let text = format!("alerting: {{resend_delay: 1s, alertmanagers: [{{url: '{}'}}]}}\n", up.url());
    let config = folder.write("headroom.yaml", &text)?;
    let headroom = Headroom::start(RULES, &["--config", &config.to_string_lossy()]).await?;
    let there = up.wait_alerts("alertname=AlwaysThere", 1, SOON).await?;
    ensure!(there[0]["annotations"]["summary"] == "it is always there", "{there:?}");
    let ours = peers::alertmanager::alerts(headroom.address, "alertname=AlwaysThere").await?;
    ensure!(ours.len() == 1 && ours[0]["fingerprint"] == there[0]["fingerprint"], "{ours:?}");
    headroom.write_rules("groups: []")?;
    ensure!(http::post(headroom.address, "/-/reload", &[]).await?.status == 200);
    up.wait_alerts("alertname=AlwaysThere", 0, SOON).await?;
    Ok(())
}
