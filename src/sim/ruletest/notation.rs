//! promtool's notation of series: `http_requests_total{app="checkout"}` and `0+100x40 _x4 stale`.
//!
//! Read by hand, for the values are no PromQL, and a mistake is told at its byte.

use crate::labels::{Labels, MatchOp, Matcher, NAME};
use crate::sample::STALE;

/// What is wrong, and at which byte of the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) at: usize,
    pub(super) message: String,
}

impl Wrong {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}

/// The values of one series, as written: a run is not unfolded, so that a long one costs nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Values(Vec<Run>);

/// So many values, one after the other.
#[derive(Debug, Clone, PartialEq)]
struct Run {
    /// `None` where no sample arrives.
    first: Option<f64>,
    step: f64,
    count: u64,
}

impl Values {
    /// The value of each interval; `None` where no sample arrives.
    pub(super) fn iter(&self) -> impl Iterator<Item = Option<f64>> {
        self.0.iter().flat_map(|run| {
            // Multiplied, not added up, as promtool does it: no error of rounding grows along the run.
            (0..run.count).map(|at| run.first.map(|first| if at == 0 { first } else { first + run.step * at as f64 }))
        })
    }

    /// How many intervals it covers.
    pub(super) fn len(&self) -> u64 {
        self.0.iter().fold(0, |sum, run| sum.saturating_add(run.count))
    }
}

/// Reads values: `1 2.5 _ _x3 stale 0+10x20 5x3`.
pub(super) fn values(text: &str) -> Result<Values, Wrong> {
    let mut runs = Vec::new();
    let mut cursor = Cursor { text, at: 0 };
    loop {
        cursor.blanks();
        if cursor.rest().is_empty() {
            return Ok(Values(runs));
        }
        if cursor.rest().starts_with("{{") {
            let message = "native histograms are not supported; give the values of its buckets' series";
            return Err(Wrong::new(cursor.at, message));
        }
        let run = run(&mut cursor)?;
        if !cursor.rest().starts_with(char::is_whitespace) && !cursor.rest().is_empty() {
            return Err(Wrong::new(cursor.at, "expected a space after the value"));
        }
        runs.push(run);
    }
}

fn run(cursor: &mut Cursor<'_>) -> Result<Run, Wrong> {
    let begins = cursor.at;
    if cursor.eat("_") {
        return Ok(Run { first: None, step: 0.0, count: cursor.times()?.unwrap_or(1) });
    }
    if cursor.eat("stale") {
        return Ok(Run { first: Some(STALE), step: 0.0, count: 1 });
    }
    let Some(first) = cursor.number() else {
        let message = "expected a value: a number, 0+10x20 (a number, a step, how many steps), _ or stale";
        return Err(Wrong::new(begins, message));
    };
    let step = if cursor.rest().starts_with(['+', '-']) { cursor.number() } else { None };
    let times = cursor.times()?;
    match (step, times) {
        (Some(_), None) => Err(Wrong::new(begins, "a step needs to be told how often: 0+10x20")),
        (None, None) => Ok(Run { first: Some(first), step: 0.0, count: 1 }),
        // The first value comes besides those that follow.
        (step, Some(times)) => Ok(Run { first: Some(first), step: step.unwrap_or(0.0), count: times + 1 }),
    }
}

/// Reads a series: `name{label="value"}`, `name`, `{label="value"}`, `{"name", label="value"}`.
pub(super) fn series(text: &str) -> Result<Labels, Wrong> {
    let mut pairs = Vec::new();
    for matcher in selector(text)? {
        if matcher.op() != MatchOp::Equal {
            return Err(Wrong::new(0, format!("{matcher}: a series has values, not conditions; write =")));
        }
        pairs.push((matcher.name().to_owned(), matcher.value().to_owned()));
    }
    Labels::from_pairs(pairs).map_err(|error| Wrong::new(0, error.to_string()))
}

/// Reads the matchers of a silence: `namespace="shop"`, with or without braces around; several are separated by commas.
pub(super) fn matchers(text: &str) -> Result<Vec<Matcher>, Wrong> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.blanks();
    let braces = cursor.eat("{");
    let matchers = list(&mut cursor, braces)?;
    if matchers.is_empty() {
        return Err(Wrong::new(0, "no matcher; write one as in namespace=\"shop\""));
    }
    Ok(matchers)
}

fn selector(text: &str) -> Result<Vec<Matcher>, Wrong> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.blanks();
    let mut matchers = Vec::new();
    let name = cursor.word(":.");
    if !name.is_empty() {
        matchers.push(matcher(NAME, MatchOp::Equal, name, 0)?);
    }
    cursor.blanks();
    if cursor.eat("{") {
        matchers.extend(list(&mut cursor, true)?);
    } else if !cursor.rest().is_empty() || name.is_empty() {
        return Err(Wrong::new(cursor.at, "expected a series as in http_requests_total{app=\"checkout\"}"));
    }
    Ok(matchers)
}

/// Matchers with commas between them, up to the closing brace or the end of the text.
fn list(cursor: &mut Cursor<'_>, braces: bool) -> Result<Vec<Matcher>, Wrong> {
    let mut matchers = Vec::new();
    loop {
        cursor.blanks();
        if braces && cursor.eat("}") || !braces && cursor.rest().is_empty() {
            cursor.blanks();
            if cursor.rest().is_empty() {
                return Ok(matchers);
            }
            return Err(Wrong::new(cursor.at, "nothing may follow the closing brace"));
        }
        matchers.push(cursor.matcher()?);
        cursor.blanks();
        let ends = cursor.rest().is_empty() || braces && cursor.rest().starts_with('}');
        if !ends && !cursor.eat(",") {
            return Err(Wrong::new(cursor.at, "expected a comma"));
        }
        if braces && cursor.rest().is_empty() {
            return Err(Wrong::new(cursor.at, "the brace is not closed"));
        }
    }
}

fn matcher(name: &str, op: MatchOp, value: &str, at: usize) -> Result<Matcher, Wrong> {
    Matcher::new(name, op, value).map_err(|error| Wrong::new(at, error.to_string()))
}

/// A place in a text.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.rest().starts_with(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    /// Takes what is so many bytes long.
    fn take(&mut self, len: usize) -> &'a str {
        let taken = self.rest().get(..len).unwrap_or("");
        self.at += taken.len();
        taken
    }

    fn while_in(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        self.take(rest.find(|c| !wanted(c)).unwrap_or(rest.len()))
    }

    fn blanks(&mut self) {
        self.while_in(char::is_whitespace);
    }

    /// Letters, digits, underscores, and what else may be in this word.
    fn word(&mut self, more: &str) -> &'a str {
        self.while_in(|c| c.is_alphanumeric() || c == '_' || more.contains(c))
    }

    /// `x20`
    fn times(&mut self) -> Result<Option<u64>, Wrong> {
        let begins = self.at;
        if !self.eat("x") {
            return Ok(None);
        }
        let digits = self.while_in(|c| c.is_ascii_digit());
        let count: Option<u32> = digits.parse().ok();
        count.map(|count| Some(count.into())).ok_or_else(|| Wrong::new(begins, "expected x and how often, as in x20"))
    }

    /// A number with its sign: digits with a fraction and an exponent, `Inf` or `NaN`.
    fn number(&mut self) -> Option<f64> {
        let begins = self.at;
        if !self.eat("+") {
            self.eat("-");
        }
        let letters = self.rest().get(..3).map(str::to_ascii_lowercase);
        if matches!(letters.as_deref(), Some("inf" | "nan")) {
            self.take(3);
        } else {
            self.while_in(|c| c.is_ascii_digit() || c == '.');
            let exponent = self.at;
            if self.eat("e") || self.eat("E") {
                if !self.eat("+") {
                    self.eat("-");
                }
                if self.while_in(|c| c.is_ascii_digit()).is_empty() {
                    self.at = exponent;
                }
            }
        }
        let number = self.text.get(begins..self.at).and_then(|text| text.parse().ok());
        if number.is_none() {
            self.at = begins;
        }
        number
    }

    /// `name="value"`, or a quoted metric name alone. A value without quotes is taken as amtool takes it.
    fn matcher(&mut self) -> Result<Matcher, Wrong> {
        let begins = self.at;
        let quoted = self.rest().starts_with(['"', '\'', '`']);
        let name = if quoted { self.quoted()? } else { self.word("").to_owned() };
        self.blanks();
        let signs =
            [("=~", MatchOp::Regex), ("!~", MatchOp::NotRegex), ("!=", MatchOp::NotEqual), ("=", MatchOp::Equal)];
        let Some((_, op)) = signs.into_iter().find(|(sign, _)| self.eat(sign)) else {
            if quoted {
                return matcher(NAME, MatchOp::Equal, &name, begins);
            }
            return Err(Wrong::new(begins, "expected a label as in app=\"checkout\""));
        };
        if name.is_empty() {
            return Err(Wrong::new(begins, "the label has no name"));
        }
        self.blanks();
        let value_at = self.at;
        let value = if self.rest().starts_with(['"', '\'', '`']) {
            self.quoted()?
        } else {
            let bare = self.while_in(|c| !c.is_whitespace() && !matches!(c, ',' | '{' | '}' | '"' | '\'' | '`'));
            if bare.is_empty() {
                return Err(Wrong::new(value_at, "expected a value in quotes"));
            }
            bare.to_owned()
        };
        matcher(&name, op, &value, value_at)
    }

    /// A text in quotes, as PromQL writes it. Only the escapes that label values need are known.
    fn quoted(&mut self) -> Result<String, Wrong> {
        let begins = self.at;
        let mut chars = self.rest().char_indices();
        let quote = chars.next().map_or('"', |(_, quote)| quote);
        let mut text = String::new();
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.at = begins + at + c.len_utf8();
                    return Ok(text);
                }
                '\\' if quote != '`' => match chars.next().map(|(_, escaped)| escaped) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(escaped @ ('\\' | '"' | '\'')) => text.push(escaped),
                    _ => return Err(Wrong::new(begins + at, "unknown escape; known: \\\\ \\\" \\' \\n \\t")),
                },
                c => text.push(c),
            }
        }
        Err(Wrong::new(begins, "the quote is not closed"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let shown = match values(text) {
            Ok(values) => {
                assert_eq!(values.iter().count() as u64, values.len());
                let shown = values.iter().map(|value| match value {
                    None => "_".to_owned(),
                    Some(value) if value.to_bits() == STALE.to_bits() => "stale".to_owned(),
                    Some(value) => value.to_string(),
                });
                shown.collect::<Vec<_>>().join(" ")
            }
            Err(Wrong { at, message }) => format!("{at}: {message}"),
        };
        assert_eq!(shown, want);
    }

    #[test]
    fn values_read_as_in_promtool() {
        check("1 2.5 -3", "1 2.5 -3");
        check("0+10x3", "0 10 20 30");
        check("10-2.5x2", "10 7.5 5");
        check("-2+4x3", "-2 2 6 10");
        check("  1x2   3 ", "1 1 1 3");
        check("1+0x1 _ _x3 stale 7", "1 1 _ _ _ _ stale 7");
        check("NaN Inf -Inf +Inf", "NaN inf -inf inf");
        check("1e3+1e-1x2", "1000 1000.1 1000.2");
        check("5x0", "5");
        check("", "");
    }

    #[test]
    fn mistakes_in_values_are_told_at_their_place() {
        check("1 b", "2: expected a value: a number, 0+10x20 (a number, a step, how many steps), _ or stale");
        check("1 0+10", "2: a step needs to be told how often: 0+10x20");
        check("1 2x", "3: expected x and how often, as in x20");
        check("1,2", "1: expected a space after the value");
        check("0+1x99999999999", "3: expected x and how often, as in x20");
        check("{{schema:0}}", "0: native histograms are not supported; give the values of its buckets' series");
    }

    #[track_caller]
    fn check_series(text: &str, want: &str) {
        let shown =
            series(text).map_or_else(|Wrong { at, message }| format!("{at}: {message}"), |labels| labels.to_string());
        assert_eq!(shown, want);
    }

    #[test]
    fn series_read_in_every_spelling() {
        check_series("up", "up");
        check_series("up{}", "up");
        check_series(r#"a:b{app="x", zone='y',}"#, r#"a:b{app="x",zone="y"}"#);
        check_series(r#"{"http.requests", app="a\"b}"}"#, r#"http.requests{app="a\"b}"}"#);
        check_series(r#"up{app=~"a"}"#, "0: app=~\"a\": a series has values, not conditions; write =");
        check_series(r#"up{app="a""#, "10: the brace is not closed");
        check_series("up offset 5m", "3: expected a series as in http_requests_total{app=\"checkout\"}");
        check_series(r#"up{app="a} 1"#, "7: the quote is not closed");
        check_series("up{a=\"1\",a=\"2\"}", "0: label name \"a\" appears twice");
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "[-+_x0-9a-z{}\\\\\"'`=~!, é.]{0,24}") {
            let place = |wrong: Wrong| prop_assert_or(wrong.at <= text.len());
            values(&text).map(drop).or_else(place)?;
            series(&text).map(drop).or_else(place)?;
            matchers(&text).map(drop).or_else(place)?;
        }

        #[test]
        fn a_series_reads_as_it_is_written(name in "[a-z_:]{1,8}", label in "[a-z]{1,4}", value in "[ -~é]{1,12}") {
            let labels = Labels::from_pairs([(NAME, &name), (&*label, &value)]).unwrap();
            prop_assert_eq!(series(&labels.to_string()).unwrap(), labels);
        }
    }

    fn prop_assert_or(holds: bool) -> Result<(), TestCaseError> {
        prop_assert!(holds, "the place lies in the text");
        Ok(())
    }

    #[test]
    fn matchers_read_with_and_without_braces() {
        let shown = |text| matchers(text).unwrap().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(shown("namespace=shop"), "namespace=\"shop\"");
        assert_eq!(shown(r#"{tier=~"web|api", team!="x"}"#), r#"tier=~"web|api" team!="x""#);
        assert!(matchers("").is_err());
    }
}
