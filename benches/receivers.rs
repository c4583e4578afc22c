//! Receivers side by side, on the same pre-encoded remote-write requests over loopback HTTP: Headroom, a bare sink that unpacks and
//! stores and does nothing else, `VictoriaMetrics` and Prometheus, one after the other.
//!
//! Unit: samples for each CPU-second of the server, user and system, until a few seconds after the last answer, so that work put
//! off is counted too. Budgets: 4 million with everything kept, at 10 k and at 1 M series alike; 6 million with 1 in 100 kept; 5
//! million in remote write 2.0; 0.8 of the sink beside it; 10 times `VictoriaMetrics`, 60 times Prometheus.
//!
//! `HEADROOM_RECEIVERS=10000,100000,1000000` chooses the numbers of series; the peers take part up to 100,000 (`HEADROOM_PEERS_MAX`).

#![allow(clippy::disallowed_methods, reason = "latency is what a client's clock says")]

mod measure;
#[path = "measure/payload.rs"]
mod payload;
#[path = "rivals/server.rs"]
mod server;
#[path = "rivals/sink.rs"]
mod sink;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use headroom::ingest::Protocol;
use measure::{heading, line, si};
use payload::Payload;
use server::{Kept, Server};

/// Rounds after the first, in which windows grow to their size: eight samples are when a ring of seven is full.
fn settling() -> usize {
    if measure::is_small() { 1 } else { 8 }
}

/// Rounds that are measured then: of many series few are enough.
fn rounds(series: usize) -> usize {
    if measure::is_small() { 2 } else { (4_000_000 / series).clamp(8, 40) }
}

/// What a run came to.
struct Run {
    /// A new series, and the kernel's part of it: memory that it clears, and the socket.
    first_ns: f64,
    first_kernel_ns: f64,
    per_cpu_second: f64,
    latency_us: [u64; 3],
    bytes_per_series: f64,
}

fn now_ms() -> i64 {
    headroom::app::clock::now().as_millis()
}

/// Sends requests one after the other over one connection, and notes how long each answer took.
struct Sender {
    stream: BufReader<TcpStream>,
    head: String,
    latency: Histogram<u64>,
}

impl Sender {
    fn connect(server: &Server, protocol: Protocol) -> Self {
        let stream = TcpStream::connect(server.address).expect("the server listens");
        stream.set_nodelay(true).expect("a socket");
        let head = format!(
            "POST /api/v1/write HTTP/1.1\r\nHost: x\r\nContent-Encoding: snappy\r\nContent-Type: application/x-protobuf;proto={}\r\n",
            protocol.message()
        );
        let latency = Histogram::new_with_bounds(1, 60_000_000, 3).expect("good bounds");
        Self { stream: BufReader::new(stream), head, latency }
    }

    fn send(&mut self, body: &[u8]) {
        let started = Instant::now();
        let mut request = format!("{}Content-Length: {}\r\n\r\n", self.head, body.len()).into_bytes();
        request.extend_from_slice(body);
        self.stream.get_mut().write_all(&request).expect("the server reads");
        let (mut status, mut length) = (String::new(), 0);
        self.stream.read_line(&mut status).expect("the server answers");
        loop {
            let mut header = String::new();
            self.stream.read_line(&mut header).expect("the server answers");
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().expect("a length");
            }
            if header.trim().is_empty() {
                break;
            }
        }
        let mut rest = vec![0; length];
        self.stream.read_exact(&mut rest).expect("the server answers");
        assert!(status.contains(" 20"), "{status} {}", String::from_utf8_lossy(&rest));
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.latency.saturating_record(micros);
    }
}

/// One server, from nothing: a round of new series, some in which it settles, and then those that are measured.
fn run(server: &Server, payload: &Payload, protocol: Protocol, series: usize) -> Run {
    run_rounds(server, protocol, series, |at, number| payload.round(at, number))
}

/// The same with one pod in a hundred replaced in each round.
fn run_churning(server: &Server, series: usize) -> Run {
    run_rounds(server, Protocol::V1, series, |at, number| {
        payload::churned(Protocol::V1, series, number).round(at, number)
    })
}

fn run_rounds(server: &Server, protocol: Protocol, series: usize, bodies: impl Fn(i64, usize) -> Vec<Vec<u8>>) -> Run {
    let mut sender = Sender::connect(server, protocol);
    let rounds = rounds(series);
    // All within what a receiver takes: windows reach five minutes back, and ten minutes ahead are allowed.
    let start = now_ms() - 240_000;
    let mut round = |number: usize| -> (Duration, Histogram<u64>) {
        let bodies = bodies(start + i64::try_from(number).expect("few rounds") * 15_000, number);
        let before = server.cpu();
        sender.latency.reset();
        for body in &bodies {
            sender.send(body);
        }
        (server.cpu().saturating_sub(before), sender.latency.clone())
    };
    let kernel = server.kernel();
    let (first, _) = round(0);
    let kernel = server.kernel().saturating_sub(kernel);
    (1..=settling()).for_each(|number| _ = round(number));
    let mut cpu = Duration::ZERO;
    let mut latency = Histogram::new_with_bounds(1, 60_000_000, 3).expect("good bounds");
    for number in 0..rounds {
        let (spent, took) = round(1 + settling() + number);
        cpu += spent;
        latency.add(took).expect("equal bounds");
    }
    cpu += server.afterwards();
    let samples = (series * rounds) as f64;
    Run {
        first_ns: first.as_nanos() as f64 / series as f64,
        first_kernel_ns: kernel.as_nanos() as f64 / series as f64,
        per_cpu_second: samples / cpu.as_secs_f64().max(1e-9),
        latency_us: [0.5, 0.99, 0.999].map(|quantile| latency.value_at_quantile(quantile)),
        bytes_per_series: server.resident_peak() as f64 / series as f64,
    }
}

fn told(name: &str, run: &Run) -> f64 {
    let [p50, p99, p999] = run.latency_us.map(|us| us as f64 / 1_000.0);
    line(
        name,
        &format!(
            "{:>10}{:>8.0}{:>8.0}{p50:>9.2}{p99:>9.2}{p999:>9.2}{:>12.0}",
            si(run.per_cpu_second),
            run.first_ns,
            run.first_kernel_ns,
            run.bytes_per_series
        ),
    );
    run.per_cpu_second
}

/// What the machine must do at least, in this process: nanoseconds a sample.
fn floors(payload: &Payload, series: usize) {
    let round = payload.round(now_ms(), 1);
    let mut buffer = vec![0; 8 << 20];
    let mut pass = |walk: bool| {
        measure::ns_per_unit(series, || {
            for body in &round {
                let length = snap::raw::Decoder::new().decompress(body, &mut buffer).expect("every request is good");
                if walk {
                    std::hint::black_box(sink::walk(&buffer[..length]));
                }
            }
        })
    };
    let (unpacked, walked) = (pass(false), pass(true));
    let figure = |name: &str, ns: f64| {
        line(name, &format!("{:>10}   ({ns:.0} ns a sample, one thread, no network)", si(1e9 / ns)));
    };
    figure("  floor: snappy alone", unpacked);
    figure("  floor: and a walk over the fields", walked);
}

/// Memory of a server that was sent so many series which no rule reads, of which the name alone tells it or does not.
fn unread(server: &Server, name: &str, series: usize) {
    const PART: usize = 100_000;
    let mut sender = Sender::connect(server, Protocol::V1);
    let before = server.resident_peak();
    for from in (0..series).step_by(PART) {
        let part = Payload::of(Protocol::V1, (from..series.min(from + PART)).map(|series| (series, 0)));
        part.round(now_ms(), 0).iter().for_each(|body| sender.send(body));
    }
    let peak = server.resident_peak();
    let grown = (peak - before) as f64 / series as f64;
    line(&format!("  {name}"), &format!("{:>10.0} MB resident at most ({grown:.1} B a series)", peak as f64 / 1e6));
}

fn main() {
    if let Some(address) = std::env::args().skip_while(|arg| arg != "--sink").nth(1) {
        return sink::serve(&address);
    }
    let sizes: Vec<usize> = match std::env::var("HEADROOM_RECEIVERS") {
        Ok(sizes) => sizes.split(',').map(|size| size.trim().parse().expect("a number of series")).collect(),
        Err(_) if measure::is_small() => vec![4_000],
        Err(_) => vec![10_000, 100_000, 1_000_000],
    };
    let peers_max = std::env::var("HEADROOM_PEERS_MAX").map_or(100_000, |max| max.parse().expect("a number of series"));
    heading(
        "receivers: the same requests over loopback HTTP, one connection",
        "samples/CPU-s  new, ns  kernel   p50 ms   p99 ms  p999 ms   peak B/series",
    );
    for series in sizes {
        println!("{} series", si(series as f64));
        let v1 = Payload::new(Protocol::V1, series);
        floors(&v1, series);
        let sink = told("  a bare sink: unpack, find, store", &run(&Server::sink(), &v1, Protocol::V1, series));
        let own = told("  Headroom, 1.0, all kept", &run(&Server::headroom(Kept::All), &v1, Protocol::V1, series));
        line("    of the sink", &format!("{:>10.2}", own / sink));
        let read = run(&Server::headroom(Kept::AllAndRead), &v1, Protocol::V1, series);
        told("  Headroom, 1.0, all kept, a rule evaluated", &read);
        let churning =
            told("  Headroom, 1.0, all kept, 1 in 100 new", &run_churning(&Server::headroom(Kept::All), series));
        line("    of the same without new ones", &format!("{:>10.2}", churning / own));
        told("  Headroom, 1.0, 1 in 100 kept", &run(&Server::headroom(Kept::OneFamily), &v1, Protocol::V1, series));
        let v2 = Payload::new(Protocol::V2, series);
        told("  Headroom, 2.0, all kept", &run(&Server::headroom(Kept::All), &v2, Protocol::V2, series));
        drop(v2);
        if series > peers_max || measure::is_small() {
            continue;
        }
        for (name, server) in [("VictoriaMetrics", Server::victoria_metrics()), ("Prometheus", Server::prometheus())] {
            match server {
                Some(server) => {
                    let rival = told(&format!("  {name}, 1.0"), &run(&server, &v1, Protocol::V1, series));
                    line(&format!("    Headroom / {name}"), &format!("{:>10.0}", own / rival));
                }
                None => println!("  {name}: not there (make peers)"),
            }
        }
    }
    let series = measure::size(10_000_000, 4_000);
    println!("{} series that no rule reads", si(series as f64));
    unread(&Server::headroom(Kept::NoName), "told by the name", series);
    unread(&Server::headroom(Kept::NoLabel), "told by another label", series);
}
