//! The log: lines of text for people or of JSON for machines, on standard error.

use std::io::IsTerminal as _;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How a log line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

impl FromStr for LogFormat {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(LogError::Format(text.to_owned())),
        }
    }
}

/// Why the log can't be set up as asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("unknown log format \"{0}\"; known: text, json")]
    Format(String),
    #[error(
        "log filter \"{filter}\" can't be read; write a level as in \"info\", or a level for each part as in \"info,headroom::web=debug\""
    )]
    Filter { filter: String, source: tracing_subscriber::filter::ParseError },
    #[error("the log has been set up before in this process")]
    Twice(#[source] tracing_subscriber::util::TryInitError),
}

/// Sets up the log of the process. `filter` is a level (`info`), or one for each module (`warn,headroom::engine=debug`).
pub fn init(format: LogFormat, filter: &str) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(filter).map_err(|source| LogError::Filter { filter: filter.to_owned(), source })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    match format {
        LogFormat::Text => lines.finish().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
    }
    .map_err(LogError::Twice)
}
