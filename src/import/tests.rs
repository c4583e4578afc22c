//! Objects in, rules and notes out.

// expect-test's `Expect`s are handed on by value.
#![allow(clippy::needless_pass_by_value)]

mod hpa;
mod keda;
mod predictive;

use std::path::PathBuf;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{Imported, Names, documents, import, text};
use crate::config::{Finding, Settings};
use crate::rule;

/// What is said of a rule file.
fn findings(text: &str) -> Vec<Finding> {
    let files = [(PathBuf::from("imported.yaml"), text.to_owned())];
    rule::compile(&files, &Settings::default()).err().unwrap_or_default()
}

/// Imports a text, and holds what comes of it to the rules of rule files.
#[track_caller]
fn imported(yaml: &str) -> Imported {
    let imported = import(&documents("in.yaml", yaml).unwrap(), &Names::default());
    for file in &imported.files {
        let found = findings(&file.text());
        assert!(found.is_empty(), "{}\n{}", found.iter().map(ToString::to_string).collect::<String>(), file.text());
    }
    imported
}

/// Imports a text; shows the rules without the file's head, then the notes.
#[track_caller]
fn check(yaml: &str, want: Expect) {
    let imported = imported(yaml);
    let rules = text(&imported.files);
    let rules = rules.split_once("groups:\n").map_or("", |(_, rules)| rules);
    let notes = imported.notes.iter().fold(String::new(), |notes, note| format!("{notes}{note}\n"));
    want.assert_eq(&format!("{rules}---\n{notes}"));
}

#[test]
fn lists_and_documents_are_taken_apart_and_namespaces_get_a_file_each() {
    let hpa = |namespace: &str| {
        format!(
            "{{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, metadata: {{name: web, namespace: {namespace}}}, \
             spec: {{maxReplicas: 3, scaleTargetRef: {{kind: Deployment, name: web}}}}}}"
        )
    };
    let (shop, bank) = (hpa("shop"), hpa("bank"));
    let yaml = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {shop}\n- {{apiVersion: v1, kind: Service}}\n---\n---\n{bank}\n---\n{shop}\n"
    );
    let imported = imported(&yaml);
    let names: Vec<&str> = imported.files.iter().map(|file| file.namespace.as_str()).collect();
    assert_eq!((names, imported.found, imported.others), (vec!["bank", "shop"], 3, 1));
    // One name in two namespaces: all files together are one set of rules.
    assert!(imported.files[0].text().contains("- scale: bank/horizontalpodautoscaler/web\n"));
    assert_eq!(findings(&text(&imported.files)), []);
    let note = imported.notes.last().unwrap().to_string();
    expect!["in.yaml, document 3: HorizontalPodAutoscaler shop/web: spec.scaleTargetRef: left out: HorizontalPodAutoscaler shop/web scales the same workload; keep one of the two, or merge their metrics by hand"].assert_eq(&note);
}

#[test]
fn typed_lists_leave_out_what_the_list_says() {
    let yaml = "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscalerList, items: [{metadata: {name: a}, spec: \
                {maxReplicas: 3, scaleTargetRef: {kind: Deployment, name: a}}}]}";
    assert_eq!(imported(yaml).files.len(), 1);
}

#[test]
fn what_is_no_yaml_is_told_with_its_place() {
    let error = documents("hpa.yaml", "a: [1\nb: {{ .Values.x }}\n").unwrap_err();
    assert!(error.starts_with("hpa.yaml: not valid YAML: "), "{error}");
    assert_eq!(documents("empty.yaml", "").unwrap(), []);
}

#[test]
fn labels_may_have_other_names() {
    let names = Names::parse("namespace=kubernetes_namespace, pod=pod_name,container=container_name,cluster=\"eu\"");
    let yaml = "{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, metadata: {name: web, namespace: shop}, \
                spec: {maxReplicas: 3, scaleTargetRef: {kind: Deployment, name: web}}}";
    let imported = import(&documents("in.yaml", yaml).unwrap(), &names.unwrap());
    let text = text(&imported.files);
    let demand = text.lines().find(|line| line.contains("demand:")).unwrap_or_default();
    expect![""].assert_eq(demand);
    assert_eq!(findings(&text), []);
    for (wrong, told) in [("pods=x", "known: container, namespace, pod"), ("pod", "names no label")] {
        assert!(Names::parse(wrong).unwrap_err().contains(told), "{wrong}");
    }
}

proptest! {
    /// Whatever names and texts an object has, the file that is written is one that loads, or there are notes.
    #[test]
    fn strange_texts_make_no_broken_file(name in "\\PC{0,12}", query in "\\PC{0,30}", label in "\\PC{0,8}") {
        let object = serde_json::json!({
            "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
            "metadata": {"name": name, "namespace": "shop", "labels": {"team": label, label.clone(): "x"}},
            "spec": {"minReplicaCount": 1, "scaleTargetRef": {"name": "web"}, "triggers": [
                {"type": "prometheus", "name": name, "metadata": {"query": query, "threshold": "5"}},
                {"type": "prometheus", "metadata": {"query": "sum(x)", "threshold": "5"}},
                {"type": name, "metadata": {"x": query}},
                {"type": "cron", "name": label, "metadata": {"start": name, "end": query, "timezone": label,
                 "desiredReplicas": "2"}},
            ]},
        });
        let imported = import(&[super::Document { origin: query, object }], &Names::default());
        let text = text(&imported.files);
        for finding in findings(&text) {
            prop_assert!(false, "{finding}\n{text}");
        }
    }

    /// No object makes the import panic.
    #[test]
    fn any_shape_is_answered(version in "v[12]", spec in any_json(), annotation in any_json()) {
        for (api, kind) in [
            (format!("autoscaling/{version}"), "HorizontalPodAutoscaler"),
            ("keda.sh/v1alpha1".to_owned(), "ScaledObject"),
            ("autoscaling.crane.io/v1alpha1".to_owned(), "EffectiveHorizontalPodAutoscaler"),
        ] {
            let object = serde_json::json!({
                "apiVersion": api, "kind": kind,
                "metadata": {"name": "web", "annotations": {
                    "autoscaling.alpha.kubernetes.io/metrics": annotation.to_string()}},
                "spec": {"maxReplicas": 3, "scaleTargetRef": {"name": "web"}, "triggers": spec, "metrics": spec,
                         "advanced": spec, "behavior": spec},
            });
            let _ = import(&[super::Document { origin: String::new(), object }], &Names::default());
        }
    }
}

/// JSON with the names that mean something here.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let names =
        ["type", "metadata", "resource", "pods", "target", "name", "query", "threshold", "averageValue", "value"];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        proptest::sample::select(vec!["Resource", "Pods", "cpu", "prometheus", "cron", "5", "50m", "sum(x)"])
            .prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::vec((proptest::sample::select(names.to_vec()), inner), 0..6)
                .prop_map(|pairs| pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}
