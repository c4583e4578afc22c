//! The door for HTTP: the endpoints that take samples, the APIs, the page and `/metrics`.
//!
//! In: connections and, from `app`, a [`Context`]. Out: bodies for `ingest`, answers for people and programs.
//! Never here: policy, or a limit that is checked after the memory is spent. A handler that panics costs one answer.
//!
//! The way of a request: [`serve`] takes the connection, `connection` makes TLS of it, [`Gate`] lets the request in before its
//! body is read, `router` finds the handler, `write` and the others answer.

mod admission;
mod alertmanager;
mod anomalies;
mod api;
mod ask;
mod complaints;
mod connection;
mod context;
mod decisions;
mod explain;
mod files;
mod forecasts;
mod gate;
mod history;
mod metadata;
mod metrics;
mod otlp;
mod page;
mod params;
mod passwords;
mod patience;
mod patterns;
mod peers;
mod probes;
mod process;
mod query;
mod rates;
mod read;
mod reply;
mod router;
mod scale;
mod senders;
mod server;
mod stream;
mod tls;
mod write;

#[cfg(test)]
mod tests;

pub use context::{Ask, Context, DecisionsFn, Limits, QueryError, QueryFn, Reload, RoutingView};
pub use files::FileError;
pub use gate::{Gate, GateError, Prepared};
pub use server::serve;
pub use tls::TlsError;
