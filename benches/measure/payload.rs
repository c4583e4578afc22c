//! Remote-write requests in the shape of a cluster: per pod a dozen cAdvisor families, 12 labels and about 430 bytes
//! of label text a series, one sample a series a round, 2,000 samples a request, rounds 15 s apart.

#![allow(dead_code, reason = "each bench uses a part")]
#![allow(clippy::cast_possible_wrap, reason = "rounds and series are few")]

use headroom::proto::{Label, Sample, TimeSeries, WriteRequest};
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

/// The snappy-compressed requests of one round over `series` series, rounds 15 s apart.
pub(crate) fn round(series: usize, start_ms: i64, round: usize) -> Vec<Vec<u8>> {
    round_at(series, start_ms + round as i64 * 15_000, round)
}

/// The same at a given time.
pub(crate) fn round_at(series: usize, at: i64, round: usize) -> Vec<Vec<u8>> {
    let ids: Vec<usize> = (0..series).collect();
    let requests = ids.chunks(SAMPLES_PER_REQUEST).map(|chunk| {
        let sample =
            |id: usize| Sample { value: (id % 97 + round * (id % 13)) as f64, timestamp: at + (id % 40) as i64 };
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
