//! Alertmanager from both sides: real ones are told by us, and their real tool asks us what it asks them.

mod amtool;
mod conformance;
mod door;
mod sending;
