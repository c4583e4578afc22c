//! Names of metrics, units and labels, as Prometheus translates them.
//!
//! The rules are those of <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/> as Prometheus
//! 3.14 keeps them: what a name may not hold becomes `_`, a unit is written out and stands at the end, and after it `total`
//! or `ratio`. `tests/otlp` puts the same names to a Prometheus.

use crate::config::{Otlp, TranslationStrategy};

/// What a metric's name depends on, beside the name itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// A sum that only grows.
    Total,
    /// A gauge: one without a unit is a ratio.
    Ratio,
    /// Anything else.
    None,
}

/// Units by their sign in UCUM.
const UNITS: [(&str, &str); 26] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
];

/// What stands behind the stroke of a rate, of which there is one.
const PER: [(&str, &str); 7] =
    [("s", "second"), ("m", "minute"), ("h", "hour"), ("d", "day"), ("w", "week"), ("mo", "month"), ("y", "year")];

fn written_out<'a>(sign: &'a str, words: &[(&str, &'static str)]) -> &'a str {
    words.iter().find(|(own, _)| *own == sign).map_or(sign, |(_, word)| word)
}

fn is_metric_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == ':'
}

/// The name of a metric; `None` where nothing is left of it.
pub(super) fn metric(name: &str, unit: &str, ending: Ending, strategy: TranslationStrategy) -> Option<String> {
    let built = match strategy {
        TranslationStrategy::UnderscoreEscapingWithSuffixes => escaped_with_endings(name, unit, ending),
        TranslationStrategy::UnderscoreEscapingWithoutSuffixes => {
            let parts = name.split(|letter| !is_metric_letter(letter) && letter != '_');
            not_a_digit_first(join(parts.filter(|part| !part.is_empty())))
        }
        TranslationStrategy::NoUtf8EscapingWithSuffixes => return Some(with_endings(name, unit, ending)),
        TranslationStrategy::NoTranslation => return Some(name.to_owned()),
    };
    let says_something = built == name || built.chars().any(|letter| letter != '_');
    (says_something && !built.is_empty()).then_some(built)
}

fn join<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    parts.collect::<Vec<_>>().join("_")
}

fn not_a_digit_first(name: String) -> String {
    if name.starts_with(|letter: char| letter.is_ascii_digit()) { format!("_{name}") } else { name }
}

fn escaped_with_endings(name: &str, unit: &str, ending: Ending) -> String {
    let (unit_word, per) = unit_words(unit);
    let (mut unit_word, mut per) = (cleaned(&unit_word), cleaned(&per));
    let mut parts: Vec<&str> = name.split(|letter| !is_metric_letter(letter)).filter(|part| !part.is_empty()).collect();
    // What the name says already isn't said again.
    if parts.contains(&&*unit_word) {
        unit_word.clear();
    }
    if per.ends_with('_') {
        per.pop();
    }
    if per == "per" || parts.contains(&&*per) {
        per.clear();
    }
    if !per.is_empty() && unit_word.ends_with('_') {
        unit_word.pop();
    }
    parts.extend([&*unit_word, &*per].into_iter().filter(|part| !part.is_empty()));
    let last = match ending {
        Ending::Total => Some("total"),
        Ending::Ratio if unit == "1" => Some("ratio"),
        Ending::Ratio | Ending::None => None,
    };
    if let Some(last) = last {
        parts.retain(|part| *part != last);
        parts.push(last);
    }
    not_a_digit_first(join(parts.into_iter()))
}

/// Any letter may stand in the name: only endings are added.
fn with_endings(name: &str, unit: &str, ending: Ending) -> String {
    let (unit_word, per) = unit_words(unit);
    let ratio = ending == Ending::Ratio && unit == "1";
    let mut name = name;
    if ratio {
        name = without(name, "ratio");
    }
    if ending == Ending::Total {
        name = without(name, "total");
    }
    if !per.is_empty() {
        name = without(name, &per);
    }
    let mut built = name.to_owned();
    if !unit_word.is_empty() && !name.ends_with(&unit_word) {
        built.extend(["_", &unit_word]);
    }
    if !per.is_empty() {
        built.extend(["_", &per]);
    }
    if ending == Ending::Total {
        built.push_str("_total");
    }
    if ratio {
        built.push_str("_ratio");
    }
    built
}

/// A name without an ending and the sign before it.
fn without<'a>(name: &'a str, ending: &str) -> &'a str {
    match name.strip_suffix(ending) {
        Some(rest) if rest.len() > 1 => rest.get(..rest.floor_char_boundary(rest.len() - 1)).unwrap_or(rest),
        _ => name,
    }
}

/// A unit in words, and what it is per (with `per_` before it), either of which may be empty.
fn unit_words(unit: &str) -> (String, String) {
    let (unit, per) = unit.split_once('/').unwrap_or((unit, ""));
    // What stands in braces is a remark.
    let known = |sign: &&str| !sign.is_empty() && !sign.contains(['{', '}']);
    let unit = Some(unit.trim()).filter(known).map_or("", |sign| written_out(sign, &UNITS));
    let per = Some(per.trim()).filter(known).map(|sign| format!("per_{}", written_out(sign, &PER)));
    (unit.to_owned(), per.unwrap_or_default())
}

/// A unit's word with `_` for what a name may not hold, once for any number of them.
fn cleaned(word: &str) -> String {
    let mut cleaned = String::with_capacity(word.len());
    for letter in word.chars() {
        let letter = if is_metric_letter(letter) { letter } else { '_' };
        if letter != '_' || !cleaned.ends_with('_') {
            cleaned.push(letter);
        }
    }
    if cleaned.starts_with('_') {
        cleaned.remove(0);
    }
    cleaned
}

/// A unit as metadata has it.
pub(super) fn unit(unit: &str) -> String {
    let (unit, per) = unit_words(unit);
    let (unit, per) = (cleaned(&unit), cleaned(&per));
    let whole = if unit.is_empty() || per.is_empty() { unit + &per } else { format!("{unit}_{per}") };
    let whole = whole.strip_prefix('_').unwrap_or(&whole);
    whole.strip_suffix('_').unwrap_or(whole).to_owned()
}

/// The name of a label; `None` where nothing is left of it.
pub(super) fn label(name: &str, otlp: &Otlp) -> Option<String> {
    let only_underscores = |name: &str| name.chars().all(|letter| letter == '_');
    if !otlp.translation_strategy.escapes() {
        return (!only_underscores(name)).then(|| name.to_owned());
    }
    let escaped = if otlp.label_name_preserve_multiple_underscores {
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
    } else {
        single_underscores(name)
    };
    let escaped = if escaped.starts_with(|letter: char| letter.is_ascii_digit()) {
        format!("key_{escaped}")
    } else if otlp.label_name_underscore_sanitization && escaped.starts_with('_') && !escaped.starts_with("__") {
        format!("key{escaped}")
    } else {
        escaped
    };
    (!only_underscores(&escaped)).then_some(escaped)
}

/// With one `_` for any number of letters that a label may not hold; those around a reserved name stay.
fn single_underscores(name: &str) -> String {
    let reserved = name.strip_prefix("__").and_then(|name| name.strip_suffix("__"));
    let mut escaped = String::with_capacity(name.len());
    for letter in reserved.unwrap_or(name).chars() {
        if letter.is_ascii_alphanumeric() {
            escaped.push(letter);
        } else if !escaped.ends_with('_') {
            escaped.push('_');
        }
    }
    if reserved.is_some() { format!("__{escaped}__") } else { escaped }
}
