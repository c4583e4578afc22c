//! The same requests, put to a real Alertmanager and to us, are answered alike.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use regex::Regex;
use serde_json::{Value, json};

use super::door::Door;
use crate::peers::alertmanager::{Alertmanager, CONFIG, alerts};
use crate::peers::http::{self, Reply};
use crate::peers::prometheus::Prometheus;
use crate::peers::{self, process};

/// A method, a path and a body. `ID` is the id that the last answer gave.
type Request = (&'static str, &'static str, &'static str);

const WEB: &str =
    r#"[{"name":"tier","value":"web","isRegex":false},{"name":"app","value":"a|b","isRegex":true,"isEqual":false}]"#;

fn requests() -> Vec<(String, String, String)> {
    // Fields of a usual silence, and those that take their place or are left out (null).
    let silence = |fields: &str| {
        let mut silence = json!({"startsAt": "2036-01-02T03:04:05.678Z", "endsAt": "2036-01-02T04:04:05.000Z",
            "createdBy": "ann", "comment": "x"});
        let fields: Value = serde_json::from_str(&format!("{{{fields}}}")).unwrap();
        for (name, value) in fields.as_object().unwrap() {
            silence[name] = value.clone();
        }
        silence.to_string()
    };
    let fixed: Vec<Request> = vec![
        ("GET", "/api/v2/receivers", ""),
        ("GET", "/api/v2/silences", ""),
        ("GET", "/api/v2/silences?filter=a", ""),
        ("GET", "/api/v2/silences?filter=a%3D~%22(%22", ""),
        ("GET", "/api/v2/silence/5b8e9d2c-0000-4000-8000-000000000000", ""),
        ("DELETE", "/api/v2/silence/5b8e9d2c-0000-4000-8000-000000000000", ""),
        ("GET", "/api/v2/silence/x", ""),
        ("DELETE", "/api/v2/silence/x", ""),
        ("PUT", "/api/v2/silences", ""),
        ("GET", "/api/v2/nothing", ""),
        ("POST", "/api/v2/silences", ""),
        ("POST", "/api/v2/silences", "{"),
        ("POST", "/api/v2/silences", "[]"),
        ("POST", "/api/v2/silences", "{}"),
        ("POST", "/api/v2/alerts", ""),
        ("POST", "/api/v2/alerts", "[]"),
        ("POST", "/api/v2/alerts", "{}"),
        ("POST", "/api/v2/alerts", r#"[{}]"#),
        ("POST", "/api/v2/alerts", r#"[{"labels":{}}]"#),
        ("POST", "/api/v2/alerts", r#"[{"labels":{"a":""}}]"#),
        ("POST", "/api/v2/alerts", r#"[{"labels":{"":"x"}}]"#),
        ("POST", "/api/v2/alerts", r#"[{"labels":{"a":"x"},"annotations":{"":"y"}}]"#),
        ("POST", "/api/v2/alerts", r#"[{"labels":{"a":"x"},"startsAt":"soon"}]"#),
        (
            "POST",
            "/api/v2/alerts",
            r#"[{"labels":{"a":"x"},"startsAt":"2026-01-02T03:04:05Z","endsAt":"2026-01-01T03:04:05Z"}]"#,
        ),
        (
            "POST",
            "/api/v2/alerts",
            r#"[{"labels":{"alertname":"Hot","tier":"web"},"annotations":{"summary":"s"},"startsAt":"2026-01-02T03:04:05Z","endsAt":"2036-01-02T03:04:05.6789Z","generatorURL":"http://x/y"},{"labels":{"alertname":"Hot","tier":"api","none":""},"startsAt":"2026-01-02T03:04:05Z","endsAt":"2036-01-02T03:04:05Z"}]"#,
        ),
        ("POST", "/api/v2/alerts", r#"[{"labels":{"alertname":"Past"},"endsAt":"2026-01-02T03:04:05Z"}]"#),
        ("GET", "/api/v2/alerts", ""),
        ("GET", "/api/v2/alerts?filter=tier%3Dweb&filter=alertname%3D~%22H.t%22", ""),
        ("GET", "/api/v2/alerts?filter=tier%3D&filter=alertname!%3DHot", ""),
        ("GET", "/api/v2/alerts?active=false", ""),
        ("GET", "/api/v2/alerts?active=maybe&silenced=false&inhibited=0&unprocessed=false", ""),
        ("GET", "/api/v2/alerts?receiver=def.*&active=yes", ""),
        ("GET", "/api/v2/alerts?receiver=def", ""),
        ("GET", "/api/v2/alerts?receiver=%28", ""),
        ("GET", "/api/v2/alerts/groups?receiver=%28", ""),
        ("GET", "/api/v2/alerts/groups?receiver=none", ""),
    ];
    let mut requests: Vec<(String, String, String)> =
        fixed.into_iter().map(|(method, path, body)| (method.into(), path.into(), body.into())).collect();
    let bodies = [
        r#""matchers":[]"#.to_owned(),
        r#""matchers":[{"name":"a","value":"b"}]"#.to_owned(),
        r#""matchers":[{"value":"b","isRegex":false}]"#.to_owned(),
        r#""matchers":[{"name":"a","value":"","isRegex":false}]"#.to_owned(),
        r#""matchers":[{"name":"a","value":".*","isRegex":true}]"#.to_owned(),
        r#""matchers":[{"name":"a","value":"(","isRegex":true}]"#.to_owned(),
        r#""matchers":[{"name":"","value":"b","isRegex":false}]"#.to_owned(),
        r#""matchers":[{"name":"a","value":"","isRegex":false,"isEqual":false}]"#.to_owned(),
        r#""matchers":3"#.to_owned(),
        format!(r#""matchers":{WEB},"endsAt":"2036-01-01T00:00:00Z""#),
        format!(r#""matchers":{WEB},"startsAt":"2026-01-01T00:00:00Z","endsAt":"2026-01-02T00:00:00Z""#),
        format!(r#""matchers":{WEB},"endsAt":"never""#),
        format!(r#""matchers":{WEB},"comment":null"#),
        format!(r#""matchers":{WEB},"createdBy":"""#),
        format!(r#""matchers":{WEB},"id":"5b8e9d2c-0000-4000-8000-000000000000""#),
        format!(r#""matchers":{WEB}"#),
    ];
    requests.extend(bodies.iter().map(|body| ("POST".into(), "/api/v2/silences".into(), silence(body))));
    let more: [Request; 5] = [
        ("GET", "/api/v2/silence/ID", ""),
        ("GET", "/api/v2/silences?filter=tier%3Dweb", ""),
        ("DELETE", "/api/v2/silence/ID", ""),
        ("DELETE", "/api/v2/silence/ID", ""),
        ("GET", "/api/v2/silences?filter=app!~%22a%7Cb%22&filter=tier%3D%22web%22", ""),
    ];
    requests.extend(more.map(|(method, path, body)| (method.into(), path.into(), body.into())));
    requests
}

/// One side, and the id that it gave last.
struct Side {
    address: SocketAddr,
    id: String,
}

impl Side {
    async fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<String> {
        let reply = http::send(self.address, method, &path.replace("ID", &self.id), body).await?;
        if let Some(id) = reply.body.split("\"silenceID\":\"").nth(1).and_then(|rest| rest.get(..36)) {
            id.clone_into(&mut self.id);
        }
        Ok(likeness(&reply))
    }
}

/// What of an answer is to be alike: the status, and the body without ids, times of now and the wording of errors.
fn likeness(reply: &Reply) -> String {
    let uuid = Regex::new("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").unwrap();
    let body = uuid.replace_all(&reply.body, "ID").into_owned();
    let text = match serde_json::from_str::<Value>(&body) {
        Ok(Value::String(_)) => "a text".to_owned(),
        Ok(mut value) => {
            blur(&mut value);
            value.to_string()
        }
        Err(_) if reply.status < 400 => body,
        Err(_) => "no JSON".to_owned(),
    };
    format!("{} {text}", reply.status)
}

fn blur(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(blur);
            // Of silences with the same times, either may come first.
            let times = |item: &Value| (item.get("startsAt").cloned(), item.get("endsAt").cloned());
            for alike in items.chunk_by_mut(|one, next| times(one) == times(next)) {
                alike.sort_by_key(Value::to_string);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), &value) {
                    ("updatedAt" | "message", _) => *value = Value::Null,
                    ("startsAt" | "endsAt", Value::String(text))
                        if !text.starts_with("2036") && !text.starts_with("2026-01") =>
                    {
                        *value = Value::Null;
                    }
                    _ => blur(value),
                }
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn alertmanager_and_we_answer_alike() -> Result<()> {
    let Some(peers) = peers::need(&["alertmanager"]) else { return Ok(()) };
    let alertmanager = Alertmanager::start(&peers, process::free_address()?, CONFIG).await?;
    let door = Door::open().await?;
    let mut theirs = Side { address: alertmanager.address(), id: String::new() };
    let mut ours = Side { address: door.address, id: String::new() };
    let mut different = Vec::new();
    for (method, path, body) in requests() {
        let (want, got) = (theirs.ask(&method, &path, &body).await?, ours.ask(&method, &path, &body).await?);
        if want != got {
            different.push(format!("{method} {path} {body}\n    theirs {want}\n    ours   {got}"));
        }
    }
    ensure!(different.is_empty(), "{} answers differ:\n{}", different.len(), different.join("\n"));
    Ok(())
}

/// Fires at once.
const RULES: &str = "
groups:
  - name: always
    rules: [{alert: Always, expr: vector(7), labels: {tier: web}, annotations: {summary: 'it is {{ $value }}'}}]
";

#[tokio::test]
async fn a_prometheus_takes_us_for_an_alertmanager() -> Result<()> {
    let Some(peers) = peers::need(&["prometheus"]) else { return Ok(()) };
    let (door, folder) = (Door::open().await?, peers.folder()?);
    let rules = folder.write("rules.yml", RULES)?;
    let config = format!(
        "{{global: {{evaluation_interval: 1s}}, rule_files: ['{}'],
          alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{}']}}]}}]}}}}",
        rules.display(),
        door.address
    );
    let prometheus = Prometheus::start(&peers, &config, &[]).await?;
    let told = process::eventually("the alert is at our door", Duration::from_mins(1), async || {
        Ok(alerts(door.address, "alertname=Always").await?.pop())
    });
    let alert = told.await?;
    ensure!(alert["annotations"]["summary"] == "it is 7" && alert["labels"]["tier"] == "web", "{alert}");
    ensure!(alert["generatorURL"].as_str().is_some_and(|url| url.contains("vector")), "{alert}");
    let metrics = http::get(prometheus.address(), "/metrics").await?.body;
    let errors = metrics.lines().filter(|line| line.starts_with("prometheus_notifications_errors_total"));
    let errors: Vec<&str> = errors.filter(|line| !line.ends_with(" 0")).collect();
    ensure!(errors.is_empty(), "{errors:?}");
    Ok(())
}
