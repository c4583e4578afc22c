//! What is shipped fits the program: example rules, settings on the cluster, the image.

use std::path::PathBuf;
use std::process::Command;

use headroom::config::Settings;
use k8s_openapi::api::core::v1::ConfigMap;

use super::{files_below, read};
use crate::peers::process::Folder;

/// Runs `headroom check` on files and fails with what it says.
#[track_caller]
fn check(files: &[PathBuf]) {
    assert!(!files.is_empty(), "there are files to check");
    let output = Command::new(env!("CARGO_BIN_EXE_headroom")).arg("check").args(files).output();
    let output = output.expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn example_rules_pass_the_check() {
    let rules = files_below("rules").into_iter();
    check(&rules.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).collect::<Vec<_>>());
}

#[test]
fn settings_and_rules_of_the_config_map_pass_the_check() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("tidy");
    let folder = Folder::create(&folder, "config_map").expect("a folder can be made");
    let manifest = read("deploy/kubernetes/configmap.yaml");
    let maps: Vec<ConfigMap> = serde_yaml::from_multiple(&manifest).expect("the manifest holds ConfigMaps");
    let texts = maps.into_iter().flat_map(|map| map.data.unwrap_or_default());
    let files: Vec<PathBuf> =
        texts.map(|(name, text)| folder.write(&name, &text).expect("a file can be written")).collect();
    assert!(files.len() >= 2, "settings and rules");
    check(&files);
}

#[test]
fn the_image_holds_this_program_and_its_port() {
    let dockerfile = read("deploy/docker/Dockerfile");
    let (name, port) = (env!("CARGO_PKG_NAME"), Settings::default().listen.port());
    for line in [
        format!("cargo build --release --locked --bin {name}"),
        format!("EXPOSE {port}"),
        format!("ENTRYPOINT [\"/usr/local/bin/{name}\"]"),
    ] {
        assert!(dockerfile.contains(&line), "deploy/docker/Dockerfile has no line with: {line}");
    }
    for manifest in ["deploy/kubernetes/service.yaml", "deploy/kubernetes/deployment.yaml"] {
        assert!(read(manifest).contains(&format!("ort: {port}")), "{manifest} names port {port}");
    }
}
