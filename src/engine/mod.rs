//! The loop: events → effects. All state of the loop lives here, and nothing here reads a clock or opens anything.

mod view;

pub use view::{Entry, MetricView, RuleHealth, View, WorkloadView};
