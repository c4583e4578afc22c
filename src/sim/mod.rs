//! A cluster in memory, the traffic that hits it, and the agent that reports it by remote write.
//!
//! In: the time, replayed load, and [`Action`](crate::actuate::Action)s. Out: observations of replicas and pods,
//! and write requests like those that a Prometheus beside a real cluster would send.
//! Never here: randomness, or a clock other than [`VirtualClock`], so that a run can be repeated exactly.

mod actuator;
mod clock;
mod cluster;
mod deployment;
mod replay;
mod requests;
pub mod ruletest;
mod scenario;
mod scrape;
mod sender;
pub mod simulate;
#[cfg(test)]
mod tests;
mod trace;

pub use actuator::SimActuator;
pub use clock::VirtualClock;
pub use cluster::{Cluster, ScaleError};
pub use deployment::{Pods, Spec, Totals};
pub use replay::{Pace, Replay};
pub use requests::Requests;
pub use scenario::{Load, Mark, Scenario, ScenarioError};
pub use scrape::Scraper;
pub use sender::{SendError, Sender, Sent};
pub use trace::{Trace, TraceError};
