//! X and N: metadata, exemplars and native histograms.

use anyhow::{Context as _, Result};
use headroom::proto::v2::histogram::{Count, ZeroCount};
use headroom::proto::{self, WriteRequest, v2};
use prost::Message as _;

use super::{RULES, Second, V1, V2, door, first, metric, now_ms, packed, post, request};
use crate::service::Headroom;

/// The words of the types by their numbers, and what a number is that nobody knows yet.
const TYPES: [(i32, &str); 10] = [
    (0, "unknown"),
    (1, "counter"),
    (2, "gauge"),
    (3, "histogram"),
    (4, "gaugehistogram"),
    (5, "summary"),
    (6, "info"),
    (7, "stateset"),
    (8, "unknown"),
    (i32::MAX, "unknown"),
];

/// What `/api/v1/metadata` answers.
async fn metadata(headroom: &Headroom, parameters: &str) -> Result<serde_json::Value> {
    let answer = request(headroom.address, "GET", &format!("/api/v1/metadata?{parameters}"), "", b"").await?;
    let json: serde_json::Value = serde_json::from_str(&answer.body).with_context(|| answer.body.clone())?;
    assert_eq!(answer.status == 200, json["status"] == "success", "{answer:?}");
    Ok(json)
}

#[tokio::test(flavor = "multi_thread")]
async fn x1_types_help_and_units_are_kept_from_both_messages() -> Result<()> {
    let headroom = Headroom::start_with(RULES, "ingest: {keep: all}\n", &[]).await?;
    // 1.0 has messages of their own for it, and they may come alone.
    let said = |(number, _): &(i32, &str)| {
        let name = format!("x1_first_{number}");
        proto::MetricMetadata {
            r#type: *number,
            metric_family_name: name,
            help: "a\nb".to_owned(),
            unit: "s".to_owned(),
        }
    };
    let one = WriteRequest { timeseries: Vec::new(), metadata: TYPES.iter().map(said).collect() };
    post(&headroom, V1, &packed(&one.encode_to_vec())).await?.is(204);
    // 2.0 has it within each series.
    let mut two = Second::new();
    let [help_ref, unit_ref] = ["a\nb", "s"].map(|text| two.reference(text));
    for (number, _) in TYPES {
        let said = v2::Metadata { r#type: number, help_ref, unit_ref };
        two.series(&[("__name__", &format!("x1_second_{number}"))], &[(0, 1.0)]).metadata = Some(said);
    }
    // The parts of a histogram are one family there; in 1.0 the name is the family's own.
    let said = v2::Metadata { r#type: 3, help_ref: 0, unit_ref: 0 };
    two.series(&[("__name__", "x1_parts_bucket"), ("le", "1")], &[(0, 1.0)]).metadata = Some(said);
    post(&headroom, V2, &two.body()).await?.says(204, [11, 0, 0], "");
    let counts = proto::MetricMetadata { r#type: 3, metric_family_name: "x1_count".to_owned(), ..Default::default() };
    let one = WriteRequest { timeseries: Vec::new(), metadata: vec![counts] };
    post(&headroom, V1, &packed(&one.encode_to_vec())).await?.is(204);

    let all = metadata(&headroom, "").await?;
    for (number, word) in TYPES {
        for message in ["first", "second"] {
            let want = serde_json::json!([{"type": word, "help": "a\nb", "unit": "s"}]);
            assert_eq!(all["data"][format!("x1_{message}_{number}")], want, "{all}");
        }
    }
    for family in ["x1_parts", "x1_count"] {
        assert_eq!(all["data"][family], serde_json::json!([{"type": "histogram", "help": "", "unit": ""}]), "{all}");
    }
    assert_eq!(all["data"].as_object().map(serde_json::Map::len), Some(22), "{all}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn x1_metadata_is_asked_for_as_in_prometheus() -> Result<()> {
    let headroom = Headroom::start_with(RULES, "ingest: {keep: all}\n", &[]).await?;
    let said = |name: &str| proto::MetricMetadata { metric_family_name: name.to_owned(), ..Default::default() };
    let one = WriteRequest { timeseries: Vec::new(), metadata: ["a", "b", "c"].map(said).to_vec() };
    post(&headroom, V1, &packed(&one.encode_to_vec())).await?.is(204);
    for (parameters, families) in [
        ("", &["a", "b", "c"][..]),
        ("limit=2", &["a", "b"]),
        ("limit=0", &[]),
        ("limit=-1&limit_per_metric=1", &["a", "b", "c"]),
        ("limit=&limit_per_metric=0&metric=", &["a", "b", "c"]),
        ("metric=b", &["b"]),
        ("metric=b&limit=0", &[]),
        ("metric=d", &[]),
    ] {
        let answer = metadata(&headroom, parameters).await?;
        let answered: Vec<&String> = answer["data"].as_object().context("an object")?.keys().collect();
        assert_eq!(answered, families, "{parameters}: {answer}");
    }
    for (parameters, says) in
        [("limit=a", "limit must be a number"), ("limit_per_metric=1.5", "limit_per_metric must be a number")]
    {
        let answer = metadata(&headroom, parameters).await?;
        assert_eq!((&answer["errorType"], &answer["error"]), (&"bad_data".into(), &says.into()), "{answer}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn x2_exemplars_are_judged_and_counted() -> Result<()> {
    let door = door().await?;
    let mut request = Second::new();
    let trace = [request.reference("trace_id"), request.reference("abc")];
    let series = request.series(&[("__name__", "x2")], &[(0, 1.0)]);
    let exemplar = |value, ago: i64, labels_refs: &[u32]| v2::Exemplar {
        value,
        timestamp: now_ms() - ago,
        labels_refs: labels_refs.to_vec(),
    };
    series.exemplars =
        vec![exemplar(f64::NAN, 0, &trace), exemplar(f64::INFINITY, 9_000, &[]), exemplar(1.0, 100, &trace)];
    post(door, V2, &request.body()).await?.says(204, [1, 0, 3], "");
    Ok(())
}

fn span(offset: i32, length: u32) -> v2::BucketSpan {
    v2::BucketSpan { offset, length }
}

/// One of whole numbers: two buckets of three and two observations.
fn whole() -> v2::Histogram {
    v2::Histogram {
        count: Some(Count::CountInt(5)),
        sum: 7.5,
        positive_spans: vec![span(0, 2)],
        positive_deltas: vec![3, -1],
        timestamp: now_ms(),
        ..v2::Histogram::default()
    }
}

fn float() -> v2::Histogram {
    v2::Histogram {
        count: Some(Count::CountFloat(5.5)),
        positive_deltas: Vec::new(),
        positive_counts: vec![3.5, 2.0],
        ..whole()
    }
}

/// One with bounds of its own.
fn custom() -> v2::Histogram {
    v2::Histogram { schema: -53, custom_values: vec![1.0], ..whole() }
}

#[tokio::test(flavor = "multi_thread")]
async fn n1_histograms_of_every_schema_are_taken_in_both_messages() -> Result<()> {
    let door = door().await?;
    let schemas = (-4..=8).chain([9, 52]);
    let all = schemas.flat_map(|schema| [whole(), float()].map(|of| v2::Histogram { schema, ..of })).chain([custom()]);
    for histogram in all {
        let mut request = Second::new();
        request.series(&[("__name__", "n1")], &[]).histograms = vec![histogram.clone()];
        post(door, V2, &request.body()).await?.says(204, [0, 1, 0], "");
        // The same bytes are one of remote write 1.0.
        let mut one = first(&[(&[("__name__", "n1")], &[])]);
        one.timeseries[0].histograms = vec![proto::Histogram::decode(&histogram.encode_to_vec()[..])?];
        post(door, V1, &packed(&WriteRequest::encode_to_vec(&one))).await?.is(204);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn n2_n3_histograms_that_are_not_sound_are_told_with_the_reason() -> Result<()> {
    let door = door().await?;
    let bad: Vec<(&str, v2::Histogram)> = vec![
        ("schema 53", v2::Histogram { schema: 53, ..whole() }),
        ("schema -5", v2::Histogram { schema: -5, ..whole() }),
        ("other buckets than its spans", v2::Histogram { positive_spans: vec![span(0, 3)], ..whole() }),
        ("other buckets than its spans", v2::Histogram { positive_spans: vec![span(0, u32::MAX)], ..whole() }),
        ("begins before the one before it", v2::Histogram { positive_spans: vec![span(0, 1), span(-1, 1)], ..whole() }),
        ("buckets do not add up", v2::Histogram { count: Some(Count::CountInt(6)), ..whole() }),
        ("buckets do not add up", v2::Histogram { count: Some(Count::CountInt(4)), sum: f64::NAN, ..whole() }),
        ("negative number of observations", v2::Histogram { positive_deltas: vec![3, -4], ..whole() }),
        ("negative number of observations", v2::Histogram { positive_deltas: vec![i64::MAX, i64::MAX], ..whole() }),
        ("negative number of observations", v2::Histogram { positive_counts: vec![-1.0, 2.0], ..float() }),
        ("negative count", v2::Histogram { count: Some(Count::CountFloat(-1.0)), ..float() }),
        ("bounds of its own", v2::Histogram { custom_values: vec![1.0], ..whole() }),
        ("zero threshold", v2::Histogram { zero_threshold: 0.1, ..custom() }),
        ("zero bucket", v2::Histogram { zero_count: Some(ZeroCount::ZeroCountInt(1)), ..custom() }),
        ("side below zero", v2::Histogram { negative_spans: vec![span(0, 0)], ..custom() }),
        ("custom bounds", v2::Histogram { custom_values: Vec::new(), ..custom() }),
        ("custom bounds", v2::Histogram { custom_values: vec![2.0, 1.0], ..custom() }),
        ("custom bounds", v2::Histogram { custom_values: vec![f64::NAN], ..custom() }),
        ("custom bounds", v2::Histogram { custom_values: vec![1.0, f64::INFINITY], ..custom() }),
    ];
    for (says, histogram) in bad {
        let mut request = Second::new();
        request.series(&[("__name__", "n2")], &[(0, 1.0)]).histograms = vec![histogram.clone()];
        let answer = post(door, V2, &request.body()).await?;
        assert_eq!((answer.status, answer.written()), (400, Some([1, 0, 0])), "{histogram:?}: {answer:?}");
        assert!(answer.body.contains(says), "want \"{says}\": {answer:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn n4_n5_a_stale_histogram_is_taken_and_one_that_nobody_reads_is_judged() -> Result<()> {
    let headroom = Headroom::start(RULES, &[]).await?;
    let mut request = Second::new();
    let stale = v2::Histogram { sum: headroom::sample::STALE, timestamp: now_ms(), ..v2::Histogram::default() };
    request.series(&[("__name__", "n4")], &[]).histograms = vec![stale];
    post(&headroom, V2, &request.body()).await?.says(204, [0, 1, 0], "");
    let mut request = Second::new();
    request.series(&[("__name__", "n5_unread")], &[]).histograms = vec![v2::Histogram { schema: 99, ..whole() }];
    post(&headroom, V2, &request.body()).await?.says(400, [0, 0, 0], "schema 99");
    assert_eq!(metric(&headroom, "headroom_ingest_histograms_accepted_total").await?, 1.0);
    assert_eq!(metric(&headroom, "headroom_ingest_histograms_rejected_total").await?, 1.0);
    Ok(())
}
