//! The receiver from outside: what it takes of memory, and what the specifications of remote write ask of it.

mod acceptance;
mod allocation;
