//! Remote-write bytes → samples.
//!
//! In: headers and a body, straight from the wire. Out: samples in the windows of `series`, and what became of them.
//! Never here: a message object, an allocation for a known series, memory spent before a limit is checked,
//! a sample stored from a request that turns out to be broken further on.
//!
//! A body is unpacked into a buffer of the receiver's own, walked once ([`decode`]), each series looked up by a hash
//! over its label bytes, and only then are the samples written. `benches/ingest.rs` guards the way.

mod decode;
mod negotiate;
mod receiver;
mod rejected;
mod series_labels;
#[cfg(test)]
mod tests;
mod unpack;
mod wire;

pub use receiver::{Limits, Received, Receiver};
pub use rejected::{Malformed, Partial, Rejected, SampleFault};
