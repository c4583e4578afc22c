//! Pure pieces by tables; the whole actuator against a scripted API server, for what a real one can't be asked to
//! do. The real one has its tests in `tests/peers`.

// expect-test writes the hashes, and its `Expect`s are handed on by value.
#![allow(clippy::needless_raw_string_hashes, clippy::needless_pass_by_value)]

mod apply;
mod pure;
mod server;
mod trouble;
mod watch;

use super::*;
use crate::time::Timestamp;
use crate::workload::{ObjectRef, Replicas};

/// 2026-01-01T00:00:00Z.
fn new_year() -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000)
}

fn deployment(name: &str) -> Workload {
    Workload::from(ObjectRef {
        api_version: String::new(),
        kind: "Deployment".to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
    })
}

fn action(workload: Workload, from: Replicas, to: Replicas) -> Action {
    Action { entry: 1, workload, from, to, reason: "reactive: requests 190 / 50 = 4".to_owned() }
}

/// A text in lines of at most 100 characters, for snapshots that can be read.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        if lines.last().is_some_and(|line| !line.is_empty() && line.len() + word.len() >= 100) {
            lines.push(String::new());
        }
        let Some(line) = lines.last_mut() else { continue };
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.join("\n")
}

/// An outcome in words.
fn told(outcome: Outcome) -> String {
    match outcome {
        Outcome::Failed(text) => format!("failed: {text}"),
        Outcome::Refused(text) => format!("refused: {text}"),
        other => format!("{other:?}"),
    }
}
