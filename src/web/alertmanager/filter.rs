//! What lists are narrowed by: `filter=`, `receiver=` and the yes-or-no parameters.

use regex::Regex;

use super::super::params::Params;
use super::refusal::Refusal;
use crate::dispatch::{Alert, AlertState, AlertStatus, parse_matcher};
use crate::labels::Matcher;
use crate::time::Timestamp;

/// The matchers of every `filter=`.
pub(super) fn matchers(params: &Params) -> Result<Vec<Matcher>, Refusal> {
    let parse = |text: &str| {
        parse_matcher(text).map_err(|error| Refusal::Bad(format!("bad matcher format: {text:?}: {error}")))
    };
    params.all("filter").map(parse).collect()
}

/// Which alerts are shown.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a parameter of the API")]
pub(super) struct AlertFilter {
    matchers: Vec<Matcher>,
    receiver: Option<Regex>,
    active: bool,
    silenced: bool,
    inhibited: bool,
    /// Only of groups: those that a time interval mutes.
    pub(super) muted: bool,
}

impl AlertFilter {
    /// `unprocessed` is taken and changes nothing, as in Alertmanager, where no alert is in that state once it is seen.
    pub(super) fn read(params: &Params) -> Result<Self, Refusal> {
        let receiver = params.get("receiver").filter(|pattern| !pattern.is_empty()).map(receiver).transpose()?;
        let flag = |name| params.get(name).filter(|value| !value.is_empty()).is_none_or(yes);
        Ok(Self {
            matchers: matchers(params)?,
            receiver,
            active: flag("active"),
            silenced: flag("silenced"),
            inhibited: flag("inhibited"),
            muted: flag("muted"),
        })
    }

    /// Whether one of these receivers is asked for. Where none is, an alert that nobody receives is shown too.
    pub(super) fn wants_receiver(&self, names: &[String]) -> bool {
        self.receiver.as_ref().is_none_or(|pattern| names.iter().any(|name| pattern.is_match(name)))
    }

    /// Whether an alert is shown, whoever receives it. One that has ended is not.
    pub(super) fn wants(&self, alert: &Alert, status: &AlertStatus, now: Timestamp) -> bool {
        alert.ends_at >= now
            && (self.active || status.state != AlertState::Active)
            && (self.silenced || status.silenced_by.is_empty())
            && (self.inhibited || status.inhibited_by.is_empty())
            && self.matchers.iter().all(|matcher| matcher.matches(&alert.labels))
    }
}

/// A pattern that a whole name must match.
fn receiver(pattern: &str) -> Result<Regex, Refusal> {
    // Parsed alone first, so that `a)(b` doesn't pass once it stands in the group.
    let compiled = Regex::new(pattern).and_then(|_| Regex::new(&format!("^(?:{pattern})$")));
    compiled.map_err(|error| Refusal::Bad(format!("failed to parse receiver param: {error}")))
}

/// What go-openapi takes for true; everything else is false.
fn yes(text: &str) -> bool {
    const WORDS: [&str; 10] = ["true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"];
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}
