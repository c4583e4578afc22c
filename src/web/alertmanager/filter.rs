//! What lists are narrowed by: `filter=`, `receiver=` and the yes-or-no parameters.

use regex::Regex;

use super::super::params::Params;
use super::refusal::Refusal;
use crate::dispatch::{Alert, AlertState, AlertStatus};
use crate::labels::{MatchOp, Matcher, MatcherError};
use crate::time::Timestamp;

/// The matchers of every `filter=`.
pub(super) fn matchers(params: &Params) -> Result<Vec<Matcher>, Refusal> {
    let parse = |text: &str| parse_matcher(text).map_err(|error| Refusal::Bad(error.to_string()));
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

/// Why a text is no matcher.
#[derive(Debug, thiserror::Error)]
enum FilterError {
    #[error("bad matcher format: {0}; write it as in tier=\"web\"")]
    Form(String),
    #[error(transparent)]
    Matcher(#[from] MatcherError),
}

/// Reads `tier=web`, `tier!="web"`, `"tier" =~ "w.*"`: quotes may stand around the name and the value.
///
/// Here until `dispatch`, whose routes are written in the same form, reads matchers for all.
fn parse_matcher(text: &str) -> Result<Matcher, FilterError> {
    const OPERATORS: [(&str, MatchOp); 4] =
        [("=~", MatchOp::Regex), ("!~", MatchOp::NotRegex), ("!=", MatchOp::NotEqual), ("=", MatchOp::Equal)];
    let form = || FilterError::Form(text.to_owned());
    let (name, rest) = word(text.trim(), |sign| matches!(sign, '=' | '!')).ok_or_else(form)?;
    let rest = rest.trim_start();
    let found = OPERATORS.iter().find_map(|(sign, op)| Some((*op, rest.strip_prefix(sign)?)));
    let (op, rest) = found.ok_or_else(form)?;
    let (value, rest) = word(rest.trim(), |_| false).ok_or_else(form)?;
    if name.is_empty() || !rest.is_empty() {
        return Err(form());
    }
    Ok(Matcher::new(name, op, value)?)
}

/// A quoted text, or what stands before an `end`; and what follows. `None` where a quote isn't closed.
fn word(text: &str, end: impl Fn(char) -> bool) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (word, rest) = text.split_at(text.find(end).unwrap_or(text.len()));
        return (!word.contains('"')).then(|| (word.trim_end().to_owned(), rest));
    };
    let (mut word, mut signs) = (String::new(), quoted.char_indices());
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return Some((word, quoted.get(at + 1..)?)),
            '\\' => match signs.next()?.1 {
                'n' => word.push('\n'),
                escaped @ ('"' | '\\') => word.push(escaped),
                other => word.extend(['\\', other]),
            },
            _ => word.push(sign),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let got = parse_matcher(text).map_or_else(|error| error.to_string(), |matcher| matcher.to_string());
        assert_eq!(got, want);
    }

    #[test]
    fn matchers_are_read_as_people_write_them() {
        check("tier=web", r#"tier="web""#);
        check(r#" tier != "a b" "#, r#"tier!="a b""#);
        check(r#""tier"=~"w.*|=""#, r#"tier=~"w.*|=""#);
        check("tier!~w.*", r#"tier!~"w.*""#);
        check("tier=", r#"tier="""#);
        check(r#"a="\"x\" \\ \d""#, r#"a="\"x\" \\ \\d""#);
        for text in ["", "tier", "=web", "!tier=web", r#"tier="web"#, r#"tier="a"b"#, r#"tier=a"b""#] {
            check(text, &format!("bad matcher format: {text}; write it as in tier=\"web\""));
        }
        assert!(matches!(parse_matcher("tier=~("), Err(FilterError::Matcher(_))));
    }
}
