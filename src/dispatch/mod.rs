//! Decisions and alerts → what is done, and who is told: routed, grouped, silenced, inhibited.
//!
//! In: decisions that change something ([`Wish`]), alerts, silences, and the time. Out: [`Release`]s, which become
//! [`Action`]s for an actuator, and [`Notification`]s for people; back come [`Outcome`]s and [`Observation`]s.
//!
//! [`Routing`] is the settings made ready: the route tree, receivers, inhibit rules and time intervals. [`Dispatcher`]
//! holds each wish until it may be carried out, and says why not ([`Muted`]). [`Alerts`] holds alerts, lets them inhibit
//! and groups them into messages. [`Silences`] are what people ask to hear and see nothing of. All of it follows
//! Alertmanager; where scaling needs something else, the file says so.
//!
//! Never here: a clock, I/O, randomness. All state is plain, and what must survive a restart can be stored.

mod action;
mod alert;
mod alerts;
mod dispatcher;
mod inhibitor;
mod interval;
pub mod matchers;
mod muted;
mod notification;
mod resend;
mod routing;
mod silence;
mod silences;
mod written;

#[cfg(test)]
mod tests;

pub use crate::config::Receiver;
pub use action::{Action, Observation, Outcome, Status};
pub use alert::{Alert, AlertGroup, AlertState, AlertStatus};
pub use alerts::{Alerts, AlertsFull, StoredNotice, Told};
pub use dispatcher::{Dispatcher, Drift, End, Release, SetCount, StoredDispatch, StoredFlush, Wish};
pub use interval::NamedInterval;
pub use matchers::{MatcherSyntax, parse_matcher, parse_matchers};
pub use muted::Muted;
pub use notification::{Notification, Notified};
pub use resend::{RESOLVED_RETENTION, is_due, valid_until};
pub use routing::{Route, Routing, Waits, shown};
pub use silence::{Silence, SilenceState};
pub use silences::{SILENCE_RETENTION, SilenceChange, SilenceError, Silences, mutes_everything};

pub use crate::workload::Trouble;
