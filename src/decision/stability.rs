//! The last layer: how soon and how fast a count may follow the wish.
//!
//! HPA v2's `behavior`, in its order: first the stabilization window (a move goes no further than the most cautious
//! recommendation within it), then the policies ([`super::pace`]). Between them the cooldown, which bars moves down
//! only. What comes out lies between the current count and the wish, so bounds that both keep are kept.
//! See <https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#stabilization-window>.

use std::time::Duration;

use super::pace::Limit;
use super::policy::{Direction, Policy};
use super::reason::Reason;
use super::state::State;
use super::{Layer, Step};
use crate::time::Timestamp;
use crate::workload::Replicas;

/// How far the count may go from `from` towards `wanted` at `now`, and when time alone may change that.
pub(super) fn stability(
    policy: &Policy,
    state: &State,
    from: Replicas,
    wanted: Replicas,
    now: Timestamp,
) -> (Step, Option<Timestamp>) {
    let (wants, reason, revisit_at) = match Direction::of(from, wanted) {
        Some(direction) => Move { policy, state, direction, from, wanted, now }.restrained(),
        None => (from, Reason::Settled, None),
    };
    (Step { layer: Layer::Stability, given: wanted, wants, reason }, revisit_at)
}

/// The step where the bounds moved the count: nothing slows that.
pub(super) fn unrestrained(wanted: Replicas) -> Step {
    Step { layer: Layer::Stability, given: wanted, wants: wanted, reason: Reason::BoundsRule }
}

/// A move that is wanted.
struct Move<'a> {
    policy: &'a Policy,
    state: &'a State,
    direction: Direction,
    from: Replicas,
    wanted: Replicas,
    now: Timestamp,
}

/// A count, why it is that one, and when time alone may change it.
type Verdict = (Replicas, Reason, Option<Timestamp>);

impl Move<'_> {
    fn restrained(&self) -> Verdict {
        let windowed = self.windowed();
        let target = windowed.as_ref().map_or(self.wanted, |(replicas, ..)| *replicas);
        match windowed {
            Some(held) if target == self.from => held,
            windowed => self.cooling().unwrap_or_else(|| self.paced(target, windowed)),
        }
    }

    /// What the stabilization window makes of the wish, where that is something else.
    fn windowed(&self) -> Option<Verdict> {
        let window = self.policy.behavior.toward(self.direction).stabilization_window;
        let (cautious, leaves_at) = self.state.window(self.direction).most_cautious(window)?;
        let target = self.direction.further(self.direction.nearer(self.wanted, cautious), self.from);
        (target != self.wanted).then_some((target, Reason::Window { replicas: cautious, window }, Some(leaves_at)))
    }

    /// No move down so soon after the last change.
    fn cooling(&self) -> Option<Verdict> {
        let cooldown = self.policy.cooldown;
        let scaled_at = self.state.scaled_at()?;
        let ends_at = scaled_at + cooldown;
        let cooling = self.direction == Direction::Down && cooldown > Duration::ZERO && ends_at > self.now;
        cooling.then(|| (self.from, Reason::Cooldown { since: self.now.since(scaled_at), cooldown }, Some(ends_at)))
    }

    /// What the policies make of the `target` that the window left.
    fn paced(&self, target: Replicas, windowed: Option<Verdict>) -> Verdict {
        let rules = self.policy.behavior.toward(self.direction);
        let pace = self.state.pace();
        let (to, reason) = match pace.limit(rules, self.direction, self.from, self.now) {
            Limit::Disabled => return (self.from, Reason::Disabled { direction: self.direction }, None),
            Limit::None => (target, Reason::Unlimited { from: self.from, to: target }),
            Limit::At(allows, policy) if self.direction.nearer(target, allows) == target => {
                (target, Reason::Fits { from: self.from, to: target, policy })
            }
            Limit::At(allows, policy) => (allows, Reason::Rate { policy, from: self.from, allows }),
        };
        let (reason, leaves_at) = match windowed {
            Some((_, window, leaves_at)) if to == target => (window, leaves_at),
            Some((_, _, leaves_at)) => (reason, leaves_at),
            None => (reason, None),
        };
        let revisit_at = [leaves_at, pace.next_change(rules, self.now)].into_iter().flatten().min();
        (to, reason, revisit_at)
    }
}
