//! The last layer: how soon and how fast a count may follow the wish.
//!
//! HPA v2's `behavior`, in its order: first the stabilization window (a move goes no further than the most cautious
//! recommendation within it), then the policies ([`super::pace`]). Between them what HPA does not have: `for` (the
//! direction must be wanted so long), the dead band, the cooldowns and the flap budget, of which the last two bar moves
//! down only. What comes out lies between the current count and the wish, so bounds that both keep are kept.
//!
//! An urgent move up (a spike) minds what is written for it, but no dead band.
//! See <https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#stabilization-window>.

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
    urgent: bool,
    now: Timestamp,
) -> (Step, Option<Timestamp>) {
    let (wants, reason, revisit_at) = match Direction::of(from, wanted) {
        Some(direction) => {
            let urgent = urgent && direction == Direction::Up;
            Move { policy, state, direction, from, wanted, urgent, now }.restrained()
        }
        None => (from, Reason::Settled, None),
    };
    (Step { layer: Layer::Stability, given: wanted, wants, reason }, revisit_at)
}

/// The step where nothing slows the move: the `reason` says why.
pub(super) fn unrestrained(wanted: Replicas, reason: Reason) -> Step {
    Step { layer: Layer::Stability, given: wanted, wants: wanted, reason }
}

/// A move that is wanted.
struct Move<'a> {
    policy: &'a Policy,
    state: &'a State,
    direction: Direction,
    from: Replicas,
    wanted: Replicas,
    /// Demand rose suddenly, and this follows it.
    urgent: bool,
    now: Timestamp,
}

/// A count, why it is that one, and when time alone may change it.
type Verdict = (Replicas, Reason, Option<Timestamp>);

impl Move<'_> {
    fn restrained(&self) -> Verdict {
        let short_of_it = self.windowed().or_else(|| self.awake());
        let target = short_of_it.as_ref().map_or(self.wanted, |(replicas, ..)| *replicas);
        match short_of_it {
            Some(held) if target == self.from => held,
            short_of_it => self
                .too_soon()
                .or_else(|| self.too_small(target))
                .or_else(|| self.cooling())
                .or_else(|| self.flapping())
                .unwrap_or_else(|| self.paced(target, short_of_it)),
        }
    }

    /// What the stabilization window makes of the wish, where that is something else.
    fn windowed(&self) -> Option<Verdict> {
        let window = self.policy.behavior.toward(self.direction).stabilization_window;
        let (cautious, leaves_at) = self.state.window(self.direction).most_cautious(window)?;
        let target = self.direction.further(self.direction.nearer(self.wanted, cautious), self.from);
        (target != self.wanted).then_some((target, Reason::Window { replicas: cautious, window }, Some(leaves_at)))
    }

    /// The last replica stays for the cooldown after the last activity, as in KEDA; the others may go.
    fn awake(&self) -> Option<Verdict> {
        let cooldown = self.policy.cooldown;
        let active_at = self.state.active_at().filter(|_| self.wanted == 0)?;
        let ends_at = active_at + cooldown;
        let reason = Reason::Active { since: self.now.since(active_at), cooldown };
        (ends_at > self.now).then_some((1, reason, Some(ends_at)))
    }

    /// The direction has to be wanted for some time.
    fn too_soon(&self) -> Option<Verdict> {
        let wanted_for = self.policy.behavior.toward(self.direction).wanted_for;
        let since = self.state.wanted_since(self.direction).unwrap_or(self.now);
        let ends_at = since + wanted_for;
        let reason = Reason::WantedFor { direction: self.direction, since: self.now.since(since), wanted_for };
        (ends_at > self.now).then_some((self.from, reason, Some(ends_at)))
    }

    /// A change within the dead band, unless it is the first replica or the last.
    fn too_small(&self, target: Replicas) -> Option<Verdict> {
        let dead_band = self.policy.dead_band;
        let small = target.abs_diff(self.from) <= dead_band && target > 0 && self.from > 0 && !self.urgent;
        small.then_some((self.from, Reason::DeadBand { from: self.from, to: target, dead_band }, None))
    }

    /// No move down so soon after the first decision or the last change.
    fn cooling(&self) -> Option<Verdict> {
        if self.direction == Direction::Up {
            return None;
        }
        let now = self.now;
        let Policy { cooldown, initial_cooldown, .. } = *self.policy;
        let scaled_at = self.state.scaled_at();
        let after_scaling = scaled_at.map(|at| (at, cooldown, Reason::Cooldown { since: now.since(at), cooldown }));
        let begun_at = self.state.begun_at();
        let initial = begun_at
            .map(|at| (at, initial_cooldown, Reason::InitialCooldown { since: now.since(at), initial_cooldown }));
        let waits = [after_scaling, initial].into_iter().flatten();
        let waits = waits.map(|(at, length, reason)| (at + length, reason)).filter(|(ends_at, _)| *ends_at > now);
        let (ends_at, reason) = waits.max_by_key(|(ends_at, _)| *ends_at)?;
        Some((self.from, reason, Some(ends_at)))
    }

    /// No turn down while the budget of turns is used up.
    fn flapping(&self) -> Option<Verdict> {
        let budget = self.policy.flaps?;
        if self.direction == Direction::Up || self.state.last_direction() != Some(Direction::Up) {
            return None;
        }
        let (changes, room_at) = self.state.turns(budget, self.now);
        let reason = Reason::Flaps { changes, per: budget.per };
        (changes >= budget.max).then_some((self.from, reason, room_at))
    }

    /// What the policies make of the `target`, which falls short of the wish for a reason.
    fn paced(&self, target: Replicas, short_of_it: Option<Verdict>) -> Verdict {
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
        let (reason, leaves_at) = match short_of_it {
            Some((_, why, leaves_at)) if to == target => (why, leaves_at),
            Some((_, _, leaves_at)) => (reason, leaves_at),
            None => (reason, None),
        };
        let revisit_at = [leaves_at, pace.next_change(rules, self.now)].into_iter().flatten().min();
        (to, reason, revisit_at)
    }
}
