//! Who gets how much, and what a budget affords.

#![allow(clippy::needless_pass_by_value, reason = "expectations are made where they are checked")]

mod divide;
mod spend;
