//! T: samples, time and staleness.

use anyhow::Result;
use headroom::proto::v2;
use headroom::sample::STALE;
use prost::Message as _;

use super::{
    RULES, Second, Series, V1, V2, door, first, metric, now_ms, packed, post, post_v1, post_v2, value, value_at,
};
use crate::service::Headroom;

const MINUTE: i64 = 60_000;

#[tokio::test(flavor = "multi_thread")]
async fn t1_t2_a_marker_ends_a_series_until_its_next_sample_and_a_nan_is_a_value() -> Result<()> {
    let door = door().await?;
    let now = now_ms();
    post_v1(door, &[(&[("__name__", "t1")], &[(4_000, f64::NAN), (3_000, STALE), (1_000, 7.0)])]).await?.is(204);
    assert_eq!(value_at(door, "t1", now - 3_500).await?.as_deref(), Some("NaN"));
    assert_eq!(value_at(door, "t1", now - 2_000).await?, None, "the marker ended it");
    assert_eq!(value(door, "t1").await?.as_deref(), Some("7"), "a later sample begins it anew");
    assert_eq!(value(door, "count_over_time(t1[1m])").await?.as_deref(), Some("2"), "a marker is no sample");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn t3_all_floats_and_all_times_are_taken() -> Result<()> {
    let door = door().await?;
    for (number, (sent, shown)) in
        [(f64::INFINITY, "+Inf"), (f64::NEG_INFINITY, "-Inf"), (5e-324, "5e-324")].into_iter().enumerate()
    {
        let name = format!("t3_{number}");
        post_v2(door, &[(&[("__name__", &name)], &[(0, sent)])]).await?.says(204, [1, 0, 0], "");
        assert_eq!(value(door, &name).await?.as_deref(), Some(shown));
    }
    // prost leaves the negative zero out, as it does the other one: here are its bytes.
    let mut series = first(&[(&[("__name__", "t3_zero")], &[])]).timeseries.remove(0).encode_to_vec();
    series.extend(b"\x12\x10\x09\0\0\0\0\0\0\0\x80\x10");
    prost::encoding::encode_varint(now_ms().cast_unsigned(), &mut series);
    let mut message = vec![0x0a, u8::try_from(series.len())?];
    message.extend(series);
    post(door, V1, &packed(&message)).await?.is(204);
    assert_eq!(value(door, "t3_zero").await?.as_deref(), Some("-0"));
    let mut request = Second::new();
    let series = request.series(&[("__name__", "t3_times")], &[]);
    series.samples =
        [i64::MIN, -1, 0].map(|timestamp| v2::Sample { value: 1.0, timestamp, start_timestamp: 0 }).to_vec();
    post(door, V2, &request.body()).await?.says(204, [3, 0, 0], "");
    let mut request = Second::new();
    let series = request.series(&[("__name__", "t3_times")], &[]);
    series.samples = vec![v2::Sample { value: 1.0, timestamp: i64::MAX, start_timestamp: i64::MIN }];
    post(door, V2, &request.body()).await?.says(400, [0, 0, 0], "in the future");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn t4_what_is_sent_again_changes_nothing() -> Result<()> {
    let door = door().await?;
    let now = now_ms();
    let mut request = Second::new();
    let series = request.series(&[("__name__", "t4")], &[]);
    let sample = |number: i64| v2::Sample { value: number as f64, timestamp: now - number * 1_000, start_timestamp: 0 };
    series.samples = (0..10).rev().map(sample).collect();
    for _ in 0..3 {
        post(door, V2, &request.body()).await?.says(204, [10, 0, 0], "");
        assert_eq!(value(door, "count_over_time(t4[1m])").await?.as_deref(), Some("10"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn t5_of_two_values_at_one_time_the_first_one_stays() -> Result<()> {
    let door = door().await?;
    let at = now_ms() - 1_000;
    let mut request = Second::new();
    let series = request.series(&[("__name__", "t5")], &[]);
    series.samples = [1.0, 2.0].map(|value| v2::Sample { value, timestamp: at, start_timestamp: 0 }).to_vec();
    post(door, V2, &request.body()).await?.says(400, [1, 0, 0], "another value at the same timestamp");
    assert_eq!(value(door, "t5").await?.as_deref(), Some("1"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn t6_samples_in_any_order_come_to_the_same() -> Result<()> {
    let door = door().await?;
    let shuffled = [7, 2, 9, 0, 4, 1, 8, 3, 6, 5].map(|number| (number * 1_000, number as f64));
    for sample in shuffled {
        post_v2(door, &[(&[("__name__", "t6")], &[sample])]).await?.says(204, [1, 0, 0], "");
    }
    assert_eq!(value(door, "count_over_time(t6[1m])").await?.as_deref(), Some("10"));
    assert_eq!(value(door, "t6").await?.as_deref(), Some("0"), "the newest");
    assert_eq!(value(door, "resets(t6[1m])").await?.as_deref(), Some("9"), "in order of time they fall");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn t7_what_is_older_than_any_window_is_accepted_and_not_kept() -> Result<()> {
    let headroom = Headroom::start_with(RULES, "ingest: {keep: all}\n", &[]).await?;
    let old = r#"headroom_ingest_samples_not_kept_total{reason="old"}"#;
    let all: [Series<'_>; 1] = [(&[("__name__", "t7")], &[(120 * MINUTE, 1.0)])];
    for round in 1..=2_u32 {
        post_v2(&headroom, &all).await?.says(204, [1, 0, 0], "");
        assert_eq!(metric(&headroom, old).await?, f64::from(round));
    }
    let strict = Headroom::start_with(RULES, "ingest: {keep: all, too_old: reject}\n", &[]).await?;
    post_v2(&strict, &all).await?.says(400, [0, 0, 0], "older than any rule looks back");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn t8_ten_minutes_ahead_are_too_far() -> Result<()> {
    let door = door().await?;
    post_v2(door, &[(&[("__name__", "t8")], &[(-9 * MINUTE, 1.0)])]).await?.says(204, [1, 0, 0], "");
    post_v2(door, &[(&[("__name__", "t8")], &[(-11 * MINUTE, 1.0)])]).await?.says(
        400,
        [0, 0, 0],
        "more than 10 minutes in the future",
    );
    let mut request = Second::new();
    let series = request.series(&[("__name__", "t8_exemplar")], &[(0, 1.0)]);
    series.exemplars = vec![v2::Exemplar { timestamp: now_ms() + 11 * MINUTE, value: 1.0, labels_refs: Vec::new() }];
    post(door, V2, &request.body()).await?.says(400, [1, 0, 0], "more than 10 minutes in the future");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn t9_when_a_counter_began_is_no_error_whatever_it_says() -> Result<()> {
    let door = door().await?;
    let at = now_ms();
    for (number, start_timestamp) in [0, at - 1_000, at + 1_000, -1, i64::MIN].into_iter().enumerate() {
        let mut request = Second::new();
        let name = format!("t9_{number}");
        request.series(&[("__name__", &name)], &[]).samples =
            vec![v2::Sample { value: 1.0, timestamp: at, start_timestamp }];
        post(door, V2, &request.body()).await?.says(204, [1, 0, 0], "");
        assert_eq!(value(door, &name).await?.as_deref(), Some("1"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn t10_the_order_of_series_and_of_requests_does_not_matter() -> Result<()> {
    let door = door().await?;
    let names: Vec<String> = (0..20).map(|number| format!("t10_{number}")).collect();
    let sending = (0..4).map(|round| {
        let mut names = names.clone();
        names.rotate_left(round * 7 % 20);
        async move {
            let labels: Vec<[(&str, &str); 1]> = names.iter().map(|name| [("__name__", name.as_str())]).collect();
            let samples = [(i64::try_from(round)? * 1_000, 1.0)];
            let all: Vec<Series<'_>> = labels.iter().map(|labels| (&labels[..], &samples[..])).collect();
            post_v2(door, &all).await
        }
    });
    for answer in futures_util::future::join_all(sending).await {
        answer?.says(204, [20, 0, 0], "");
    }
    let all = value(door, "sum(count_over_time({__name__=~\"t10_.*\"}[1m]))").await;
    for name in &names {
        assert_eq!(
            value(door, &format!("count_over_time({name}[1m])")).await?.as_deref(),
            Some("4"),
            "{name}: {all:?}"
        );
    }
    Ok(())
}
