//! The log of what was turned away: a line for each reason in half a minute, so that a flood of requests is none of lines.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::header::{HeaderMap, HeaderValue, USER_AGENT};
use tokio::time::Instant;
use tracing::warn;

/// How long a reason stays untold once it was told. Prometheus tries again every 30 ms to 5 s.
const QUIET: Duration = Duration::from_secs(30);
/// Characters of an error, and of the sender's name for itself, that a line shows.
const ERROR_MAX: usize = 300;
const AGENT_MAX: usize = 100;

/// What was told of each reason.
#[derive(Debug, Default)]
pub(super) struct Complaints(Mutex<HashMap<&'static str, Told>>);

#[derive(Debug)]
struct Told {
    at: Instant,
    /// Requests that were turned away since.
    untold: u64,
}

impl Complaints {
    /// Tells of a request that was turned away for a reason, which is one of few, where it was not told just before.
    pub(super) fn tell(&self, reason: &'static str, error: &str, sender: IpAddr, headers: &HeaderMap) {
        if let Some(untold) = self.note(reason, Instant::now()) {
            let agent = headers.get(USER_AGENT).map_or(&[][..], HeaderValue::as_bytes);
            let agent = shown(&String::from_utf8_lossy(agent), AGENT_MAX);
            let error = shown(error, ERROR_MAX);
            warn!(reason, %sender, agent, untold_before = untold, "a request was turned away: {error}");
        }
    }

    /// How many were left untold before this one; `None` where it is to be left untold itself.
    fn note(&self, reason: &'static str, now: Instant) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match told.get_mut(reason) {
            Some(told) if now.saturating_duration_since(told.at) < QUIET => {
                told.untold += 1;
                None
            }
            Some(told) => Some(std::mem::replace(told, Told { at: now, untold: 0 }).untold),
            None => {
                told.insert(reason, Told { at: now, untold: 0 });
                Some(0)
            }
        }
    }
}

/// The beginning of a text, on one line: senders choose parts of it.
fn shown(text: &str, max: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_once_in_an_interval_and_then_with_what_was_left_untold() {
        let (complaints, start) = (Complaints::default(), Instant::now());
        assert_eq!(complaints.note("invalid", start), Some(0));
        assert_eq!(complaints.note("slow", start), Some(0), "another reason");
        for _ in 0..1_000 {
            assert_eq!(complaints.note("invalid", start + QUIET / 2), None);
        }
        assert_eq!(complaints.note("invalid", start + QUIET), Some(1_000));
        assert_eq!(complaints.note("invalid", start + QUIET), None);
        assert_eq!(complaints.note("invalid", start + QUIET * 2), Some(1));
    }

    #[test]
    fn what_a_sender_chose_stays_on_one_line() {
        assert_eq!(shown("a\n2026 fake\x1b[31m line", 12), "a 2026 fake ");
    }
}
