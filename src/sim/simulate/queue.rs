//! How long work waits: a fluid queue while there is more than can be done, M/M/c while there is not.
//!
//! While the ready replicas can do less than what arrives, the difference queues up and delays all that follows; what
//! would wait for longer than the patience is lost. While they can do more, each replica is a server of a queue with
//! random arrivals (M/M/c, Erlang's C): exponential service with the given mean, `c` ready replicas at utilisation ρ.
//! The response time is then longer than `x` with the probability
//! `(1 - C)·e^(-μx) + C·(θ·e^(-μx) - μ·e^(-θx)) / (θ - μ)`, where `μ` is one over the service time and
//! `θ = cμ(1 - ρ)`. What the whole run shows is the mixture of all its moments, each weighted by its work.
//!
//! Source: L. Kleinrock, Queueing Systems, volume 1, chapter 3.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::workload::Replicas;

/// Utilisation is counted in so many buckets from 0 to 1.
const BUCKETS: u16 = 64;

/// Delays of overload are counted in tenths of a second.
const DELAYS_A_SECOND: f64 = 10.0;

/// The queue before one workload, and what it did so far. Work is in the demand's unit times seconds.
#[derive(Debug)]
pub(super) struct Queue {
    patience: f64,
    service: f64,
    backlog: f64,
    pub(super) offered: f64,
    /// Arrived while the ready replicas could not do it at once.
    pub(super) missed: f64,
    pub(super) lost: f64,
    /// Work by ready replicas and bucket of utilisation.
    calm: BTreeMap<(Replicas, u16), f64>,
    /// Work by tenths of a second of delay.
    delayed: BTreeMap<u32, f64>,
}

impl Queue {
    pub(super) fn new(patience: Duration, service: Duration) -> Self {
        Self {
            patience: patience.as_secs_f64(),
            service: service.as_secs_f64(),
            backlog: 0.0,
            offered: 0.0,
            missed: 0.0,
            lost: 0.0,
            calm: BTreeMap::new(),
            delayed: BTreeMap::new(),
        }
    }

    /// Lives `seconds` under a load, with so many ready replicas that do `capacity` a second each.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates at the last bucket")]
    pub(super) fn live(&mut self, seconds: f64, load: f64, ready: Replicas, capacity: f64) {
        let arrived = load * seconds;
        let able = f64::from(ready) * capacity;
        self.offered += arrived;
        self.missed += (load - able).max(0.0) * seconds;
        let before = self.backlog;
        let after = (before + (load - able) * seconds).max(0.0);
        self.backlog = after.min(able * self.patience);
        let lost = after - self.backlog;
        self.lost += lost;
        if lost > 0.0 {
            self.delay(self.patience, lost);
        }
        let kept = arrived - lost;
        if kept <= 0.0 || able <= 0.0 {
            return;
        }
        if before > 0.0 || self.backlog > 0.0 {
            self.delay(f64::midpoint(before.min(able * self.patience), self.backlog) / able, kept);
        } else {
            let bucket = ((load / able) * f64::from(BUCKETS)) as u16;
            *self.calm.entry((ready, bucket.min(BUCKETS - 1))).or_default() += kept;
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "delays end with the patience")]
    fn delay(&mut self, seconds: f64, work: f64) {
        *self.delayed.entry((seconds * DELAYS_A_SECOND).round() as u32).or_default() += work;
    }

    /// The response time in seconds that a part of all work does not exceed; lost work has waited out its patience.
    pub(super) fn quantile(&self, part: f64) -> f64 {
        let total: f64 = self.calm.values().chain(self.delayed.values()).sum();
        if total <= 0.0 {
            return 0.0;
        }
        let states: Vec<(State, f64)> =
            self.calm.iter().map(|((servers, bucket), work)| (State::new(*servers, *bucket), *work)).collect();
        let above = |seconds: f64| {
            let units = seconds / self.service;
            let calm: f64 = states.iter().map(|(state, work)| state.exceeds(units) * work).sum();
            let delayed = self.delayed.iter().map(|(delay, work)| {
                let rest = seconds - f64::from(*delay) / DELAYS_A_SECOND;
                if rest > 0.0 { (-rest / self.service).exp() * work } else { *work }
            });
            (calm + delayed.sum::<f64>()) / total
        };
        let (mut low, mut high) = (0.0, self.service);
        while above(high) > 1.0 - part && high < 1e6 {
            high *= 2.0;
        }
        // 30 halvings: nine digits.
        for _ in 0..30 {
            let middle = f64::midpoint(low, high);
            if above(middle) > 1.0 - part { low = middle } else { high = middle }
        }
        high
    }
}

/// M/M/c in units of the service time.
#[derive(Debug)]
struct State {
    /// The probability that work has to wait.
    waits: f64,
    /// How fast waits end: θ/μ.
    theta: f64,
}

impl State {
    fn new(servers: Replicas, bucket: u16) -> Self {
        let utilisation = (f64::from(bucket) + 0.5) / f64::from(BUCKETS);
        let load = utilisation * f64::from(servers);
        // Erlang's B by its recursion, then C from B.
        let blocked = (1..=servers).fold(1.0, |blocked, server| {
            let busy = load * blocked;
            busy / (f64::from(server) + busy)
        });
        let waits = blocked / (1.0 - utilisation * (1.0 - blocked));
        Self { waits, theta: f64::from(servers) * (1.0 - utilisation) }
    }

    /// The probability of a response time above `x`.
    fn exceeds(&self, x: f64) -> f64 {
        let (service, theta) = ((-x).exp(), self.theta);
        let both = if (theta - 1.0).abs() < 1e-6 {
            (1.0 + x) * service
        } else {
            (theta * service - (-theta * x).exp()) / (theta - 1.0)
        };
        (1.0 - self.waits) * service + self.waits * both
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds under a load with `ready` replicas that do 10 a second each; service takes 100 ms.
    #[track_caller]
    fn check(lives: &[(f64, f64, Replicas)], missed: f64, lost: f64, p99_ms: f64) {
        let mut queue = Queue::new(Duration::from_secs(10), Duration::from_millis(100));
        for (seconds, load, ready) in lives {
            queue.live(*seconds, *load, *ready, 10.0);
        }
        let found = (queue.missed, queue.lost, (queue.quantile(0.99) * 1000.0).round());
        assert_eq!(found, (missed, lost, p99_ms));
    }

    #[test]
    fn a_single_server_answers_as_the_textbook_says() {
        // M/M/1: the response time is exponential with the mean 1/(μ - λ); p99 is ln 100 times that. The bucket's middle
        // is at 50.8 %.
        check(&[(60.0, 5.0, 1)], 0.0, 0.0, (100.0_f64.ln() * 100.0 / (1.0 - 65.0 / 128.0)).round());
    }

    #[test]
    fn many_servers_wait_little() {
        check(&[(60.0, 700.0, 100)], 0.0, 0.0, 461.0);
    }

    #[test]
    fn overload_queues_up_delays_and_then_loses() {
        // 5 a second too many for 10 s: 50 wait behind one replica that does 10 a second.
        check(&[(10.0, 15.0, 1)], 50.0, 0.0, 2961.0);
        // For a minute: 100 wait, the others are lost.
        check(&[(60.0, 15.0, 1)], 300.0, 200.0, 10310.0);
        check(&[(60.0, 15.0, 0)], 900.0, 900.0, 10461.0);
    }

    #[test]
    fn no_work_takes_no_time() {
        check(&[(60.0, 0.0, 1)], 0.0, 0.0, 0.0);
    }
}
