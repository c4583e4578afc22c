//! Remote-write requests in the shape of a cluster: per pod a dozen cAdvisor families, 12 labels and about 430 bytes
//! of label text a series, one sample a series a round, 2,000 samples a request, rounds 15 s apart.

#![allow(dead_code, reason = "each bench uses a part")]
#![allow(clippy::cast_possible_wrap, clippy::cast_possible_truncation, reason = "rounds and series are few")]

use std::collections::HashMap;

use headroom::proto::{Label, Sample, TimeSeries, WriteRequest, v2};
use prost::Message;

pub(crate) const SAMPLES_PER_REQUEST: usize = 2_000;

const FAMILIES: [&str; 20] = [
    "container_cpu_usage_seconds_total",
    "container_cpu_user_seconds_total",
    "container_cpu_system_seconds_total",
    "container_cpu_cfs_periods_total",
    "container_cpu_cfs_throttled_periods_total",
    "container_memory_working_set_bytes",
    "container_memory_rss",
    "container_memory_cache",
    "container_memory_usage_bytes",
    "container_memory_failcnt",
    "container_network_receive_bytes_total",
    "container_network_transmit_bytes_total",
    "container_network_receive_packets_total",
    "container_network_transmit_packets_total",
    "container_fs_reads_bytes_total",
    "container_fs_writes_bytes_total",
    "container_fs_usage_bytes",
    "container_processes",
    "container_threads",
    "container_file_descriptors",
];

/// Names of the metrics in a payload.
pub(crate) fn families() -> &'static [&'static str] {
    &FAMILIES
}

fn labels(series: usize) -> Vec<Label> {
    let (family, pod) = (FAMILIES[series % FAMILIES.len()], series / FAMILIES.len());
    let (app, node) = (pod / 20, pod / 40);
    let hash = format!("{:010x}", (pod as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24);
    let pairs = [
        ("__name__", family.to_owned()),
        ("container", "server".to_owned()),
        ("cpu", "total".to_owned()),
        ("endpoint", "https-metrics".to_owned()),
        ("id", format!("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{hash}_{hash}.slice")),
        ("image", format!("registry.example.com/platform/service-{app}@sha256:{hash}{hash}{hash}{hash}")),
        ("instance", format!("10.{}.{}.7:10250", node / 250, node % 250)),
        ("job", "kubelet".to_owned()),
        ("metrics_path", "/metrics/cadvisor".to_owned()),
        ("namespace", format!("team-{}", app % 50)),
        ("node", format!("node-{node}.region-1.example.internal")),
        ("pod", format!("service-{app}-{hash}-{pod}")),
    ];
    pairs.map(|(name, value)| Label { name: name.to_owned(), value }).to_vec()
}

/// The same requests in remote write 2.0, with the type and help of each family.
pub(crate) fn round_v2(series: usize, start_ms: i64, round: usize) -> Vec<Vec<u8>> {
    let at = start_ms + round as i64 * 15_000;
    let ids: Vec<usize> = (0..series).collect();
    let requests = ids.chunks(SAMPLES_PER_REQUEST).map(|chunk| {
        let mut symbols = Symbols::default();
        symbols.reference("");
        let timeseries = chunk.iter().map(|&id| v2::TimeSeries {
            labels_refs: labels(id)
                .iter()
                .flat_map(|label| [symbols.reference(&label.name), symbols.reference(&label.value)])
                .collect(),
            samples: vec![v2::Sample { value: value(id, round), timestamp: at + (id % 40) as i64, start_timestamp: 0 }],
            metadata: Some(v2::Metadata {
                r#type: 1 + (id % FAMILIES.len() % 2) as i32,
                help_ref: symbols.reference(&format!("What {} tells.", FAMILIES[id % FAMILIES.len()])),
                unit_ref: 0,
            }),
            ..v2::TimeSeries::default()
        });
        let timeseries = timeseries.collect();
        let request = v2::Request { symbols: symbols.texts, timeseries };
        snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).expect("a request fits snappy")
    });
    requests.collect()
}

/// A table of symbols that is being made.
#[derive(Default)]
struct Symbols {
    texts: Vec<String>,
    places: HashMap<String, u32>,
}

impl Symbols {
    fn reference(&mut self, text: &str) -> u32 {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let place = u32::try_from(self.texts.len()).expect("symbols are few");
        self.texts.push(text.to_owned());
        self.places.insert(text.to_owned(), place);
        place
    }
}

fn value(id: usize, round: usize) -> f64 {
    (id % 97 + round * (id % 13)) as f64
}

/// The snappy-compressed requests of one round over `series` series, rounds 15 s apart.
pub(crate) fn round(series: usize, start_ms: i64, round: usize) -> Vec<Vec<u8>> {
    round_at(series, start_ms + round as i64 * 15_000, round)
}

/// The same at a given time.
pub(crate) fn round_at(series: usize, at: i64, round: usize) -> Vec<Vec<u8>> {
    let ids: Vec<usize> = (0..series).collect();
    let requests = ids.chunks(SAMPLES_PER_REQUEST).map(|chunk| {
        let sample = |id: usize| Sample { value: value(id, round), timestamp: at + (id % 40) as i64 };
        let timeseries = |&id: &usize| TimeSeries {
            labels: labels(id),
            samples: vec![sample(id)],
            exemplars: Vec::new(),
            histograms: Vec::new(),
        };
        let request = WriteRequest { timeseries: chunk.iter().map(timeseries).collect(), metadata: Vec::new() };
        snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).expect("a request fits snappy")
    });
    requests.collect()
}
