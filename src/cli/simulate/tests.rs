use std::fmt::Write as _;

use clap::Parser as _;
use expect_test::expect;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::input::Span;
use super::*;
use crate::time::Timestamp;

/// The flags alone, without the program around them.
#[derive(Debug, clap::Parser)]
struct Flags {
    #[command(flatten)]
    args: Args,
}

fn args(flags: &[&str]) -> Args {
    Flags::try_parse_from(std::iter::once(&"simulate").chain(flags)).unwrap().args
}

/// Six hours that double in the middle.
fn trace() -> String {
    (0..360).fold("timestamp,value\n".to_owned(), |mut text, minute| {
        let value = if minute < 180 { 100 } else { 200 };
        let _ = writeln!(text, "{},{value}", 1_700_000_000 + 60 * minute);
        text
    })
}

#[test]
fn a_folder_of_traces_is_simulated_and_written_down() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["one.csv", "two.csv", "notes.txt"] {
        std::fs::write(folder.path().join(name), trace()).unwrap();
    }
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (json, html, traces) = (path("report.json"), path("report.html"), path(""));
    let flags = [&traces, "--per-replica", "10", "--policies", "headroom,hpa,oracle", "--json", &json, "--html", &html];
    let shown = simulated(&args(&flags)).unwrap();
    expect![[r#"
        one: 0.2 days, scraped each 15s; rule workload of 1 to 1000, down after 5m, 10 a replica of at most 12.5, ready after 1m
          policy    replica-h  /oracle  missed%  lost%  under min   θU%   θO%   τU%   τO%   k%  k'%   υ%     ε  flaps  actions  adapt p95    p99
          headroom       86.7     1.21    0.133  0.079        1.6  0.11  21.8  0.44  99.6  0.3  0.3  0.6  1.00      0        4         0s  676ms
          hpa            86.7     1.21    0.150  0.096        1.7  0.12  21.8  0.47  99.5  0.3  0.3  0.6  1.00      0        4         0s  726ms
          oracle         71.9     1.00    0.000  0.000        0.0  0.00   0.0  0.00   0.0  0.0  0.0  0.0  6.82      0        5         0s   5.8s
          headroom against hpa: 0.93 x the time under-provisioned, 1.00 x the replica-hours, 0 flaps against 0; 1.21 x the oracle's replica-hours

        two: 0.2 days, scraped each 15s; rule workload of 1 to 1000, down after 5m, 10 a replica of at most 12.5, ready after 1m
          policy    replica-h  /oracle  missed%  lost%  under min   θU%   θO%   τU%   τO%   k%  k'%   υ%     ε  flaps  actions  adapt p95    p99
          headroom       86.7     1.21    0.133  0.079        1.6  0.11  21.8  0.44  99.6  0.3  0.3  0.6  1.00      0        4         0s  676ms
          hpa            86.7     1.21    0.150  0.096        1.7  0.12  21.8  0.47  99.5  0.3  0.3  0.6  1.00      0        4         0s  726ms
          oracle         71.9     1.00    0.000  0.000        0.0  0.00   0.0  0.00   0.0  0.0  0.0  0.0  6.82      0        5         0s   5.8s
          headroom against hpa: 0.93 x the time under-provisioned, 1.00 x the replica-hours, 0 flaps against 0; 1.21 x the oracle's replica-hours

        all 2 traces (means; sums of minutes, flaps, actions)
          policy    /oracle  missed%    θU%     θO%    τU%     τO%  under min  flaps  actions
          headroom    1.206    0.133  0.107  21.770  0.441  99.559        3.2    0.0      8.0
          hpa         1.205    0.150  0.119  21.763  0.474  99.526        3.4    0.0      8.0
          oracle      1.000    0.000  0.000   0.000  0.000   0.000        0.0    0.0     10.0

          headroom / hpa  under min  ratio  replica-h  flaps  /oracle  hpa's  does not hold
          one             1.6 / 1.7   0.93      1.000  0 / 0     1.21   1.21          under
          two             1.6 / 1.7   0.93      1.000  0 / 0     1.21   1.21          under
          mean                        0.93      1.000   0.00     1.21   1.21               
    "#]].assert_eq(&shown);
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    assert_eq!(written["format"], "headroom-simulate/1");
    assert_eq!(written["traces"][1]["name"], "two");
    assert_eq!(written["traces"][0]["policies"][2]["under_minutes"], 0.0);
    assert!(std::fs::read_to_string(html).unwrap().starts_with("<!doctype html>"));
}

#[test]
fn what_cannot_be_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |path: &std::path::Path| {
        let error = simulated(&args(&[&path.display().to_string()])).unwrap_err();
        format!("{error:#}").replace(&folder.path().display().to_string(), "DIR")
    };
    assert_eq!(refused(folder.path()), "DIR holds no trace (*.csv, *.csv.gz)");
    let file = folder.path().join("a.csv");
    std::fs::write(&file, "1,2\n3").unwrap();
    assert_eq!(
        refused(&file),
        "DIR/a.csv: line 2: \"3\" is not a row; write unix seconds and a value, as in 899164800,17613"
    );
    std::fs::write(&file, [0xff, 0xfe]).unwrap();
    assert!(refused(&file).contains("is no text; a trace is CSV, packed by gzip or not"));
    std::fs::write(&file, "0,0\n60,0").unwrap();
    assert_eq!(refused(&file), "a: no value of the trace is above zero");
}

#[test]
fn flags_that_mean_nothing_are_refused() {
    let refused = |flags: &[&str]| Flags::try_parse_from(std::iter::once(&"simulate").chain(flags)).is_err();
    assert!(refused(&[]));
    assert!(refused(&["--from-prometheus", "http://x"]));
    assert!(refused(&["x.csv", "--per-replica", "0"]));
    assert!(refused(&["x.csv", "--policies", "hpa,vpa"]));
    assert!(refused(&["x.csv", "--cost-under-hour", "1"]));
    assert!(refused(&["x.csv", "--rule", "checkout"]));
}

/// Answers so many requests, each with the next text, and gives the paths that were asked for.
async fn answers(listener: TcpListener, texts: Vec<String>) -> Vec<String> {
    let mut asked = Vec::new();
    for text in texts {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut bytes = [0; 1024];
            let count = connection.read(&mut bytes).await.unwrap();
            request.extend_from_slice(&bytes[..count]);
        }
        let request = String::from_utf8(request).unwrap();
        asked.push(request.split(' ').nth(1).unwrap().to_owned());
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
        connection.write_all((head + &text).as_bytes()).await.unwrap();
    }
    asked
}

#[tokio::test]
async fn a_prometheus_is_asked_in_parts() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let matrix = |values: &str| {
        format!(
            r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{"app":"web"}},"values":[{values}]}}]}}}}"#
        )
    };
    let texts = vec![matrix(r#"[60,"1"],[120,"NaN"]"#), matrix(r#"[600120,"7.5"]"#)];
    let span = Span {
        start: Timestamp::from_millis(60_000),
        end: Timestamp::from_millis(600_180_000),
        step: Duration::from_mins(1),
    };
    let (fetched, asked) = tokio::join!(prometheus::fetch(&url, "sum by (app) (x)", &span), answers(listener, texts));
    let traces = fetched.unwrap();
    let (name, trace) = traces.first().unwrap();
    assert_eq!((traces.len(), name.as_str(), trace.start()), (1, "{app=\"web\"}", span.start));
    let value = |minute: u64| trace.held(Duration::from_secs(60 * minute));
    assert_eq!((value(0), value(1), value(10_001)), (Some(1.0), None, Some(7.5)));
    assert_eq!(
        asked,
        [
            "/api/v1/query_range?query=sum%20by%20%28app%29%20%28x%29&start=60&end=600060&step=60",
            "/api/v1/query_range?query=sum%20by%20%28app%29%20%28x%29&start=600120&end=600180&step=60",
        ]
    );
}

#[tokio::test]
async fn a_prometheus_that_is_none_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let span = Span::of("1h", "0", Duration::from_mins(1)).unwrap();
    let (fetched, _) = tokio::join!(prometheus::fetch(&url, "x", &span), answers(listener, vec!["{}".to_owned()]));
    assert_eq!(
        fetched.unwrap_err().to_string(),
        "the answer is not that of a range query; is that URL a Prometheus's?"
    );
    let nobody = prometheus::fetch("http://127.0.0.1:1", "x", &span).await.unwrap_err().to_string();
    assert!(nobody.starts_with("no Prometheus answers at http://127.0.0.1:1: "), "{nobody}");
}

#[test]
fn a_trace_that_is_packed_is_simulated_as_one_that_is_not() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let text: Vec<String> = (0..60).map(|minute| format!("{},{}\n", minute * 60, 100 + minute)).collect();
    let text = text.concat();
    let (plain, packed) = (folder.path().join("a.csv"), folder.path().join("a.csv.gz"));
    std::fs::write(&plain, &text).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    std::fs::write(&packed, encoder.finish().unwrap()).unwrap();
    let simulated = |path: &std::path::Path| {
        simulated(&args(&[&path.display().to_string(), "--policies", "hpa", "--json", "-"])).unwrap()
    };
    assert_eq!(simulated(&packed), simulated(&plain));
    assert!(simulated(folder.path()).matches("\"name\": \"a\"").count() == 2);
}
