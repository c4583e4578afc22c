//! A rival on a simulated workload.

use std::time::Duration;

use super::fleet::{Course, Recorder};
use super::load::Load;
use crate::rivals::{Rival, Run};
use crate::workload::Replicas;

/// Runs a rival over a load, from so many ready replicas on.
pub(super) fn run(rival: Rival, load: &Load, startup: Duration, replicas: Replicas) -> Course {
    let mut run = Run::new(rival, replicas, startup);
    let mut recorder = Recorder::new(run.pods().since(load.start()));
    for cell in 0..load.cells() {
        let sampled_at = load.begins(cell + 1);
        while let Some(change) = run.next(sampled_at) {
            recorder.note(change, "");
        }
        run.observe(sampled_at, load.measured(cell));
    }
    recorder.into_course()
}
