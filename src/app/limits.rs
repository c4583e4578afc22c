//! Settings as written → the limits of each room.

use crate::config::{Keep, Settings};
use crate::{ingest, series, web};

pub(super) fn of_windows(settings: &Settings) -> series::Limits {
    let windows = &settings.windows;
    series::Limits {
        series_max: windows.series_max,
        samples_max: windows.samples_max,
        memory_bytes_max: windows.memory_bytes_max,
        retention: windows.retention,
        keep_all: settings.ingest.keep == Keep::All,
    }
}

pub(super) fn of_ingest(settings: &Settings) -> ingest::Limits {
    let ingest = &settings.ingest;
    ingest::Limits {
        body_bytes_max: ingest.body_bytes_max,
        decompressed_bytes_max: ingest.decompressed_bytes_max,
        labels_max: ingest.labels_max,
        label_name_bytes_max: ingest.label_name_bytes_max,
        label_value_bytes_max: ingest.label_value_bytes_max,
    }
}

pub(super) fn of_web(settings: &Settings) -> web::Limits {
    let ingest = &settings.ingest;
    web::Limits {
        connections_max: ingest.connections_max,
        in_flight_bytes_max: ingest.in_flight_bytes_max,
        ..web::Limits::default()
    }
}
