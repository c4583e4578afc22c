//! YAML as written: shapes, defaults, places, findings.
//!
//! In: the text of `headroom.yaml` or of a rule file. Out: [`Settings`] or a [`RuleFile`], or every [`Finding`] of the
//! file at once, each with its place. Never here: a file that is opened, a meaning that needs another file or PromQL
//! (that is `rule::compile`'s), a panic on any text.
//!
//! `tree` makes a tree of the text that knows its places, `reader` walks it and collects findings, `scalar` knows how
//! values are written, and a file for each shape says which fields it has.

mod alert_rule;
mod behavior;
mod economy;
mod finding;
mod forecast;
mod quantity;
mod reader;
mod rule_file;
mod scalar;
mod scale_rule;
mod schedule;
mod settings;
mod suggest;
mod test_file;
#[cfg(test)]
mod tests;
mod time_interval;
mod tree;
mod written;

pub use alert_rule::{AlertRule, Templated};
pub use behavior::{Behavior, Direction, Policy, Select, Unit};
pub use economy::{Budget, Cost, Economy, Period, Requests};
pub use finding::{Finding, Findings, Place, Source, Span};
pub use forecast::Forecast;
pub use quantity::{Quantity, QuantityError};
pub use rule_file::{Group, Pair, RecordRule, Rule, RuleFile};
pub use scalar::At;
pub use scale_rule::{
    Asks, Bounds, Fallback, FallbackBehavior, Flaps, Metric, Mode, Objective, Pause, PerReplica, PodTarget, Rival,
    ScaleRule, Target,
};
#[cfg(test)]
pub(crate) use schedule::parse as parse_schedules;
pub use schedule::{Effect, Event, Schedule, When};
pub use settings::{
    Access, Alerting, Alertmanager, AllowedSan, ClientAuth, Conflicts, Credentials, Durability,
    Economy as SharedEconomy, Enabled, Evaluation, GroupBy, Guards, Ha, HttpServer, Ingest, InhibitRule, Journal, Keep,
    Kubernetes, LimitGroup, Log, LogFormat, LogLevel, NamedIntervals, Otlp, PasswordHash, Receiver, Recording, Route,
    Routing, Settings, SharedLimits, TlsServer, TlsVersion, TooOld, TranslationStrategy, Validate, WarmStart, Web,
    Webhook, WebhookAddress, Windows,
};

// Files of rule tests.
pub use test_file::{
    AlertExpectation, Beginning, Deed, ExpectedAlert, ExpectedSample, ExprExpectation, Happening, InputSeries, Muted,
    ScaleExpectation, Test, TestFile,
};
pub use time_interval::{DayTime, Span as TimeSpan, TimeInterval};

/// What a file is, told by its first level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    Settings,
    Rules,
    Tests,
    /// Prometheus's web configuration.
    Web,
}

impl FileKind {
    /// A file with `groups` at its top is a rule file, one with `tests` or `rule_files` tests them, one with
    /// `tls_server_config` and its kin is a web configuration; every other one is
    /// taken for settings.
    #[must_use]
    pub fn of(source: Source<'_>) -> Self {
        let root = tree::parse(source).ok();
        let has = |name: &str| match &root {
            Some(root) => root.has(name),
            // Its lines are all that broken YAML has.
            None => source.text.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'))),
        };
        if has("groups") {
            Self::Rules
        } else if has("tests") || has("rule_files") {
            Self::Tests
        } else if ["tls_server_config", "http_server_config", "basic_auth_users"].into_iter().any(has) {
            Self::Web
        } else {
            Self::Settings
        }
    }
}
