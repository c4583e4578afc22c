use std::collections::BTreeSet;
use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::sample::is_stale;
use crate::workload::ObjectRef;

/// Plays a script, ten seconds a word: a load to offer, `=N` to scale to N. Tells the totals after each word.
#[track_caller]
fn check(replicas: Replicas, script: &str, want: &Expect) {
    let mut cluster = cluster(replicas);
    let mut told = String::new();
    for (word, step) in script.split_whitespace().zip(1..) {
        match word.strip_prefix('=') {
            Some(to) => {
                let from = cluster.pods(&checkout()).unwrap().replicas;
                cluster.scale(&checkout(), from, to.parse().unwrap()).unwrap();
            }
            None => cluster.offer(&checkout(), word.parse().unwrap()),
        }
        cluster.advance(at(step * 10));
        let (pods, totals) = (cluster.pods(&checkout()).unwrap(), cluster.totals(&checkout()));
        let Pods { replicas, ready, existing } = pods;
        let [offered, served, dropped] = [totals.offered, totals.served, totals.dropped].map(Requests::whole);
        let time = step * 10;
        let pods = format!("{replicas} wanted, {ready} ready, {existing} exist");
        writeln!(told, "{time:03}s {word:>3}  {pods}; {offered} = {served} + {dropped}").unwrap();
    }
    want.assert_eq(&told);
}

#[test]
fn load_beyond_the_ready_pods_is_dropped_until_new_ones_have_started() {
    check(
        2,
        "20 40 =4 40 40 40",
        &expect![[r"
            010s  20  2 wanted, 2 ready, 2 exist; 200 = 200 + 0
            020s  40  2 wanted, 2 ready, 2 exist; 600 = 400 + 200
            030s  =4  4 wanted, 2 ready, 4 exist; 1000 = 600 + 400
            040s  40  4 wanted, 2 ready, 4 exist; 1400 = 800 + 600
            050s  40  4 wanted, 4 ready, 4 exist; 1800 = 1000 + 800
            060s  40  4 wanted, 4 ready, 4 exist; 2200 = 1400 + 800
        "]],
    );
}

#[test]
fn stopped_pods_serve_nothing_more_and_are_gone_after_their_grace() {
    check(
        3,
        "30 =1 30 30 =0 30 30",
        &expect![[r"
            010s  30  3 wanted, 3 ready, 3 exist; 300 = 300 + 0
            020s  =1  1 wanted, 1 ready, 3 exist; 600 = 400 + 200
            030s  30  1 wanted, 1 ready, 1 exist; 900 = 500 + 400
            040s  30  1 wanted, 1 ready, 1 exist; 1200 = 600 + 600
            050s  =0  0 wanted, 0 ready, 1 exist; 1500 = 600 + 900
            060s  30  0 wanted, 0 ready, 0 exist; 1800 = 600 + 1200
            070s  30  0 wanted, 0 ready, 0 exist; 2100 = 600 + 1500
        "]],
    );
}

#[test]
fn starting_pods_are_stopped_before_ready_ones() {
    check(
        2,
        "0 =5 =3 =1",
        &expect![[r"
            010s   0  2 wanted, 2 ready, 2 exist; 0 = 0 + 0
            020s  =5  5 wanted, 2 ready, 5 exist; 0 = 0 + 0
            030s  =3  3 wanted, 2 ready, 5 exist; 0 = 0 + 0
            040s  =1  1 wanted, 1 ready, 3 exist; 0 = 0 + 0
        "]],
    );
}

#[test]
fn a_change_from_another_count_than_the_present_one_is_refused() {
    let mut cluster = cluster(2);
    let conflict = cluster.scale(&checkout(), 3, 4).unwrap_err();
    assert_eq!(conflict.to_string(), "shop/checkout has 2 replicas, the change expects 3");
    let too_many = cluster.scale(&checkout(), 2, 10_001).unwrap_err();
    assert!(too_many.to_string().ends_with("more than the simulated cluster's limit of 10000"), "{too_many}");
    let other = Workload::from(ObjectRef { name: "other".to_owned(), ..ObjectRef::from(checkout()) });
    assert_eq!(cluster.scale(&other, 2, 3), Err(ScaleError::NotFound(other)));
    assert_eq!(cluster.pods(&checkout()), Some(Pods { replicas: 2, ready: 2, existing: 2 }));
}

#[test]
fn one_object_under_two_api_versions_is_one_workload() {
    let any_version = Workload::from(ObjectRef { api_version: String::new(), ..ObjectRef::from(checkout()) });
    assert!(cluster(2).scale(&any_version, 2, 3).is_ok());
}

/// A write request as text; staleness markers as `stale`.
fn lines(request: &crate::proto::WriteRequest) -> String {
    let mut text = String::new();
    for series in &request.timeseries {
        let pairs = series.labels.iter().map(|label| (&label.name, &label.value));
        let labels = crate::labels::Labels::from_pairs(pairs).unwrap();
        for sample in &series.samples {
            let value = if is_stale(sample.value) { "stale".to_owned() } else { sample.value.to_string() };
            writeln!(text, "{labels} {value} @{}", sample.timestamp).unwrap();
        }
    }
    text
}

#[test]
fn a_scrape_has_the_series_of_an_app_and_of_kube_state_metrics() {
    let mut cluster = cluster(2);
    cluster.offer(&checkout(), 25.0);
    cluster.advance(at(10));
    expect![[r#"
        http_requests_total{app="checkout",code="200",namespace="shop",pod="checkout-2k2lv"} 100 @10000
        http_requests_total{app="checkout",code="200",namespace="shop",pod="checkout-rtrwh"} 100 @10000
        http_requests_total{app="checkout",code="503",namespace="shop"} 50 @10000
        kube_deployment_spec_replicas{deployment="checkout",namespace="shop"} 2 @10000
        kube_deployment_status_replicas{deployment="checkout",namespace="shop"} 2 @10000
        kube_deployment_status_replicas_ready{deployment="checkout",namespace="shop"} 2 @10000
    "#]]
    .assert_eq(&lines(&Scraper::default().scrape(&cluster)));
}

#[test]
fn a_series_whose_pod_is_gone_is_marked_stale_once() {
    let mut cluster = cluster(2);
    let mut scraper = Scraper::default();
    let mut stale = |cluster: &Cluster| lines(&scraper.scrape(cluster)).matches(" stale ").count();
    assert_eq!(stale(&cluster), 0);
    cluster.scale(&checkout(), 2, 1).unwrap();
    cluster.advance(at(19));
    assert_eq!(stale(&cluster), 0, "a stopping pod is still scraped");
    cluster.advance(at(20));
    assert_eq!(stale(&cluster), 1);
    assert_eq!(stale(&cluster), 0);
}

#[test]
fn no_two_pods_ever_have_the_same_name() {
    let mut cluster = cluster(0);
    let mut names = BTreeSet::new();
    let mut pods = 0;
    for step in 0..10 {
        cluster.scale(&checkout(), 0, 500).unwrap();
        pods += 500;
        let series = cluster.collect().into_iter().map(|(labels, _)| labels);
        names.extend(series.filter_map(|labels| labels.get("pod").map(str::to_owned)));
        cluster.scale(&checkout(), 500, 0).unwrap();
        cluster.advance(at((step + 1) * 20));
    }
    assert_eq!(names.len(), pods);
}

/// Something that happens to a workload.
#[derive(Debug, Clone)]
enum Deed {
    Offer(f64),
    Scale(Replicas),
    Wait(u64),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        (0.0..500.0).prop_map(Deed::Offer),
        (0..40_u32).prop_map(Deed::Scale),
        (0..90_000_u64).prop_map(Deed::Wait),
    ];
    proptest::collection::vec(deed, 1..40)
}

/// Does the deeds, each wait in `parts` steps.
fn play(deeds: &[Deed], parts: u64) -> Cluster {
    let mut cluster = cluster(3);
    for deed in deeds {
        match deed {
            Deed::Offer(load) => cluster.offer(&checkout(), *load),
            Deed::Scale(to) => {
                let from = cluster.pods(&checkout()).unwrap().replicas;
                cluster.scale(&checkout(), from, *to).unwrap();
            }
            Deed::Wait(ms) => {
                let from = cluster.now();
                for part in 1..=parts {
                    cluster.advance(from + Duration::from_millis(ms * part / parts));
                }
            }
        }
    }
    cluster
}

proptest! {
    #[test]
    fn what_is_served_and_what_is_dropped_add_up_to_what_was_offered(deeds in deeds()) {
        let cluster = play(&deeds, 1);
        let totals = cluster.totals(&checkout());
        prop_assert_eq!(totals.served + totals.dropped, totals.offered);
        let pods = cluster.pods(&checkout()).unwrap();
        prop_assert!(pods.ready <= pods.replicas && pods.replicas <= pods.existing);
    }

    #[test]
    fn the_same_deeds_have_the_same_results(deeds in deeds()) {
        prop_assert_eq!(format!("{:?}", play(&deeds, 1)), format!("{:?}", play(&deeds, 1)));
    }

    #[test]
    fn it_makes_no_difference_in_how_many_steps_time_passes(deeds in deeds()) {
        let (one, many) = (play(&deeds, 1), play(&deeds, 7));
        prop_assert_eq!(one.pods(&checkout()), many.pods(&checkout()));
        let (one, many) = (one.totals(&checkout()), many.totals(&checkout()));
        prop_assert_eq!(one.pod_time, many.pod_time);
        // Each step rounds to a millionth of a request.
        prop_assert!((one.served.as_f64() - many.served.as_f64()).abs() < 0.01);
        prop_assert!((one.dropped.as_f64() - many.dropped.as_f64()).abs() < 0.01);
    }

    #[test]
    fn no_rate_breaks_the_books(rate in proptest::num::f64::ANY, seconds in 0..1_000_000_u64) {
        let mut cluster = cluster(3);
        cluster.offer(&checkout(), rate);
        cluster.advance(at(seconds));
        let totals = cluster.totals(&checkout());
        prop_assert_eq!(totals.served + totals.dropped, totals.offered);
    }

    #[test]
    fn parts_add_up(micro in 0.0..1e9, parts in 1..100_u32) {
        let all = Requests::at_rate(micro, Duration::from_millis(1));
        let parts = all.split(parts);
        prop_assert_eq!(parts.fold(Requests::default(), |sum, part| sum + part), all);
    }
}
