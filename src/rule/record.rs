//! Evaluates a record rule.

use std::collections::HashSet;
use std::sync::Arc;

use super::RecordRule;
use crate::labels::{Labels, NAME};
use crate::promql::{EvalError, Query, Value, Vector};
use crate::series::Subscription;
use crate::time::Timestamp;

/// A [`RecordRule`], ready to be evaluated.
#[derive(Debug)]
pub struct BoundRecord {
    pub rule: Arc<RecordRule>,
    pub(super) query: Query,
    pub(super) subscriptions: Vec<Arc<Subscription>>,
}

impl BoundRecord {
    /// The series that the rule makes at `now`, each with its value, and how much of their ranges the samples covered
    /// ([`Query::eval_covered`]). No series comes twice.
    pub fn eval(&self, now: Timestamp) -> Result<(Vector, f64), EvalError> {
        let (value, coverage) = self.query.eval_covered(now)?;
        let vector = match value {
            Value::Scalar(value) => vec![(Labels::empty(), value)],
            Value::Vector(vector) => vector,
            Value::Matrix(_) => {
                return Err(EvalError(
                    "a range vector can't be recorded; wrap it in a function such as rate".to_owned(),
                ));
            }
            Value::String(_) => return Err(EvalError("a string can't be recorded".to_owned())),
        };
        let named: Vector = vector.into_iter().map(|(labels, value)| (self.named(&labels), value)).collect();
        let mut seen = HashSet::with_capacity(named.len());
        match named.iter().find(|(labels, _)| !seen.insert(labels)) {
            Some((twice, _)) => Err(EvalError(format!(
                "{twice} comes twice in the result; the rule's labels hide what told the two apart"
            ))),
            None => Ok((named, coverage)),
        }
    }

    /// A result's labels with the rule's name and labels.
    fn named(&self, labels: &Labels) -> Labels {
        let mut changes = vec![(NAME, &*self.rule.name)];
        changes.extend(self.rule.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        labels.with(&changes)
    }
}
