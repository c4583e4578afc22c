//! D, F and O: pairs of replicas, rules that change, and what the receiver says of itself.

use std::time::Duration;

use anyhow::Result;

use super::{RULES, SOON, Series, V2, metric, now_ms, post_v1, post_v2, request, value};
use crate::peers::process::eventually;
use crate::service::Headroom;

const HA: &str = "ingest: {keep: all, ha: {failover: 2s, clusters_max: 2}}\n";

async fn send(headroom: &Headroom, name: &str, cluster: &str, replica: &str, value: f64) -> Result<super::Answer> {
    let labels = [("__name__", name), ("cluster", cluster), ("__replica__", replica)];
    post_v2(headroom, &[(&labels, &[(0, value)])]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_d2_of_a_pair_one_replica_is_taken_and_the_other_follows_when_it_is_silent() -> Result<()> {
    let headroom = Headroom::start_with(RULES, HA, &[]).await?;
    send(&headroom, "d1", "eu", "a", 1.0).await?.says(204, [1, 0, 0], "");
    send(&headroom, "d1", "eu", "b", 2.0).await?.says(204, [1, 0, 0], "");
    assert_eq!(
        value(&headroom, "d1{cluster=\"eu\",__replica__=\"\"}").await?.as_deref(),
        Some("1"),
        "the first one leads"
    );
    assert_eq!(metric(&headroom, "headroom_ingest_samples_not_kept_total{reason=\"replica\"}").await?, 1.0);
    let silent_since = now_ms();
    eventually("the other replica", SOON, async || {
        send(&headroom, "d1", "eu", "b", 3.0).await?.says(204, [1, 0, 0], "");
        Ok((value(&headroom, "d1").await?.as_deref() == Some("3")).then_some(()))
    })
    .await?;
    let gap = now_ms() - silent_since;
    assert!(gap >= 1_500, "not before it was silent for two seconds: {gap} ms");
    assert_eq!(metric(&headroom, "headroom_ingest_replica_failovers_total").await?, 1.0);
    send(&headroom, "d1", "eu", "a", 9.0).await?.says(204, [1, 0, 0], "");
    assert_eq!(value(&headroom, "d1").await?.as_deref(), Some("3"), "whoever comes back waits");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn d3_d4_each_series_has_its_own_pair_and_pairs_are_counted() -> Result<()> {
    let headroom = Headroom::start_with(RULES, HA, &[]).await?;
    let mixed: [Series<'_>; 3] = [
        (&[("__name__", "d3"), ("cluster", "eu"), ("__replica__", "a")], &[(0, 1.0)]),
        (&[("__name__", "d3"), ("cluster", "us"), ("__replica__", "b")], &[(0, 1.0)]),
        (&[("__name__", "d3"), ("pod", "of nobody's pair")], &[(0, 1.0)]),
    ];
    post_v2(&headroom, &mixed).await?.says(204, [3, 0, 0], "");
    assert_eq!(value(&headroom, "count(d3)").await?.as_deref(), Some("3"));
    send(&headroom, "d4", "asia", "a", 1.0).await?.says(400, [0, 0, 0], "more than 2 pairs of replicas");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn f1_a_rule_reads_a_series_from_its_next_sample_on() -> Result<()> {
    let rules = |name: &str| format!("groups: [{{name: one, rules: [{{record: one, expr: 'sum({name})'}}]}}]\n");
    let headroom = Headroom::start(&rules("f1_other"), &[]).await?;
    for _ in 0..3 {
        post_v1(&headroom, &[(&[("__name__", "f1"), ("pod", "a")], &[(0, 1.0)])]).await?.is(204);
    }
    assert_eq!(value(&headroom, "f1").await?, None);
    headroom.write_rules(&rules("f1{pod=\"a\"}"))?;
    request(headroom.address, "POST", "/-/reload", "", b"").await?.is(200);
    post_v1(&headroom, &[(&[("__name__", "f1"), ("pod", "a")], &[(0, 5.0)])]).await?.is(204);
    assert_eq!(value(&headroom, "f1").await?.as_deref(), Some("5"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn o1_the_counters_reconcile_to_the_unit() -> Result<()> {
    let rules = "groups: [{name: one, rules: [{record: one, expr: 'sum(o1)'}]}]\n";
    let settings = "ingest: {relabel_configs: [{source_labels: [pod], regex: dropped, action: drop}]}\n";
    let headroom = Headroom::start_with(rules, settings, &[]).await?;
    let round: [Series<'_>; 6] = [
        (&[("__name__", "o1"), ("pod", "a")], &[(3_000, 1.0), (2_000, 1.0), (2_000, 1.0), (2_000, 2.0)]),
        (&[("__name__", "o1"), ("pod", "dropped")], &[(0, 1.0)]),
        (&[("__name__", "o1_unread")], &[(0, 1.0), (1_000, 0.0)]),
        (&[("__name__", "o1"), ("pod", "a")], &[(7_200_000, 1.0), (-3_600_000, 1.0)]),
        (&[("pod", "nameless")], &[(0, 1.0)]),
        (&[("__name__", "o1"), ("pod", "b")], &[(0, 0.0)]),
    ];
    for _ in 0..3 {
        post_v1(&headroom, &round).await?.is(400);
        post_v2(&headroom, &round).await?.is(400);
    }
    let of = async |series: &str| metric(&headroom, &format!("headroom_ingest_samples_{series}")).await;
    let mut not_kept = 0.0;
    for reason in ["unread", "dropped", "duplicate", "old", "replica"] {
        not_kept += of(&format!("not_kept_total{{reason=\"{reason}\"}}")).await?;
    }
    let mut rejected = 0.0;
    for reason in ["labels", "duplicate_timestamp", "future", "series_limit", "old", "histogram"] {
        rejected += of(&format!("rejected_total{{reason=\"{reason}\"}}")).await?;
    }
    let (accepted, kept) = (of("accepted_total").await?, of("kept_total").await?);
    assert_eq!(accepted, kept + not_kept);
    assert_eq!(accepted + rejected, 6.0 * 11.0, "each sample is one or the other");
    assert_eq!(of("not_kept_total{reason=\"dropped\"}").await?, 6.0);
    assert_eq!(of("not_kept_total{reason=\"unread\"}").await?, 12.0);
    assert_eq!(metric(&headroom, "headroom_ingest_messages_total{message=\"remote_write_2.0\"}").await?, 3.0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn h12_http_2_is_spoken_without_a_word_before() -> Result<()> {
    use http_body_util::{BodyExt as _, Full};
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;
    let headroom = Headroom::start_with(RULES, "ingest: {keep: all}\n", &[]).await?;
    let client: Client<_, Full<bytes::Bytes>> = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let body = super::second(&[(&[("__name__", "h12_two")], &[(0, 1.0)])]);
    let mut post = http::Request::post(format!("http://{}/api/v1/write", headroom.address));
    for line in V2.lines() {
        let (name, value) = line.split_once(": ").expect("a header");
        post = post.header(name, value);
    }
    let answer = tokio::time::timeout(Duration::from_secs(30), client.request(post.body(Full::from(body))?)).await??;
    assert_eq!((answer.version(), answer.status().as_u16()), (http::Version::HTTP_2, 204));
    assert_eq!(answer.headers()["x-prometheus-remote-write-samples-written"], "1");
    answer.into_body().collect().await?;
    assert_eq!(value(&headroom, "h12_two").await?.as_deref(), Some("1"));
    Ok(())
}
