//! What a workload's own past teaches of its pods: how long they take to start, and how much one of them carries.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::demand::Presence;
use crate::time::Timestamp;
use crate::workload::Replicas;

/// How long this workload's pods take to become ready, learned from its scale-ups.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Startup {
    /// The scale-up that is being timed: since when, and to which count.
    timing: Option<(Timestamp, Replicas)>,
    /// The newest last, in milliseconds.
    recent_ms: Vec<u64>,
}

/// Start-ups that are remembered. Of 32, the third longest is the 90 % quantile.
const STARTUPS_MAX: usize = 32;

/// A start-up that takes longer teaches nothing: something stands in its way.
const STARTUP_MAX: Duration = Duration::from_mins(30);

impl Startup {
    /// Begins to time a scale-up.
    pub(super) fn began(&mut self, now: Timestamp, to: Replicas) {
        self.timing = Some((now, to));
    }

    /// What was observed may end it.
    pub(super) fn observe(&mut self, replicas: Replicas, ready: Replicas, now: Timestamp) {
        let Some((began_at, to)) = self.timing else { return };
        let took = now.since(began_at);
        if replicas < to || took > STARTUP_MAX {
            self.timing = None;
        } else if ready >= to {
            self.timing = None;
            if self.recent_ms.len() == STARTUPS_MAX {
                self.recent_ms.remove(0);
            }
            self.recent_ms.push(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        }
    }

    /// The quantile of the remembered start-ups, by the nearest-rank method; `None` before the first.
    pub(super) fn quantile(&self, quantile: f64) -> Option<Duration> {
        let mut sorted = self.recent_ms.clone();
        sorted.sort_unstable();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank of at most 32")]
        let rank = (quantile * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).map(|ms| Duration::from_millis(*ms))
    }
}

/// The load that one ready replica has carried for a whole [`SPAN`] while the workload's objective held.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Carried {
    /// The largest, which counts half as much after each [`HALF_LIFE`], and when it was taken last.
    most: Option<(f64, Timestamp)>,
    /// The span that is being looked at: since when, and the smallest load per replica in it.
    span: Option<(Timestamp, f64)>,
}

/// A moment's load proves nothing: queues take it.
const SPAN: Duration = Duration::from_mins(1);

/// Software changes: what was carried long ago says little of today's.
const HALF_LIFE: Duration = Duration::from_hours(14 * 24);

impl Carried {
    /// Takes note of a demand, the replicas that were ready for it, and whether the objective `held`.
    pub(super) fn observe(&mut self, demand: Presence, ready: Replicas, held: bool, now: Timestamp) {
        let load = demand.value().filter(|value| value.is_finite() && *value >= 0.0 && held && ready > 0);
        let Some(load) = load.map(|value| value / f64::from(ready)) else {
            self.span = None;
            return;
        };
        let (since, least) = self.span.map_or((now, load), |(since, least)| (since, least.min(load)));
        if now.since(since) < SPAN {
            self.span = Some((since, least));
            return;
        }
        self.span = Some((now, load));
        if self.per_replica(now).is_none_or(|most| least >= most) {
            self.most = Some((least, now));
        }
    }

    /// What one replica has proved to carry, in the metric's unit; `None` before the first whole span.
    pub(super) fn per_replica(&self, now: Timestamp) -> Option<f64> {
        let (most, at) = self.most?;
        let half_lives = now.since(at).as_secs_f64() / HALF_LIFE.as_secs_f64();
        Some(most * 0.5_f64.powf(half_lives))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn startups_are_learned_from_scale_ups_that_end() {
        let mut startup = Startup::default();
        assert_eq!(startup.quantile(0.9), None);
        for (began, ready) in [(0, 30), (100, 110), (200, 245)] {
            startup.began(at(began), 6);
            startup.observe(6, 4, at(began + 1));
            startup.observe(6, 6, at(ready));
            startup.observe(6, 6, at(ready + 1));
        }
        assert_eq!(startup.quantile(0.9), Some(Duration::from_secs(45)));
        assert_eq!(startup.quantile(0.5), Some(Duration::from_secs(30)));
        // Taken back before it ended, or for ever on its way: nothing is learned.
        startup.began(at(300), 8);
        startup.observe(7, 7, at(301));
        startup.began(at(400), 8);
        startup.observe(8, 8, at(9_999));
        assert_eq!(startup.recent_ms.len(), 3);
    }

    /// Looks every ten seconds: demand, ready replicas, whether the objective held; gives what is proved at the end.
    fn proved(looks: &[(f64, Replicas, bool)]) -> Option<f64> {
        let (mut carried, mut now) = (Carried::default(), at(0));
        for (demand, ready, held) in looks {
            carried.observe(Presence::of(*demand), *ready, *held, now);
            now = now + Duration::from_secs(10);
        }
        carried.per_replica(now).map(f64::round)
    }

    #[test]
    fn a_replica_carries_what_it_has_borne_for_a_whole_span() {
        let calm = [(100.0, 4, true); 7];
        assert_eq!(proved(&calm[..6]), None, "not a minute yet");
        assert_eq!(proved(&calm), Some(25.0));
        let mut moment = calm;
        moment[3] = (400.0, 4, true);
        assert_eq!(proved(&moment), Some(25.0), "a moment's peak proves nothing");
        let mut broken = [(400.0, 4, true); 7];
        broken[5] = (400.0, 4, false);
        assert_eq!(proved(&broken), None, "the objective broke");
        let busy = [(240.0, 4, true); 14];
        assert_eq!(proved(&[&calm[..], &busy, &calm].concat()), Some(60.0), "the largest stays");
        assert_eq!(proved(&[(100.0, 0, true); 7]), None);
    }

    #[test]
    fn what_was_carried_long_ago_says_little() {
        let carried = Carried { most: Some((80.0, at(0))), span: None };
        assert_eq!(carried.per_replica(at(0) + HALF_LIFE * 2).map(f64::round), Some(20.0));
    }
}
