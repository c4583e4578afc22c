//! S and Y: labels, and the symbols that refer to them.

use anyhow::Result;
use headroom::proto::v2;
use prost::Message as _;

use super::{RULES, Second, Series, V1, V2, door, metric, now_ms, packed, post, post_v1, post_v2, value};
use crate::service::Headroom;

type Labels<'a> = &'a [(&'a str, &'a str)];

/// Makes a series wrong.
type Spoil = fn(&mut v2::TimeSeries);

const ONE: &[(i64, f64)] = &[(0, 1.0)];

/// Series that are turned away, beside a good one that is not.
async fn check(labels: &[(&str, &str)], says: &str) -> Result<()> {
    let door = door().await?;
    let good: Series<'_> = (&[("__name__", "good")], ONE);
    let answer = post_v1(door, &[(labels, ONE), good]).await?;
    answer.is(400);
    assert!(answer.body.contains(says), "want \"{says}\": {answer:?}");
    post_v2(door, &[(labels, ONE), good]).await?.says(400, [1, 0, 0], says);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn s1_a_name_that_is_missing_or_empty_is_told() -> Result<()> {
    check(&[("a", "b")], "no metric name").await?;
    check(&[("__name__", ""), ("a", "b")], "no metric name").await
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_a_label_given_twice_is_told_wherever_it_stands() -> Result<()> {
    check(&[("__name__", "s2"), ("a", "1"), ("a", "2")], "label name \"a\" appears twice").await?;
    check(&[("__name__", "s2"), ("a", "1"), ("b", "2"), ("a", "1")], "label name \"a\" appears twice").await
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_a_label_without_a_name_is_told_and_one_without_a_value_is_none() -> Result<()> {
    check(&[("__name__", "s3"), ("", "1")], "empty name").await?;
    let door = door().await?;
    let all: [Series<'_>; 2] =
        [(&[("__name__", "s3_empty"), ("a", "")], &[(1_000, 1.0)]), (&[("__name__", "s3_empty")], &[(0, 1.0)])];
    post_v2(door, &all).await?.says(204, [2, 0, 0], "");
    assert_eq!(value(door, "count_over_time(s3_empty[1m])").await?.as_deref(), Some("2"), "one series");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_the_order_of_labels_and_the_version_make_no_other_series() -> Result<()> {
    let door = door().await?;
    let orders: [&[(&str, &str)]; 3] = [
        &[("__name__", "s4"), ("a", "1"), ("b", "2")],
        &[("b", "2"), ("__name__", "s4"), ("a", "1")],
        &[("a", "1"), ("b", "2"), ("__name__", "s4")],
    ];
    for (number, order) in (0..).zip(orders) {
        let ago = 10_000 - 2_000 * number;
        post_v1(door, &[(order, &[(ago, 1.0)])]).await?.is(204);
        post_v2(door, &[(order, &[(ago - 1_000, 1.0)])]).await?.says(204, [1, 0, 0], "");
    }
    assert_eq!(value(door, "count_over_time(s4[1m])").await?.as_deref(), Some("6"), "one series");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn s5_names_and_values_are_any_utf_8() -> Result<()> {
    let door = door().await?;
    let labels = [("__name__", "s5.http requests \u{1f680}"), ("a.b c", "line\nand \"quote\"")];
    post_v2(door, &[(&labels, ONE)]).await?.says(204, [1, 0, 0], "");
    let expr = "{\"s5.http requests \u{1f680}\", \"a.b c\"=\"line\\nand \\\"quote\\\"\"}";
    assert_eq!(value(door, expr).await?.as_deref(), Some("1"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn s6_reserved_labels_are_taken_as_they_are() -> Result<()> {
    let door = door().await?;
    post_v1(door, &[(&[("__name__", "s6"), ("__x__", "y"), ("__replica__", "a")], ONE)]).await?.is(204);
    assert_eq!(value(door, "s6{__x__=\"y\",__replica__=\"a\"}").await?.as_deref(), Some("1"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn s7_each_limit_holds_to_the_byte() -> Result<()> {
    let settings = "ingest: {keep: all, labels_max: 3, label_name_bytes_max: 10B, label_value_bytes_max: 20B, \
                    labels_bytes_max: 40B}\n";
    let headroom = Headroom::start_with(RULES, settings, &[]).await?;
    let ten = "n".repeat(10);
    let (twenty, more) = ("v".repeat(20), "v".repeat(21));
    let checks: [(Labels<'_>, Option<&str>); 8] = [
        (&[("__name__", "a"), ("b", "1"), ("c", "1")], None),
        (&[("__name__", "a"), ("b", "1"), ("c", "1"), ("d", "1")], Some("more than 3 labels")),
        (&[("__name__", "a"), (&ten, "1")], None),
        (&[("__name__", "a"), ("elevenbytes", "1")], Some("name longer than 10 bytes")),
        (&[("__name__", "a"), ("b", &twenty)], None),
        (&[("__name__", "a"), ("b", &more)], Some("value longer than 20 bytes")),
        (&[("__name__", "abcdefghij"), ("b", &twenty)], None),
        (&[("__name__", "abcdefghijkl"), ("b", &twenty)], Some("labels longer than 40 bytes together")),
    ];
    for (labels, says) in checks {
        let answer = post_v1(&headroom, &[(labels, ONE)]).await?;
        answer.is(if says.is_some() { 400 } else { 204 });
        assert!(answer.body.contains(says.unwrap_or("")), "want {says:?} for {labels:?}: {answer:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn y1_references_that_lead_nowhere_cost_their_own_series() -> Result<()> {
    let door = door().await?;
    let spoil: [(&str, Spoil, [u64; 3]); 5] = [
        ("odd number of references", |series| series.labels_refs.truncate(3), [1, 0, 0]),
        ("beyond the table", |series| series.labels_refs[3] = 99, [1, 0, 0]),
        (
            "beyond the table",
            |series| series.metadata = Some(v2::Metadata { r#type: 1, help_ref: 99, unit_ref: 0 }),
            [1, 0, 0],
        ),
        (
            "beyond the table",
            |series| series.metadata = Some(v2::Metadata { r#type: 1, help_ref: 0, unit_ref: 99 }),
            [1, 0, 0],
        ),
        (
            "beyond the table",
            |series| {
                series.exemplars = vec![v2::Exemplar { labels_refs: vec![1, 99], value: 1.0, timestamp: now_ms() }];
            },
            [2, 0, 0],
        ),
    ];
    for (says, spoil, written) in spoil {
        let mut request = Second::new();
        request.series(&[("__name__", "y1_good")], ONE);
        spoil(request.series(&[("__name__", "y1"), ("a", "b")], ONE));
        let answer = post(door, V2, &request.body()).await?;
        answer.is(400);
        assert_eq!(answer.written(), Some(written), "{answer:?}");
        assert!(answer.body.contains(says), "want \"{says}\": {answer:?}");
    }
    let nothing = v2::Request {
        symbols: Vec::new(),
        timeseries: vec![v2::TimeSeries {
            labels_refs: vec![0, 0],
            samples: vec![v2::Sample::default()],
            ..Default::default()
        }],
    };
    post(door, V2, &packed(&nothing.encode_to_vec())).await?.says(400, [0, 0, 0], "beyond the table");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn y2_a_table_that_does_not_begin_with_the_empty_symbol_is_taken_and_counted() -> Result<()> {
    let door = door().await?;
    let violations = r#"headroom_ingest_sender_violations_total{kind="first_symbol"}"#;
    let before = metric(door, violations).await?;
    let request = v2::Request {
        symbols: vec!["__name__".to_owned(), "y2".to_owned()],
        timeseries: vec![v2::TimeSeries {
            labels_refs: vec![0, 1],
            samples: vec![v2::Sample { value: 1.0, timestamp: now_ms(), start_timestamp: 0 }],
            ..v2::TimeSeries::default()
        }],
    };
    post(door, V2, &packed(&request.encode_to_vec())).await?.says(204, [1, 0, 0], "");
    assert_eq!(value(door, "y2").await?.as_deref(), Some("1"));
    assert_eq!(metric(door, violations).await?, before + 1.0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn y3_a_symbol_that_stands_twice_makes_no_other_series() -> Result<()> {
    let door = door().await?;
    let sample = |ago| vec![v2::Sample { value: 1.0, timestamp: now_ms() - ago, start_timestamp: 0 }];
    let series = |labels_refs, ago| v2::TimeSeries { labels_refs, samples: sample(ago), ..v2::TimeSeries::default() };
    let request = v2::Request {
        symbols: ["", "__name__", "y3", "y3", "__name__"].map(str::to_owned).to_vec(),
        timeseries: vec![series(vec![1, 2], 1_000), series(vec![4, 3], 0)],
    };
    post(door, V2, &packed(&request.encode_to_vec())).await?.says(204, [2, 0, 0], "");
    assert_eq!(value(door, "count_over_time(y3[1m])").await?.as_deref(), Some("2"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn y4_a_series_that_stands_several_times_is_one() -> Result<()> {
    let door = door().await?;
    let all: [Series<'_>; 3] = [
        (&[("__name__", "y4")], &[(2_000, 1.0)]),
        (&[("__name__", "y4")], &[(1_000, 1.0), (0, 1.0)]),
        (&[("__name__", "y4")], &[(1_000, 1.0)]),
    ];
    post_v2(door, &all).await?.says(204, [4, 0, 0], "");
    assert_eq!(value(door, "count_over_time(y4[1m])").await?.as_deref(), Some("3"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn y5_a_series_of_2_0_that_holds_nothing_is_told() -> Result<()> {
    post_v2(door().await?, &[(&[("__name__", "y5")], &[])]).await?.says(
        400,
        [0, 0, 0],
        "neither samples, histograms nor exemplars",
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn y5_an_exemplar_may_stand_alone_as_prometheus_sends_it() -> Result<()> {
    let door = door().await?;
    for labels in [&[("__name__", "y5_alone")][..], &[("__name__", "y5_alone")], &[("a", "nameless")]] {
        let mut request = Second::new();
        let exemplar = v2::Exemplar { labels_refs: Vec::new(), value: 1.0, timestamp: now_ms() };
        request.series(labels, &[]).exemplars = vec![exemplar];
        let answer = post(door, V2, &request.body()).await?;
        if labels == [("a", "nameless")] {
            answer.says(400, [0, 0, 0], "1 exemplar rejected");
        } else {
            answer.says(204, [0, 0, 1], "");
        }
    }
    assert_eq!(value(door, "y5_alone").await?, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn y6_samples_and_histograms_in_one_series_are_both_taken() -> Result<()> {
    let door = door().await?;
    let mut request = Second::new();
    let series = request.series(&[("__name__", "y6")], ONE);
    series.histograms = vec![v2::Histogram { timestamp: now_ms(), ..v2::Histogram::default() }];
    post(door, V2, &request.body()).await?.says(204, [1, 1, 0], "");
    assert_eq!(value(door, "y6").await?.as_deref(), Some("1"));
    // In 1.0 a bad label costs its own series, too.
    let bad = b"\x0a\x11\x0a\x0d\x0a\x08__name__\x12\x01\xff\x12\x00";
    post(door, V1, &packed(bad)).await?.is(400);
    Ok(())
}
