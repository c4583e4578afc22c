//! What lists are narrowed by: `filter=`, `receiver=` and the yes-or-no parameters.

use regex::Regex;

use super::super::params::Params;
use super::refusal::Refusal;
use crate::dispatch::{Alert, AlertState, AlertStatus};
use crate::labels::Matcher;
use crate::time::Timestamp;

/// The matchers of every `filter=`.
pub(super) fn matchers(params: &Params) -> Result<Vec<Matcher>, Refusal> {
    let parse = |text: &str| parse_matcher(text).map_err(|error| Refusal::Bad(error.to_string()));
    params.all("filter").map(parse).collect()
}

/// Which alerts are shown.
#[derive(Debug)]
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

    /// Whether a receiver of this name is asked for.
    pub(super) fn wants_receiver(&self, name: &str) -> bool {
        self.receiver.as_ref().is_none_or(|pattern| pattern.is_match(name))
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

/// PROVISIONAL until dispatch has it.
fn parse_matcher(text: &str) -> Result<Matcher, String> {
    use crate::labels::MatchOp;
    let at = text.find(['=', '!']).ok_or_else(|| format!("bad matcher format: {text}"))?;
    let (name, rest) = text.split_at(at);
    let ops = [("=~", MatchOp::Regex), ("!~", MatchOp::NotRegex), ("!=", MatchOp::NotEqual), ("=", MatchOp::Equal)];
    let found = ops.iter().find_map(|(sign, op)| Some((*op, rest.strip_prefix(sign)?)));
    let (op, value) = found.ok_or_else(|| format!("bad matcher format: {text}"))?;
    let value = value.trim();
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    Matcher::new(name.trim(), op, value).map_err(|error| error.to_string())
}
