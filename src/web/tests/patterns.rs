//! Patterns and anomalies, listed and changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use expect_test::expect;

use super::{Server, check, fake, parts};
use crate::demand::anomaly::Kind as Unusual;
use crate::demand::anomaly::episode::{Episode, Judged};
use crate::demand::patterns::{Anchor, Edit, Kind, Pattern, Posted};
use crate::engine::{Answer, Command, View};
use crate::web::Limits;

const JSON: &str = "content-type: application/json\r\n";

fn pattern(name: &str, kind: Kind) -> Arc<Pattern> {
    Arc::new(Pattern {
        id: format!("{name}-{kind}"),
        name: "billing".to_owned(),
        kind,
        workload: fake::workload(name),
        metric: "requests".into(),
        anchor: (kind != Kind::FlashCrowd).then_some(Anchor { minute: 390, weekdays: 0b11 }),
        step_ms: 900_000,
        shape: vec![0.0, 1.0, 0.5],
        level: 50.0,
        scale: 450.0,
        found_at: fake::NOW,
        seen_at: fake::NOW,
        seen: 7,
        validity: 0.75,
        judged_at: fake::NOW,
        labels: BTreeMap::from([("team".to_owned(), "money".to_owned())]),
        author: None,
        edited: Some(("bob".to_owned(), fake::NOW)),
        removed: false,
    })
}

fn episode(name: &str, kind: Unusual, seconds: u64) -> Arc<Episode> {
    let began_at = fake::NOW + Duration::from_secs(seconds);
    let (value, expected, z_score, robust_score) = (900.0, 100.0, Some(8.5), None);
    let worst = Judged { value, expected, z_score, robust_score, kind };
    let (workload, last_at) = (fake::workload(name), began_at + Duration::from_secs(30));
    Arc::new(Episode { workload, metric: "requests".into(), kind, began_at, last_at, worst })
}

async fn start() -> Server {
    let server = Server::start(Limits::default()).await;
    let kinds = [("checkout", Kind::BatchWindow), ("checkout", Kind::FlashCrowd), ("search", Kind::Daily)];
    let patterns = kinds.map(|(name, kind)| pattern(name, kind)).to_vec();
    let odd = [("checkout", Unusual::Spike, 0), ("search", Unusual::Drop, 60), ("checkout", Unusual::Drop, 120)];
    let anomalies = odd.map(|(name, kind, seconds)| episode(name, kind, seconds)).to_vec();
    let view = View { patterns: Arc::new(patterns), anomalies: Arc::new(anomalies), ..fake::view() };
    server.view.send_replace(Arc::new(view));
    server
}

async fn list(server: &Server, path: &str, what: &str, of: &str) -> Vec<String> {
    let answer = server.get(path).await;
    let json: serde_json::Value = serde_json::from_str(parts(&answer).1).unwrap();
    let all = json[what].as_array().unwrap_or_else(|| panic!("{answer}"));
    all.iter().map(|one| one[of].to_string().trim_matches('"').to_owned()).collect()
}

#[tokio::test]
async fn patterns_are_listed_and_can_be_narrowed() {
    let server = start().await;
    let ids = async |query: &str| list(&server, &format!("/api/v1/patterns{query}"), "patterns", "id").await;
    assert_eq!(ids("").await, ["checkout-batch_window", "checkout-flash_crowd", "search-daily"]);
    assert_eq!(ids("?workload=shop/search").await, ["search-daily"]);
    assert_eq!(ids("?workload=checkout&kind=flash_crowd").await, ["checkout-flash_crowd"]);
    assert_eq!(ids("?workload=cart").await, [""; 0]);
    let wrong = server.get("/api/v1/patterns?kind=hourly").await;
    check(&wrong, "400 Bad Request", &["unknown kind \\\"hourly\\\"; known: daily, weekly, batch_window"]);
    let answer = server.get("/api/v1/patterns?workload=checkout&kind=batch_window").await;
    let json: serde_json::Value = serde_json::from_str(parts(&answer).1).unwrap();
    expect![[r#"
        {
          "patterns": [
            {
              "at": "06:30",
              "author": null,
              "edited_at": "2023-11-14T22:13:20.000Z",
              "edited_by": "bob",
              "found_at": "2023-11-14T22:13:20.000Z",
              "id": "checkout-batch_window",
              "kind": "batch_window",
              "labels": {
                "team": "money"
              },
              "length_seconds": 2700.0,
              "level": 50.0,
              "metric": "requests",
              "name": "billing",
              "scale": 450.0,
              "seen": 7,
              "seen_at": "2023-11-14T22:13:20.000Z",
              "shape": [
                0.0,
                1.0,
                0.5
              ],
              "step_seconds": 900.0,
              "validity": 0.75,
              "weekdays": [
                "monday",
                "tuesday"
              ],
              "workload": "shop/checkout"
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&json).unwrap());
}

#[tokio::test]
async fn anomalies_come_newest_first_and_can_be_narrowed() {
    let server = start().await;
    let times = async |query: &str| list(&server, &format!("/api/v1/anomalies{query}"), "anomalies", "began_at").await;
    let (first, second, third) = ("2023-11-14T22:13:20.000Z", "2023-11-14T22:14:20.000Z", "2023-11-14T22:15:20.000Z");
    assert_eq!(times("").await, [third, second, first]);
    assert_eq!(times("?workload=checkout").await, [third, first]);
    assert_eq!(times("?workload=shop/checkout&kind=drop").await, [third]);
    // What lasts until then counts.
    assert_eq!(times("?since=1700000090").await, [third, second]);
    check(&server.get("/api/v1/anomalies?kind=none").await, "400 Bad Request", &["kind must be spike, drop or shift"]);
    check(&server.get("/api/v1/anomalies?since=soon").await, "400 Bad Request", &["since must be a time"]);
    let answer = server.get("/api/v1/anomalies?kind=spike").await;
    let json: serde_json::Value = serde_json::from_str(parts(&answer).1).unwrap();
    expect![[r#"
        {
          "anomalies": [
            {
              "began_at": "2023-11-14T22:13:20.000Z",
              "began_at_ms": 1700000000000,
              "expected": 100.0,
              "kind": "spike",
              "last_at": "2023-11-14T22:13:50.000Z",
              "last_at_ms": 1700000030000,
              "metric": "requests",
              "robust_score": null,
              "value": 900.0,
              "workload": "shop/checkout",
              "z_score": 8.5
            }
          ],
          "pods": []
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&json).unwrap());
}

#[tokio::test]
async fn a_change_reaches_the_loop_and_its_answer_comes_back() {
    let mut server = start().await;
    let add = r#"{"action": "add", "workload": "checkout", "metric": "requests", "kind": "batch_window", "at": "06:30",
        "weekdays": ["monday", "tuesday"], "step": "15m", "values": [50, 500], "labels": {"a": "b"}, "author": "ada"}"#;
    let label = r#"{"action": "label", "id": "x", "name": "n", "labels": {"a": ""}, "author": "ada"}"#;
    let remove = r#"{"action": "remove", "id": "x", "author": "ada"}"#;
    let (id, author) = ("x".to_owned(), "ada".to_owned());
    let posted = Posted {
        workload: fake::workload("checkout"),
        metric: "requests".into(),
        kind: Kind::BatchWindow,
        name: None,
        anchor: Some(Anchor { minute: 390, weekdays: 0b11 }),
        step: Duration::from_mins(15),
        values: vec![50.0, 500.0],
        labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        author: author.clone(),
    };
    let labels = BTreeMap::from([("a".to_owned(), String::new())]);
    let labelled = Edit::Label { id: id.clone(), name: Some("n".to_owned()), labels, author: author.clone() };
    let refused = Answer::Refused("it has 12 patterns".to_owned());
    let unknown = Answer::NotFound("no pattern has the id \"x\"".to_owned());
    let cases = [
        (add, Edit::Add(posted.clone()), Answer::Pattern("x".to_owned()), "200 OK", r#"{"id":"x"}"#),
        (add, Edit::Add(posted), refused, "409 Conflict", "it has 12 patterns"),
        (label, labelled, Answer::Pattern("x".to_owned()), "200 OK", r#"{"id":"x"}"#),
        (remove, Edit::Remove { id, author }, unknown, "404 Not Found", "no pattern has"),
    ];
    for (body, want, answer, status, told) in cases {
        let address = &server.address;
        let asks = &mut server.asks;
        let engine = async {
            let (command, reply) = asks.recv().await.unwrap();
            let Command::Pattern(edit) = command else { panic!("{command:?}") };
            assert_eq!(edit, want);
            reply.send(answer).unwrap();
        };
        let (answered, ()) = tokio::join!(post(*address, body), engine);
        check(&answered, status, &[told]);
    }
}

async fn post(address: std::net::SocketAddr, body: &str) -> String {
    use tokio::io::AsyncWriteExt as _;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("POST /api/v1/patterns HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{JSON}");
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    super::read_all(&mut stream).await
}

#[tokio::test]
async fn what_is_asked_for_wrongly_never_reaches_the_loop() {
    let mut server = start().await;
    let add = |change: &str| {
        let usual =
            r#""workload": "checkout", "kind": "batch_window", "step": "15m", "values": [1, 2], "author": "ada""#;
        format!("{{\"action\": \"add\", {usual}, {change}}}")
    };
    let cases = [
        (add(r#""at": "06:30""#), "metric is missing; its rule has: requests, cpu"),
        (add(r#""metric": "memory""#), "unknown metric \\\"memory\\\"; its rule has: requests, cpu"),
        (add(r#""metric": "cpu", "at": "6:30""#), "at must be a time of the day in UTC"),
        (add(r#""metric": "cpu", "at": "24:00""#), "at must be a time of the day in UTC"),
        (add(r#""metric": "cpu", "at": "06:30", "weekdays": ["mon"]"#), "unknown weekday \\\"mon\\\""),
        (add(r#""metric": "cpu", "hour": 6"#), "unknown field"),
        (r#"{"action": "add"}"#.to_owned(), "missing field"),
        (r#"{"action": "forget", "id": "x"}"#.to_owned(), "unknown variant"),
        ("[]".to_owned(), "send {"),
    ];
    for (body, told) in cases {
        check(&server.post("/api/v1/patterns", JSON, &body).await, "400 Bad Request", &[told]);
    }
    // As a form of another site would be sent.
    check(&server.post("/api/v1/patterns", "", "{}").await, "415 Unsupported Media Type", &["application/json"]);
    check(&server.post("/api/v1/anomalies", JSON, "{}").await, "405 Method Not Allowed", &["allow: GET, HEAD"]);
    assert!(server.asks.try_recv().is_err());
}
