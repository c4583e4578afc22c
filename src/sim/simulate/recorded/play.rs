//! Plays a tape to one world, or to several in step.

use std::time::Duration;

use super::world::{Begun, World};
use super::{Reached, Replay, ReplayError};
use crate::sample::Sample;
use crate::time::Timestamp;

/// What is sampled within this time arrives together.
const TOGETHER_MS: i64 = 1000;

/// Worlds that are compared live no longer than this without a look.
const SLICE: Duration = Duration::from_secs(15);

/// How often it is told how far the replay is.
const TOLD_EVERY: Duration = Duration::from_mins(10);

/// Plays a tape; `look` sees the worlds after each arrival.
pub(super) fn play<const N: usize>(
    replay: &Replay<'_>,
    worlds: &mut [World<'_>; N],
    reached: Reached<'_>,
    mut look: impl FnMut(&[World<'_>; N]),
) -> Result<(), ReplayError> {
    let (first, last) = replay.tape.span().ok_or(ReplayError::Nothing)?;
    let delay = replay.options.delay;
    let mut begun = Begun::new();
    let mut samples = replay.tape.play().peekable();
    let mut together: Vec<(u32, Sample)> = Vec::new();
    let mut lived = first;
    let mut told_at = first;
    while let Some((_, sample)) = samples.peek() {
        let until = whole(sample.at);
        together.clear();
        while let Some(sample) = samples.next_if(|(_, sample)| sample.at <= until) {
            together.push(sample);
        }
        let at = until + delay;
        while lived + SLICE < at {
            lived = lived + SLICE;
            for world in &mut *worlds {
                world.pass(lived, &mut begun);
            }
            look(worlds);
        }
        lived = at;
        for world in &mut *worlds {
            world.arrive(&together, at, &mut begun)?;
        }
        look(worlds);
        if at.since(told_at) >= TOLD_EVERY {
            told_at = at;
            reached(at.min(last));
        }
    }
    // What came last has its say too.
    let end = last + delay + SLICE;
    for world in &mut *worlds {
        world.pass(end, &mut begun);
    }
    look(worlds);
    Ok(())
}

/// The end of the second that a time is in.
fn whole(at: Timestamp) -> Timestamp {
    let ms = at.as_millis();
    Timestamp::from_millis(ms.saturating_add((TOGETHER_MS - ms.rem_euclid(TOGETHER_MS)) % TOGETHER_MS))
}
