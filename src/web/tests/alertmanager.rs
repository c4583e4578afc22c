//! Alertmanager's API over a loop that keeps what it is told.

#![allow(clippy::needless_pass_by_value, reason = "expectations are made where they are checked")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::fake::{self, NOW};
use super::{Server, check, parts};
use crate::dispatch::{Alert, AlertGroup, AlertState};
use crate::engine::{AlertView, View};
use crate::labels::Labels;
use crate::web::Limits;

const JSON: &str = "content-type: application/json\r\n";
/// The tests' clock stands 90 s after [`NOW`], at 22:14:50.
const SILENCE: &str = r#"{"matchers": [{"name": "tier", "value": "web", "isRegex": false}],
    "startsAt": "2023-11-14T22:14:00Z", "endsAt": "2023-11-14T23:14:00Z", "createdBy": "ann", "comment": "deploy"}"#;

/// A server whose loop answers.
async fn start() -> Server {
    let mut server = Server::start(Limits::default()).await;
    let (_, none) = tokio::sync::mpsc::channel(1);
    tokio::spawn(fake::keep(std::mem::replace(&mut server.asks, none), server.view.clone()));
    server
}

async fn delete(server: &Server, path: &str) -> String {
    server.send(format!("DELETE {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")).await
}

fn value(answer: &str) -> Value {
    let text = parts(answer).1;
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {answer}"))
}

#[track_caller]
fn check_json(answer: &str, want: Expect) {
    want.assert_eq(&serde_json::to_string_pretty(&value(answer)).unwrap());
}

async fn post_silence(server: &Server, body: &str) -> String {
    let answer = server.post("/api/v2/silences", JSON, body).await;
    check(&answer, "200 OK", &["silenceID"]);
    value(&answer)["silenceID"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_silence_is_set_shown_changed_and_ended() {
    let server = start().await;
    let id = post_silence(&server, SILENCE).await;
    let answer = server.get(&format!("/api/v2/silence/{id}")).await;
    check_json(
        &answer.replace(&id, "ID"),
        expect![[r#"
        {
          "comment": "deploy",
          "createdBy": "ann",
          "endsAt": "2023-11-14T23:14:00.000Z",
          "id": "ID",
          "matchers": [
            {
              "isEqual": true,
              "isRegex": false,
              "name": "tier",
              "value": "web"
            }
          ],
          "startsAt": "2023-11-14T22:14:00.000Z",
          "status": {
            "state": "active"
          },
          "updatedAt": "2023-11-14T22:14:50.000Z"
        }"#]],
    );
    let changed = SILENCE.replacen('{', &format!(r#"{{"id": "{id}", "#), 1).replace("deploy", "rollback");
    assert_eq!(post_silence(&server, &changed).await, id);
    check(&server.get(&format!("/api/v2/silence/{id}")).await, "200 OK", &["rollback"]);

    check(&delete(&server, &format!("/api/v2/silence/{id}")).await, "200 OK", &[]);
    check(&server.get("/api/v2/silences").await, "200 OK", &[r#""state":"expired""#]);
}

#[tokio::test]
async fn what_is_no_silence_is_refused_as_alertmanager_refuses_it() {
    let server = start().await;
    let broken = |field: &str, value: Value| {
        let mut silence: Value = serde_json::from_str(SILENCE).unwrap();
        silence[field] = value;
        silence.to_string()
    };
    let matcher = |name: &str, value: &str, regex: bool| json!([{"name": name, "value": value, "isRegex": regex}]);
    let cases = [
        (String::new(), "422", r#"{"code":602,"message":"silence in body is required"}"#),
        ("{".to_owned(), "400", "parsing silence body failed"),
        ("{}".to_owned(), "422", "comment in body is required"),
        (broken("matchers", json!([])), "422", "should have at least 1 items"),
        (broken("matchers", json!([{"name": "a", "value": "b"}])), "422", "matchers.0.isRegex in body is required"),
        (broken("matchers", matcher("a", "", false)), "400", "must not match the empty string"),
        (broken("matchers", matcher("a", ".*", true)), "400", "must not match the empty string"),
        (broken("matchers", matcher("a", "(", true)), "400", "invalid label matcher 0"),
        (broken("matchers", matcher("", "b", false)), "400", "invalid label name"),
        (broken("endsAt", json!("2023-11-14T22:00:00Z")), "400", "start time must be before end time"),
        (broken("endsAt", json!("soon")), "400", "is not a time"),
        (broken("endsAt", json!("0001-01-01T00:00:00Z")), "422", "endsAt in body is required"),
        (broken("id", json!("5b8e9d2c-0000-4000-8000-000000000000")), "404", "silence not found"),
    ];
    for (body, status, text) in cases {
        let answer = server.post("/api/v2/silences", JSON, &body).await;
        assert!(parts(&answer).0.starts_with(status), "{body}: {answer}");
        assert!(parts(&answer).1.contains(text), "{body}: {answer}");
    }
    let past = broken("endsAt", json!("2023-11-14T22:14:01Z"));
    let answer = server.post("/api/v2/silences", JSON, past).await;
    check(&answer, "400 Bad Request", &["\"Failed to create silence: end time can't be in the past\""]);
}

#[tokio::test]
async fn an_unknown_silence_is_not_found_and_no_id_is_invalid() {
    let server = start().await;
    let unknown = "/api/v2/silence/5b8e9d2c-0000-4000-8000-000000000000";
    check(&server.get(unknown).await, "404 Not Found", &["content-length: 0"]);
    check(&delete(&server, unknown).await, "404 Not Found", &["content-length: 0"]);
    for answer in [server.get("/api/v2/silence/x").await, delete(&server, "/api/v2/silence/x").await] {
        check(&answer, "422 Unprocessable Entity", &[r#""code":601"#, r#"must be of type uuid: \"x\""#]);
    }
    check(&server.get("/api/v2/silence/").await, "404 Not Found", &[]);
    let answer = server.post(unknown, JSON, "").await;
    check(&answer, "405 Method Not Allowed", &["allow: DELETE, GET, HEAD"]);
}

#[tokio::test]
async fn silences_are_sorted_and_narrowed_by_equal_matchers() {
    let server = start().await;
    let set = async |tier: &str, from: &str, until: &str| {
        let body = json!({
            "matchers": [{"name": "tier", "value": tier, "isRegex": tier.contains('|')}],
            "startsAt": format!("2023-11-14T{from}:00Z"), "endsAt": format!("2023-11-14T{until}:00Z"),
            "createdBy": "ann", "comment": tier,
        });
        post_silence(&server, &body.to_string()).await
    };
    set("later", "23:30", "23:40").await;
    set("long", "22:00", "23:50").await;
    let ended = set("ended", "22:00", "23:20").await;
    set("web|api", "22:00", "23:20").await;
    delete(&server, &format!("/api/v2/silence/{ended}")).await;
    let comments = async |query: &str| -> Vec<String> {
        let answer = server.get(&format!("/api/v2/silences{query}")).await;
        let list = value(&answer);
        list.as_array().unwrap().iter().map(|silence| silence["comment"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(comments("").await, ["web|api", "long", "later", "ended"]);
    assert_eq!(comments("?filter=tier%3D%22long%22").await, ["long"]);
    assert_eq!(comments("?filter=tier%3D~%22web%7Capi%22").await, ["web|api"]);
    assert_eq!(comments("?filter=tier%3D%22web%22").await, [""; 0], "a filter is compared, not applied");
    check(&server.get("/api/v2/silences?filter=tier").await, "400 Bad Request", &["\r\n\r\n\""]);
}

fn alert(pairs: &[(&str, &str)]) -> Alert {
    Alert {
        labels: Labels::from_pairs(pairs.iter().copied()).unwrap(),
        annotations: BTreeMap::from([("summary".to_owned(), "it is hot".to_owned())]),
        starts_at: NOW,
        ends_at: NOW + Duration::from_mins(5),
        updated_at: NOW,
        generator_url: "http://headroom/graph".to_owned(),
    }
}

/// Three alerts in two groups: one active, one silenced and inhibited, one in a muted group.
fn show(server: &Server) {
    let mut silenced = fake::routed(alert(&[("alertname", "Hot"), ("tier", "api")]));
    silenced.status.state = AlertState::Suppressed;
    silenced.status.silenced_by = vec!["5b8e9d2c-0000-4000-8000-000000000000".to_owned()];
    silenced.status.inhibited_by = vec![0xabc];
    let mut night = fake::routed(alert(&[("alertname", "Cold")]));
    night.status.receivers = vec!["oncall".to_owned()];
    night.status.state = AlertState::Suppressed;
    night.status.muted_by = vec!["nights".to_owned()];
    let ended = Alert { ends_at: NOW, ..alert(&[("alertname", "Ended")]) };
    let hot = fake::routed(alert(&[("alertname", "Hot"), ("tier", "web")]));
    let group = |name: &str, receiver: &str, muted_by: &[&str], alerts: &[&AlertView]| {
        Arc::new(AlertGroup {
            labels: Labels::from_pairs([("alertname", name)]).unwrap(),
            receiver: receiver.to_owned(),
            muted_by: muted_by.iter().map(|&name| name.to_owned()).collect(),
            alerts: alerts.iter().map(|view| view.alert.fingerprint()).collect(),
        })
    };
    let alert_groups =
        vec![group("Cold", "oncall", &["nights"], &[&night]), group("Hot", "default", &[], &[&hot, &silenced])];
    let alerts = [hot, silenced, night, fake::routed(ended)].map(Arc::new).to_vec();
    server.view.send_replace(Arc::new(View { alerts, alert_groups, ..fake::view() }));
}

#[tokio::test]
async fn alerts_are_narrowed_as_asked() {
    let server = start().await;
    show(&server);
    let names = async |query: &str| -> Vec<String> {
        let answer = server.get(&format!("/api/v2/alerts{query}")).await;
        let name = |alert: &Value| {
            let labels = &alert["labels"];
            [&labels["alertname"], &labels["tier"]].map(|value| value.as_str().unwrap_or("-")).join("/")
        };
        let mut names: Vec<String> = value(&answer).as_array().unwrap().iter().map(name).collect();
        names.sort();
        names
    };
    assert_eq!(names("").await, ["Cold/-", "Hot/api", "Hot/web"], "ended ones are gone");
    assert_eq!(names("?active=false").await, ["Cold/-", "Hot/api"]);
    assert_eq!(names("?silenced=false&unprocessed=false").await, ["Cold/-", "Hot/web"]);
    assert_eq!(names("?inhibited=no").await, ["Cold/-", "Hot/web"]);
    assert_eq!(names("?filter=alertname%3DHot&filter=tier%3D~%22w.%2B%22").await, ["Hot/web"]);
    assert_eq!(names("?receiver=on.*").await, ["Cold/-"]);
    assert_eq!(names("?receiver=on&active=yes").await, [""; 0], "the whole name must match");
    assert_eq!(names("?receiver=").await.len(), 3);
    let refused = server.get("/api/v2/alerts?receiver=%28").await;
    check(&refused, "400 Bad Request", &["\"failed to parse receiver param"]);
}

#[tokio::test]
async fn an_alert_and_its_groups_have_alertmanagers_shape() {
    let server = start().await;
    show(&server);
    let answer = server.get("/api/v2/alerts/groups?filter=tier%3Dapi").await;
    check_json(
        &answer,
        expect![[r#"
        [
          {
            "alerts": [
              {
                "annotations": {
                  "summary": "it is hot"
                },
                "endsAt": "2023-11-14T22:18:20.000Z",
                "fingerprint": "e0e675f646067101",
                "generatorURL": "http://headroom/graph",
                "labels": {
                  "alertname": "Hot",
                  "tier": "api"
                },
                "receivers": [
                  {
                    "name": "default"
                  }
                ],
                "startsAt": "2023-11-14T22:13:20.000Z",
                "status": {
                  "inhibitedBy": [
                    "0000000000000abc"
                  ],
                  "mutedBy": [],
                  "silencedBy": [
                    "5b8e9d2c-0000-4000-8000-000000000000"
                  ],
                  "state": "suppressed"
                },
                "updatedAt": "2023-11-14T22:13:20.000Z"
              }
            ],
            "labels": {
              "alertname": "Hot"
            },
            "receiver": {
              "name": "default"
            }
          }
        ]"#]],
    );
    let groups = async |query: &str| value(&server.get(&format!("/api/v2/alerts/groups{query}")).await);
    assert_eq!(groups("").await.as_array().unwrap().len(), 2);
    assert_eq!(groups("?muted=false").await.as_array().unwrap().len(), 1);
    assert_eq!(groups("?receiver=oncall").await[0]["alerts"][0]["status"]["mutedBy"], json!(["nights"]));
    assert_eq!(groups("?silenced=false&receiver=default").await[0]["alerts"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn valid_alerts_are_taken_and_invalid_ones_named() {
    let server = start().await;
    let body = r#"[
        {"labels": {"alertname": "A", "empty": ""}},
        {"labels": {"alertname": "B"}, "endsAt": "2023-11-14T23:00:00Z", "generatorURL": "http://x"},
        {"labels": {"alertname": "C"}, "startsAt": "0001-01-01T00:00:00.000Z", "endsAt": "0001-01-01T00:00:00.000Z"},
        {"labels": {"": "x"}}, {"labels": {"only": ""}},
        {"labels": {"alertname": "D"}, "startsAt": "2023-11-14T23:00:00Z", "endsAt": "2023-11-14T22:00:00Z"}
    ]"#;
    let answer = server.post("/api/v2/alerts", JSON, body).await;
    let errors = ["invalid label set", "at least one label pair required", "start time must be before end time"];
    check(&answer, "400 Bad Request", &errors);
    let view = server.view.borrow().clone();
    let taken: Vec<String> = view
        .alerts
        .iter()
        .map(|view| {
            let alert = &view.alert;
            format!("{} {} .. {}", alert.labels, alert.starts_at, alert.ends_at)
        })
        .collect();
    assert_eq!(
        taken,
        [
            "{alertname=\"A\"} 2023-11-14T22:14:50.000Z .. 2023-11-14T22:19:50.000Z",
            "{alertname=\"B\"} 2023-11-14T23:00:00.000Z .. 2023-11-14T23:00:00.000Z",
            "{alertname=\"C\"} 2023-11-14T22:14:50.000Z .. 2023-11-14T22:19:50.000Z",
        ]
    );
    let answer = server.post("/api/v2/alerts", "content-type: text/plain\r\n", "[]").await;
    check(&answer, "415 Unsupported Media Type", &["only [application/json] are allowed"]);
    check(&server.post("/api/v2/alerts", JSON, "[{}]").await, "422 Unprocessable Entity", &["0.labels in body"]);
    check(&server.post("/api/v2/alerts", JSON, "[]").await, "200 OK", &["cache-control: no-store"]);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_before_it_is_read() {
    let server = start().await;
    let head = "POST /api/v2/alerts HTTP/1.1\r\nhost: test\r\nconnection: close\r\n";
    let answer = server.send(format!("{head}content-length: 1048577\r\n\r\n")).await;
    check(&answer, "413 Payload Too Large", &["longer than 1048576 bytes"]);
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(0x10_0000));
    let answer = server.send(format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}1\r\n \r\n0\r\n\r\n")).await;
    check(&answer, "413 Payload Too Large", &[]);
}

#[tokio::test]
async fn a_loop_that_has_ended_changes_nothing() {
    let mut server = Server::start(Limits::default()).await;
    server.asks.close();
    let answer = server.post("/api/v2/silences", JSON, SILENCE).await;
    check(&answer, "503 Service Unavailable", &["\"shutting down; nothing was changed\""]);
}

#[tokio::test]
async fn status_and_receivers_are_shown() {
    let server = start().await;
    check_json(
        &server.get("/api/v2/receivers").await,
        expect![[r#"
        [
          {
            "name": "default"
          },
          {
            "name": "oncall"
          }
        ]"#]],
    );
    let status = value(&server.get("/api/v2/status").await);
    assert_eq!(status["cluster"], json!({"status": "disabled", "peers": []}));
    assert_eq!(status["config"]["original"], "route:\n  receiver: default\n");
    assert_eq!(status["uptime"], "2023-11-14T22:13:20.000Z");
    assert_eq!(status["versionInfo"]["version"], concat!("0.31.1+headroom-", env!("CARGO_PKG_VERSION")));
    check(&server.get("/api/v2/nothing").await, "404 Not Found", &[]);
}
