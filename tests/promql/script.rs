//! Reads scripts. A script that is not one is a mistake of ours, so this panics with its place.

use std::time::Duration;

use headroom::labels::{Labels, NAME};
use headroom::sample::{STALE, Sample};
use headroom::time::{Timestamp, parse_duration};

use super::{Eval, Expected, Scene};

/// Reads one script into its scenes.
pub(super) fn parse(name: &str, text: &str) -> Vec<Scene> {
    let mut scenes = vec![Scene { script: name.to_owned(), ..Scene::default() }];
    let mut interval = None;
    for (at, line) in text.lines().enumerate() {
        let place = format!("{name}:{}", at + 1);
        let line = line.trim_end();
        let scene = scenes.last_mut().expect("there is a scene");
        let words = line.trim_start();
        if words.is_empty() || words.starts_with('#') {
            continue;
        }
        if line.starts_with(' ') {
            match (&interval, scene.evals.last_mut()) {
                (Some(interval), _) => scene.series.push(series(words, *interval, &place)),
                (None, Some(eval)) => expect(eval, words, &place),
                (None, None) => panic!("{place}: nothing is loaded or asked yet"),
            }
        } else if line == "clear" {
            scenes.push(Scene { script: name.to_owned(), ..Scene::default() });
            interval = None;
        } else if let Some(every) = line.strip_prefix("load ") {
            interval = Some(parse_duration(every).unwrap_or_else(|error| panic!("{place}: {error}")));
        } else {
            interval = None;
            scene.evals.push(eval(line, at + 1, &place));
        }
    }
    scenes
}

/// `eval instant at 5m EXPR`, `eval_ordered …`, `eval_fail …`
fn eval(line: &str, number: usize, place: &str) -> Eval {
    let (verb, rest) = line.split_once(" instant at ").unwrap_or_else(|| panic!("{place}: not a command: {line}"));
    let (time, expr) = rest.split_once(' ').unwrap_or_else(|| panic!("{place}: no expression"));
    let at = parse_duration(time).unwrap_or_else(|error| panic!("{place}: {error}"));
    let expected = match verb {
        "eval" => Expected::Vector { series: Vec::new(), ordered: false },
        "eval_ordered" => Expected::Vector { series: Vec::new(), ordered: true },
        "eval_fail" => Expected::Fails,
        _ => panic!("{place}: unknown command {verb}"),
    };
    Eval { line: number, expr: expr.to_owned(), at_ms: millis(at), expected }
}

/// An answer's line: a number alone, or a series with its value.
fn expect(eval: &mut Eval, words: &str, place: &str) {
    if let Some(value) = number(words) {
        eval.expected = Expected::Scalar(value);
        return;
    }
    let Expected::Vector { series, .. } = &mut eval.expected else { panic!("{place}: no series is expected here") };
    let (labels, rest) = labels(words, place);
    let value = number(rest.trim()).unwrap_or_else(|| panic!("{place}: {rest} is no value"));
    series.push((labels, value));
}

/// `metric{label="value"} 1 2 3+1x5 _ stale`
fn series(words: &str, interval: Duration, place: &str) -> (Labels, Vec<Sample>) {
    let (labels, rest) = labels(words, place);
    let mut samples = Vec::new();
    let mut at = 0;
    for item in rest.split_whitespace() {
        for value in values(item).unwrap_or_else(|| panic!("{place}: {item} is no value")) {
            if let Some(value) = value {
                samples.push(Sample::new(Timestamp::from_millis(at), value));
            }
            at += millis(interval);
        }
    }
    (labels, samples)
}

/// The samples that an item stands for; `None` is a missing one. `1+2x3` is 1, 3, 5, 7.
fn values(item: &str) -> Option<Vec<Option<f64>>> {
    let (item, times) = match item.rsplit_once('x') {
        Some((item, times)) => (item, Some(times.parse::<u16>().ok()?)),
        None => (item, None),
    };
    if item == "_" {
        return Some(vec![None; usize::from(times.unwrap_or(1))]);
    }
    if item == "stale" {
        return Some(vec![Some(STALE)]);
    }
    if let Some(value) = number(item) {
        return Some(vec![Some(value); usize::from(times.unwrap_or(0)) + 1]);
    }
    let sign = item.rfind(['+', '-']).filter(|at| *at > 0)?;
    let (start, step) = (number(&item[..sign])?, number(&item[sign..])?);
    Some((0..=times?).map(|at| Some(start + step * f64::from(at))).collect())
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// `metric{label="value"}` at the beginning of a line, and what follows.
fn labels<'a>(words: &'a str, place: &str) -> (Labels, &'a str) {
    let name_end = words.find(['{', ' ']).unwrap_or(words.len());
    let (name, mut rest) = words.split_at(name_end);
    let mut pairs = Vec::new();
    if !name.is_empty() {
        pairs.push((NAME.to_owned(), name.to_owned()));
    }
    if let Some(inside) = rest.strip_prefix('{') {
        let (inside, after) = inside.split_once('}').unwrap_or_else(|| panic!("{place}: the brace is not closed"));
        for pair in inside.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (label, value) = pair.split_once('=').unwrap_or_else(|| panic!("{place}: {pair} is no label"));
            pairs.push((label.to_owned(), value.trim_matches('"').replace("\\n", "\n")));
        }
        rest = after;
    }
    (Labels::from_pairs(pairs).unwrap_or_else(|error| panic!("{place}: {error}")), rest)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).expect("durations of scripts are short")
}
