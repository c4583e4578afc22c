//! Alert rules beside a real Prometheus.

mod differential;
