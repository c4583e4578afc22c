//! One binary for all tests that see the crate from outside; a folder for each topic.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod alertmanager;
mod alerts;
mod crash;
mod forecast;
mod grafana;
mod hpa;
mod import;
mod ingest;
mod loom_ring;
mod otlp;
mod peers;
mod promql;
mod relabel;
mod rules;
mod service;
mod tidy;
mod web;
