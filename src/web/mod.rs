//! The door for HTTP: the write endpoint, the APIs, the page and `/metrics`.
//!
//! In: connections and, from `app`, a [`Context`]. Out: bodies for `ingest`, answers for people and programs.
//! Never here: policy, or a limit that is checked after the memory is spent. A handler that panics costs one answer.
//!
//! The way of a request: [`serve`] takes the connection, `router` finds the handler, `write` and the others answer.

mod admission;
mod alertmanager;
mod anomalies;
mod api;
mod ask;
mod context;
mod decisions;
mod explain;
mod forecasts;
mod history;
mod metrics;
mod page;
mod params;
mod patience;
mod patterns;
mod probes;
mod process;
mod query;
mod read;
mod reply;
mod router;
mod scale;
mod server;
mod stream;
mod write;

#[cfg(test)]
mod tests;

pub use context::{Ask, Context, DecisionsFn, Limits, QueryError, QueryFn, Reload, RoutingView};
pub use server::serve;
