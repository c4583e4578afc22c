//! What the receiver takes of memory, seen from outside.

mod allocation;
