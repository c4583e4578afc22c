//! One simulated workload: its pods, what they serve, and what they have cost.

use std::time::Duration;

use super::requests::Requests;
use crate::labels::{Labels, NAME};
use crate::time::Timestamp;
use crate::workload::{ObjectRef, Replicas, Workload};

/// How a simulated workload behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    pub workload: Workload,
    /// How many replicas it begins with, all of them ready.
    pub replicas: Replicas,
    /// Requests a second that a ready pod serves at most; what comes on top is dropped.
    pub capacity: f64,
    /// From a pod's creation until it is ready.
    pub startup: Duration,
    /// From the order to stop until the pod is gone. It gets no requests in that time, yet is still scraped.
    pub grace: Duration,
}

/// A workload's pods, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pods {
    /// What the scale subresource asks for.
    pub replicas: Replicas,
    pub ready: Replicas,
    /// All that exist, the stopping ones too.
    pub existing: Replicas,
}

/// What a workload did since the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Served + dropped.
    pub offered: Requests,
    pub served: Requests,
    pub dropped: Requests,
    /// The lifetimes of all pods, added up: what is paid for.
    pub pod_time: Duration,
    pub scaled_up: u32,
    pub scaled_down: u32,
}

/// A workload at one point in time.
#[derive(Debug)]
pub(super) struct Deployment {
    spec: Spec,
    replicas: Replicas,
    /// Oldest first.
    pods: Vec<Pod>,
    /// How many pods there have ever been: names are never used twice.
    created: u64,
    totals: Totals,
    own: OwnSeries,
}

#[derive(Debug)]
struct Pod {
    phase: Phase,
    served: Requests,
    /// Its `http_requests_total{code="200"}`.
    series: Labels,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting { ready_at: Timestamp },
    Ready,
    Stopping { gone_at: Timestamp },
}

impl Phase {
    /// When this phase ends by itself.
    fn ends_at(self) -> Option<Timestamp> {
        match self {
            Self::Starting { ready_at: at } | Self::Stopping { gone_at: at } => Some(at),
            Self::Ready => None,
        }
    }
}

/// The series that live as long as the workload does.
#[derive(Debug)]
struct OwnSeries {
    /// `http_requests_total{code="503"}`: the gateway turns away what no pod can take.
    dropped: Labels,
    spec_replicas: Labels,
    status_replicas: Labels,
    status_ready: Labels,
}

impl Deployment {
    pub(super) fn new(spec: Spec) -> Self {
        let own = OwnSeries::of(&spec.workload);
        let replicas = spec.replicas;
        let mut deployment = Self { spec, replicas, pods: Vec::new(), created: 0, totals: Totals::default(), own };
        deployment.create(replicas, Phase::Ready);
        deployment
    }

    pub(super) fn spec(&self) -> &Spec {
        &self.spec
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    pub(super) fn pods(&self) -> Pods {
        Pods {
            replicas: self.replicas,
            ready: self.count(|phase| phase == Phase::Ready),
            existing: self.count(|_| true),
        }
    }

    fn count(&self, wanted: impl Fn(Phase) -> bool) -> Replicas {
        let count = self.pods.iter().filter(|pod| wanted(pod.phase)).count();
        Replicas::try_from(count).unwrap_or(Replicas::MAX)
    }

    /// Lives from `from` to `to` under a steady load. Pods change at their exact times within the step,
    /// so that it makes no difference how long the steps are.
    pub(super) fn advance(&mut self, from: Timestamp, to: Timestamp, offered_per_second: f64) {
        let mut at = from;
        while at < to {
            let next = self.pods.iter().filter_map(|pod| pod.phase.ends_at()).min();
            let until = next.map_or(to, |next| next.clamp(at, to));
            self.serve(until.since(at), offered_per_second);
            self.settle(until);
            at = until;
        }
    }

    /// Spreads a steady load evenly over the ready pods and drops what they can't take.
    fn serve(&mut self, time: Duration, offered_per_second: f64) {
        let pods = self.pods();
        let offered = Requests::at_rate(offered_per_second, time);
        let served = offered.min(Requests::at_rate(f64::from(pods.ready) * self.spec.capacity, time));
        let ready = self.pods.iter_mut().filter(|pod| pod.phase == Phase::Ready);
        for (pod, part) in ready.zip(served.split(pods.ready)) {
            pod.served += part;
        }
        self.totals.offered += offered;
        self.totals.served += served;
        self.totals.dropped += offered - served;
        self.totals.pod_time = self.totals.pod_time.saturating_add(time.saturating_mul(pods.existing));
    }

    /// Ends the phases that are over by `now`.
    fn settle(&mut self, now: Timestamp) {
        for pod in &mut self.pods {
            if matches!(pod.phase, Phase::Starting { ready_at } if ready_at <= now) {
                pod.phase = Phase::Ready;
            }
        }
        self.pods.retain(|pod| !matches!(pod.phase, Phase::Stopping { gone_at } if gone_at <= now));
    }

    /// Starts or stops pods until `replicas` of them are wanted.
    pub(super) fn scale(&mut self, now: Timestamp, replicas: Replicas) {
        let (from, to) = (self.replicas, replicas);
        if to > from {
            self.create(to - from, Phase::Starting { ready_at: now + self.spec.startup });
            self.totals.scaled_up += 1;
        } else if to < from {
            self.stop(from - to, Phase::Stopping { gone_at: now + self.spec.grace });
            self.totals.scaled_down += 1;
        }
        self.replicas = to;
        self.settle(now);
    }

    fn create(&mut self, count: Replicas, phase: Phase) {
        for _ in 0..count {
            self.created += 1;
            let name = pod_name(&self.spec.workload.name, self.created);
            let series = request_series(&self.spec.workload, &[("code", "200"), ("pod", &name)]);
            self.pods.push(Pod { phase, served: Requests::default(), series });
        }
    }

    /// Takes pods that are not ready first, then the youngest, as Kubernetes does.
    fn stop(&mut self, count: Replicas, phase: Phase) {
        let mut left = count;
        for starting in [true, false] {
            for pod in self.pods.iter_mut().rev() {
                let fits =
                    if starting { matches!(pod.phase, Phase::Starting { .. }) } else { pod.phase == Phase::Ready };
                if left > 0 && fits {
                    pod.phase = phase;
                    left -= 1;
                }
            }
        }
    }

    /// Every series that a scrape finds now, with its value.
    pub(super) fn collect(&self, out: &mut Vec<(Labels, f64)>) {
        let pods = self.pods();
        let live = pods.existing - self.count(|phase| matches!(phase, Phase::Stopping { .. }));
        out.extend(self.pods.iter().map(|pod| (pod.series.clone(), pod.served.whole() as f64)));
        out.push((self.own.dropped.clone(), self.totals.dropped.whole() as f64));
        out.push((self.own.spec_replicas.clone(), f64::from(pods.replicas)));
        out.push((self.own.status_replicas.clone(), f64::from(live)));
        out.push((self.own.status_ready.clone(), f64::from(pods.ready)));
    }
}

impl OwnSeries {
    fn of(workload: &Workload) -> Self {
        let state = |name| {
            let ObjectRef { namespace, name: deployment, .. } = &**workload;
            labels(&[(NAME, name), ("namespace", namespace), ("deployment", deployment)])
        };
        Self {
            dropped: request_series(workload, &[("code", "503")]),
            spec_replicas: state("kube_deployment_spec_replicas"),
            status_replicas: state("kube_deployment_status_replicas"),
            status_ready: state("kube_deployment_status_replicas_ready"),
        }
    }
}

/// A series of a workload's request counter.
fn request_series(workload: &Workload, more: &[(&str, &str)]) -> Labels {
    let mut pairs = vec![(NAME, "http_requests_total"), ("app", &workload.name), ("namespace", &workload.namespace)];
    pairs.extend_from_slice(more);
    labels(&pairs)
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied()).expect("a simulated series has distinct, short label names")
}

/// The letters of names that Kubernetes generates: no vowels, and nothing that looks like another letter.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// A pod's name as a Deployment's pods have it: `checkout-x7k2p`. Different ordinals below 14 million give different
/// names: multiplying by a number that shares no factor with 27^5 shuffles the five-letter words.
fn pod_name(workload: &str, ordinal: u64) -> String {
    const WORDS: u64 = 27_u64.pow(5);
    let mut word = ordinal.wrapping_mul(8_675_309) % WORDS;
    let mut name = format!("{workload}-");
    for _ in 0..5 {
        let letter = usize::try_from(word % 27).ok().and_then(|at| LETTERS.get(at));
        name.push(char::from(letter.copied().unwrap_or(b'x')));
        word /= 27;
    }
    name
}
