//! The one table of metrics. Descriptions, `/metrics`, the dashboard's test and the documents are made from it.

/// One family of series.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub unit: Unit,
    /// Label names, in the order in which values are given. `le` of a histogram is not among them.
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

/// The kinds of the Prometheus text format that we use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    /// Classic, cumulative buckets.
    Histogram,
}

impl Kind {
    /// The word of a `# TYPE` line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What a value is counted in. Each unit has the suffix that Prometheus's naming rules ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A plain number: things, or a workload's own unit.
    Number,
    Seconds,
    Bytes,
    /// 1 is the whole.
    Ratio,
    /// Seconds since the Unix epoch.
    Time,
    /// 0 or 1.
    Flag,
}

impl Unit {
    /// What a name ends with before `_total`; empty where the unit asks for nothing.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Number | Self::Flag => "",
            Self::Seconds | Self::Time => "_seconds",
            Self::Bytes => "_bytes",
            Self::Ratio => "_ratio",
        }
    }
}

/// Writes each metric as a constant of its own and all of them as the table.
macro_rules! table {
    ($($constant:ident: $name:literal, $kind:ident, $unit:ident, [$($label:literal),*], $help:literal;)+) => {
        $(
            #[doc = $help]
            pub static $constant: Metric = Metric {
                name: $name, kind: Kind::$kind, unit: Unit::$unit, labels: &[$($label),*], help: $help,
            };
        )+

        /// Every metric that Headroom exports.
        pub static TABLE: &[&Metric] = &[$(&$constant),+];
    };
}

table! {
    // Received.
    INGEST_REQUESTS: "headroom_ingest_requests_total", Counter, Number, ["outcome"],
        "Remote-write requests by what became of them.";
    INGEST_MESSAGES: "headroom_ingest_messages_total", Counter, Number, ["message"],
        "Bodies that were read, by what they are written in.";
    INGEST_BYTES: "headroom_ingest_received_bytes_total", Counter, Bytes, [],
        "Bytes of remote-write bodies as they came over the wire, compressed.";
    INGEST_ACCEPTED: "headroom_ingest_samples_accepted_total", Counter, Number, [],
        "Samples that were accepted: each is kept, or not kept for one of the reasons.";
    INGEST_KEPT: "headroom_ingest_samples_kept_total", Counter, Number, [],
        "Samples written to a window.";
    INGEST_NOT_KEPT: "headroom_ingest_samples_not_kept_total", Counter, Number, ["reason"],
        "Samples that were accepted and dropped, by reason; unread means that no rule reads the series.";
    INGEST_REJECTED: "headroom_ingest_samples_rejected_total", Counter, Number, ["reason"],
        "Samples that were refused with an error to their sender, by reason.";
    INGEST_HISTOGRAMS: "headroom_ingest_histograms_accepted_total", Counter, Number, [],
        "Native histograms that were accepted; they are looked through and not kept.";
    INGEST_HISTOGRAMS_REJECTED: "headroom_ingest_histograms_rejected_total", Counter, Number, [],
        "Native histograms that were refused with an error to their sender.";
    INGEST_EXEMPLARS: "headroom_ingest_exemplars_accepted_total", Counter, Number, [],
        "Exemplars that were accepted; they are looked through and not kept.";
    INGEST_EXEMPLARS_REJECTED: "headroom_ingest_exemplars_rejected_total", Counter, Number, [],
        "Exemplars that were refused with an error to their sender.";
    INGEST_VIOLATIONS: "headroom_ingest_sender_violations_total", Counter, Number, ["kind"],
        "What senders did against the specification that did no harm.";
    INGEST_FAILOVERS: "headroom_ingest_replica_failovers_total", Counter, Number, [],
        "How often another replica of a sender took the place of one that had fallen silent.";
    INGEST_DURATION: "headroom_ingest_request_duration_seconds", Histogram, Seconds, [],
        "From the last byte of a remote-write body to its answer.";
    INGEST_ADMISSION: "headroom_ingest_admission_duration_seconds", Histogram, Seconds, [],
        "How long a remote-write body waited for room to be read in.";
    INGEST_LAG: "headroom_ingest_newest_sample_lag_seconds", Gauge, Seconds, ["sender"],
        "How far the newest kept sample of each sender lies behind, by its address; for ten minutes after its last request.";
    INGEST_IN_FLIGHT: "headroom_ingest_in_flight_bytes", Gauge, Bytes, [],
        "Room taken by remote-write bodies that are being read or unpacked.";
    INGEST_IN_FLIGHT_LIMIT: "headroom_ingest_in_flight_limit_bytes", Gauge, Bytes, [],
        "Room for remote-write bodies; requests beyond it wait a second, then are answered 503.";

    // Kept.
    SERIES_KEPT: "headroom_series_kept", Gauge, Number, [],
        "Series with a window.";
    SERIES_UNREAD: "headroom_series_unread", Gauge, Number, [],
        "Series that are not kept, as far as they are remembered.";
    SERIES_CREATED: "headroom_series_created_total", Counter, Number, [],
        "Windows made for series that were met for the first time.";
    SERIES_EVICTED: "headroom_series_evicted_total", Counter, Number, [],
        "Windows that were freed because their series fell silent or the memory bound was reached.";
    WINDOW_BYTES: "headroom_window_bytes", Gauge, Bytes, [],
        "Memory taken by windows.";
    WINDOW_LIMIT: "headroom_window_limit_bytes", Gauge, Bytes, [],
        "Memory that windows may take.";
    INDEX_BYTES: "headroom_index_bytes", Gauge, Bytes, [],
        "Memory taken by what leads from a sender's labels to a window, and by what is remembered of series not kept.";

    // Evaluated and decided.
    RULES_LOADED: "headroom_rules_loaded", Gauge, Number, [],
        "Rules in force.";
    RELOAD_SUCCESSFUL: "headroom_config_last_reload_successful", Gauge, Flag, [],
        "Whether the last load of settings and rules went well; where it did not, the former ones stay in force.";
    RELOAD_SUCCESS_TIME: "headroom_config_last_reload_success_timestamp_seconds", Gauge, Time, [],
        "When settings and rules were last loaded.";
    EVALUATIONS: "headroom_rule_evaluations_total", Counter, Number, [],
        "Evaluations of rules.";
    EVALUATION_FAILURES: "headroom_rule_evaluation_failures_total", Counter, Number, [],
        "Evaluations of rules that ended in an error.";
    EVALUATIONS_MISSED: "headroom_rule_evaluations_missed_total", Counter, Number, [],
        "Evaluations that were skipped because the one before took too long.";
    EVALUATION_DURATION: "headroom_rule_evaluation_duration_seconds", Histogram, Seconds, [],
        "Time taken by one evaluation of one rule.";
    RULE_HEALTHY: "headroom_rule_healthy", Gauge, Flag, ["group", "rule"],
        "Whether a rule's last evaluation went well.";
    RULE_EVALUATED: "headroom_rule_last_evaluation_timestamp_seconds", Gauge, Time, ["group", "rule"],
        "When a rule was last evaluated.";
    SAMPLE_TO_DECISION: "headroom_sample_to_decision_duration_seconds", Histogram, Seconds, [],
        "From the arrival of a sample that a scale rule reads to the decision made from it.";
    DECISIONS: "headroom_decisions_total", Counter, Number, ["direction"],
        "Decisions by the direction in which they moved a workload.";

    // Done.
    ACTIONS: "headroom_actions_total", Counter, Number, ["result"],
        "Attempts to scale a workload by their result.";
    ACTION_DURATION: "headroom_action_duration_seconds", Histogram, Seconds, [],
        "Time taken by one attempt to scale a workload.";

    // Written down.
    JOURNAL_WRITES: "headroom_journal_writes_total", Counter, Number, [],
        "Transactions that the journal took.";
    JOURNAL_WRITE_DURATION: "headroom_journal_write_duration_seconds", Histogram, Seconds, [],
        "Time taken by one transaction of the journal, until it is durable.";
    JOURNAL_ERRORS: "headroom_journal_errors_total", Counter, Number, [],
        "Failures to open, write or read the journal; nothing is scaled that can't be written down first.";
    JOURNAL_UNREADABLE: "headroom_journal_unreadable_rows_total", Counter, Number, [],
        "Rows of the journal that could not be read and were left out.";
    JOURNAL_ENTRIES: "headroom_journal_entries", Gauge, Number, [],
        "Decisions in the journal.";
    JOURNAL_PRUNED: "headroom_journal_entries_pruned_total", Counter, Number, [],
        "Decisions that were removed from the journal because of their age or the limit of its size.";
    JOURNAL_BYTES: "headroom_journal_bytes", Gauge, Bytes, [],
        "Size of the journal's file.";
    JOURNAL_LIMIT: "headroom_journal_limit_bytes", Gauge, Bytes, [],
        "Size that the journal's file may have; the oldest decisions are removed before it is reached.";

    // Recorded.
    RECORDING_SAMPLES: "headroom_recording_samples_total", Counter, Number, [],
        "Samples written to the recording.";
    RECORDING_DROPPED: "headroom_recording_samples_dropped_total", Counter, Number, ["reason"],
        "Samples that were kept and are not in the recording, by reason.";
    RECORDING_BYTES: "headroom_recording_bytes", Gauge, Bytes, [],
        "Size of the recording's files.";
    RECORDING_LIMIT: "headroom_recording_limit_bytes", Gauge, Bytes, [],
        "Size that the recording's files may have; the oldest samples are removed before it is reached. 0 where nothing is recorded.";

    // Asked for, of what was before.
    WARM_START_PENDING: "headroom_warm_start_questions_pending", Gauge, Number, [],
        "Questions of the warm start that have no answer yet: one for each selector and each demand that is foreseen.";
    WARM_START_QUESTIONS: "headroom_warm_start_questions_total", Counter, Number, ["result"],
        "Questions of the warm start that are settled, by result.";
    WARM_START_SAMPLES: "headroom_warm_start_samples_total", Counter, Number, [],
        "Samples that the warm start brought for the windows; they count as accepted, too.";
    WARM_START_HISTORIES: "headroom_warm_start_histories_total", Counter, Number, [],
        "Demands of workloads whose past was learned.";

    // Told.
    NOTIFICATIONS_SENT: "headroom_notifications_sent_total", Counter, Number, ["addressee"],
        "Alerts that an Alertmanager took, and messages that a receiver took.";
    NOTIFICATION_ERRORS: "headroom_notifications_errors_total", Counter, Number, ["addressee"],
        "Alerts and messages in attempts that failed; those that are tried again count each time.";
    NOTIFICATIONS_DROPPED: "headroom_notifications_dropped_total", Counter, Number, ["addressee"],
        "Alerts and messages that were given up: refused, tried for too long, or pushed out of a full queue.";
    NOTIFICATIONS_QUEUED: "headroom_notifications_queue_length", Gauge, Number, ["addressee"],
        "Alerts and messages that wait to be sent.";
    NOTIFICATIONS_CAPACITY: "headroom_notifications_queue_capacity", Gauge, Number, ["addressee"],
        "Alerts and messages that may wait; beyond it the oldest are dropped.";
    NOTIFICATION_LATENCY: "headroom_notifications_latency_seconds", Histogram, Seconds, [],
        "Time taken by one attempt to send alerts or a message that was taken.";

    // Each workload.
    WORKLOAD_INFO: "headroom_workload_info", Gauge, Flag, ["workload", "namespace", "kind", "name", "rule"],
        "Always 1: which object a workload is and which rule scales it.";
    REPLICAS_CURRENT: "headroom_workload_replicas_current", Gauge, Number, ["workload"],
        "Replicas that the cluster asks for; absent while unknown.";
    REPLICAS_READY: "headroom_workload_replicas_ready", Gauge, Number, ["workload"],
        "Replicas that are ready; absent while unknown.";
    REPLICAS_DESIRED: "headroom_workload_replicas_desired", Gauge, Number, ["workload"],
        "Replicas that the newest decision wants.";
    REPLICAS_MIN: "headroom_workload_replicas_min", Gauge, Number, ["workload"],
        "The fewest replicas that the rule allows.";
    REPLICAS_MAX: "headroom_workload_replicas_max", Gauge, Number, ["workload"],
        "The most replicas that the rule allows.";
    DEMAND: "headroom_workload_demand", Gauge, Number, ["workload", "metric"],
        "Work arriving, in the metric's own unit; absent where the data is.";
    PER_REPLICA: "headroom_workload_per_replica", Gauge, Number, ["workload", "metric"],
        "Work that one replica takes, in the metric's own unit.";
    CAPACITY: "headroom_workload_capacity", Gauge, Number, ["workload", "metric"],
        "Work that the ready replicas take together, in the metric's own unit.";
    HEADROOM: "headroom_workload_headroom_ratio", Gauge, Ratio, ["workload", "metric"],
        "The part of the capacity that is free: 1 is idle, 0 is full, below 0 demand exceeds capacity.";
    DECIDING_LAYER: "headroom_workload_deciding_layer", Gauge, Flag, ["workload", "layer"],
        "1 for the layer that had the last word in the newest decision, 0 for the others.";
    DECISION_TIME: "headroom_workload_last_decision_timestamp_seconds", Gauge, Time, ["workload"],
        "When the newest decision was made.";
    ACTION_IN_FLIGHT: "headroom_workload_action_in_flight", Gauge, Flag, ["workload"],
        "Whether an action is on its way to the cluster.";
    ACTION_FAILURES: "headroom_workload_action_failures", Gauge, Number, ["workload"],
        "Actions that failed in a row; 0 after one that succeeded.";
    Z_SCORE: "headroom_workload_anomaly_score", Gauge, Number, ["workload", "metric"],
        "How far demand is from what it has been lately, in standard deviations; absent until enough is known.";
    FORECAST: "headroom_workload_forecast_demand", Gauge, Number, ["workload", "metric", "statistic"],
        "Demand that is expected when what is decided now has effect: mean, p10, p50, p90 and p95.";
    FORECAST_PEAK: "headroom_workload_forecast_peak_demand", Gauge, Number, ["workload", "metric"],
        "The rule's quantile of the largest demand of the window in which what is decided now has effect.";
    FORECAST_TRUST: "headroom_workload_forecast_trust_ratio", Gauge, Ratio, ["workload", "metric", "model"],
        "How far the recent record allows to believe the forecast, 0 to 1, with the model that leads.";
    ROBUST_SCORE: "headroom_workload_anomaly_robust_score", Gauge, Number, ["workload", "metric"],
        "How far demand is from the median of its newest values, in robust standard deviations; absent until enough is known.";
    CARRIED: "headroom_workload_carried_per_replica", Gauge, Number, ["workload", "metric"],
        "The most that one ready replica has carried for a minute while the objective held, in the metric's unit.";
    OUTLYING: "headroom_workload_outlying_replicas", Gauge, Number, ["workload", "metric"],
        "Pods whose values are unlike the others' of their workload; absent where there are no values of single pods, or too few.";
    LOAD_CLASS: "headroom_workload_load_class", Gauge, Flag, ["workload", "class"],
        "1 for the class of the present load, 0 for the others.";
    MUTED: "headroom_workload_muted", Gauge, Flag, ["workload"],
        "Whether a silence, an alert, a time interval or its group keeps the newest decision from being carried out.";
    DRIFTED: "headroom_workload_drifted", Gauge, Flag, ["workload"],
        "Whether somebody else changed the count that was set last.";
    STARTUP: "headroom_workload_startup_seconds", Gauge, Seconds, ["workload"],
        "How long pods take to become ready: the 90 % quantile of what was seen; absent before the first.";
    COST_RATE: "headroom_workload_cost_per_hour", Gauge, Number, ["workload"],
        "Money per hour at the present count; absent without a price.";
    COST_SPENT: "headroom_workload_cost_spent", Gauge, Number, ["workload"],
        "Money spent in the budget's period, or this month where there is no budget.";
    COST_BUDGET: "headroom_workload_cost_budget", Gauge, Number, ["workload"],
        "Money that may be spent in the budget's period; absent without a budget.";
    SHADOW_REPLICAS: "headroom_workload_shadow_replicas", Gauge, Number, ["workload", "shadow"],
        "Replicas that a shadow rule, or another scaler that the rule compares itself with, would ask for.";
    SHADOW_COST: "headroom_workload_shadow_replica_seconds", Gauge, Seconds, ["workload", "shadow", "side"],
        "Replicas times seconds since the comparison began: what the shadow would have paid for, and what was live.";
    SHADOW_MISSED: "headroom_workload_shadow_missed_replica_seconds", Gauge, Seconds, ["workload", "shadow", "side"],
        "Demand that the shadow's, and the live, ready replicas could not take, in replicas times seconds.";
    SHADOW_DEMAND: "headroom_workload_shadow_demand_replica_seconds", Gauge, Seconds, ["workload", "shadow"],
        "All demand since the comparison began, in replicas that are planned for it times seconds.";
    GROUP_MEMBERS: "headroom_group_workloads", Gauge, Number, ["group"],
        "Workloads in a group that shares limits.";
    GROUP_COST_RATE: "headroom_group_cost_per_hour", Gauge, Number, ["group"],
        "Money per hour at the present counts of a group's workloads.";
    GROUP_COST_SPENT: "headroom_group_cost_spent", Gauge, Number, ["group"],
        "Money that a group spent in its budget's period, or this month where it has no budget.";
    GROUP_COST_BUDGET: "headroom_group_cost_budget", Gauge, Number, ["group"],
        "Money that a group may spend in its budget's period; absent without a budget.";

    // The door.
    CONNECTIONS: "headroom_http_connections", Gauge, Number, [],
        "Open connections.";
    CONNECTIONS_LIMIT: "headroom_http_connections_limit", Gauge, Number, [],
        "Connections that may be open; further ones are answered 503 and closed.";
    CONNECTIONS_REFUSED: "headroom_http_connections_refused_total", Counter, Number, ["reason"],
        "Connections that were closed unheard: over the limit of all, or of their address.";
    HANDSHAKE_FAILURES: "headroom_http_tls_handshake_failures_total", Counter, Number, ["reason"],
        "TLS handshakes that came to nothing: too slow, plain HTTP instead, or failed, as with a certificate that can't be verified.";
    REQUESTS_REFUSED: "headroom_http_requests_refused_total", Counter, Number, ["reason"],
        "Requests that were answered before their body was read: wrong credentials (401), no right certificate (403), too many passwords to verify (503).";
    CERTIFICATES_RELOADED: "headroom_http_certificates_last_reload_successful", Gauge, Flag, [],
        "Whether the endpoint's certificates, keys and tokens are those in its files; where the files can't be used, the former ones stay in force.";
    HANDLER_PANICS: "headroom_http_handler_panics_total", Counter, Number, [],
        "Requests that ended in a panic and were answered 500; each is a bug.";
    STREAM_CLIENTS: "headroom_http_stream_clients", Gauge, Number, [],
        "Clients that listen to the event stream.";
    STREAM_DROPPED: "headroom_http_stream_clients_dropped_total", Counter, Number, [],
        "Clients of the event stream that were dropped because they read too slowly.";

    // The process.
    BUILD_INFO: "headroom_build_info", Gauge, Flag, ["version"],
        "Always 1: the version that runs.";
    PROCESS_CPU: "process_cpu_seconds_total", Counter, Seconds, [],
        "User and system CPU time spent.";
    PROCESS_MEMORY: "process_resident_memory_bytes", Gauge, Bytes, [],
        "Memory resident in RAM.";
    PROCESS_START: "process_start_time_seconds", Gauge, Time, [],
        "When the process started.";
    PROCESS_FILES: "process_open_fds", Gauge, Number, [],
        "Open file descriptors.";
}
