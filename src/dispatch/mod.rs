//! Decisions → actions, and what came of them: the words that the loop and the world exchange.
//!
//! In: decisions that change something, and alerts. Out: [`Action`]s for an actuator and [`Notification`]s for people;
//! back come [`Outcome`]s and [`Observation`]s.

mod action;
mod alert;
pub mod matchers;
mod notification;
mod resend;
mod silence;

pub use action::{Action, Observation, Outcome, Status};
pub use alert::{Alert, AlertGroup, AlertState, AlertStatus};
pub use matchers::{MatcherSyntax, parse_matcher, parse_matchers};
pub use notification::{Notification, Notified};
pub use resend::{RESOLVED_RETENTION, is_due, valid_until};
pub use silence::{Silence, SilenceState};

pub use crate::workload::Trouble;
