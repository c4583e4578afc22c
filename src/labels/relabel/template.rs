//! Texts with `$1` and `${name}` in them, expanded as Go's `regexp` does.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::labels::Pattern;

/// A text in which groups of a pattern are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// What the group of this number caught.
    Group(usize),
}

/// `$$`, `$1`, `$name` (as long as it goes) or `${name}`. Any other `$` stands for itself.
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    let name = r"[\p{L}\p{Nd}_]+";
    Regex::new(&format!(r"\$(?:\$|\{{({name})\}}|({name}))")).expect("the pattern is one")
});

impl Template {
    /// Reads `text`. A group that `pattern` doesn't have is empty, as in Go.
    pub fn new(text: impl Into<String>, pattern: &Pattern) -> Self {
        let text = text.into();
        let mut parts = Vec::new();
        let mut end = 0;
        for found in VARIABLE.captures_iter(&text) {
            let Some(whole) = found.get(0) else { continue };
            parts.push(Part::Text(text.get(end..whole.start()).unwrap_or_default().to_owned()));
            end = whole.end();
            match found.get(1).or_else(|| found.get(2)) {
                Some(name) => parts.extend(group(name.as_str(), pattern.regex()).map(Part::Group)),
                None => parts.push(Part::Text("$".to_owned())),
            }
        }
        parts.push(Part::Text(text.get(end..).unwrap_or_default().to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        Self { text, parts }
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text where it is the same whatever a pattern catches.
    #[must_use]
    pub fn constant(&self) -> Option<String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Group(_) => return None,
            }
        }
        Some(text)
    }

    pub(super) fn expand(&self, caught: &Captures<'_>) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Group(number) => text.push_str(caught.get(*number).map_or("", |group| group.as_str())),
            }
        }
        text
    }
}

/// The number of a group that is named by its number or by its name.
fn group(name: &str, regex: &Regex) -> Option<usize> {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    if is_number {
        return name.parse().ok().filter(|number| *number < regex.captures_len());
    }
    regex.capture_names().position(|own| own == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &str, want: &str) {
        let pattern = Pattern::new("(a)(?P<second>b)?(?<third>c)").unwrap();
        let caught = pattern.regex().captures("ac").unwrap();
        let template = Template::new(template, &pattern);
        assert_eq!(template.expand(&caught), want, "{template:?}");
    }

    #[test]
    fn groups_are_named_by_number_and_name() {
        check("$1-${1}-$third-${third}", "a-a-c-c");
        check("$0", "ac");
        check("$2|${second}", "|");
        check("", "");
    }

    #[test]
    fn a_name_goes_as_far_as_it_can() {
        check("$1x", "");
        check("${1}x", "ax");
        check("$1é", "");
        check("$1-x", "a-x");
        check("$third_x", "");
    }

    #[test]
    fn what_names_no_group_is_empty_or_stands_for_itself() {
        check("$9", "");
        check("$01", "");
        check("$99999999999999999999", "");
        check("${nobody}", "");
        check("$$1", "$1");
        check("$", "$");
        check("${", "${");
        check("${}", "${}");
        check("${1", "${1");
        check("${1-2}", "${1-2}");
        check("$-$1", "$-a");
    }

    #[test]
    fn a_text_without_groups_is_constant() {
        let pattern = Pattern::new("(.*)").unwrap();
        assert_eq!(Template::new("a$$b", &pattern).constant().as_deref(), Some("a$b"));
        assert_eq!(Template::new("a$9", &pattern).constant().as_deref(), Some("a"));
        assert_eq!(Template::new("a$1", &pattern).constant(), None);
    }
}
