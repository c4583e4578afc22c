//! Expressions in the place of the names that they are recorded under, so that somebody else can evaluate a text that rests
//! on our record rules.

use super::ParseError;
use super::token::{Kind, tokens};
use super::words::is_keyword;

/// Rules that stand within each other, at most.
const DEPTH_MAX: usize = 8;

/// Bytes that a text may grow to.
const BYTES_MAX: usize = 64 * 1024;

/// Writes `(expression)` for each bare name that `recorded` knows. A name with matchers, a range or an offset of its own
/// stays as it is, for those can't be said of an expression.
pub fn inlined<'r>(expr: &str, recorded: &impl Fn(&str) -> Option<&'r str>) -> Result<String, ParseError> {
    inlined_within(expr, recorded, DEPTH_MAX)
}

fn inlined_within<'r>(
    expr: &str,
    recorded: &impl Fn(&str) -> Option<&'r str>,
    depth: usize,
) -> Result<String, ParseError> {
    let tokens = tokens(expr)?;
    let mut text = String::with_capacity(expr.len());
    let mut copied = 0;
    // Within braces, or the list of labels of a modifier.
    let mut labels = false;
    for (place, token) in tokens.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|before| tokens.get(before));
        if token.kind == Kind::Open {
            labels |= token.is("{") || before.is_some_and(|word| is_modifier(word.text));
        } else if token.kind == Kind::Close {
            labels = false;
        }
        let stays = |next: &str| ["(", "{", "[", "@"].contains(&next) || next.eq_ignore_ascii_case("offset");
        let alone = tokens.get(place + 1).is_none_or(|next| !stays(next.text));
        if labels || token.kind != Kind::Word || !alone || is_keyword(token) || depth == 0 {
            continue;
        }
        let Some(of) = recorded(token.text) else { continue };
        let of = inlined_within(of, recorded, depth - 1)?;
        if text.len() + of.len() > BYTES_MAX {
            break;
        }
        text.push_str(expr.get(copied..token.at).unwrap_or_default());
        text.push('(');
        text.push_str(&of);
        // A comment would take the bracket with it.
        text.push_str(if of.contains('#') { "\n)" } else { ")" });
        copied = token.end();
    }
    text.push_str(expr.get(copied..).unwrap_or_default());
    Ok(text)
}

/// Words that lists of labels follow.
fn is_modifier(word: &str) -> bool {
    ["by", "without", "on", "ignoring", "group_left", "group_right"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expr: &str, want: &str) {
        let recorded = |name: &str| match name {
            "ns:cpu:rate2m" => Some("sum by (ns) (rate(cpu[2m])) # cores"),
            "all:cpu" => Some("sum(ns:cpu:rate2m)"),
            "ns" => Some("1"),
            "self" => Some("self + 1"),
            _ => None,
        };
        assert_eq!(inlined(expr, &recorded).unwrap(), want);
    }

    #[test]
    fn bare_names_are_written_out() {
        check("up", "up");
        check("2 * ns:cpu:rate2m > 1", "2 * (sum by (ns) (rate(cpu[2m])) # cores\n) > 1");
        check("all:cpu", "(sum((sum by (ns) (rate(cpu[2m])) # cores\n))\n)");
        check("sum by (ns) (ns) / on (ns) group_left (ns) ns", "sum by (ns) ((1)) / on (ns) group_left (ns) (1)");
        check("\"ns\" == ns", "\"ns\" == (1)");
    }

    #[test]
    fn names_with_more_to_them_stay() {
        for expr in ["ns:cpu:rate2m{ns=\"a\"}", "rate(ns:cpu:rate2m[5m])", "ns offset 5m", "ns @ 1", "up{ns=\"x\"}"] {
            check(expr, expr);
        }
    }

    #[test]
    fn a_rule_that_reads_itself_comes_to_an_end() {
        let text = inlined("self", &|name| (name == "self").then_some("self + self")).unwrap();
        assert!(text.len() < 2 * BYTES_MAX);
        check("self", "((((((((self + 1) + 1) + 1) + 1) + 1) + 1) + 1) + 1)");
    }
}
