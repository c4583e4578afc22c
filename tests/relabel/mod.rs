//! Relabelling, held against a real Prometheus; and `headroom relabel`, whose output a real one runs under.

mod cases;
mod command;
mod differential;
mod exposition;
mod refused;

use std::path::Path;

use headroom::config::{Finding, Settings, Source};
use headroom::labels::Relabel;

/// What our settings make of `relabel_configs`, a YAML list in one line.
fn compile(configs: &str) -> Result<Relabel, Vec<Finding>> {
    let text = format!("ingest:\n  relabel_configs: {configs}\n");
    let settings = Settings::parse(Source { file: Path::new("headroom.yaml"), text: &text })?;
    Ok(settings.ingest.relabel_configs)
}
