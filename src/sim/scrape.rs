//! Scrapes: the cluster's series at one time, as a write request, with staleness markers for those that ended.

use std::collections::BTreeSet;

use super::cluster::Cluster;
use crate::labels::Labels;
use crate::proto::{Label, Sample, TimeSeries, WriteRequest};
use crate::sample::STALE;

/// Remembers what the last scrape saw, as Prometheus does for each target.
#[derive(Debug, Default)]
pub struct Scraper {
    seen: BTreeSet<Labels>,
}

impl Scraper {
    /// The cluster's series now. A series that the last scrape saw and this one doesn't is marked as ended, once.
    pub fn scrape(&mut self, cluster: &Cluster) -> WriteRequest {
        let at = cluster.now().as_millis();
        let found = cluster.collect();
        let mut timeseries: Vec<TimeSeries> = found.iter().map(|(labels, value)| series(labels, *value, at)).collect();
        let now: BTreeSet<Labels> = found.into_iter().map(|(labels, _)| labels).collect();
        timeseries.extend(self.seen.difference(&now).map(|ended| series(ended, STALE, at)));
        self.seen = now;
        WriteRequest { timeseries, metadata: Vec::new() }
    }
}

fn series(labels: &Labels, value: f64, timestamp: i64) -> TimeSeries {
    let label = |(name, value): (&str, &str)| Label { name: name.to_owned(), value: value.to_owned() };
    TimeSeries {
        labels: labels.iter().map(label).collect(),
        samples: vec![Sample { value, timestamp }],
        exemplars: Vec::new(),
        histograms: Vec::new(),
    }
}
