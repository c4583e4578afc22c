//! What a misspelt word was meant to be.

/// "did you mean …" where a known word is near or is how the word begins, else the known words.
pub(super) fn known(word: &str, words: &[&str]) -> String {
    if words.is_empty() {
        return "there are none".to_owned();
    }
    if let Some(start) = words.iter().find(|known| known.len() >= 3 && word.starts_with(**known)) {
        return format!("did you mean \"{start}\"?");
    }
    let nearest = words.iter().map(|known| (distance(word, known), known)).min();
    match nearest {
        Some((distance, nearest)) if distance <= 1 + nearest.len() / 4 => format!("did you mean \"{nearest}\"?"),
        _ => format!("known: {}", words.join(", ")),
    }
}

/// Insertions, deletions and replacements that make one word of the other, without regard to case, `_` and `-`
/// (Levenshtein's distance, row by row).
fn distance(one: &str, other: &str) -> usize {
    let letters = |word: &str| -> Vec<char> {
        // Longer words are like none of ours, and the table grows with the square.
        word.chars().take(64).filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
    };
    let (one, other) = (letters(one), letters(other));
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.iter().enumerate() {
        let mut diagonal = at;
        let mut left = at + 1;
        for (above, candidate) in row.iter_mut().skip(1).zip(&other) {
            let replaced = diagonal + usize::from(letter != candidate);
            diagonal = *above;
            left = replaced.min(diagonal + 1).min(left + 1);
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = at + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_counted_in_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("scaleUp", "scale_up"), 0);
    }

    #[test]
    fn only_a_near_word_is_suggested() {
        let words = ["metrics", "replicas", "target"];
        assert_eq!(known("replica", &words), "did you mean \"replicas\"?");
        assert_eq!(known("minReplicas", &["max", "min"]), "did you mean \"min\"?");
        assert_eq!(known("colour", &words), "known: metrics, replicas, target");
    }
}
