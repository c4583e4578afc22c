use super::answer::read;
use super::*;
use crate::config::Access;
use crate::labels::MatchOp;

fn server(labels: &[(&str, &str)]) -> Server {
    let external_labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Server::new(&WarmStart {
        url: "http://localhost:9090".to_owned(),
        access: Access::default(),
        timeout: Duration::from_secs(1),
        give_up_after: Duration::ZERO,
        history: Duration::ZERO,
        external_labels,
    })
    .unwrap()
}

#[test]
fn a_matrix_is_read_with_its_times_to_the_millisecond() {
    let body = br#"{"status":"success","data":{"resultType":"matrix","result":[
        {"metric":{"__name__":"m","a":"\u00fc"},"values":[[1760000000.123,"1.5"],[1760000015,"+Inf"],[1760000030.5,"NaN"]]},
        {"metric":{},"histograms":[[1760000000,{"count":"1"}]]}]},"infos":["x"]}"#;
    let series = read(body).unwrap();
    assert_eq!(series[0].labels, [("__name__".to_owned(), "m".to_owned()), ("a".to_owned(), "ü".to_owned())]);
    let samples: Vec<(i64, f64)> =
        series[0].samples.iter().map(|sample| (sample.at.as_millis(), sample.value)).collect();
    assert_eq!(samples[..2], [(1_760_000_000_123, 1.5), (1_760_000_015_000, f64::INFINITY)]);
    assert!(samples[2].1.is_nan() && samples[2].0 == 1_760_000_030_500);
    assert!(series[1].samples.is_empty());
}

#[test]
fn an_answer_that_is_none_says_why() {
    let said = |body: &str| read(body.as_bytes()).unwrap_err();
    assert_eq!(said(r#"{"status":"error","errorType":"bad_data","error":"no such"}"#), "no such");
    assert_eq!(said(r#"{"status":"success"}"#), "it has no data");
    let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#;
    assert_eq!(said(scalar), "it is a scalar, expected a matrix");
    let odd = r#"{"data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"x"]]}]}}"#;
    assert_eq!(said(odd), "\"x\" is not a number");
    assert!(said("<html>").contains("expected"));
}

#[test]
fn external_labels_are_not_asked_for_and_put_on() {
    let server = server(&[("cluster", "eu")]);
    let matcher = |name: &str, op, value: &str| Matcher::new(name, op, value).unwrap();
    let asked = [
        matcher("__name__", MatchOp::Equal, "m"),
        matcher("cluster", MatchOp::Regex, "e."),
        matcher("a b", MatchOp::NotEqual, "\""),
    ];
    assert_eq!(server.selector(&asked).unwrap(), r#"{__name__="m","a b"!="\""}"#);
    assert_eq!(server.selector(&[matcher("cluster", MatchOp::Equal, "us")]), None);
    let named = |pairs: &[(&str, &str)]| {
        let labels = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Series { labels, samples: Vec::new() }
    };
    let mut series = [named(&[("a", "1"), ("job", "x")]), named(&[("cluster", "own")])];
    server.label(&mut series);
    assert_eq!(series, [named(&[("a", "1"), ("cluster", "eu"), ("job", "x")]), named(&[("cluster", "own")])]);
}

#[test]
fn forms_are_escaped() {
    assert_eq!(escaped("m{a=\"ü\"}[5m]"), "m%7Ba%3D%22%C3%BC%22%7D%5B5m%5D");
    assert_eq!(seconds(Timestamp::from_millis(1_760_000_000_120)), "1760000000.120");
}
