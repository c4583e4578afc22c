use expect_test::{Expect, expect};

use super::{Server, check, parts};
use crate::web::Limits;

async fn body(path: &str) -> String {
    let server = Server::start(Limits::default()).await;
    parts(&server.get(path).await).1.to_owned()
}

async fn check_json(path: &str, want: Expect) {
    let text = body(path).await;
    let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|err| panic!("{err} in {text}"));
    want.assert_eq(&serde_json::to_string_pretty(&value).unwrap());
}

#[tokio::test]
async fn the_wrong_path_and_the_wrong_method_are_told_apart() {
    let server = Server::start(Limits::default()).await;
    check(&server.get("/api/v1/nothing").await, "404 Not Found", &["nothing is here"]);
    check(&server.get("/page/index.html").await, "404 Not Found", &[]);
    check(&server.get("/api/v1/write").await, "405 Method Not Allowed", &["\r\nallow: POST\r\n"]);
    check(&server.get("/-/reload").await, "405 Method Not Allowed", &["\r\nallow: POST, PUT\r\n"]);
    check(&server.post("/metrics", "", "").await, "405 Method Not Allowed", &["\r\nallow: GET, HEAD\r\n"]);
    let head = server.send("HEAD /-/healthy HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await;
    check(&head, "200 OK", &["content-length: 21\r\n"]);
    assert_eq!(parts(&head).1, "", "HEAD has no body");
}

#[tokio::test]
async fn a_handler_that_panics_costs_one_answer() {
    let server = Server::start(Limits::default()).await;
    check(&server.get("/api/v1/query?query=panic").await, "500 Internal Server Error", &["internal error"]);
    check(&server.get("/-/healthy").await, "200 OK", &["healthy"]);
    assert_eq!(server.telemetry.web.panics.get(), 1);
}

#[tokio::test]
async fn readiness_says_what_is_missing() {
    let server = Server::start(Limits::default()).await;
    check(&server.get("/-/ready").await, "200 OK", &["ready"]);
    server.missing.send_replace(vec!["rules are not loaded".to_owned(), "no pods seen".to_owned()]);
    check(&server.get("/-/ready").await, "503 Service Unavailable", &["rules are not loaded\nno pods seen\n"]);
    check(&server.get("/-/healthy").await, "200 OK", &[]);
}

#[tokio::test]
async fn a_reload_answers_with_what_came_of_it() {
    let mut server = Server::start(Limits::default()).await;
    let app = async {
        server.reloads.recv().await.unwrap().send(Ok("3 rules in 1 file".to_owned())).unwrap();
        server.reloads.recv().await.unwrap().send(Err("rules/a.yaml:1:2: bad".to_owned())).unwrap();
    };
    let address = server.address;
    let client = async move {
        let answers = [reload(address, "POST").await, reload(address, "PUT").await];
        check(answers.first().unwrap(), "200 OK", &["3 rules in 1 file\n"]);
        check(answers.last().unwrap(), "500 Internal Server Error", &["rules/a.yaml:1:2: bad"]);
    };
    tokio::join!(app, client);
}

async fn reload(address: std::net::SocketAddr, method: &str) -> String {
    use tokio::io::AsyncWriteExt as _;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request =
        format!("{method} /-/reload HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    super::read_all(&mut stream).await
}

#[tokio::test]
async fn decisions_come_newest_first_and_can_be_narrowed() {
    let server = Server::start(Limits::default()).await;
    let ids = async |query: &str| -> Vec<u64> {
        let answer = server.get(&format!("/api/v1/decisions{query}")).await;
        let value: serde_json::Value = serde_json::from_str(parts(&answer).1).unwrap();
        value["decisions"].as_array().unwrap().iter().map(|entry| entry["id"].as_u64().unwrap()).collect()
    };
    assert_eq!(ids("").await, [3, 2, 1]);
    assert_eq!(ids("?limit=2").await, [3, 2]);
    assert_eq!(ids("?workload=shop%2Fcheckout").await, [3, 1]);
    check(&server.get("/api/v1/decisions?limit=0").await, "400 Bad Request", &["limit must be a number from 1"]);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "all that is told of a workload")]
async fn a_workload_shows_its_load_and_its_decision() {
    check_json(
        "/api/v1/workloads",
        expect![[r#"
            {
              "at": "2023-11-14T22:13:20.000Z",
              "at_ms": 1700000000000,
              "workloads": [
                {
                  "cost": null,
                  "decision": {
                    "at": "2023-11-14T22:13:20.000Z",
                    "at_ms": 1700000000000,
                    "from": 4,
                    "layer": "stability",
                    "reason": "2 pods per 15s allows 6",
                    "reason_code": "rate",
                    "steps": [
                      {
                        "layer": "reactive",
                        "reason": "requests 340 / 50 = 7",
                        "wants": 7
                      },
                      {
                        "layer": "predictive",
                        "reason": "nothing is foreseen",
                        "wants": 7
                      },
                      {
                        "layer": "guards",
                        "reason": "every input can be used",
                        "wants": 7
                      },
                      {
                        "layer": "economy",
                        "reason": "nothing limits the wish",
                        "wants": 7
                      },
                      {
                        "layer": "bounds",
                        "reason": "within 2..60",
                        "wants": 7
                      },
                      {
                        "layer": "stability",
                        "reason": "2 pods per 15s allows 6",
                        "wants": 6
                      }
                    ],
                    "to": 6
                  },
                  "drift": null,
                  "failures": 0,
                  "in_flight": true,
                  "kind": "Deployment",
                  "labels": {
                    "team": "shop"
                  },
                  "last_error": null,
                  "load": "normal",
                  "manual": null,
                  "max": 60,
                  "metrics": [
                    {
                      "capacity": 200.0,
                      "carried_per_replica": null,
                      "demand": 340.0,
                      "demand_state": "present",
                      "forecast": null,
                      "name": "requests",
                      "per_replica": 50.0,
                      "robust_score": null,
                      "z_score": null
                    },
                    {
                      "capacity": 2.8,
                      "carried_per_replica": null,
                      "demand": null,
                      "demand_state": "absent",
                      "forecast": null,
                      "name": "cpu",
                      "per_replica": 0.7,
                      "robust_score": null,
                      "z_score": null
                    }
                  ],
                  "min": 2,
                  "muted": null,
                  "name": "checkout",
                  "namespace": "shop",
                  "problem": null,
                  "ready": 4,
                  "replicas": 6,
                  "rolled_back_to": null,
                  "rule": "checkout",
                  "startup_seconds": null,
                  "workload": "shop/checkout"
                },
                {
                  "cost": null,
                  "decision": null,
                  "drift": null,
                  "failures": 3,
                  "in_flight": false,
                  "kind": "Deployment",
                  "labels": {
                    "team": "shop"
                  },
                  "last_error": "not found",
                  "load": "normal",
                  "manual": null,
                  "max": 60,
                  "metrics": [],
                  "min": 2,
                  "muted": null,
                  "name": "search",
                  "namespace": "shop",
                  "problem": "deployments.apps \"search\" not found",
                  "ready": null,
                  "replicas": null,
                  "rolled_back_to": null,
                  "rule": "checkout",
                  "startup_seconds": null,
                  "workload": "shop/search"
                }
              ]
            }"#]],
    )
    .await;
}

#[tokio::test]
async fn the_status_shows_rules_and_figures() {
    let text = body("/api/v1/status").await;
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["uptime_seconds"], 90.0);
    assert_eq!(value["groups"][0]["name"], "shop");
    assert_eq!(value["groups"][0]["rules"][1]["last_error"], "vector holds a series twice");
    assert_eq!(value["ingest"]["requests"]["accepted"], 0);
    assert_eq!(value["latency"]["request"]["count"], 0);
}

#[tokio::test]
async fn queries_answer_in_the_shape_of_prometheus() {
    check_json(
        "/api/v1/query?query=up&time=1700000000.5",
        expect![[r#"
        {
          "data": {
            "result": [
              {
                "metric": {
                  "__name__": "up",
                  "job": "a b"
                },
                "value": [
                  1700000000.5,
                  "1.5"
                ]
              }
            ],
            "resultType": "vector"
          },
          "status": "success"
        }"#]],
    )
    .await;
    check_json(
        "/api/v1/query?query=time%28%29",
        expect![[r#"
        {
          "data": {
            "result": [
              1700000090,
              "1700000090"
            ],
            "resultType": "scalar"
          },
          "status": "success"
        }"#]],
    )
    .await;
    check_json(
        "/api/v1/query?query=sum%28",
        expect![[r#"
        {
          "error": "unclosed parenthesis",
          "errorType": "bad_data",
          "status": "error"
        }"#]],
    )
    .await;
}

#[tokio::test]
async fn queries_that_cannot_be_answered_have_the_status_of_prometheus() {
    let server = Server::start(Limits::default()).await;
    check(&server.get("/api/v1/query").await, "400 Bad Request", &["\"bad_data\"", "an expression is missing"]);
    check(&server.get("/api/v1/query?query=up&time=soon").await, "400 Bad Request", &["RFC 3339"]);
    check(&server.get("/api/v1/query?query=much").await, "422 Unprocessable Entity", &["\"execution\""]);
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    check(&server.post("/api/v1/query", form, "query=up&time=1700000000").await, "200 OK", &["[1700000000,\"1.5\"]"]);
    let long = format!("query={}", "a".repeat(70_000));
    check(&server.post("/api/v1/query", form, &long).await, "413 Payload Too Large", &["65536"]);
}

#[tokio::test]
async fn the_page_is_whole_safe_and_cached_by_its_tag() {
    let server = Server::start(Limits::default()).await;
    let files = [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/chart.js", "text/javascript"),
        ("/icon.svg", "image/svg+xml"),
    ];
    for (path, content_type) in files {
        let answer = server.get(path).await;
        check(&answer, "200 OK", &[content_type, "content-security-policy: default-src 'self'"]);
        let tag = answer.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nif-none-match: {tag}\r\n\r\n");
        check(&server.send(&request).await, "304 Not Modified", &[tag]);
    }
    let page = server.get("/").await;
    assert!(!page.contains(" style=") && !page.contains(" onclick="), "the policy forbids what stands inline");
}
