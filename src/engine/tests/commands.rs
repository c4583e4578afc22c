//! What people ask of the loop by hand.

use std::time::Duration;

use expect_test::expect;

use super::{CHECKOUT, World, second, workload};
use crate::config::{Settings, Source};
use crate::engine::{Command, Event, ManualScale};

/// Two workloads that share twelve pods.
const SHARED: &str = "
groups:
  - name: shop
    interval: 15s
    rules:
      - scale: every
        target: {kind: Deployment, namespace: shop, name: \"{{ $labels.app }}\"}
        replicas: {min: 1, max: 50}
        metrics: [{name: requests, demand: sum by (app) (load), per_replica: 10}]
        economy: {group: shared}
        behavior:
          scale_up: {policies: [{type: Pods, value: 50, period: 1s}]}
          scale_down: {stabilization_window: 0s, policies: [{type: Pods, value: 50, period: 1s}]}
";

pub(super) fn scale(name: &str, replicas: Option<u32>, dry_run: bool) -> Command {
    let (author, reason, ttl) = ("alice".to_owned(), "a sale".to_owned(), Duration::from_hours(1));
    Command::Scale(ManualScale { workload: workload(name), replicas, author, reason, ttl, dry_run })
}

#[test]
fn asking_what_a_count_would_do_changes_nothing() {
    let settings = "economy: {groups: [{name: shared, limits: {replicas: 12}}]}";
    let settings = Settings::parse(Source { file: "headroom.yaml".as_ref(), text: settings }).unwrap();
    let files = [("rules.yaml".into(), SHARED.to_owned())];
    let rules = crate::rule::compile(&files, &settings).unwrap_or_else(|findings| panic!("{findings:?}"));
    let mut world = World::with(&settings, "groups: []");
    let subscriptions = world.store.subscribe(&rules.selectors());
    world.step(vec![Event::Rules(rules.bind(subscriptions))]);
    world.load_is("load", "a", 30.0);
    world.load_is("load", "b", 90.0);
    world.has("a", 3);
    world.has("b", 9);
    let before = world.engine.view();
    world.step(vec![Event::Asked(1, scale("a", Some(50), true))]);
    world.wait(second());
    world.load_is("load", "b", 90.0);
    let counts = |name: &str, view: &crate::engine::View| {
        view.workloads.iter().find(|one| one.workload == workload(name)).unwrap().decision.as_ref().map(|one| one.to)
    };
    assert_eq!(counts("b", &world.engine.view()), counts("b", &before));
    world.check(&expect![[""]]);
}
