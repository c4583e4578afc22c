use std::path::Path;

use expect_test::{Expect, expect};

use super::*;

fn source(text: &str) -> Source<'_> {
    Source { file: Path::new("web.yaml"), text }
}

fn shown(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{finding}\n")).collect()
}

/// A rule file's findings.
#[track_caller]
fn check(text: &str, want: Expect) {
    want.assert_eq(
        &RuleFile::parse(source(text)).map_or_else(|findings| shown(&findings), |file| format!("{file:#?}")),
    );
}

#[test]
fn x() {
    check(
        "groups:\n  - name: a\n    rules:\n    - scale: x\n      target: {kind: Deployment, namespce: a, name: 5}\n      replicas: {min: two, max: -3}\n      metrics:\n      - {name: a, demand: up, per_replica: 5}\n",
        expect![[""]],
    );
}
