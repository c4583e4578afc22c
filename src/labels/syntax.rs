//! Matchers as people write them to Alertmanager: `severity="critical"`, `{a=b, "c d"=~"e|f"}`.
//!
//! The grammar is Alertmanager's of today (names and values of any UTF-8, quotes where a sign is reserved). Where a text
//! is not of it, the older grammar is tried, as Alertmanager does: there an unquoted value holds anything but a comma,
//! so `path=~\d+` and `team=` are right. The message that is given is that of the newer grammar.

use super::{MatchOp, Matcher, unquote};

/// Why a text is no matcher.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at character {}", before + 1)]
pub struct MatcherSyntax {
    /// What is wrong, and what would be right.
    pub reason: String,
    /// How many characters stand before the place.
    pub before: usize,
}

/// Reads one matcher: a label's name, `=`, `!=`, `=~` or `!~`, and a value.
pub fn parse_matcher(text: &str) -> Result<Matcher, MatcherSyntax> {
    let strict = || {
        let mut parser = Parser::new(text);
        let matcher = parser.matcher()?;
        match parser.next()? {
            None => Ok(matcher),
            Some(token) => Err(parser.error(token.at, format!("expected the end, found {}", token.describe()))),
        }
    };
    strict().or_else(|error| classic(text).ok_or(error))
}

/// Reads a list of matchers, in braces or without them. `{}` and an empty text hold none.
pub fn parse_matchers(text: &str) -> Result<Vec<Matcher>, MatcherSyntax> {
    Parser::new(text).list().or_else(|error| classic_list(text).ok_or(error))
}

/// Whether a sign can't stand in a name or value without quotes.
pub(super) fn is_reserved(sign: char) -> bool {
    sign.is_whitespace() || matches!(sign, '{' | '}' | '!' | '=' | '~' | ',' | '\\' | '"' | '\'' | '`')
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Open,
    Close,
    Comma,
    Operator(MatchOp),
    /// A quoted text, or a run of signs that need no quotes.
    Word,
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    /// The byte that it begins at.
    at: usize,
}

impl Token<'_> {
    fn describe(&self) -> String {
        if self.text.starts_with('"') { self.text.to_owned() } else { format!("\"{}\"", self.text) }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn error(&self, at: usize, reason: impl Into<String>) -> MatcherSyntax {
        let before = self.text.get(..at).unwrap_or(self.text).chars().count();
        MatcherSyntax { reason: reason.into(), before }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// Takes the next token; `None` at the end.
    fn next(&mut self) -> Result<Option<Token<'a>>, MatcherSyntax> {
        self.at = self.text.len() - self.rest().trim_start().len();
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(None) };
        let (kind, len) = match first {
            '{' => (Kind::Open, 1),
            '}' => (Kind::Close, 1),
            ',' => (Kind::Comma, 1),
            '=' if rest.starts_with("=~") => (Kind::Operator(MatchOp::Regex), 2),
            '=' => (Kind::Operator(MatchOp::Equal), 1),
            '!' if rest.starts_with("!~") => (Kind::Operator(MatchOp::NotRegex), 2),
            '!' if rest.starts_with("!=") => (Kind::Operator(MatchOp::NotEqual), 2),
            '!' => return Err(self.error(self.at, "expected \"!=\" or \"!~\", found \"!\"")),
            '"' => (Kind::Word, self.quoted_len(rest)?),
            sign if is_reserved(sign) => {
                let reason = format!("a {sign:?} must stand in double quotes, as in name=\"value\",");
                return Err(self.error(self.at, reason));
            }
            _ => (Kind::Word, rest.find(is_reserved).unwrap_or(rest.len())),
        };
        let token = Token { kind, text: rest.get(..len).unwrap_or(rest), at: self.at };
        self.at += len;
        Ok(Some(token))
    }

    /// How long the quoted text is that `rest` begins with.
    fn quoted_len(&self, rest: &str) -> Result<usize, MatcherSyntax> {
        let mut escaped = true;
        for (at, sign) in rest.char_indices() {
            match sign {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => return Ok(at + 1),
                _ => {}
            }
        }
        Err(self.error(self.at, "the quote that is opened has no end"))
    }

    fn list(&mut self) -> Result<Vec<Matcher>, MatcherSyntax> {
        let start = self.at;
        let braces = self.next()?.is_some_and(|token| token.kind == Kind::Open);
        if !braces {
            self.at = start;
        }
        let mut matchers = Vec::new();
        loop {
            let before = self.at;
            match self.next()? {
                None if braces => return Err(self.error(before, "expected \"}\", found the end")),
                None => return Ok(matchers),
                Some(token) if braces && token.kind == Kind::Close => break,
                Some(_) => self.at = before,
            }
            matchers.push(self.matcher()?);
            let before = self.at;
            match self.next()? {
                Some(token) if token.kind == Kind::Comma => {}
                Some(token) if braces && token.kind == Kind::Close => break,
                None if !braces => return Ok(matchers),
                None => return Err(self.error(before, "expected \",\" or \"}\", found the end")),
                Some(token) => {
                    return Err(self.error(token.at, format!("expected \",\", found {}", token.describe())));
                }
            }
        }
        match self.next()? {
            None => Ok(matchers),
            Some(token) => {
                Err(self.error(token.at, format!("expected nothing after \"}}\", found {}", token.describe())))
            }
        }
    }

    fn matcher(&mut self) -> Result<Matcher, MatcherSyntax> {
        let name = self.word("a label's name")?;
        let operator = match self.next()? {
            Some(Token { kind: Kind::Operator(op), .. }) => op,
            Some(token) => {
                let reason = format!("expected one of = != =~ !~ after the label's name, found {}", token.describe());
                return Err(self.error(token.at, reason));
            }
            None => {
                let reason = "expected one of = != =~ !~ after the label's name, found the end";
                return Err(self.error(self.at, reason));
            }
        };
        let at = self.at;
        let value = self.word("a value")?;
        if name.is_empty() {
            return Err(self.error(at, "a label's name can't be empty"));
        }
        Matcher::new(name, operator, value).map_err(|error| self.error(at, error.to_string()))
    }

    fn word(&mut self, what: &str) -> Result<String, MatcherSyntax> {
        match self.next()? {
            Some(token) if token.kind == Kind::Word && token.text.starts_with('"') => {
                unquote(token.text).map_err(|at| self.error(token.at + at, "no escape that we know; write \\\\ for \\"))
            }
            Some(token) if token.kind == Kind::Word => Ok(token.text.to_owned()),
            Some(token) => Err(self.error(token.at, format!("expected {what}, found {}", token.describe()))),
            None => Err(self.error(self.at, format!("expected {what}, found the end"))),
        }
    }
}

/// A matcher by the older grammar: an ASCII name, an operator, and the rest of the text as the value.
fn classic(text: &str) -> Option<Matcher> {
    let text = text.trim();
    let end = text.find(|sign: char| !sign.is_ascii_alphanumeric() && !matches!(sign, '_' | ':'))?;
    let (name, rest) = text.split_at_checked(end)?;
    if name.is_empty() || name.starts_with(|sign: char| sign.is_ascii_digit()) {
        return None;
    }
    let ops = [MatchOp::Regex, MatchOp::NotEqual, MatchOp::NotRegex, MatchOp::Equal];
    let rest = rest.trim_start();
    let (op, value) = ops.into_iter().find_map(|op| Some((op, rest.strip_prefix(op.as_str())?)))?;
    let value = value.trim();
    let inside = match value.strip_prefix('"') {
        Some(inside) => inside.strip_suffix('"')?,
        None => value,
    };
    let mut plain = String::new();
    let mut signs = inside.chars();
    while let Some(sign) = signs.next() {
        match (sign, if sign == '\\' { signs.clone().next() } else { None }) {
            ('"', _) => return None,
            ('\\', Some(escaped @ ('n' | '"' | '\\'))) => {
                plain.push(if escaped == 'n' { '\n' } else { escaped });
                signs.next();
            }
            _ => plain.push(sign),
        }
    }
    Matcher::new(name, op, plain).ok()
}

fn classic_list(text: &str) -> Option<Vec<Matcher>> {
    let text = text.trim();
    let text = text.strip_prefix('{').unwrap_or(text);
    let text = text.strip_suffix('}').unwrap_or(text);
    let mut items = Vec::new();
    let (mut quoted, mut escaped, mut start) = (false, false, 0);
    for (at, sign) in text.char_indices() {
        match sign {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                items.push(text.get(start..at)?);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(text.get(start..)?);
    if items.last().is_some_and(|item| item.trim().is_empty()) {
        items.pop();
    }
    items.into_iter().map(classic).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let shown = match parse_matchers(text) {
            Ok(matchers) => matchers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, want, "{text}");
    }

    #[track_caller]
    fn check_one(text: &str, want: &str) {
        assert_eq!(parse_matcher(text).map_or_else(|error| error.to_string(), |one| one.to_string()), want, "{text}");
    }

    #[test]
    fn lists_are_read_with_braces_and_without() {
        check("", "");
        check("{}", "");
        check(" { } ", "");
        check("foo=bar", r#"foo="bar""#);
        check("{foo=bar}", r#"foo="bar""#);
        check("{foo=bar,}", r#"foo="bar""#);
        check("foo=bar,", r#"foo="bar""#);
        check(r#"{foo="bar",c=~"d"}"#, r#"foo="bar" c=~"d""#);
        check(r#"foo!="bar" , bar!~"[a-z]+""#, r#"foo!="bar" bar!~"[a-z]+""#);
        check(r#"{foo = "a,b}"}"#, r#"foo="a,b}""#);
        check("foo=bar:baz.*|x", r#"foo="bar:baz.*|x""#);
        check(r#"foo="""#, r#"foo="""#);
    }

    #[test]
    fn names_and_values_may_be_of_any_script() {
        check("réseau=ü", r#"réseau="ü""#);
        check(r#""my label"="x y""#, r#""my label"="x y""#);
        check(r#"{"k8s.io/app"=web}"#, r#"k8s.io/app="web""#);
        check(r#"{foo="\u00e9\n\"q\""}"#, r#"foo="é\n\"q\"""#);
        check(r#""🙂"=~"a|b""#, r#"🙂=~"a|b""#);
    }

    #[test]
    fn what_the_older_grammar_knows_is_read_too() {
        check("foo=", r#"foo="""#);
        check(r"path=~\d+", r#"path=~"\\d+""#);
        check("foo=a=b", r#"foo="a=b""#);
        check("foo=a b,c=d", r#"foo="a b" c="d""#);
        check_one(r#" tier != "a b" "#, r#"tier!="a b""#);
        check_one("tier=a b", r#"tier="a b""#);
        check_one(r#""tier"=~"w.*|=""#, r#"tier=~"w.*|=""#);
        check_one(r#"a="\"x\" \\ \d""#, r#"a="\"x\" \\ \\d""#);
        check_one("foo=~bar,baz=qux", r#"foo=~"bar,baz=qux""#);
    }

    #[test]
    fn what_is_no_matcher_is_refused_with_its_place() {
        check("{foo=bar", r#"foo="bar""#);
        check("foo", r#"expected one of = != =~ !~ after the label's name, found the end at character 4"#);
        check("{,}", r#"expected a label's name, found "," at character 2"#);
        check("foo=bar,,", r#"expected a label's name, found "," at character 9"#);
        check("=bar", r#"expected a label's name, found "=" at character 1"#);
        check(r#"ü="a"#, "the quote that is opened has no end at character 3");
        check(r#"foo="a"b"#, r#"expected ",", found "b" at character 8"#);
        check("foo!bar", r#"expected "!=" or "!~", found "!" at character 4"#);
        check("'foo'=bar", r#"a '\'' must stand in double quotes, as in name="value", at character 1"#);
        check(r#"foo=~"a(""#, r#"regular expression "a(": unclosed group at character 6"#);
        check(r#"""="a""#, "a label's name can't be empty at character 4");
        check(r#"{a="b"} x"#, r#"expected nothing after "}", found "x" at character 9"#);
        check(r#""a\q"=b"#, r"no escape that we know; write \\ for \ at character 3");
        check_one(r#"a="b",c="d""#, r#"expected the end, found "," at character 6"#);
        check_one("", "expected a label's name, found the end at character 1");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[ab\"\\\\{}=~!, ü]{0,12}") {
            let _ = (parse_matchers(&text), parse_matcher(&text));
        }

        #[test]
        fn what_is_written_reads_as_itself(name in "\\PC{1,5}", value in "\\PC{0,5}") {
            let matcher = Matcher::new(name, MatchOp::NotEqual, value).unwrap();
            assert_eq!(parse_matcher(&matcher.to_string()), Ok(matcher.clone()));
            assert_eq!(parse_matchers(&format!("{{{matcher},{matcher}}}")), Ok(vec![matcher.clone(), matcher]));
        }
    }
}
