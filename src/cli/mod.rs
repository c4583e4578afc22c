//! TODO
pub mod demo;
