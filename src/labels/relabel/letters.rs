//! Upper and lower case as Go has them: sign by sign, so that a text keeps its number of signs.
//!
//! The standard library follows Unicode's full mappings, which make `SS` of `ß` and know the last sigma of a word.

pub(super) fn lowercase(text: &str) -> String {
    text.chars()
        .map(|sign| match sign {
            // The one whose lower case takes two signs in full.
            'İ' => 'i',
            _ => single(sign, sign.to_lowercase()),
        })
        .collect()
}

pub(super) fn uppercase(text: &str) -> String {
    text.chars()
        .map(|sign| match sign {
            // Greek vowels with an iota below have a capital of their own, beside the two signs of the full mapping.
            '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => later(sign, 8),
            '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => later(sign, 9),
            _ => single(sign, sign.to_uppercase()),
        })
        .collect()
}

/// What a sign becomes, where that is one sign; else it stays.
fn single(sign: char, mut becomes: impl Iterator<Item = char>) -> char {
    match (becomes.next(), becomes.next()) {
        (Some(other), None) => other,
        _ => sign,
    }
}

/// The sign so many places later.
fn later(sign: char, places: u32) -> char {
    char::from_u32(u32::from(sign) + places).unwrap_or(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sign_becomes_one() {
        assert_eq!(uppercase("aß-ŉé1ᾳᾀ"), "Aß-ŉÉ1ᾼᾈ");
        assert_eq!(lowercase("İΑΣ ÉZ"), "iασ éz");
    }
}
