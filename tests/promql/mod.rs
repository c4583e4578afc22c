//! PromQL scripts: samples in, answers out, in the shape of Prometheus's own test scripts.
//!
//! ```text
//! load 15s
//!   requests_total{app="shop"}  0+10x20 _ stale
//!
//! eval instant at 5m rate(requests_total[1m])
//!   {app="shop"} 0.666
//!
//! eval_fail instant at 5m requests_total + on() requests_total
//! ```
//!
//! Each `*.test` beside this file is run against our engine here. [`scenes`] hands the same samples and expressions to
//! whoever puts them to another engine.

mod differential;
mod script;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use headroom::labels::Labels;
use headroom::promql::{Plan, Query, Value};
use headroom::sample::Sample;
use headroom::series::{Limits, Store, Touched};
use headroom::time::Timestamp;

/// Samples, and what is asked of them. A `clear` in a script begins a new one.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    /// The script's file name.
    pub(crate) script: String,
    pub(crate) series: Vec<(Labels, Vec<Sample>)>,
    pub(crate) evals: Vec<Eval>,
}

/// One question.
#[derive(Debug)]
pub(crate) struct Eval {
    /// Where it stands in the script.
    pub(crate) line: usize,
    pub(crate) expr: String,
    pub(crate) at_ms: i64,
    pub(crate) expected: Expected,
}

/// The answer that is right.
#[derive(Debug)]
pub(crate) enum Expected {
    Fails,
    Scalar(f64),
    Vector {
        series: Vec<(Labels, f64)>,
        /// The order counts too.
        ordered: bool,
    },
}

/// The scenes of all scripts.
pub(crate) fn scenes() -> Vec<Scene> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/promql");
    let mut paths: Vec<_> = glob::glob(&folder.join("*.test").to_string_lossy()).unwrap().map(Result::unwrap).collect();
    paths.sort();
    assert!(!paths.is_empty(), "there are scripts in {}", folder.display());
    let read = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        script::parse(&name, &std::fs::read_to_string(path).unwrap())
    };
    paths.iter().flat_map(|path| read(path)).collect()
}

/// Whether two values are the same number, up to what the last digits of a sum may differ by.
pub(crate) fn same(one: f64, other: f64) -> bool {
    if one.is_nan() || other.is_nan() {
        return one.is_nan() && other.is_nan();
    }
    one == other || (one - other).abs() <= 1e-9 * one.abs().max(other.abs())
}

impl Scene {
    /// A store in which every series of the scene is kept from the beginning.
    fn store(&self) -> Store {
        let store = Store::new(Limits {
            retention: Duration::from_hours(24),
            keep: headroom::series::Keep::All,
            ..Limits::default()
        });
        let mut touched = Touched::default();
        let batch = store.batch(&mut touched);
        for (labels, samples) in &self.series {
            for sample in samples {
                batch.write(labels, *sample).unwrap();
            }
        }
        drop(batch);
        store
    }
}

impl Eval {
    /// What our engine answers; the error as text.
    fn answer(&self, store: &Store) -> Result<Value, String> {
        let plan = Plan::compile(&self.expr).map_err(|error| format!("at {}: {error}", error.at))?;
        let inputs = plan.selectors().iter().map(|selector| store.search(selector)).collect();
        let query = Query::new(Arc::new(plan), inputs);
        let now = Timestamp::from_millis(self.at_ms);
        let first = query.eval(now).map_err(|error| error.to_string())?;
        // What a query remembers must not change its answer.
        let again = query.eval(now).map_err(|error| error.to_string())?;
        assert!(format!("{first:?}") == format!("{again:?}"), "{} answers the same twice", self.expr);
        Ok(first)
    }

    /// Whether an answer is the expected one; if not, why.
    fn judge(&self, answer: &Result<Value, String>) -> Result<(), String> {
        let fits = match (&self.expected, answer) {
            (Expected::Fails, Err(_)) => true,
            (Expected::Scalar(want), Ok(Value::Scalar(got))) => same(*want, *got),
            (Expected::Vector { series, ordered }, Ok(Value::Vector(got))) => {
                let mut got = got.clone();
                let mut want = series.clone();
                if !ordered {
                    got.sort_by(|one, other| one.0.cmp(&other.0));
                    want.sort_by(|one, other| one.0.cmp(&other.0));
                }
                got.len() == want.len()
                    && want.iter().zip(&got).all(|(want, got)| want.0 == got.0 && same(want.1, got.1))
            }
            _ => false,
        };
        if fits { Ok(()) } else { Err(format!("want {:?}\n     got {answer:?}", self.expected)) }
    }
}

#[test]
fn scripts_hold() {
    let mut failures = String::new();
    for scene in scenes() {
        let store = scene.store();
        for eval in &scene.evals {
            if let Err(difference) = eval.judge(&eval.answer(&store)) {
                let _ = writeln!(failures, "{}:{}: {}\n     {difference}", scene.script, eval.line, eval.expr);
            }
        }
    }
    assert!(failures.is_empty(), "these answers differ:\n{failures}");
}
