//! Pairs of replicas: Prometheus servers that scrape and send the same. Of each pair one replica's stream is taken; where it
//! stops, the next that sends takes its place.
//!
//! A replica is known by two labels that its `external_labels` set. Each pair is followed by its own number, so that a request
//! may carry several, and a series without the labels passes. Time is that of arrival, by our clock: a replica that replays old
//! samples is there all the same.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::rejected::Fault;
use super::spelled::Pair;
use crate::time::Timestamp;

/// Replicas of all pairs together; their numbers stand in 16 bits beside each series.
const REPLICAS_MAX: usize = 4_096;

/// Which labels name a replica, and how long a leader may be silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    pub cluster_label: String,
    pub replica_label: String,
    /// Another replica takes over when the leader has sent nothing for this long.
    pub failover: Duration,
    pub clusters_max: usize,
}

/// What is done with a replica's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// They are taken.
    Leads,
    /// They are, from now on.
    TakesOver,
    /// They are not.
    Follows,
}

/// One cluster's replicas.
#[derive(Debug)]
struct Cluster {
    /// The number of the replica whose samples are taken.
    leader: AtomicU32,
    /// When it sent last, in milliseconds.
    seen_at: AtomicI64,
}

/// All replicas that have been met.
#[derive(Debug)]
pub(super) struct Replicas {
    pairs: Pairs,
    clusters: Box<[OnceLock<Cluster>]>,
    /// By replica number less one: its cluster's place.
    cluster_of: Box<[OnceLock<u32>]>,
    met: Mutex<Met>,
}

#[derive(Debug, Default)]
struct Met {
    clusters: HashMap<String, u32>,
    replicas: HashMap<(u32, String), u16>,
}

impl Replicas {
    pub(super) fn new(pairs: Pairs) -> Self {
        Self {
            clusters: std::iter::repeat_with(OnceLock::new).take(pairs.clusters_max).collect(),
            cluster_of: std::iter::repeat_with(OnceLock::new).take(REPLICAS_MAX).collect(),
            pairs,
            met: Mutex::default(),
        }
    }

    /// Takes the replica's label out of a series' labels and gives the replica's number; 0 for a series without both labels.
    pub(super) fn meet(&self, labels: &mut Vec<Pair<'_>>, now: Timestamp) -> Result<u16, Fault> {
        let place = |wanted: &str| labels.iter().position(|(name, _)| *name == wanted);
        let (Some(cluster), Some(replica)) = (place(&self.pairs.cluster_label), place(&self.pairs.replica_label))
        else {
            return Ok(0);
        };
        let cluster = labels[cluster].1;
        let (_, replica) = labels.remove(replica);
        self.number(cluster, replica, now).ok_or(Fault::TooManyClusters(self.pairs.clusters_max))
    }

    fn number(&self, cluster: &str, replica: &str, now: Timestamp) -> Option<u16> {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let clusters = met.clusters.len();
        let cluster = match met.clusters.get(cluster) {
            Some(known) => *known,
            None if clusters < self.clusters.len() => {
                let place = u32::try_from(clusters).ok()?;
                met.clusters.insert(cluster.to_owned(), place);
                place
            }
            None => return None,
        };
        let replicas = met.replicas.len();
        let key = (cluster, replica.to_owned());
        if let Some(number) = met.replicas.get(&key) {
            return Some(*number);
        }
        let number = u16::try_from(replicas + 1).ok()?;
        self.cluster_of.get(replicas)?.set(cluster).ok()?;
        met.replicas.insert(key, number);
        // The first one that is seen leads.
        self.clusters.get(cluster as usize)?.get_or_init(|| Cluster {
            leader: AtomicU32::new(u32::from(number)),
            seen_at: AtomicI64::new(now.as_millis()),
        });
        Some(number)
    }

    /// Whether a replica's samples are taken, asked when it has sent some. A leader is noted as alive; another one takes its
    /// place where the leader has been silent for too long.
    pub(super) fn lead(&self, number: u16, now: Timestamp) -> Lead {
        let place = number.checked_sub(1).and_then(|at| self.cluster_of.get(usize::from(at))?.get());
        let Some(cluster) = place.and_then(|at| self.clusters.get(*at as usize)?.get()) else { return Lead::Leads };
        let (leader, own) = (cluster.leader.load(Ordering::Acquire), u32::from(number));
        let mut lead = Lead::Leads;
        if leader != own {
            let silent = now.as_millis().saturating_sub(cluster.seen_at.load(Ordering::Acquire));
            let patience = i64::try_from(self.pairs.failover.as_millis()).unwrap_or(i64::MAX);
            if silent < patience
                || cluster.leader.compare_exchange(leader, own, Ordering::AcqRel, Ordering::Relaxed).is_err()
            {
                return Lead::Follows;
            }
            lead = Lead::TakesOver;
        }
        cluster.seen_at.fetch_max(now.as_millis(), Ordering::AcqRel);
        lead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_millis(s * 1_000)
    }

    fn replicas() -> Replicas {
        Replicas::new(Pairs {
            cluster_label: "cluster".to_owned(),
            replica_label: "__replica__".to_owned(),
            failover: Duration::from_secs(30),
            clusters_max: 2,
        })
    }

    fn meet(replicas: &Replicas, cluster: &str, replica: &str) -> Result<u16, Fault> {
        let mut labels = vec![("__name__", "up"), ("__replica__", replica), ("cluster", cluster)];
        let number = replicas.meet(&mut labels, at(0));
        assert_eq!(labels.len(), 2, "the replica's label goes");
        number
    }

    #[test]
    fn one_replica_leads_and_another_follows_when_it_is_silent() {
        let replicas = replicas();
        let (a, b) = (meet(&replicas, "eu", "a").unwrap(), meet(&replicas, "eu", "b").unwrap());
        assert_eq!(meet(&replicas, "eu", "a"), Ok(a));
        assert_eq!(
            (replicas.lead(a, at(0)), replicas.lead(b, at(0))),
            (Lead::Leads, Lead::Follows),
            "the first one leads"
        );
        assert_eq!(replicas.lead(b, at(29)), Lead::Follows, "not yet");
        assert_eq!(replicas.lead(a, at(29)), Lead::Leads);
        assert_eq!(replicas.lead(b, at(58)), Lead::Follows, "the leader was there 29 s ago");
        assert_eq!(replicas.lead(b, at(59)), Lead::TakesOver, "and is gone for 30 s now");
        assert_eq!(replicas.lead(a, at(60)), Lead::Follows, "whoever comes back waits");
        assert_eq!(replicas.lead(b, at(60)), Lead::Leads);
    }

    #[test]
    fn pairs_are_told_apart_and_bounded_and_others_pass() {
        let replicas = replicas();
        let (eu, us) = (meet(&replicas, "eu", "b").unwrap(), meet(&replicas, "us", "a").unwrap());
        assert_eq!((replicas.lead(eu, at(0)), replicas.lead(us, at(0))), (Lead::Leads, Lead::Leads));
        assert_eq!(meet(&replicas, "asia", "a"), Err(Fault::TooManyClusters(2)));
        let mut labels = vec![("__name__", "up")];
        assert_eq!(replicas.meet(&mut labels, at(0)), Ok(0));
        assert_eq!(replicas.lead(0, at(0)), Lead::Leads);
    }
}
