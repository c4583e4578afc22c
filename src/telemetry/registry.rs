//! All handles of the process, and the exporter that writes them as text.

use std::fmt;

use metrics::{Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::groups::{
    ActuateMetrics, EngineMetrics, IngestMetrics, JournalMetrics, RecordingMetrics, RuleMetrics, SeriesMetrics,
    WarmStartMetrics, WebMetrics,
};
use super::handles::{Counter, Counters, Gauge, LabelValue};
use super::latency::Latencies;
use super::names::{self, Kind, Metric};
use super::notifications::NotifyMetrics;
use super::text::Exposition;

/// All handles, made once when the process starts and given to the rooms from here.
///
/// Our own numbers are the truth, so that rooms can read them back; each scrape copies them into the exporter.
/// The exporter holds counters and gauges only: it would keep every raw value of a histogram until its next upkeep.
pub struct Telemetry {
    pub ingest: IngestMetrics,
    pub series: SeriesMetrics,
    pub rules: RuleMetrics,
    pub engine: EngineMetrics,
    pub actuate: ActuateMetrics,
    pub journal: JournalMetrics,
    pub recording: RecordingMetrics,
    pub warm_start: WarmStartMetrics,
    pub web: WebMetrics,
    pub notify: NotifyMetrics,
    pub latency: Latencies,
    counters: Vec<(Counter, metrics::Counter)>,
    gauges: Vec<(Gauge, metrics::Gauge)>,
    exporter: PrometheusHandle,
}

impl Telemetry {
    /// Handles that all stand at zero, each known to the exporter.
    #[must_use]
    pub fn new() -> Self {
        let mut registration = Registration::new();
        let made = Self {
            ingest: registration.ingest(),
            series: registration.series(),
            rules: registration.rules(),
            engine: registration.engine(),
            actuate: registration.actuate(),
            journal: registration.journal(),
            recording: registration.recording(),
            warm_start: registration.warm_start(),
            web: registration.web(),
            notify: NotifyMetrics::default(),
            latency: Latencies::default(),
            exporter: registration.recorder.handle(),
            counters: registration.counters,
            gauges: registration.gauges,
        };
        made.publish();
        made
    }

    /// The families that this room holds, in the Prometheus text format, sorted by name.
    #[must_use]
    pub fn render(&self) -> String {
        self.publish();
        let text = self.exporter.render();
        // The exporter walks hash maps and parts families with an empty line; `#` stands before every letter.
        let mut families: Vec<Vec<&str>> = text.split("\n\n").map(|family| family.lines().collect()).collect();
        for lines in &mut families {
            lines.sort_unstable();
        }
        families.sort_unstable();
        let lines = families.iter().flatten().filter(|line| !line.is_empty());
        let mut text: String = lines.flat_map(|line| [line, "\n"]).collect();
        text.push_str(&self.render_own());
        text
    }

    /// What the exporter can't hold: histograms, and families whose labels come from the settings.
    fn render_own(&self) -> String {
        let mut text = Exposition::default();
        text.histogram(&names::INGEST_ADMISSION, &self.latency.admission.snapshot());
        text.histogram(&names::INGEST_DURATION, &self.latency.request.snapshot());
        text.histogram(&names::SAMPLE_TO_DECISION, &self.latency.sample_to_decision.snapshot());
        text.histogram(&names::EVALUATION_DURATION, &self.latency.evaluation.snapshot());
        text.histogram(&names::ACTION_DURATION, &self.latency.action.snapshot());
        text.histogram(&names::JOURNAL_WRITE_DURATION, &self.latency.journal.snapshot());
        text.histogram(&names::NOTIFICATION_LATENCY, &self.latency.notification.snapshot());
        self.notify.render(&mut text);
        text.into_text()
    }

    /// Copies our numbers into the exporter.
    fn publish(&self) {
        for (ours, exported) in &self.counters {
            exported.absolute(ours.get());
        }
        for (ours, exported) in &self.gauges {
            exported.set(ours.get());
        }
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").field("ingest", &self.ingest).field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// Ties handles to metrics of the table.
struct Registration {
    recorder: PrometheusRecorder,
    counters: Vec<(Counter, metrics::Counter)>,
    gauges: Vec<(Gauge, metrics::Gauge)>,
}

/// The exporter reads nothing from it.
const METADATA: Metadata<'static> = Metadata::new("headroom", Level::INFO, None);

impl Registration {
    fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        for metric in names::TABLE {
            match metric.kind {
                Kind::Counter => recorder.describe_counter(metric.name.into(), None, metric.help.into()),
                Kind::Gauge => recorder.describe_gauge(metric.name.into(), None, metric.help.into()),
                Kind::Histogram => {}
            }
        }
        Self { recorder, counters: Vec::new(), gauges: Vec::new() }
    }

    fn ingest(&mut self) -> IngestMetrics {
        IngestMetrics {
            requests: self.counters(&names::INGEST_REQUESTS),
            messages: self.counters(&names::INGEST_MESSAGES),
            bytes: self.counter(&names::INGEST_BYTES),
            accepted: self.counter(&names::INGEST_ACCEPTED),
            kept: self.counter(&names::INGEST_KEPT),
            not_kept: self.counters(&names::INGEST_NOT_KEPT),
            rejected: self.counters(&names::INGEST_REJECTED),
            histograms: self.counter(&names::INGEST_HISTOGRAMS),
            histograms_rejected: self.counter(&names::INGEST_HISTOGRAMS_REJECTED),
            exemplars: self.counter(&names::INGEST_EXEMPLARS),
            exemplars_rejected: self.counter(&names::INGEST_EXEMPLARS_REJECTED),
            violations: self.counters(&names::INGEST_VIOLATIONS),
            failovers: self.counter(&names::INGEST_FAILOVERS),
            in_flight_bytes: self.gauge(&names::INGEST_IN_FLIGHT),
            in_flight_bytes_limit: self.gauge(&names::INGEST_IN_FLIGHT_LIMIT),
        }
    }

    fn series(&mut self) -> SeriesMetrics {
        SeriesMetrics {
            kept: self.gauge(&names::SERIES_KEPT),
            created: self.counter(&names::SERIES_CREATED),
            evicted: self.counter(&names::SERIES_EVICTED),
            unread: self.gauge(&names::SERIES_UNREAD),
            window_bytes: self.gauge(&names::WINDOW_BYTES),
            window_bytes_limit: self.gauge(&names::WINDOW_LIMIT),
            index_bytes: self.gauge(&names::INDEX_BYTES),
        }
    }

    fn rules(&mut self) -> RuleMetrics {
        RuleMetrics {
            loaded: self.gauge(&names::RULES_LOADED),
            reload_successful: self.gauge(&names::RELOAD_SUCCESSFUL),
            reload_success_at: self.gauge(&names::RELOAD_SUCCESS_TIME),
        }
    }

    fn engine(&mut self) -> EngineMetrics {
        EngineMetrics {
            evaluations: self.counter(&names::EVALUATIONS),
            failures: self.counter(&names::EVALUATION_FAILURES),
            missed: self.counter(&names::EVALUATIONS_MISSED),
            decisions: self.counters(&names::DECISIONS),
        }
    }

    fn actuate(&mut self) -> ActuateMetrics {
        ActuateMetrics { actions: self.counters(&names::ACTIONS) }
    }

    fn journal(&mut self) -> JournalMetrics {
        JournalMetrics {
            writes: self.counter(&names::JOURNAL_WRITES),
            errors: self.counter(&names::JOURNAL_ERRORS),
            unreadable: self.counter(&names::JOURNAL_UNREADABLE),
            pruned: self.counter(&names::JOURNAL_PRUNED),
            entries: self.gauge(&names::JOURNAL_ENTRIES),
            bytes: self.gauge(&names::JOURNAL_BYTES),
            bytes_limit: self.gauge(&names::JOURNAL_LIMIT),
        }
    }

    fn recording(&mut self) -> RecordingMetrics {
        RecordingMetrics {
            samples: self.counter(&names::RECORDING_SAMPLES),
            dropped: self.counters(&names::RECORDING_DROPPED),
            bytes: self.gauge(&names::RECORDING_BYTES),
            bytes_limit: self.gauge(&names::RECORDING_LIMIT),
        }
    }

    fn warm_start(&mut self) -> WarmStartMetrics {
        WarmStartMetrics {
            pending: self.gauge(&names::WARM_START_PENDING),
            questions: self.counters(&names::WARM_START_QUESTIONS),
            samples: self.counter(&names::WARM_START_SAMPLES),
            histories: self.counter(&names::WARM_START_HISTORIES),
        }
    }

    fn web(&mut self) -> WebMetrics {
        WebMetrics {
            connections: self.gauge(&names::CONNECTIONS),
            connections_limit: self.gauge(&names::CONNECTIONS_LIMIT),
            connections_refused: self.counters(&names::CONNECTIONS_REFUSED),
            handshake_failures: self.counters(&names::HANDSHAKE_FAILURES),
            requests_refused: self.counters(&names::REQUESTS_REFUSED),
            certificates_reloaded: self.gauge(&names::CERTIFICATES_RELOADED),
            panics: self.counter(&names::HANDLER_PANICS),
            stream_clients: self.gauge(&names::STREAM_CLIENTS),
            stream_dropped: self.counter(&names::STREAM_DROPPED),
        }
    }

    fn counter(&mut self, metric: &'static Metric) -> Counter {
        let counter = Counter::default();
        self.tie(metric, Vec::new(), &counter);
        counter
    }

    fn counters<L: LabelValue>(&mut self, metric: &'static Metric) -> Counters<L> {
        let counters = Counters::default();
        let label = metric.labels.first().expect("a family of counters has a label");
        for (value, counter) in counters.iter() {
            self.tie(metric, vec![Label::from_static_parts(label, L::as_str(value))], counter);
        }
        counters
    }

    fn tie(&mut self, metric: &'static Metric, labels: Vec<Label>, counter: &Counter) {
        let exported = self.recorder.register_counter(&Key::from_parts(metric.name, labels), &METADATA);
        self.counters.push((counter.clone(), exported));
    }

    fn gauge(&mut self, metric: &'static Metric) -> Gauge {
        let gauge = Gauge::default();
        let exported = self.recorder.register_gauge(&Key::from_name(metric.name), &METADATA);
        self.gauges.push((gauge.clone(), exported));
        gauge
    }
}
