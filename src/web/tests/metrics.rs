use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use expect_test::expect;
use tokio::sync::{mpsc, watch};

use super::{Server, check, fake};
use crate::telemetry::names::TABLE;
use crate::time::Timestamp;
use crate::web::senders::Senders;
use crate::web::{Limits, metrics};

fn render() -> String {
    let (_view, viewed) = watch::channel(Arc::new(fake::view()));
    let (_missing, still_missing) = watch::channel(Vec::new());
    let senders = Senders::default();
    senders.sent([10, 0, 0, 1].into(), Timestamp::from_millis(0), Timestamp::from_millis(0));
    metrics::render(&fake::context(viewed, still_missing, mpsc::channel(1).0), &senders)
}

#[test]
fn every_family_is_in_the_table_and_every_metric_of_the_table_is_a_family() {
    let text = render();
    let mut families = BTreeMap::new();
    for line in text.lines() {
        let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) else { continue };
        assert!(families.insert(name, kind).is_none(), "{name} is begun twice");
    }
    let table: BTreeMap<&str, &str> = TABLE.iter().map(|metric| (metric.name, metric.kind.as_str())).collect();
    assert_eq!(families, table);
}

#[test]
fn the_text_is_what_prometheus_reads() {
    let text = render();
    let mut family = "";
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().unwrap();
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert_eq!(rest.split(' ').next(), Some(family), "TYPE follows HELP of the same family");
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?} is no sample"));
        assert!(seen.insert(series), "{series} is there twice");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let name = series.split('{').next().unwrap();
        let stem = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        assert!(name == family || stem == Some(family), "{name} stands under {family}");
        let metric = TABLE.iter().find(|metric| metric.name == family).unwrap();
        for label in metric.labels {
            assert!(series.contains(&format!("{label}=\"")), "{series} has {label}");
        }
    }
}

#[test]
fn workloads_and_rules_show_what_is_known_and_nothing_else() {
    let text = render();
    let ours = |line: &&str| {
        !line.starts_with('#') && (line.starts_with("headroom_workload_") || line.starts_with("headroom_rule_"))
    };
    let lines: Vec<&str> = text.lines().filter(ours).filter(|line| !line.contains("_evaluation")).collect();
    expect![[r#"
        headroom_workload_info{workload="shop/checkout",namespace="shop",kind="Deployment",name="checkout",rule="checkout"} 1
        headroom_workload_info{workload="shop/search",namespace="shop",kind="Deployment",name="search",rule="checkout"} 1
        headroom_workload_replicas_current{workload="shop/checkout"} 6
        headroom_workload_replicas_ready{workload="shop/checkout"} 4
        headroom_workload_replicas_desired{workload="shop/checkout"} 6
        headroom_workload_replicas_min{workload="shop/checkout"} 2
        headroom_workload_replicas_min{workload="shop/search"} 2
        headroom_workload_replicas_max{workload="shop/checkout"} 60
        headroom_workload_replicas_max{workload="shop/search"} 60
        headroom_workload_last_decision_timestamp_seconds{workload="shop/checkout"} 1700000000
        headroom_workload_action_in_flight{workload="shop/checkout"} 1
        headroom_workload_action_in_flight{workload="shop/search"} 0
        headroom_workload_action_failures{workload="shop/checkout"} 0
        headroom_workload_action_failures{workload="shop/search"} 3
        headroom_workload_muted{workload="shop/checkout"} 0
        headroom_workload_muted{workload="shop/search"} 0
        headroom_workload_drifted{workload="shop/checkout"} 0
        headroom_workload_drifted{workload="shop/search"} 0
        headroom_workload_demand{workload="shop/checkout",metric="requests"} 340
        headroom_workload_per_replica{workload="shop/checkout",metric="requests"} 50
        headroom_workload_per_replica{workload="shop/checkout",metric="cpu"} 0.7
        headroom_workload_capacity{workload="shop/checkout",metric="requests"} 200
        headroom_workload_capacity{workload="shop/checkout",metric="cpu"} 2.8
        headroom_workload_headroom_ratio{workload="shop/checkout",metric="requests"} -0.7
        headroom_workload_shadow_replicas{workload="shop/checkout",shadow="hpa"} 7
        headroom_workload_shadow_replica_seconds{workload="shop/checkout",shadow="hpa",side="shadow"} 25200
        headroom_workload_shadow_replica_seconds{workload="shop/checkout",shadow="hpa",side="live"} 21600
        headroom_workload_shadow_missed_replica_seconds{workload="shop/checkout",shadow="hpa",side="shadow"} 900
        headroom_workload_shadow_missed_replica_seconds{workload="shop/checkout",shadow="hpa",side="live"} 360
        headroom_workload_shadow_demand_replica_seconds{workload="shop/checkout",shadow="hpa"} 18000
        headroom_workload_load_class{workload="shop/checkout",class="low"} 0
        headroom_workload_load_class{workload="shop/checkout",class="normal"} 1
        headroom_workload_load_class{workload="shop/checkout",class="high"} 0
        headroom_workload_load_class{workload="shop/checkout",class="spike"} 0
        headroom_workload_load_class{workload="shop/search",class="low"} 0
        headroom_workload_load_class{workload="shop/search",class="normal"} 1
        headroom_workload_load_class{workload="shop/search",class="high"} 0
        headroom_workload_load_class{workload="shop/search",class="spike"} 0
        headroom_workload_deciding_layer{workload="shop/checkout",layer="reactive"} 0
        headroom_workload_deciding_layer{workload="shop/checkout",layer="predictive"} 0
        headroom_workload_deciding_layer{workload="shop/checkout",layer="guards"} 0
        headroom_workload_deciding_layer{workload="shop/checkout",layer="economy"} 0
        headroom_workload_deciding_layer{workload="shop/checkout",layer="bounds"} 0
        headroom_workload_deciding_layer{workload="shop/checkout",layer="stability"} 1
        headroom_rule_healthy{group="shop",rule="app:rate"} 0
        headroom_rule_healthy{group="shop",rule="checkout"} 1"#]].assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn metrics_are_served() {
    let server = Server::start(Limits::default()).await;
    let answer = server.get("/metrics").await;
    check(&answer, "200 OK", &["content-type: text/plain; version=0.0.4", "headroom_build_info{version="]);
    check(&answer, "200 OK", &["\nheadroom_http_connections 1\n"]);
}
