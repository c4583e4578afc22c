//! One binary for all tests that see the crate from outside; a folder for each topic.

mod loom_ring;
