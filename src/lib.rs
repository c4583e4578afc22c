//! Headroom turns a Prometheus remote-write stream into replica counts and says why.
//!
//! A sample's way is the order of this list: it is received, kept in a window, read by an expression,
//! becomes demand, a decision, an action. `ARCHITECTURE.md` has the floors that the rooms stand on, and imports point
//! down: `web`, `sim` and `actuate` are doors to the outside and know nothing of each other, save that the simulated
//! cluster is an actuator, and that `notify` and `backfill` share the HTTP client.

// Words that everyone uses.
pub mod labels;
pub mod sample;
pub mod time;
pub mod workload;

pub mod chart;
pub mod config;
pub mod telemetry;
pub mod template;

pub mod recording;
pub mod series;

pub mod demand;
pub mod dispatch;
pub mod ingest;
pub mod promql;
pub mod schedule;

pub mod forecast;

pub mod decision;
pub mod rivals;

pub mod import;
pub mod rule;

pub mod journal;

pub mod engine;

pub mod actuate;
pub mod backfill;
pub mod client;
pub mod notify;
pub mod sim;
pub mod web;

pub mod app;
pub mod cli;

/// The messages of `proto/`, as prost generates them. The receive path does not use them: it walks the bytes.
#[allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/prometheus.rs"));

    /// Remote write 2.0.
    pub mod v2 {
        include!(concat!(env!("OUT_DIR"), "/io.prometheus.write.v2.rs"));
    }

    /// OpenTelemetry's metrics.
    pub mod otlp {
        include!(concat!(env!("OUT_DIR"), "/otlp.rs"));
    }
}
