//! A rival on a simulated workload.

use super::fleet::{Course, Fleet};
use super::load::Load;
use crate::rivals::{Rival, View};
use crate::workload::Replicas;
use std::time::Duration;

/// Runs a rival over a load, from so many ready replicas on.
pub(super) fn run(mut rival: Rival, load: &Load, startup: Duration, replicas: Replicas) -> Course {
    let mut fleet = Fleet::new(load.start(), replicas, startup);
    for cell in 0..load.cells() {
        let sampled_at = load.begins(cell + 1);
        while rival.due() < sampled_at {
            let now = rival.due();
            fleet.advance(now);
            let to = rival.decide(now, View { replicas: fleet.requested(), ready: fleet.ready() });
            fleet.scale(now, to, String::new());
        }
        rival.observe(sampled_at, load.measured(cell));
    }
    fleet.advance(load.end());
    fleet.into_course()
}
