//! The handles of each room, and the closed sets of label values that they count by.

use super::handles::{Counter, Counters, Gauge, label_values};

label_values! {
    /// What became of a request that brings samples.
    RequestOutcome {
        /// 204, or 200 for OpenTelemetry.
        Accepted => "accepted",
        /// 400: something in it can never be accepted.
        Invalid => "invalid",
        /// 415: a type or an encoding that we don't speak.
        Unsupported => "unsupported",
        /// 413.
        TooLarge => "too_large",
        /// 503: the body came too slowly.
        Slow => "slow",
        /// The connection broke before the body's end.
        CutShort => "cut_short",
        /// 429 or 503: no room, or shutting down.
        Overloaded => "overloaded",
        /// Any other 5xx.
        Failed => "failed",
    }
}

label_values! {
    /// What a body is written in.
    Message {
        /// Remote write 1.0.
        V1 => "remote_write_1.0",
        /// Remote write 2.0.
        V2 => "remote_write_2.0",
        /// OpenTelemetry's metrics protocol.
        Otlp => "otlp",
    }
}

label_values! {
    /// Why an accepted sample was not kept.
    NotKept {
        /// No rule reads its series.
        Unread => "unread",
        /// The settings' relabelling drops its series.
        Dropped => "dropped",
        /// The same time and value were there already.
        Duplicate => "duplicate",
        /// Older than its window reaches.
        Old => "old",
        /// Another replica of its sender is listened to.
        Replica => "replica",
    }
}

label_values! {
    /// Why a sample was refused.
    RejectedSample {
        /// A label that is malformed, missing or too long.
        Labels => "labels",
        /// The same time was there with another value.
        DuplicateTimestamp => "duplicate_timestamp",
        /// Its time is too far ahead of ours.
        Future => "future",
        /// No room for another series, or another pair of replicas.
        SeriesLimit => "series_limit",
        /// Older than any rule looks back, where the settings make that an error.
        Old => "old",
        /// A native histogram that is not sound.
        Histogram => "histogram",
        /// An OpenTelemetry metric that counts since its last report, or does not say since when.
        Temporality => "temporality",
    }
}

label_values! {
    /// What a sender did that it must not do, and that did no harm.
    Violation {
        /// Labels that are not sorted by name, in a series seen for the first time.
        UnsortedLabels => "unsorted_labels",
        /// A table of symbols that does not begin with the empty one.
        FirstSymbol => "first_symbol",
    }
}

label_values! {
    /// Why a kept sample is not in the recording.
    NotRecorded {
        /// The writer did not keep up.
        QueueFull => "queue_full",
        /// The disk did not take it.
        WriteFailed => "write_failed",
    }
}

label_values! {
    /// What a question about the past came to.
    WarmStartResult {
        Answered => "answered",
        /// There was no series.
        Empty => "empty",
        Failed => "failed",
    }
}

label_values! {
    /// Where a decision moved a workload.
    Direction {
        Up => "up",
        Down => "down",
        None => "none",
    }
}

label_values! {
    /// What an attempt to scale came to.
    ActionResult {
        Done => "done",
        Simulated => "simulated",
        Conflict => "conflict",
        Failed => "failed",
        Refused => "refused",
    }
}

/// Counts what comes in.
#[derive(Debug, Clone, Default)]
pub struct IngestMetrics {
    pub requests: Counters<RequestOutcome>,
    /// Those whose body was read.
    pub messages: Counters<Message>,
    /// As sent, compressed.
    pub bytes: Counter,
    pub accepted: Counter,
    pub kept: Counter,
    pub not_kept: Counters<NotKept>,
    pub rejected: Counters<RejectedSample>,
    /// Native histograms.
    pub histograms: Counter,
    pub histograms_rejected: Counter,
    pub exemplars: Counter,
    pub exemplars_rejected: Counter,
    pub violations: Counters<Violation>,
    pub failovers: Counter,
    pub in_flight_bytes: Gauge,
    pub in_flight_bytes_limit: Gauge,
}

/// Counts what is kept.
#[derive(Debug, Clone, Default)]
pub struct SeriesMetrics {
    pub kept: Gauge,
    pub created: Counter,
    pub evicted: Counter,
    pub unread: Gauge,
    pub window_bytes: Gauge,
    pub window_bytes_limit: Gauge,
    pub index_bytes: Gauge,
}

/// Tells of the rules in force.
#[derive(Debug, Clone, Default)]
pub struct RuleMetrics {
    pub loaded: Gauge,
    /// 1 or 0.
    pub reload_successful: Gauge,
    /// Seconds since the Unix epoch.
    pub reload_success_at: Gauge,
}

/// Counts the loop's work.
#[derive(Debug, Clone, Default)]
pub struct EngineMetrics {
    pub evaluations: Counter,
    pub failures: Counter,
    pub missed: Counter,
    pub decisions: Counters<Direction>,
}

/// Counts what is learned of the time before.
#[derive(Debug, Clone, Default)]
pub struct WarmStartMetrics {
    pub pending: Gauge,
    pub questions: Counters<WarmStartResult>,
    pub samples: Counter,
    pub histories: Counter,
}

/// Counts what is done.
#[derive(Debug, Clone, Default)]
pub struct ActuateMetrics {
    pub actions: Counters<ActionResult>,
}

/// Counts what is written down.
#[derive(Debug, Clone, Default)]
pub struct JournalMetrics {
    /// Transactions.
    pub writes: Counter,
    /// Failures to open, write or read.
    pub errors: Counter,
    /// Rows that could not be read.
    pub unreadable: Counter,
    pub pruned: Counter,
    pub entries: Gauge,
    /// Of the file.
    pub bytes: Gauge,
    pub bytes_limit: Gauge,
}

/// Counts what is recorded.
#[derive(Debug, Clone, Default)]
pub struct RecordingMetrics {
    pub samples: Counter,
    pub dropped: Counters<NotRecorded>,
    /// Of its files.
    pub bytes: Gauge,
    pub bytes_limit: Gauge,
}

label_values! {
    /// Why a connection was closed unheard.
    ConnectionRefused {
        /// As many as there may be are open.
        Limit => "limit",
        /// As many as one address may have are open.
        PeerLimit => "peer_limit",
    }
}

label_values! {
    /// Why there is no TLS on a connection.
    HandshakeFailure {
        /// It took too long.
        Slow => "slow",
        /// The client began with something else, plain HTTP as a rule.
        Plain => "plain",
        /// No version in common, a certificate that can't be verified, nonsense.
        Failed => "failed",
    }
}

label_values! {
    /// Why a request was not let in.
    RequestRefused {
        /// None, or wrong ones.
        Credentials => "credentials",
        /// None, or not an allowed one.
        Certificate => "certificate",
        /// Too many passwords are being verified.
        Busy => "busy",
    }
}

/// Counts what happens at the door.
#[derive(Debug, Clone, Default)]
pub struct WebMetrics {
    pub connections: Gauge,
    pub connections_limit: Gauge,
    pub connections_refused: Counters<ConnectionRefused>,
    pub handshake_failures: Counters<HandshakeFailure>,
    pub requests_refused: Counters<RequestRefused>,
    /// 1 while the files in force are those on disk.
    pub certificates_reloaded: Gauge,
    pub panics: Counter,
    pub stream_clients: Gauge,
    pub stream_dropped: Counter,
}
