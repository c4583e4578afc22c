use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use ring::hmac;

use super::message::{notification, notified};
use super::{Door, Server, alert, until};
use crate::notify::{Address, NotifyError, WebhookConfig};
use crate::template::Template;

fn to(server: &Server) -> WebhookConfig {
    let url = format!("{}/hook/token", server.url());
    WebhookConfig { give_up_after: Duration::from_secs(5), ..WebhookConfig::new(Address::Url(url)) }
}

#[tokio::test]
async fn a_busy_webhook_is_tried_again_with_the_same_delivery() {
    let server = Server::start(&["500 Internal Server Error", "429 Too Many Requests", "204 No Content"]).await;
    let door = Door::to(&[]);
    let message = notification(vec![alert("a")], vec![notified()]);
    door.notifier.notify(&message, &to(&server)).await.unwrap();
    let received = server.received();
    assert_eq!(received.len(), 3);
    assert!(received[0].head.starts_with("POST /hook/token HTTP/1.1"));
    let deliveries: Vec<_> = received.iter().map(|received| received.header("x-headroom-delivery")).collect();
    assert!(deliveries[0].is_some() && deliveries.iter().all(|one| *one == deliveries[0]), "{deliveries:?}");
    assert!(received.iter().all(|one| one.body == received[0].body && one.header("x-headroom-signature").is_none()));
    let metrics = door.metrics("webhook/oncall");
    assert_eq!((metrics.sent.get(), metrics.errors.get(), metrics.queue_length.get()), (1, 2, 0.0));
}

#[tokio::test]
async fn a_signature_covers_time_and_body() {
    let server = Server::start(&["200 OK"]).await;
    let (door, folder) = (Door::to(&[]), tempfile::tempdir().unwrap());
    let file = folder.path().join("key");
    std::fs::write(&file, "opensesame\n").unwrap();
    let config = WebhookConfig { secret_file: Some(file), ..to(&server) };
    door.notifier.notify(&notification(vec![alert("a")], Vec::new()), &config).await.unwrap();
    let received = server.received().remove(0);
    let timestamp = received.header("x-headroom-timestamp").unwrap();
    assert_eq!(timestamp, "1700000000");
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"opensesame");
    let mac = hmac::sign(&key, format!("{timestamp}.{}", received.body).as_bytes());
    let hex = mac.as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    assert_eq!(received.header("x-headroom-signature"), Some(format!("sha256={hex}").as_str()));
}

#[tokio::test]
async fn a_body_of_ones_own_is_made_from_a_template_and_signed() {
    let server = Server::start(&["200 OK"]).await;
    let (door, folder) = (Door::to(&[]), tempfile::tempdir().unwrap());
    let file = folder.path().join("key");
    std::fs::write(&file, "opensesame").unwrap();
    let text = "{{ .Status }} {{ .GroupLabels.team }}: {{ range .Alerts }}{{ .Labels.alertname }} {{ end }}\
                {{ range .Decisions }}{{ .Workload }} {{ .From }} -> {{ .To }}, {{ .Annotations.runbook_url }}{{ end }}";
    let config = WebhookConfig {
        secret_file: Some(file),
        headers: vec![("content-type".parse().unwrap(), "text/plain".parse().unwrap())],
        body: Some(Template::compile(text).unwrap()),
        ..to(&server)
    };
    door.notifier.notify(&notification(vec![alert("a")], vec![notified()]), &config).await.unwrap();
    let received = server.received().remove(0);
    assert_eq!(received.body, "firing shop: a shop/checkout 4 -> 6, https://runbooks/checkout");
    assert_eq!(received.header("content-type"), Some("text/plain"));
    assert!(received.header("x-headroom-signature").is_some());

    let poor = WebhookConfig { body: Some(Template::compile("{{ .Nothing }}").unwrap()), ..to(&server) };
    let error = door.notifier.notify(&notification(vec![alert("a")], Vec::new()), &poor).await.unwrap_err();
    assert!(error.to_string().starts_with("the webhook's body can't be made: 1:"), "{error}");
}

#[tokio::test]
async fn a_refusal_is_final_and_names_no_address() {
    let server = Server::start(&["404 Not Found"]).await;
    let door = Door::to(&[]);
    let config = to(&server);
    let error = door.notifier.notify(&notification(vec![alert("a")], Vec::new()), &config).await.unwrap_err();
    assert_eq!(error.to_string(), "the webhook refuses the message: answered 404 Not Found: words");
    assert_eq!(server.received().len(), 1);
    assert!(!format!("{config:?}").contains("token"), "{config:?}");
    for (url, want) in [("hook", "the webhook's address is none"), ("ftp://a/b", "the webhook's address is none")] {
        let config = WebhookConfig::new(Address::Url(url.to_owned()));
        let error = door.notifier.notify(&notification(Vec::new(), Vec::new()), &config).await.unwrap_err();
        assert!(error.to_string().starts_with(want), "{error}");
    }
}

#[tokio::test]
async fn it_gives_up_in_time_or_when_the_service_ends() {
    let server = Server::start(&["503 Service Unavailable"]).await;
    let door = Door::to(&[]);
    let message = notification(vec![alert("a")], Vec::new());
    let short = WebhookConfig { give_up_after: Duration::from_millis(50), ..to(&server) };
    let error = door.notifier.notify(&message, &short).await.unwrap_err();
    assert!(matches!(error, NotifyError::GivenUp { attempts: 2.., .. }), "{error}");
    door.shutdown.cancel();
    let error = door.notifier.notify(&message, &to(&server)).await.unwrap_err();
    assert!(matches!(error, NotifyError::Stopped { attempts: 1, .. }), "{error}");
    assert_eq!(door.metrics("webhook/oncall").dropped.get(), 2);
}

#[tokio::test]
async fn messages_beyond_the_limit_are_dropped() {
    let server = Server::start(&["503 Service Unavailable"]).await;
    let door = Door::to(&[]);
    let message = Arc::new(notification(vec![alert("a")], Vec::new()));
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let (notifier, message, config) = (Arc::clone(&door.notifier), Arc::clone(&message), to(&server));
        waiting.push(tokio::spawn(async move { notifier.notify(&message, &config).await }));
    }
    let metrics = door.metrics("webhook/oncall");
    until("both are on their way", || metrics.queue_length.get() == 2.0).await;
    let error = door.notifier.notify(&message, &to(&server)).await.unwrap_err();
    assert!(matches!(error, NotifyError::Full { limit: 2 }), "{error}");
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
    until("places are given back", || metrics.queue_length.get() == 0.0).await;
}

#[tokio::test]
async fn an_address_may_come_from_a_file() {
    let server = Server::start(&["200 OK"]).await;
    let (door, folder) = (Door::to(&[]), tempfile::tempdir().unwrap());
    let file = folder.path().join("url");
    std::fs::write(&file, format!("{}/x\n", server.url())).unwrap();
    let config = WebhookConfig::new(Address::File(file));
    door.notifier.notify(&notification(Vec::new(), vec![notified()]), &config).await.unwrap();
    assert!(server.received()[0].head.starts_with("POST /x "));
}
