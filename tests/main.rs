//! One binary for all tests that see the crate from outside; a folder for each topic.

mod grafana;
mod loom_ring;
mod peers;
mod promql;
mod rules;
mod service;
mod tidy;
