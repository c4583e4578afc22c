//! R: what is answered, and what it promises.

use anyhow::Result;
use headroom::proto::v2;

use super::{RULES, Second, V1, V2, door, metric, now_ms, post, post_v1, post_v2, second, v1, value};
use crate::service::Headroom;

#[tokio::test(flavor = "multi_thread")]
async fn r1_all_written_is_204_with_an_empty_body() -> Result<()> {
    let door = door().await?;
    for answer in [
        post_v1(door, &[(&[("__name__", "r1")], &[(0, 1.0)])]).await?,
        post_v2(door, &[(&[("__name__", "r1")], &[(0, 1.0)])]).await?,
    ] {
        answer.is(204);
        assert_eq!(answer.body, "");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_an_answer_of_2_0_has_exact_counts_of_all_three() -> Result<()> {
    let door = door().await?;
    let at = now_ms();
    for (samples, histograms, exemplars) in [(0, 1, 0), (1, 0, 0), (3, 2, 1), (2, 0, 4), (1, 3, 0)] {
        let mut request = Second::new();
        let ago: Vec<(i64, f64)> = (0..samples).map(|ago| (ago * 1_000, 1.0)).collect();
        let name = format!("r2_{samples}_{histograms}_{exemplars}");
        let series = request.series(&[("__name__", &name)], &ago);
        let histogram = v2::Histogram { timestamp: at, ..v2::Histogram::default() };
        series.histograms = vec![histogram; histograms];
        series.exemplars = vec![v2::Exemplar { timestamp: at, value: 1.0, labels_refs: Vec::new() }; exemplars];
        let counts = [samples.unsigned_abs(), histograms as u64, exemplars as u64];
        post(door, V2, &request.body()).await?.says(204, counts, "");
    }
    post(door, V2, b"no snappy").await?.says(400, [0, 0, 0], "snappy");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_an_answer_of_1_0_has_none_of_them() -> Result<()> {
    let door = door().await?;
    for body in [v1(&[(&[("__name__", "r3")], &[(0, 1.0)])]), v1(&[(&[("a", "b")], &[(0, 1.0)])]), b"x".to_vec()] {
        let answer = post(door, V1, &body).await?;
        assert!(!answer.head.contains("-written"), "{answer:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_r5_what_is_valid_is_written_and_the_rest_told_with_400() -> Result<()> {
    let door = door().await?;
    for (version, name) in [(1, "r5"), (2, "r4")] {
        let labels: Vec<Vec<(&str, &str)>> = vec![
            vec![("__name__", name), ("n", "1")],
            vec![("n", "2")],
            vec![("__name__", name), ("n", "3")],
            vec![("__name__", name), ("n", "4")],
        ];
        let all: Vec<super::Series<'_>> = labels.iter().map(|labels| (&labels[..], &[(0, 1.0)][..])).collect();
        if version == 1 {
            let answer = post_v1(door, &all).await?;
            answer.is(400);
            assert!(
                answer.body.starts_with("1 sample rejected, the rest was taken; 1 with no metric name"),
                "{answer:?}"
            );
        } else {
            post_v2(door, &all).await?.says(
                400,
                [3, 0, 0],
                "1 sample rejected, the rest was taken; 1 with no metric name",
            );
        }
        assert_eq!(value(door, &format!("count({name})")).await?.as_deref(), Some("3"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_the_text_is_short_printable_and_has_the_totals() -> Result<()> {
    let door = door().await?;
    let values: Vec<String> = (0..10_000).map(|number| format!("line\n{number}\u{1}")).collect();
    let labels: Vec<[(&str, &str); 1]> = values.iter().map(|value| [("odd", value.as_str())]).collect();
    let all: Vec<super::Series<'_>> = labels.iter().map(|labels| (&labels[..], &[(0, 1.0)][..])).collect();
    let answer = post_v1(door, &all).await?;
    answer.is(400);
    assert!(answer.body.starts_with("10000 samples rejected") && answer.body.len() <= 1_024, "{answer:?}");
    assert!(!answer.body.trim_end().contains(char::is_control), "{answer:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r9_what_nobody_reads_counts_as_written_and_as_not_kept() -> Result<()> {
    let rules = "groups: [{name: one, rules: [{record: one, expr: 'sum(r9_read)'}]}]\n";
    let headroom = Headroom::start(rules, &[]).await?;
    let unread = r#"headroom_ingest_samples_not_kept_total{reason="unread"}"#;
    for round in 1..=2_u32 {
        let all: [super::Series<'_>; 2] =
            [(&[("__name__", "r9_unread")], &[(0, 1.0), (1_000, 2.0)]), (&[("__name__", "r9_read")], &[(0, 1.0)])];
        post_v2(&headroom, &all).await?.says(204, [3, 0, 0], "");
        assert_eq!(metric(&headroom, unread).await?, f64::from(2 * round));
    }
    assert_eq!(value(&headroom, "r9_unread").await?, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r10_a_full_store_is_400_and_known_series_go_on() -> Result<()> {
    let settings = "ingest: {keep: all}\nwindows: {series_max: 10}\n";
    let headroom = Headroom::start_with(RULES, settings, &[]).await?;
    let pods: Vec<String> = (0..12).map(|pod| pod.to_string()).collect();
    for ago in [2_000, 1_000] {
        let labels: Vec<[(&str, &str); 2]> =
            pods.iter().map(|pod| [("__name__", "r10"), ("pod", pod.as_str())]).collect();
        let samples = [(ago, 1.0)];
        let all: Vec<super::Series<'_>> = labels.iter().map(|labels| (&labels[..], &samples[..])).collect();
        post_v2(&headroom, &all).await?.says(400, [10, 0, 0], "windows.series_max");
    }
    assert_eq!(value(&headroom, "sum(count_over_time(r10[1m]))").await?.as_deref(), Some("20"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r11_what_is_answered_is_read_by_the_next_query() -> Result<()> {
    let door = door().await?;
    for round in 0..200_u32 {
        let value_sent = f64::from(round);
        let name = [("__name__", "r11")];
        let samples = [(i64::from(400 - round), value_sent)];
        post(door, V2, &second(&[(&name, &samples)])).await?.is(204);
        assert_eq!(value(door, "max_over_time(r11[1m])").await?, Some(format!("{round}")));
    }
    Ok(())
}
