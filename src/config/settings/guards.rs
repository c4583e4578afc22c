//! When all scale-downs are frozen.

use std::time::Duration;

use super::read::{filled, set_count, set_time};
use crate::config::reader::Reader;
use crate::config::scalar::{At, Read};
use crate::config::tree::Node;

/// When all scale-downs are frozen.
#[derive(Debug, Clone, PartialEq)]
pub struct Guards {
    /// The part of all workloads that may want down at the same time.
    pub breaker_share: f64,
    /// With fewer workloads than this there is no breaker.
    pub breaker_workloads: usize,
    /// The part of the usual samples that may be missing.
    pub ingestion_drop: f64,
    /// After so long the data is believed.
    pub hold: Duration,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            // An evening takes workloads down one by one, as their windows allow; four of five at once is an outage.
            breaker_share: 0.8,
            breaker_workloads: 10,
            ingestion_drop: 0.5,
            hold: Duration::from_mins(10),
        }
    }
}

impl Read for Guards {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        filled(reader, node, "guards", |guards: &mut Self, fields| {
            for (name, part) in
                [("breaker_share", &mut guards.breaker_share), ("ingestion_drop", &mut guards.ingestion_drop)]
            {
                let Some(At { value, span }) = fields.optional::<At<f64>>(name) else { continue };
                if (0.0..=1.0).contains(&value) {
                    *part = value;
                } else {
                    fields.reader.report(span, format!("{name} is a part of the whole, from 0 to 1"));
                }
            }
            set_count(fields, "breaker_workloads", &mut guards.breaker_workloads);
            set_time(fields, "hold", &mut guards.hold);
        })
    }
}
