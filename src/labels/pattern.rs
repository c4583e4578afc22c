//! Regular expressions as Prometheus reads them: Go's syntax (RE2), and always the whole text.
//!
//! Go's syntax is nearly that of the `regex` crate. Where both take a text and mean different things by it, it is put
//! into the crate's words here: `\d` is `[0-9]` in Go and every script's digits in the crate, `[a&&b]` has no operator
//! in Go, `\<` is a plain sign there, `\Q…\E` a quotation, `\101` an octal number, and a `{` that opens no repetition
//! stands for itself.

use std::fmt::Write as _;

use regex::Regex;

use super::MatcherError;

/// A regular expression that has to match from a text's beginning to its end. A `.` is any character, a newline too.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    pub fn new(text: impl Into<String>) -> Result<Self, MatcherError> {
        let text = text.into();
        let inside = translated(&text);
        // Compiled alone first: `a)(b` would otherwise pass once it stands inside the anchoring group.
        match Regex::new(&inside).and_then(|_| Regex::new(&format!("^(?s:{inside})$"))) {
            Ok(regex) => Ok(Self { text, regex }),
            // The last line says what is wrong; those before draw the pattern again.
            Err(error) => {
                let shown = error.to_string();
                let reason = shown.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                Err(MatcherError { pattern: text, reason })
            }
        }
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The regular expression with its anchors, for what its groups catch.
    pub(super) fn regex(&self) -> &Regex {
        &self.regex
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

/// What Go means by `text`, in the words of the `regex` crate. What is wrong stays wrong: the crate says so.
fn translated(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let after = behind(rest, sign);
        rest = match sign {
            '\\' => escape(after, &mut out),
            '[' => class(after, &mut out),
            '{' => {
                let (counts, rest) = after.split_at(repetition(after));
                out.push_str(if counts.is_empty() { r"\{" } else { "{" });
                out.push_str(counts);
                rest
            }
            _ => {
                out.push(sign);
                after
            }
        };
    }
    out
}

/// What follows the sign that `text` begins with.
fn behind(text: &str, sign: char) -> &str {
    text.get(sign.len_utf8()..).unwrap_or_default()
}

/// The length of `2}`, `2,}` or `2,5}`, where a repetition goes on so behind its brace; else 0.
fn repetition(text: &str) -> usize {
    let Some((counts, _)) = text.split_once('}') else { return 0 };
    let count = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain && (digits == "0" || !digits.starts_with('0'))
    };
    let (least, most) = counts.split_once(',').unwrap_or((counts, ""));
    if count(least) && (most.is_empty() || count(most)) { counts.len() + 1 } else { 0 }
}

/// An escape outside of brackets, behind its backslash; gives what follows it.
fn escape<'t>(text: &'t str, out: &mut String) -> &'t str {
    match text.chars().next() {
        Some('Q') => {
            let quoted = behind(text, 'Q');
            let Some((literal, rest)) = quoted.split_once(r"\E") else {
                // It would quote the anchor too, which Prometheus refuses; `\Q` alone the crate refuses.
                out.push_str(r"\Q");
                return quoted;
            };
            out.push_str(&regex::escape(literal));
            rest
        }
        // Between ASCII letters and what is none, whatever stands around them.
        Some(sign @ ('b' | 'B')) => {
            out.push_str(if sign == 'b' { r"(?-u:\b)" } else { r"(?-u:\B)" });
            behind(text, sign)
        }
        Some(sign) => match perl_class(sign) {
            Some(class) => {
                out.push_str(class);
                behind(text, sign)
            }
            None => literal_escape(text, out),
        },
        None => {
            out.push('\\');
            text
        }
    }
}

/// `\d` and its kin, which know ASCII only.
fn perl_class(sign: char) -> Option<&'static str> {
    Some(match sign {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => r"[\t\n\f\r ]",
        'S' => r"[^\t\n\f\r ]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        _ => return None,
    })
}

/// An escape that stands for one sign (or for a class of Unicode), behind its backslash; gives what follows it.
fn literal_escape<'t>(text: &'t str, out: &mut String) -> &'t str {
    let Some(sign) = text.chars().next() else {
        out.push('\\');
        return text;
    };
    let after = behind(text, sign);
    let digits = text.bytes().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    match sign {
        // One digit alone would be a reference to a group, which Go has not.
        '0'..='7' if sign == '0' || digits > 1 => {
            let (number, rest) = text.split_at(digits);
            let code = u32::from_str_radix(number, 8).unwrap_or_default();
            // Writing to a String can't fail.
            let _ = write!(out, "\\x{{{code:x}}}");
            rest
        }
        // A code point or a class by its name, in braces or without.
        'x' | 'p' | 'P' => {
            out.push('\\');
            out.push(sign);
            let end = after.strip_prefix('{').and_then(|inside| inside.find('}'));
            let (name, rest) = after.split_at(end.map_or(0, |end| end + 2));
            out.push_str(name);
            rest
        }
        _ if sign.is_ascii_punctuation() => {
            out.push_str(&regex::escape(sign.encode_utf8(&mut [0; 4])));
            after
        }
        _ => {
            out.push('\\');
            out.push(sign);
            after
        }
    }
}

/// What stands in brackets, behind the opening one; gives what follows the closing one.
fn class<'t>(text: &'t str, out: &mut String) -> &'t str {
    out.push('[');
    let mut rest = text;
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    let mut first = true;
    while let Some(sign) = rest.chars().next() {
        if sign == ']' && !first {
            out.push(']');
            return behind(rest, sign);
        }
        first = false;
        rest = class_item(rest, out);
    }
    rest
}

/// One sign, range or class of a class; gives what follows it.
fn class_item<'t>(text: &'t str, out: &mut String) -> &'t str {
    if let Some((name, rest)) = text.strip_prefix("[:").and_then(|named| named.split_once(":]")) {
        let _ = write!(out, "[:{name}:]");
        return rest;
    }
    if let Some(escaped) = text.strip_prefix('\\') {
        let sign = escaped.chars().next();
        if let Some((sign, class)) = sign.and_then(|sign| Some((sign, perl_class(sign)?))) {
            out.push_str(class);
            return behind(escaped, sign);
        }
    }
    let rest = class_sign(text, out);
    match rest.strip_prefix('-') {
        Some(end) if !end.is_empty() && !end.starts_with(']') => {
            out.push('-');
            class_sign(end, out)
        }
        _ => rest,
    }
}

/// One sign of a class; gives what follows it.
fn class_sign<'t>(text: &'t str, out: &mut String) -> &'t str {
    match text.chars().next() {
        Some('\\') => literal_escape(behind(text, '\\'), out),
        Some(sign) => {
            // None of them is an operator in Go.
            out.push_str(&regex::escape(sign.encode_utf8(&mut [0; 4])));
            behind(text, sign)
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, matches: &[&str], misses: &[&str]) {
        let compiled = Pattern::new(pattern).unwrap();
        assert_eq!(compiled.text(), pattern);
        for text in matches {
            assert!(compiled.matches(text), "{pattern} against {text:?}, as {}", compiled.regex());
        }
        for text in misses {
            assert!(!compiled.matches(text), "{pattern} against {text:?}, as {}", compiled.regex());
        }
    }

    #[test]
    fn the_whole_text_is_meant() {
        check("a|b", &["a", "b"], &["ab", "xa", "a\n", ""]);
        check("", &[""], &["a", "\n"]);
        check("^a$", &["a"], &["ab"]);
        check("a.b", &["a\nb", "aéb"], &["ab"]);
    }

    #[test]
    fn classes_know_ascii_only() {
        check(r"\d+", &["12"], &["٣", "a"]);
        check(r"[\d.]+", &["1.2"], &["٣"]);
        check(r"\w+", &["a_1"], &["é"]);
        check(r"\W\S\D", &["éé٣"], &["aéé"]);
        check(r"[^\s\W]+", &["ab"], &["a b", "é"]);
        check(r"a\s", &["a\u{c}"], &["a\u{b}", "a\u{a0}"]);
        check(r"é\bb", &["éb"], &[]);
        check(r"é\Bé", &["éé"], &[]);
    }

    #[test]
    fn signs_of_the_crate_are_plain_in_go() {
        check("[a&&b]", &["a", "b", "&"], &["c"]);
        check("[[a]", &["[", "a"], &["]"]);
        check("[[a]]", &["[]", "a]"], &["a", "["]);
        check("[a~~b]", &["~", "a"], &["c"]);
        check("[+--]", &["+", ",", "-"], &["."]);
        check("[]a]", &["]", "a"], &["b"]);
        check("[^]a]", &["b"], &["]", "a"]);
        check("[a-]", &["a", "-"], &["b"]);
        check(r"[\d-z]", &["1", "-", "z"], &["a"]);
        check("[[:alpha:]_]+", &["ab_"], &["1"]);
        check(r"\<a\>", &["<a>"], &["a"]);
        check("a{b", &["a{b"], &["ab"]);
        check("a{,2}", &["a{,2}"], &["aa"]);
        check("a{01}", &["a{01}"], &["a"]);
        check("a{2}b{1,}c{0,1}", &["aab", "aabbc"], &["ab"]);
        check("{{ x }}", &["{{ x }}"], &["x"]);
    }

    #[test]
    fn quotations_and_numbers_are_read() {
        check(r"\Qa.b\E.", &["a.bx"], &["axbx"]);
        check(r"\101\x42\x{1F600}\0", &["AB😀\0"], &["AB😀"]);
        check(r"[\x41-\103]", &["A", "B", "C"], &["D"]);
        check(r"\p{Greek}+\pL", &["αβγ", "αz"], &["z"]);
        check(r"(?i)Total", &["TOTAL", "total"], &["totals"]);
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for pattern in
            ["(", "a)(b", "[z-a]", "[", "[a", "[a-", r"\", r"[\", r"[a-\d]", r"\1", "*", r"\Q\E*", r"\Qa", r"\C"]
        {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,12}|[\\\\QEdwx{}0-9\\[\\]:^&~,-]{0,10}") {
            let _ = Pattern::new(text);
        }

        #[test]
        fn an_escaped_text_matches_itself(text in "\\PC{0,12}") {
            assert!(Pattern::new(regex::escape(&text)).unwrap().matches(&text));
        }
    }
}
