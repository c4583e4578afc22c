//! The real promtool reads what we read, and judges as we do.

use std::path::Path;
use std::process::Command;

use headroom::sim::ruletest::{self, Report, RuleTests, Shown};

use crate::peers;

/// What promtool and we say of a test file: whether it passes, and the text.
fn judge(promtool: &Path, file: &str) -> ((bool, String), (bool, String)) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules/promtool").join(file);
    let output = Command::new(promtool).args(["test", "rules"]).arg(&file).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let tests = RuleTests::load(&file).unwrap_or_else(|findings| panic!("{}", findings.first().unwrap()));
    let reports = tests.run(None);
    let ours = (reports.iter().all(Report::passed), ruletest::text(&reports, Shown::Words));
    ((output.status.success(), said), ours)
}

#[test]
fn promtool_judges_its_files_as_we_do() {
    let Some(peers) = peers::need(&["promtool"]) else { return };
    let promtool = peers.program("promtool");
    let files = [("passes.yaml", true), ("fails.yaml", false), ("alerts.yaml", true)];
    for (file, passes) in files {
        let ((theirs, said), (ours, told)) = judge(&promtool, file);
        assert_eq!((theirs, ours), (passes, passes), "promtool says:\n{said}\nwe say:\n{told}");
    }
}
