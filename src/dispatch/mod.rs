//! Decisions → actions, and alerts → messages: routed, grouped, inhibited and silenced as Alertmanager does it.
//!
//! In: what workloads are to become ([`Wish`]), and alerts. Out: which of them may be carried out now
//! ([`Dispatcher::release`]) and what keeps the others ([`Muted`]), messages for receivers ([`Notification`]), and the
//! words that the loop and the world exchange: [`Action`], [`Outcome`], [`Observation`].
//!
//! Never here: a clock, a queue of a door, how anything is sent or scaled.

mod action;
mod alert;
mod alerts;
mod dispatcher;
mod inhibit;
mod matchers;
mod muted;
mod notification;
mod resend;
mod route;
mod silence;
mod silences;
#[cfg(test)]
mod tests;

pub use action::{Action, Observation, Outcome, Status};
pub use alert::{Alert, AlertGroup, AlertState, AlertStatus};
pub use alerts::Alerts;
pub use dispatcher::{Dispatcher, Wish};
pub use inhibit::Inhibited;
pub use matchers::{MatcherSyntax, parse_matcher, parse_matchers};
pub use muted::Muted;
pub use notification::{Notification, Notified};
pub use resend::{RESOLVED_RETENTION, is_due, valid_until};
pub use route::{GroupBy, Receiver, Route, Routing};
pub use silence::{Silence, SilenceState};
pub use silences::{SilenceError, Silences};

pub use crate::workload::Trouble;
