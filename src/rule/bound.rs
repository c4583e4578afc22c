//! Rules with the subscriptions that they read.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::alert::BoundAlert;
use super::record::BoundRecord;
use super::scale::BoundScale;
use super::{Rule, RuleSet};
use crate::promql::{Plan, Query};
use crate::series::Subscription;

/// A [`RuleSet`], ready to be evaluated.
#[derive(Debug, Default)]
pub struct BoundRules {
    pub groups: Vec<BoundGroup>,
}

/// A [`Group`](super::Group), ready to be evaluated.
#[derive(Debug)]
pub struct BoundGroup {
    pub name: Arc<str>,
    pub file: PathBuf,
    /// The longest wait between two evaluations.
    pub interval: Duration,
    pub rules: Vec<BoundRule>,
}

/// A [`Rule`], ready to be evaluated.
#[derive(Debug, Clone)]
pub enum BoundRule {
    Record(Arc<BoundRecord>),
    Alert(Arc<BoundAlert>),
    Scale(Arc<BoundScale>),
}

impl BoundRule {
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        match self {
            Self::Record(bound) => &bound.rule.name,
            Self::Alert(bound) => &bound.rule.name,
            Self::Scale(bound) => &bound.rule.name,
        }
    }

    /// What it reads: a sample that arrives there makes the rule due.
    #[must_use]
    pub fn subscriptions(&self) -> &[Arc<Subscription>] {
        match self {
            Self::Record(bound) => &bound.subscriptions,
            Self::Alert(bound) => &bound.subscriptions,
            Self::Scale(bound) => &bound.subscriptions,
        }
    }
}

impl RuleSet {
    /// Binds every plan to its subscriptions: one for each of [`selectors`](Self::selectors), in their order.
    #[must_use]
    pub fn bind(self, subscriptions: Vec<Arc<Subscription>>) -> BoundRules {
        let wanted = self.selectors().len();
        assert!(wanted == subscriptions.len(), "there is one subscription for each selector of the rules");
        let mut subscriptions = subscriptions.into_iter();
        let mut bind_rule = |rule| bind_rule(rule, &mut subscriptions);
        let groups = self.groups.into_iter().map(|group| BoundGroup {
            name: group.name,
            file: group.file,
            interval: group.interval,
            rules: group.rules.into_iter().map(&mut bind_rule).collect(),
        });
        BoundRules { groups: groups.collect() }
    }
}

fn bind_rule(rule: Rule, subscriptions: &mut impl Iterator<Item = Arc<Subscription>>) -> BoundRule {
    let mut own = Vec::new();
    let mut query = |plan: &Arc<Plan>| {
        let inputs: Vec<_> = subscriptions.take(plan.selectors().len()).collect();
        own.extend(inputs.iter().cloned());
        Query::new(Arc::clone(plan), inputs)
    };
    match rule {
        Rule::Record(rule) => {
            let query = query(&rule.plan);
            BoundRule::Record(Arc::new(BoundRecord { rule, query, subscriptions: own }))
        }
        Rule::Alert(rule) => {
            let main = query(&rule.plan);
            let queries = rule.queries.iter().map(|(text, plan)| (text.clone(), query(plan))).collect();
            BoundRule::Alert(Arc::new(BoundAlert { rule, query: main, queries, subscriptions: own }))
        }
        Rule::Scale(rule) => {
            let metrics = rule.metrics.iter().map(|metric| metric.bind(&mut query)).collect();
            let objective = rule.objective.as_ref().and_then(|objective| objective.plan.as_ref()).map(&mut query);
            BoundRule::Scale(Arc::new(BoundScale { rule, metrics, objective, subscriptions: own }))
        }
    }
}
