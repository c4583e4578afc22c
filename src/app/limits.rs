//! Settings as written → the limits of each room.

use crate::config::{Settings, TooOld, Validate};
use crate::{ingest, web};

pub(super) fn of_ingest(settings: &Settings) -> ingest::Limits {
    let ingest = &settings.ingest;
    ingest::Limits {
        body_bytes_max: ingest.body_bytes_max,
        decompressed_bytes_max: ingest.decompressed_bytes_max,
        labels_max: ingest.labels_max,
        label_name_bytes_max: ingest.label_name_bytes_max,
        label_value_bytes_max: ingest.label_value_bytes_max,
        labels_bytes_max: ingest.labels_bytes_max,
        request_series_max: ingest.request_series_max,
        validate_all: ingest.validate == Validate::All,
        too_old_is_error: ingest.too_old == TooOld::Reject,
        relabel: ingest.relabel_configs.clone(),
        otlp: settings.otlp.clone(),
        pairs: ingest.ha.clone().map(|ha| ingest::Pairs {
            cluster_label: ha.cluster_label,
            replica_label: ha.replica_label,
            failover: ha.failover,
            clusters_max: ha.clusters_max,
        }),
    }
}

pub(super) fn of_web(settings: &Settings) -> web::Limits {
    let ingest = &settings.ingest;
    web::Limits {
        connections_max: ingest.connections_max,
        in_flight_bytes_max: ingest.in_flight_bytes_max,
        sender_samples_per_second_max: ingest.sender_samples_per_second_max,
        ..web::Limits::default()
    }
}
