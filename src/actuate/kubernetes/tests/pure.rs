//! Pieces that need no server.

use expect_test::{Expect, expect};
use kube::runtime::watcher::Event as Watched;
use serde_json::{Value, json};

use super::super::counts::{self, Counts};
use super::super::feed::{Change, Seen};
use super::super::kinds::{choose, read_groups, served_by};
use super::server::{core_group, named_groups};
use super::*;
use crate::actuate::Status;

/// Which API is chosen for a kind, of those that the scripted server serves.
#[track_caller]
fn check_kind(api_version: &str, kind: &str, want: &str) {
    let groups = [named_groups(), core_group()].map(|value| read_groups(&value.to_string()).unwrap());
    let served: Vec<_> = groups.iter().flat_map(|groups| &groups.items).flat_map(served_by).collect();
    let got = match choose(&served, api_version, kind) {
        Ok(resource) => format!("{} {}", resource.api_version, resource.plural),
        Err(error) => error.to_string(),
    };
    assert_eq!(got, want);
}

#[test]
fn a_kind_is_found_without_its_version() {
    check_kind("", "Rollout", "argoproj.io/v1alpha1 rollouts");
    // The one that everybody means, also where another group comes first.
    check_kind("", "Deployment", "apps/v1 deployments");
}

#[test]
fn a_kind_is_found_by_its_version() {
    check_kind("argoproj.io/v1alpha1", "Deployment", "argoproj.io/v1alpha1 deployments");
    check_kind("games.example/v1", "Fleet", "games.example/v1 fleets");
}

#[test]
fn a_kind_that_can_t_be_scaled_is_refused_with_the_way_out() {
    check_kind(
        "",
        "Rolout",
        "no API of this cluster serves kind \"Rolout\"; check its spelling, or install its custom resource definition",
    );
    check_kind(
        "",
        "DaemonSet",
        "kind \"DaemonSet\" of apps/v1 has no scale subresource, so it can't be scaled; target one that has",
    );
    check_kind(
        "v1",
        "ConfigMap",
        "kind \"ConfigMap\" of v1 has no scale subresource, so it can't be scaled; target one that has",
    );
    check_kind(
        "apps/v2",
        "DaemonSet",
        "apps/v2 doesn't serve kind \"DaemonSet\", which is served by apps/v1; correct the target's apiVersion",
    );
    check_kind(
        "",
        "Fleet",
        "kind \"Fleet\" is served by games.example/v2 and ships.example/v1; say which in the target's apiVersion",
    );
}

fn object(data: Value) -> DynamicObject {
    DynamicObject {
        types: None,
        metadata: kube::core::ObjectMeta { name: Some("web".to_owned()), ..Default::default() },
        data,
    }
}

#[track_caller]
fn check_counts(data: Value, want: Result<(Replicas, Replicas), &str>) {
    let want = match want {
        Ok((ready, replicas)) => Status::found(replicas, ready),
        Err(reason) => Status::Unknown(reason.to_owned()),
    };
    assert_eq!(Counts::of(&object(data)).status(), want);
}

#[test]
fn counts_are_read_from_objects() {
    check_counts(json!({"spec": {"replicas": 3}, "status": {"readyReplicas": 2}}), Ok((2, 3)));
    check_counts(json!({"spec": {"replicas": 0}}), Ok((0, 0)));
    check_counts(json!({"spec": {"replicas": 3}, "status": {"replicas": 3}}), Ok((0, 3)));
    for odd in [json!(-1), json!("3"), json!(1.5), json!(4_294_967_296_u64), json!(null)] {
        check_counts(json!({"spec": {"replicas": odd}}), Err("its spec.replicas is not a count"));
    }
    check_counts(json!({}), Err("its spec.replicas is not a count"));
}

#[track_caller]
fn check_scale(data: Value, scale: Value, want: Expect) {
    let scale: Scale = serde_json::from_value(scale).unwrap();
    want.assert_eq(&format!("{:?}", Counts::of(&object(data)).status_with(&scale)));
}

#[test]
fn a_scale_subresource_says_what_is_wanted_and_the_object_what_is_ready() {
    let ready = json!({"status": {"readyReplicas": 2}});
    check_scale(
        ready.clone(),
        json!({"spec": {"replicas": 5}, "status": {"replicas": 4}}),
        expect!["Found { replicas: 5, ready: 2, trouble: Trouble { crash_looping: 0, unschedulable: 0 } }"],
    );
    check_scale(
        json!({}),
        json!({"spec": {"replicas": 5}, "status": {"replicas": 4}}),
        expect!["Found { replicas: 5, ready: 4, trouble: Trouble { crash_looping: 0, unschedulable: 0 } }"],
    );
    check_scale(
        ready,
        json!({"spec": {"replicas": -1}}),
        expect![[r#"Unknown("its scale subresource asks for a negative count")"#]],
    );
    // Zero is left out on the wire.
    check_scale(
        json!({}),
        json!({"spec": {}}),
        expect!["Found { replicas: 0, ready: 0, trouble: Trouble { crash_looping: 0, unschedulable: 0 } }"],
    );
    assert_eq!(counts::wanted(&Scale::default()), Some(0));
}

#[test]
fn a_list_is_told_when_it_is_whole() {
    let one = || object(json!({"spec": {"replicas": 1}}));
    let mut seen = Seen::default();
    assert_eq!(seen.take(Watched::Init), Change::Nothing);
    assert_eq!(seen.take(Watched::InitApply(one())), Change::Nothing);
    assert!(!seen.complete);
    assert_eq!(seen.take(Watched::InitDone), Change::All);
    assert!(seen.complete);
    assert_eq!(seen.take(Watched::Apply(one())), Change::One("web".to_owned()));
    assert_eq!(seen.take(Watched::Delete(one())), Change::Gone("web".to_owned()));
    assert!(seen.objects.is_empty());
}

#[test]
fn an_event_names_object_change_and_reason_within_the_server_s_limits() {
    let resource = ApiResource {
        group: "apps".to_owned(),
        version: "v1".to_owned(),
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        plural: "deployments".to_owned(),
    };
    let mut told = action(deployment("web"), 4, 6);
    told.reason = "ü".repeat(600);
    let event = event::scaled(&told, &resource, &Scale::default(), &"x".repeat(200), new_year());
    let note = event.note.unwrap();
    assert_eq!(note.len(), 1024);
    assert!(note.starts_with("4 -> 6: üüü"));
    assert_eq!(event.reporting_instance.unwrap().len(), 128);
}

#[tokio::test]
async fn a_kubeconfig_that_is_not_there_is_named() {
    let options = Options { kubeconfig: Some("/nowhere/config".into()), ..Options::default() };
    let (send, _observations) = mpsc::channel(1);
    let error = Kubernetes::connect(options, send, Arc::new(new_year)).await.unwrap_err();
    expect![[r#"
        can't use /nowhere/config: failed to read kubeconfig from '"/nowhere/config"': No such file or
        directory (os error 2); name a kubeconfig and a context that it has, or run with dry run"#]]
    .assert_eq(&wrapped(&error.to_string()));
}
