//! Remote-write and OpenTelemetry bytes → samples.
//!
//! In: headers and a body, straight from the wire. Out: samples in the windows of `series`, and what became of them.
//! Never here: a message object, an allocation for a known series, memory spent before a limit is checked,
//! a sample stored from a request that turns out to be broken further on.
//!
//! A body is unpacked into a buffer of the receiver's own and walked once, by [`v1`] or [`v2`]. Both recognise a series by a
//! hash over its labels, mostly by the guess that it is the one that came next the last time; [`request`] gathers where the
//! samples go, and writes them once all has proved sound. `benches/ingest.rs` guards the way. [`otlp`] makes such series of
//! OpenTelemetry's metrics.

mod histogram;
mod key;
mod metadata;
mod negotiate;
mod otlp;
mod parts;
mod receiver;
mod rejected;
mod replicas;
mod request;
mod spelled;
mod symbols;
#[cfg(test)]
mod tests;
mod unpack;
mod v1;
mod v2;
mod wire;

pub use metadata::{Family, Metadata};
pub use negotiate::Protocol;
pub use otlp::Encoding;
pub use receiver::{Limits, Outcome, Received, Receiver, Written};
pub use rejected::{Fault, Item, Malformed, Partial, Rejected};
pub use replicas::Pairs;
