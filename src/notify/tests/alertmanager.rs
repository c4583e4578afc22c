use std::time::Duration;

use expect_test::expect;
use tokio::net::TcpListener;

use super::{Door, LIMITS, NOW, Server, alert, alerts, until};
use crate::config::{Access, Alerting, Alertmanager, Credentials};
use crate::dispatch::Alert;
use crate::labels::Labels;
use crate::notify::alertmanager::body;

#[test]
fn an_alert_has_the_shape_that_prometheus_gives_it() {
    let bare = Alert { generator_url: String::new(), ..alert("b") };
    let value: serde_json::Value = serde_json::from_slice(&body(&[alert("a"), bare])).unwrap();
    expect![[r#"
        [
          {
            "annotations": {
              "summary": "a happened"
            },
            "endsAt": "2023-11-14T22:17:20.000Z",
            "generatorURL": "http://headroom/query?q=up",
            "labels": {
              "alertname": "a"
            },
            "startsAt": "2023-11-14T22:13:20.000Z"
          },
          {
            "annotations": {
              "summary": "b happened"
            },
            "endsAt": "2023-11-14T22:17:20.000Z",
            "labels": {
              "alertname": "b"
            },
            "startsAt": "2023-11-14T22:13:20.000Z"
          }
        ]"#]]
    .assert_eq(&serde_json::to_string_pretty(&value).unwrap());
}

#[tokio::test]
async fn alerts_go_to_each_alertmanager_in_batches() {
    let (one, two) = (Server::start(&["200 OK"]).await, Server::start(&["202 Accepted"]).await);
    let door = Door::to(&[one.url(), format!("{}/am", two.url())]);
    door.notifier.alerts(alerts("a b c d e f"));
    until("both have two requests", || [&one, &two].iter().all(|server| server.received().len() == 2)).await;
    let received = two.received();
    assert!(received[0].head.starts_with("POST /am/api/v2/alerts HTTP/1.1"), "{}", received[0].head);
    assert_eq!(
        (received[0].names(), received[1].names()),
        (["a", "b", "c", "d"].map(Into::into).to_vec(), ["e", "f"].map(Into::into).to_vec())
    );
    assert_eq!(received[0].header("content-type"), Some("application/json"));
    let metrics = door.metrics(&one.url());
    until("they are counted", || metrics.sent.get() == 6).await;
    assert_eq!((metrics.errors.get(), metrics.dropped.get(), metrics.queue_length.get()), (0, 0, 0.0));
    assert_eq!(door.telemetry.latency.notification.snapshot().count(), 4);
}

#[tokio::test]
async fn one_that_is_busy_is_tried_again_and_holds_up_no_other() {
    let busy = Server::start(&["503 Service Unavailable", "429 Too Many Requests\r\nretry-after: 0", "200 OK"]).await;
    let free = Server::start(&["200 OK"]).await;
    let door = Door::to(&[busy.url(), free.url()]);
    door.notifier.alerts(alerts("a b"));
    until("the free one has them", || free.received().len() == 1).await;
    until("the busy one has them", || busy.received().len() == 3).await;
    let metrics = door.metrics(&busy.url());
    until("they are counted", || metrics.sent.get() == 2).await;
    assert_eq!((metrics.errors.get(), metrics.dropped.get()), (4, 0));
}

#[tokio::test]
async fn what_is_refused_is_not_tried_again() {
    let server = Server::start(&["400 Bad Request", "302 Found\r\nlocation: /", "200 OK"]).await;
    let door = Door::to(&[server.url()]);
    door.notifier.alerts(alerts("a"));
    until("the first was refused", || server.received().len() == 1).await;
    door.notifier.alerts(alerts("b"));
    until("the second was refused", || server.received().len() == 2).await;
    door.notifier.alerts(alerts("c"));
    let metrics = door.metrics(&server.url());
    until("the third is sent", || metrics.sent.get() == 1).await;
    let names: Vec<String> = server.received().iter().flat_map(super::Received::names).collect();
    assert_eq!((names.join(" ").as_str(), metrics.dropped.get()), ("a b c", 2));
}

#[tokio::test]
async fn an_outage_keeps_the_newest_word_on_each_alert() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let door = Door::to(&[format!("http://{address}")]);
    let metrics = door.metrics(&format!("http://{address}"));
    door.notifier.alerts(alerts("a b"));
    until("an attempt fails", || metrics.errors.get() >= 2).await;
    let resolved = Alert { ends_at: NOW, ..alert("a") };
    door.notifier.alerts([vec![resolved], alerts("c d e f g h i j k")].concat());
    assert!(metrics.queue_length.get() <= LIMITS.queue_max as f64);

    let server = Server::listen(TcpListener::bind(address).await.unwrap(), vec!["200 OK"]);
    until("all are sent", || metrics.sent.get() == 10).await;
    let bodies: String = server.received().into_iter().map(|received| received.body).collect();
    assert_eq!(bodies.matches("\"alertname\":\"a\"").count() + bodies.matches("\"alertname\":\"b\"").count(), 1);
    assert!(metrics.dropped.get() == 1 && bodies.contains("\"alertname\":\"k\""), "the oldest went: {bodies}");
}

#[tokio::test]
async fn a_shutdown_sends_what_waits_and_counts_the_rest() {
    let server = Server::start(&["503 Service Unavailable", "200 OK"]).await;
    let door = Door::to(&[server.url(), "http://127.0.0.1:1".to_owned()]);
    door.shutdown.cancel();
    door.notifier.alerts(alerts("a b c d e"));
    tokio::time::timeout(Duration::from_secs(5), door.stop()).await.expect("it ends");
    let metrics = door.metrics("http://127.0.0.1:1");
    assert_eq!((metrics.sent.get(), metrics.dropped.get()), (0, 5));
}

#[tokio::test]
async fn external_labels_fill_in_and_credentials_come_from_their_files() {
    let server = Server::start(&["200 OK"]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let with = |credentials| Alertmanager {
        url: server.url(),
        path_prefix: String::new(),
        timeout: Duration::from_secs(2),
        access: Access { credentials, ca_file: None },
    };
    let basic = with(Credentials::Basic { username: "ann".to_owned(), password_file: file.clone() });
    let external_labels =
        [("team", "core"), ("cluster", "eu")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Alerting {
        alertmanagers: vec![basic],
        external_labels: external_labels.into_iter().collect(),
        ..Alerting::default()
    };
    let door = Door::start(&settings);
    let labels = Labels::from_pairs([("alertname", "a"), ("team", "shop")]).unwrap();
    door.notifier.alerts(vec![Alert { labels, ..alert("a") }]);
    let metrics = door.metrics(&server.url());
    until("there is no password yet", || metrics.errors.get() > 0).await;
    std::fs::write(&file, "opensesame\n").unwrap();
    until("it is sent", || metrics.sent.get() == 1).await;
    let received = server.received().remove(0);
    assert_eq!(received.header("authorization"), Some("Basic YW5uOm9wZW5zZXNhbWU="));
    assert!(received.body.contains(r#""labels":{"alertname":"a","cluster":"eu","team":"shop"}"#), "{}", received.body);
    assert!(!format!("{:?}", door.notifier).contains("opensesame"));
    assert!(
        door.telemetry
            .render()
            .contains(&format!("headroom_notifications_sent_total{{addressee=\"{}\"}} 1", server.url()))
    );
}
