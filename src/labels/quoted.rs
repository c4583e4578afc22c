//! Strings as PromQL and matchers write them: raw between backquotes, else with Go's escapes.

/// What stands between the quotes, with escapes resolved. The error is the offset of an escape that is none.
pub(crate) fn unquote(text: &str) -> Result<String, usize> {
    let quote = text.chars().next().unwrap_or('"');
    let inside = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).ok_or(0_usize)?;
    if quote == '`' {
        return Ok(inside.to_owned());
    }
    let mut bytes = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        bytes.extend_from_slice(plain.as_bytes());
        // The opening quote stands before the inside.
        let place = 1 + inside.len() - escape.len();
        rest = resolve(&escape[1..], quote, &mut bytes).ok_or(place)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    // Bytes that were escaped one by one may not be text together.
    String::from_utf8(bytes).map_err(|_| 0)
}

/// Resolves the escape whose backslash stands before `text`; gives what follows it.
fn resolve<'a>(text: &'a str, quote: char, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let first = text.chars().next()?;
    let rest = &text[first.len_utf8()..];
    let plain = match first {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        'x' => return number(rest, 2, 16, bytes, false),
        'u' => return number(rest, 4, 16, bytes, true),
        'U' => return number(rest, 8, 16, bytes, true),
        '0'..='7' => return number(text, 3, 8, bytes, false),
        _ if first == quote => u8::try_from(first).ok()?,
        _ => return None,
    };
    bytes.push(plain);
    Some(rest)
}

/// Reads so many digits as a byte, or as a character.
fn number<'a>(text: &'a str, digits: usize, radix: u32, bytes: &mut Vec<u8>, is_char: bool) -> Option<&'a str> {
    let number = text.get(..digits).filter(|number| number.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
    let value = u32::from_str_radix(number, radix).ok()?;
    if is_char {
        bytes.extend_from_slice(char::from_u32(value)?.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        bytes.push(u8::try_from(value).ok()?);
    }
    text.get(digits..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Result<&str, usize>) {
        assert_eq!(unquote(text), want.map(str::to_owned));
    }

    #[test]
    fn escapes_are_resolved_as_in_go() {
        check(r#""a\n\t\\\"b""#, Ok("a\n\t\\\"b"));
        check(r"'it\'s'", Ok("it's"));
        check(r#""\x41\101\u00e9\U0001f600\xc3\xa9""#, Ok("AAé😀é"));
        check(r"`a\d`", Ok(r"a\d"));
        check(r#""""#, Ok(""));
    }

    #[test]
    fn what_is_no_escape_is_refused_at_its_place() {
        check(r#""ab\q""#, Err(3));
        check(r#""\é""#, Err(1));
        check(r#""\'""#, Err(1));
        check(r#""a\x4""#, Err(2));
        check(r#""\x4é""#, Err(1));
        check(r#""\ud800""#, Err(1));
        check(r#""\400""#, Err(1));
        check(r#""\xff""#, Err(0));
    }
}
