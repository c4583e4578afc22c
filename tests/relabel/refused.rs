//! What Prometheus refuses is refused here, and nothing else.

use std::process::Command;

use anyhow::{Result, ensure};

use super::compile;
use crate::peers;

/// Items of a `relabel_configs`, and whether they are right.
const CASES: [(&str, bool); 41] = [
    ("{}", false),
    ("{action: keep}", true),
    ("{action: Keep}", true),
    ("{action: keeep}", false),
    ("{action: ''}", false),
    ("{action: [keep]}", false),
    ("{source_labels: [a]}", false),
    ("{target_label: ''}", false),
    ("{target_label: a.b}", true),
    ("{target_label: '${1}.b'}", true),
    ("{target_label: 'a b'}", true),
    ("{target_label: a, source_labels: ['']}", false),
    ("{target_label: a, source_labels: [a.b]}", true),
    ("{target_label: a, source_labels: a}", false),
    ("{target_label: a, source_labels: []}", true),
    ("{target_label: a, regex: 'a(b'}", false),
    ("{target_label: a, regex: '[z-a]'}", false),
    ("{target_label: a, regex: '\\1'}", false),
    ("{target_label: a, regex: '\\Q['}", false),
    ("{target_label: a, regex: '\\Q[\\E'}", true),
    ("{target_label: a, regex: 'a{'}", true),
    ("{target_label: a, regex: '(?<x>.)'}", true),
    ("{target_label: a, regex: '(?=x)'}", false),
    ("{target_label: a, unknown: 1}", false),
    ("{target_label: a, modulus: -1}", false),
    ("{target_label: a, modulus: 5}", true),
    ("{action: hashmod, target_label: a}", false),
    ("{action: hashmod, target_label: a, modulus: 0}", false),
    ("{action: hashmod, modulus: 3}", false),
    ("{action: labelmap}", true),
    ("{action: labelmap, replacement: ''}", false),
    ("{action: lowercase, target_label: a, replacement: $1}", true),
    ("{action: uppercase, target_label: a, replacement: $2}", false),
    ("{action: keepequal, source_labels: [a], target_label: b, regex: (.*)}", false),
    ("{action: keepequal, source_labels: [a], target_label: b, separator: ','}", false),
    ("{action: dropequal, source_labels: [a], target_label: b, separator: ;}", true),
    ("{action: dropequal, source_labels: [a], target_label: b, modulus: 1}", false),
    ("{action: labeldrop, regex: a, target_label: ''}", true),
    ("{action: labeldrop, regex: a, source_labels: []}", false),
    ("{action: labelkeep, regex: a, target_label: a}", false),
    ("{action: labelkeep}", true),
];

#[test]
fn settings_take_what_promtool_takes() -> Result<()> {
    let Some(peers) = peers::need(&["promtool"]) else { return Ok(()) };
    let folder = peers.folder()?;
    for (case, right) in CASES {
        let config = format!("scrape_configs:\n- job_name: a\n  metric_relabel_configs: [{case}]\n");
        let file = folder.write("prometheus.yml", &config)?;
        let checked = Command::new(peers.program("promtool")).args(["check", "config"]).arg(file).output()?;
        let said = String::from_utf8_lossy(&checked.stderr);
        ensure!(checked.status.success() == right, "promtool on {case}: {said}");
        let ours = compile(&format!("[{case}]"));
        ensure!(ours.is_ok() == right, "we on {case}: {ours:?}");
    }
    Ok(())
}
