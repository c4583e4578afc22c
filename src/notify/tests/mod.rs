//! The door, tried against servers on loopback that say what they are told to say.

mod alertmanager;
mod message;
mod queue;
mod webhook;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Limits, Notifier};
use crate::config::{Access, Alerting, Alertmanager};
use crate::dispatch::Alert;
use crate::labels::Labels;
use crate::telemetry::{AddresseeMetrics, Telemetry};
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A request as it came.
#[derive(Debug, Clone)]
struct Received {
    head: String,
    body: String,
}

impl Received {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The name of each alert, in order.
    fn names(&self) -> Vec<String> {
        let alerts: Vec<serde_json::Value> = serde_json::from_str(&self.body).unwrap();
        alerts.iter().map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
    }
}

/// A server that gives each of its answers once, and the last one for ever.
struct Server {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    async fn start(answers: &[&'static str]) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.unwrap(), answers.to_vec())
    }

    fn listen(listener: TcpListener, answers: Vec<&'static str>) -> Self {
        let (address, received) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let seen = Arc::clone(&received);
        tokio::spawn(async move {
            let mut answers = answers.into_iter();
            let mut answer = answers.next().unwrap();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some(request) = read(&mut stream).await else { continue };
                seen.lock().unwrap().push(request);
                let text = format!("HTTP/1.1 {answer}\r\nconnection: close\r\ncontent-length: 5\r\n\r\nwords");
                // Who asked may have given up.
                let _ = stream.write_all(text.as_bytes()).await;
                answer = answers.next().unwrap_or(answer);
            }
        });
        Self { address, received }
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn read(stream: &mut tokio::net::TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(buffer.get(..count).unwrap());
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let received = Received { head: head.to_owned(), body: body.to_owned() };
        if received.header("content-length").unwrap().parse() == Ok(body.len()) {
            return Some(received);
        }
    }
}

/// Retries within a moment.
const LIMITS: Limits = Limits {
    queue_max: 10,
    batch_max: 4,
    messages_max: 2,
    retry_first: Duration::from_millis(5),
    retry_max: Duration::from_millis(20),
    drain_timeout: Duration::from_millis(500),
};

/// A notifier and what belongs to it.
struct Door {
    notifier: Arc<Notifier>,
    telemetry: Arc<Telemetry>,
    shutdown: CancellationToken,
}

impl Door {
    fn to(urls: &[String]) -> Self {
        let alertmanager = |url: &String| Alertmanager {
            url: url.clone(),
            path_prefix: String::new(),
            timeout: Duration::from_secs(2),
            access: Access::default(),
        };
        let alertmanagers = urls.iter().map(alertmanager).collect();
        Self::start(&Alerting { alertmanagers, ..Alerting::default() })
    }

    fn start(settings: &Alerting) -> Self {
        let (telemetry, shutdown) = (Arc::new(Telemetry::new()), CancellationToken::new());
        let clock: crate::time::Clock = Arc::new(|| NOW);
        let notifier = Notifier::start(settings, Arc::clone(&telemetry), clock, LIMITS, shutdown.clone()).unwrap();
        Self { notifier: Arc::new(notifier), telemetry, shutdown }
    }

    fn metrics(&self, addressee: &str) -> AddresseeMetrics {
        self.telemetry.notify.addressee(addressee)
    }

    async fn stop(&self) {
        self.shutdown.cancel();
        self.notifier.ended().await;
    }
}

/// Waits until it is so.
async fn until(what: &str, so: impl Fn() -> bool) {
    let waiting = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap_or_else(|_| panic!("not within 10 s: {what}"));
}

fn alert(name: &str) -> Alert {
    Alert {
        labels: Labels::from_pairs([("alertname", name)]).unwrap(),
        annotations: BTreeMap::from([("summary".to_owned(), format!("{name} happened"))]),
        starts_at: NOW,
        ends_at: NOW + Duration::from_mins(4),
        updated_at: NOW,
        generator_url: "http://headroom/query?q=up".to_owned(),
    }
}

fn alerts(names: &str) -> Vec<Alert> {
    names.split(' ').map(alert).collect()
}
