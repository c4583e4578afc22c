//! The table of functions: name, what they take, what they do. A new function is a line here.

#![allow(clippy::unnecessary_wraps, reason = "functions of the table share one signature")]

use super::stretch::Stretch;
use super::{dates, over_time, rate, regression};

/// One function of the language.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    /// What it takes, in order.
    pub(super) args: &'static [Type],
    /// How many of the last arguments may be left out.
    pub(super) optional: usize,
    pub(super) kind: Kind,
}

/// The types of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Scalar,
    Vector,
    Matrix,
    String,
}

impl Type {
    /// As Prometheus calls it in its documentation.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            Self::String => "string",
        }
    }
}

/// What a function does; with it, what it returns.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A vector from a range selector: one number of each series' samples. The scalars besides come as a slice.
    OverRange(OverRange),
    /// A vector from a vector, value by value. Without a vector it works on the time of the evaluation.
    Each(Each),
    /// A scalar: seconds since 1970.
    Time,
    /// A scalar: the circle's number.
    Pi,
    /// A scalar: the value of a vector of one.
    Scalar,
    /// A vector of one.
    Vector,
    /// A vector: when samples were taken.
    Timestamp,
    Absent,
    AbsentOverTime,
    HistogramQuantile,
    Sort {
        descending: bool,
    },
    LabelReplace,
}

/// A function of the samples in a range; `None` where it has nothing to say.
#[derive(Debug, Clone, Copy)]
pub(super) struct OverRange {
    pub(super) eval: fn(&mut Stretch<'_>, &[f64]) -> Option<f64>,
    /// The result is one of the series' own values, so the metric's name still fits.
    pub(super) keeps_name: bool,
}

/// A function of one value and the scalars besides; `None` drops the series.
pub(super) type Each = fn(f64, &[f64]) -> Option<f64>;

/// Looks a function up.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// Whether Prometheus has a function that we don't have yet.
pub(super) fn is_planned(name: &str) -> bool {
    PLANNED.contains(&name)
}

/// The function whose name is nearest to one that is none, if any is near: at most two letters apart.
pub(super) fn resembling(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let near = FUNCTIONS.iter().map(|function| (distance(&name, function.name), function.name));
    near.filter(|(distance, known)| *distance <= 2 && *distance < known.len() / 2 + 1).min().map(|(_, known)| known)
}

/// How many letters have to be added, removed or changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    // Names are short; a text that is not must not cost its square.
    if one.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, left) in one.bytes().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (at, right) in other.bytes().enumerate() {
            let change = diagonal + usize::from(left != right);
            diagonal = row[at + 1];
            row[at + 1] = change.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[other.len()]
}

const fn over_range(
    name: &'static str,
    args: &'static [Type],
    eval: fn(&mut Stretch<'_>, &[f64]) -> Option<f64>,
) -> Function {
    Function { name, args, optional: 0, kind: Kind::OverRange(OverRange { eval, keeps_name: false }) }
}

const fn one_of_range(name: &'static str, eval: fn(&mut Stretch<'_>, &[f64]) -> Option<f64>) -> Function {
    Function { name, args: MATRIX, optional: 0, kind: Kind::OverRange(OverRange { eval, keeps_name: true }) }
}

const fn each(name: &'static str, args: &'static [Type], optional: usize, eval: Each) -> Function {
    Function { name, args, optional, kind: Kind::Each(eval) }
}

const fn special(name: &'static str, args: &'static [Type], kind: Kind) -> Function {
    Function { name, args, optional: 0, kind }
}

/// What `absent_over_time` asks of a range. The name stays, so that metrics of different names don't collide.
pub(super) const PRESENT: OverRange = OverRange { eval: over_time::present, keeps_name: true };

const MATRIX: &[Type] = &[Type::Matrix];
const VECTOR: &[Type] = &[Type::Vector];
const VECTOR_SCALAR: &[Type] = &[Type::Vector, Type::Scalar];

/// All functions, by name.
pub(super) static FUNCTIONS: &[Function] = &[
    each("abs", VECTOR, 0, |value, _| Some(value.abs())),
    special("absent", VECTOR, Kind::Absent),
    special("absent_over_time", MATRIX, Kind::AbsentOverTime),
    each("acos", VECTOR, 0, |value, _| Some(value.acos())),
    each("acosh", VECTOR, 0, |value, _| Some(value.acosh())),
    each("asin", VECTOR, 0, |value, _| Some(value.asin())),
    each("asinh", VECTOR, 0, |value, _| Some(value.asinh())),
    each("atan", VECTOR, 0, |value, _| Some(value.atan())),
    each("atanh", VECTOR, 0, |value, _| Some(value.atanh())),
    over_range("avg_over_time", MATRIX, over_time::avg),
    each("ceil", VECTOR, 0, |value, _| Some(value.ceil())),
    over_range("changes", MATRIX, rate::changes),
    each("clamp", &[Type::Vector, Type::Scalar, Type::Scalar], 0, clamp),
    each("clamp_max", VECTOR_SCALAR, 0, |value, args| Some(at_most(value, arg(args, 0)))),
    each("clamp_min", VECTOR_SCALAR, 0, |value, args| Some(at_least(value, arg(args, 0)))),
    each("cos", VECTOR, 0, |value, _| Some(value.cos())),
    each("cosh", VECTOR, 0, |value, _| Some(value.cosh())),
    over_range("count_over_time", MATRIX, over_time::count),
    each("day_of_month", VECTOR, 1, |value, _| dates::day_of_month(value)),
    each("day_of_week", VECTOR, 1, |value, _| dates::day_of_week(value)),
    each("day_of_year", VECTOR, 1, |value, _| dates::day_of_year(value)),
    each("days_in_month", VECTOR, 1, |value, _| dates::days_in_month(value)),
    each("deg", VECTOR, 0, |value, _| Some(value.to_degrees())),
    over_range("delta", MATRIX, rate::delta),
    over_range("deriv", MATRIX, regression::deriv),
    each("exp", VECTOR, 0, |value, _| Some(value.exp())),
    one_of_range("first_over_time", over_time::first),
    each("floor", VECTOR, 0, |value, _| Some(value.floor())),
    special("histogram_quantile", &[Type::Scalar, Type::Vector], Kind::HistogramQuantile),
    each("hour", VECTOR, 1, |value, _| dates::hour(value)),
    over_range("idelta", MATRIX, rate::idelta),
    over_range("increase", MATRIX, rate::increase),
    over_range("irate", MATRIX, rate::irate),
    special(
        "label_replace",
        &[Type::Vector, Type::String, Type::String, Type::String, Type::String],
        Kind::LabelReplace,
    ),
    one_of_range("last_over_time", over_time::last),
    each("ln", VECTOR, 0, |value, _| Some(value.ln())),
    each("log10", VECTOR, 0, |value, _| Some(value.log10())),
    each("log2", VECTOR, 0, |value, _| Some(value.log2())),
    over_range("max_over_time", MATRIX, over_time::max),
    over_range("min_over_time", MATRIX, over_time::min),
    each("minute", VECTOR, 1, |value, _| dates::minute(value)),
    each("month", VECTOR, 1, |value, _| dates::month(value)),
    special("pi", &[], Kind::Pi),
    over_range("predict_linear", &[Type::Matrix, Type::Scalar], regression::predict_linear),
    over_range("present_over_time", MATRIX, over_time::present),
    over_range("quantile_over_time", &[Type::Scalar, Type::Matrix], over_time::quantile_of),
    each("rad", VECTOR, 0, |value, _| Some(value.to_radians())),
    over_range("rate", MATRIX, rate::rate),
    over_range("resets", MATRIX, rate::resets),
    each("round", VECTOR_SCALAR, 1, round),
    special("scalar", VECTOR, Kind::Scalar),
    each("sgn", VECTOR, 0, sign),
    each("sin", VECTOR, 0, |value, _| Some(value.sin())),
    each("sinh", VECTOR, 0, |value, _| Some(value.sinh())),
    special("sort", VECTOR, Kind::Sort { descending: false }),
    special("sort_desc", VECTOR, Kind::Sort { descending: true }),
    each("sqrt", VECTOR, 0, |value, _| Some(value.sqrt())),
    over_range("stddev_over_time", MATRIX, over_time::stddev),
    over_range("stdvar_over_time", MATRIX, over_time::stdvar),
    over_range("sum_over_time", MATRIX, over_time::sum),
    each("tan", VECTOR, 0, |value, _| Some(value.tan())),
    each("tanh", VECTOR, 0, |value, _| Some(value.tanh())),
    special("time", &[], Kind::Time),
    special("timestamp", VECTOR, Kind::Timestamp),
    special("vector", &[Type::Scalar], Kind::Vector),
    each("year", VECTOR, 1, |value, _| dates::year(value)),
];

/// What Prometheus has besides.
const PLANNED: &[&str] = &[
    "double_exponential_smoothing",
    "end",
    "histogram_avg",
    "histogram_count",
    "histogram_fraction",
    "histogram_quantiles",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
    "info",
    "label_join",
    "mad_over_time",
    "max_of",
    "min_of",
    "range",
    "sort_by_label",
    "sort_by_label_desc",
    "start",
    "start_timestamp",
    "step",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
];

/// An argument that the type check made sure of.
fn arg(args: &[f64], at: usize) -> f64 {
    args.get(at).copied().unwrap_or(f64::NAN)
}

/// The smaller of two; NaN where either is.
fn at_most(value: f64, bound: f64) -> f64 {
    if value.is_nan() || bound.is_nan() { f64::NAN } else { value.min(bound) }
}

/// The larger of two; NaN where either is.
fn at_least(value: f64, bound: f64) -> f64 {
    if value.is_nan() || bound.is_nan() { f64::NAN } else { value.max(bound) }
}

fn clamp(value: f64, args: &[f64]) -> Option<f64> {
    let (least, most) = (arg(args, 0), arg(args, 1));
    let crossed = least > most;
    (!crossed).then(|| at_least(at_most(value, most), least))
}

/// To the nearest multiple; ties upwards.
fn round(value: f64, args: &[f64]) -> Option<f64> {
    // The inverse loses less than dividing by the step, for steps such as 0.1.
    let inverse = 1.0 / args.first().copied().unwrap_or(1.0);
    Some((value * inverse + 0.5).floor() / inverse)
}

/// -1, 0 or 1; what is neither stays as it is (zero with its sign, NaN).
fn sign(value: f64, _: &[f64]) -> Option<f64> {
    Some(if value == 0.0 || value.is_nan() { value } else { value.signum() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_nothing_twice() {
        assert!(FUNCTIONS.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert!(PLANNED.iter().all(|name| find(name).is_none()));
    }

    #[test]
    fn rounding_breaks_ties_upwards() {
        for (value, step, want) in [(2.5, None, 3.0), (-2.5, None, -2.0), (7.3, Some(5.0), 5.0), (0.25, Some(0.1), 0.3)]
        {
            let args: Vec<f64> = step.into_iter().collect();
            let got = round(value, &args).unwrap();
            assert!((got - want).abs() < 1e-12, "{value}: {got}");
        }
    }
}
