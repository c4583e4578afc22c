//! Remote-write requests in the shape of a cluster: per node a hundred families of cAdvisor and the like, each over the node's 42
//! containers, 12 labels and about 430 bytes of label text a series, one sample a series a round, 2,000 samples a request,
//! rounds 15 s apart. In the order of an exposition: family by family, container by container.

#![allow(dead_code, reason = "each bench uses a part")]
#![allow(clippy::cast_possible_wrap, clippy::cast_possible_truncation, reason = "rounds and series are few")]

use std::collections::HashMap;

use headroom::ingest::Protocol;
use headroom::proto::{Label, Sample, TimeSeries, v2};
use prost::Message;

pub(crate) const SAMPLES_PER_REQUEST: usize = 2_000;

const CONTAINERS: usize = 42;
const FAMILIES: usize = 100;

/// The name that one series in a hundred has.
pub(crate) const ONE_FAMILY: &str = "container_cpu_usage_seconds_total";

fn family(number: usize) -> String {
    const KNOWN: [&str; 8] = [
        ONE_FAMILY,
        "container_memory_working_set_bytes",
        "container_network_receive_bytes_total",
        "container_network_transmit_packets_total",
        "container_fs_reads_bytes_total",
        "container_processes",
        "container_file_descriptors",
        "container_spec_memory_limit_bytes",
    ];
    KNOWN
        .get(number)
        .map_or_else(|| format!("container_pressure_stalled_{number:02}_seconds_total"), |name| (*name).to_owned())
}

/// Names of the metrics in a payload.
pub(crate) fn families() -> Vec<String> {
    (0..FAMILIES).map(family).collect()
}

fn labels(series: usize, generation: usize) -> Vec<Label> {
    let node = series / (CONTAINERS * FAMILIES);
    let pod = node * CONTAINERS + series % CONTAINERS;
    let app = pod / 20;
    let hash = format!("{:010x}", ((pod + generation * 7_919) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24);
    let pairs = [
        ("__name__", family(series / CONTAINERS % FAMILIES)),
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

/// A payload of which one pod in a hundred is another in each round.
pub(crate) fn churned(protocol: Protocol, series: usize, round: usize) -> Payload {
    let pod = |series: usize| series / (CONTAINERS * FAMILIES) * CONTAINERS + series % CONTAINERS;
    Payload::of(protocol, (0..series).map(|series| (series, (round + pod(series) % 100) / 100)))
}

/// All requests of a round but for their samples, encoded once.
pub(crate) struct Payload {
    protocol: Protocol,
    chunks: Vec<Chunk>,
}

struct Chunk {
    /// What stands before the series: the table of symbols.
    head: Vec<u8>,
    series: Vec<Encoded>,
}

/// One series, as it stands around its sample.
struct Encoded {
    number: usize,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Payload {
    pub(crate) fn new(protocol: Protocol, series: usize) -> Self {
        Self::of(protocol, (0..series).map(|number| (number, 0)))
    }

    /// Series by their numbers, each in a generation of pods.
    pub(crate) fn of(protocol: Protocol, series: impl Iterator<Item = (usize, usize)>) -> Self {
        let all: Vec<(usize, usize)> = series.collect();
        let chunk = |chunk: &[(usize, usize)]| match protocol {
            Protocol::V1 => first(chunk),
            Protocol::V2 => second(chunk),
        };
        Self { protocol, chunks: all.chunks(SAMPLES_PER_REQUEST).map(chunk).collect() }
    }

    /// The snappy-compressed requests of one round, at a time.
    pub(crate) fn round(&self, at: i64, round: usize) -> Vec<Vec<u8>> {
        let tag = match self.protocol {
            Protocol::V1 => 0x0a,
            Protocol::V2 => 0x2a,
        };
        let requests = self.chunks.iter().map(|chunk| {
            let mut body = chunk.head.clone();
            for Encoded { number, before, after } in &chunk.series {
                let sample = Sample { value: value(*number, round), timestamp: at + (number % 40) as i64 };
                let mut field = Vec::new();
                prost::encoding::message::encode(2, &sample, &mut field);
                body.push(tag);
                prost::encoding::encode_varint((before.len() + field.len() + after.len()) as u64, &mut body);
                body.extend([&before[..], &field, after].concat());
            }
            snap::raw::Encoder::new().compress_vec(&body).expect("a request fits snappy")
        });
        requests.collect()
    }
}

/// Counters rise at their own pace, and one in ten never has.
fn value(number: usize, round: usize) -> f64 {
    if number.is_multiple_of(10) { 0.0 } else { (number % 97 + round * (number % 13)) as f64 * 1.37 }
}

fn first(chunk: &[(usize, usize)]) -> Chunk {
    let encoded = |&(number, generation): &(usize, usize)| {
        let series = TimeSeries { labels: labels(number, generation), ..TimeSeries::default() };
        Encoded { number, before: series.encode_to_vec(), after: Vec::new() }
    };
    Chunk { head: Vec::new(), series: chunk.iter().map(encoded).collect() }
}

/// The same in remote write 2.0, with the type and help of each family.
fn second(chunk: &[(usize, usize)]) -> Chunk {
    let mut symbols = Symbols::default();
    symbols.reference("");
    let mut series = Vec::new();
    for &(number, generation) in chunk {
        let labels = labels(number, generation);
        let labels_refs =
            labels.iter().flat_map(|label| [symbols.reference(&label.name), symbols.reference(&label.value)]).collect();
        let help_ref = symbols.reference(&format!("What {} tells.", labels[0].value));
        let metadata = Some(v2::Metadata { r#type: 1 + (help_ref % 2) as i32, help_ref, unit_ref: 0 });
        series.push(Encoded {
            number,
            before: v2::TimeSeries { labels_refs, ..v2::TimeSeries::default() }.encode_to_vec(),
            after: v2::TimeSeries { metadata, ..v2::TimeSeries::default() }.encode_to_vec(),
        });
    }
    let head = v2::Request { symbols: symbols.texts, timeseries: Vec::new() }.encode_to_vec();
    Chunk { head, series }
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
