//! `headroom import` and the commands that ask a server, as a shell sees them; and what the conflict check makes of a
//! real cluster.

mod asking;
mod cluster;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// An HPA that goes over whole, and a trigger that does not.
const HPA: &str = "
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: checkout, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: checkout}
  minReplicas: 2
  maxReplicas: 60
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]
";
const KAFKA: &str = "
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: mails, namespace: jobs}
spec:
  scaleTargetRef: {name: mails}
  minReplicaCount: 1
  triggers:
    - {type: kafka, metadata: {consumerGroup: mails, topic: out, lagThreshold: '50'}}
    - {type: cpu, metricType: Utilization, metadata: {value: '60'}}
";

fn headroom(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
    command.current_dir(folder).env_remove("HEADROOM_URL").env("KUBECONFIG", "none").args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn files_become_rule_files_that_load() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hpa.yaml"), HPA).unwrap();
    fs::write(folder.path().join("keda.yaml"), KAFKA).unwrap();

    let output = headroom(folder.path(), &["import", "hpa.yaml", "--output", "rules"]);
    let told = "rules/shop.yaml: 1 rule\n1 autoscaler -> 1 rule: 0 left out, 0 changed; 0 objects of other kinds\n";
    assert_eq!((text(&output.stderr).as_str(), output.status.code()), (told, Some(0)));

    // What is there already is not written over, unless that is wanted.
    let output = headroom(folder.path(), &["import", "hpa.yaml", "keda.yaml", "--output", "rules"]);
    assert!(text(&output.stderr).contains("rules/shop.yaml is there already"), "{output:?}");
    assert!(!folder.path().join("rules/jobs.yaml").exists());
    let output = headroom(folder.path(), &["import", "hpa.yaml", "keda.yaml", "--output", "rules", "--force"]);
    let told = text(&output.stderr);
    assert!(
        told.contains("keda.yaml: ScaledObject jobs/mails: spec.triggers[0]: left out: trigger \"kafka\""),
        "{told}"
    );
    assert_eq!(output.status.code(), Some(1), "something was left out");

    let output = headroom(folder.path(), &["check", "rules/shop.yaml", "rules/jobs.yaml"]);
    assert_eq!(text(&output.stdout), "rules/shop.yaml: 1 group, 1 rule\nrules/jobs.yaml: 1 group, 1 rule\n");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn rules_are_printed_and_what_can_t_be_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hpa.yaml"), HPA).unwrap();
    fs::write(folder.path().join("broken.yaml"), "a: {{ .Values.x }}\nb: [").unwrap();
    let output = headroom(folder.path(), &["import", "broken.yaml", "hpa.yaml", "nothing.yaml"]);
    let (rules, told) = (text(&output.stdout), text(&output.stderr));
    assert!(rules.contains("- scale: checkout\n"), "{rules}");
    assert!(told.contains("broken.yaml: not valid YAML") && told.contains("nothing.yaml: can't be read"), "{told}");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(headroom(folder.path(), &["import"]).status.code(), Some(2), "without a file");
}
