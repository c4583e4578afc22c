//! What is simulated: one scale rule, compiled from its file, and the series that it reads.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{Finding, Settings};
use crate::labels::{Labels, MatchOp, Matcher, NAME};
use crate::promql::Plan;
use crate::rule::{self, PerReplica, Rule, RuleSet, ScaleRule};
use crate::series::Selector;
use crate::time::format_duration;
use crate::workload::Replicas;

/// Why a rule can't be simulated.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Findings(Vec<Finding>),
    #[error("the files have no scale rule")]
    NoRule,
    #[error("there is no scale rule \"{name}\"; there are {known}")]
    NoSuchRule { name: String, known: String },
    #[error("the files have several scale rules; name one with --rule: {0}")]
    SeveralRules(String),
    #[error("rule \"{rule}\" has no metric \"{metric}\"; it has {known}")]
    NoSuchMetric { rule: String, metric: String, known: String },
    #[error("metric \"{0}\" takes its per_replica from an expression; give the number with --per-replica")]
    PerReplica(String),
    #[error("metric \"{0}\" gives a count of replicas and no demand; it can't be simulated")]
    Absolute(String),
    #[error(
        "can't tell a series that metric \"{metric}\" reads: {why}; name it with --series 'name{{label=\"value\"}}'"
    )]
    Series { metric: String, why: String },
}

/// Which rule of the files is simulated, and what its files do not say.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// The scale rule's name; needed where there are several.
    pub rule: Option<String>,
    /// The metric that the trace is the demand of; the first where there are several.
    pub metric: Option<String>,
    /// The series that the trace is, in place of what the metric's selectors ask for.
    pub series: Option<Labels>,
    /// In place of the rule's own.
    pub per_replica: Option<f64>,
}

/// A rule that is ready to be simulated.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The scale rule's name.
    pub name: String,
    pub rules: RuleSet,
    /// The rule as written would not act.
    pub shadow: bool,
    /// The series that the trace arrives as, and whether each is a counter.
    pub series: Vec<(Labels, bool)>,
    pub per_replica: f64,
    pub min: Replicas,
    pub max: Replicas,
    /// Money for a replica in an hour, where the rule says so.
    pub price: Option<f64>,
    /// What of the rule is left out, for it can't be known from a trace.
    pub notes: Vec<String>,
}

/// A rule made of flags.
#[derive(Debug, Clone, PartialEq)]
pub struct Plain {
    pub min: Replicas,
    pub max: Replicas,
    pub per_replica: f64,
    /// Lines of YAML for the scale rule's further fields, without indentation: `behavior: {…}`.
    pub fields: Vec<String>,
}

impl Plain {
    /// The rule file, in the shape that `headroom serve` reads.
    #[must_use]
    pub fn yaml(&self) -> String {
        let Self { min, max, per_replica, fields } = self;
        let fields = fields.iter().fold(String::new(), |lines, field| lines + "        " + field + "\n");
        format!(
            "groups:\n  - name: simulate\n    interval: 15s\n    rules:\n      - scale: workload\n        target: {{kind: \
             Deployment, namespace: default, name: workload}}\n        replicas: {{min: {min}, max: {max}}}\n        \
             metrics:\n          - name: load\n            demand: load\n            per_replica: \
             {per_replica}\n{fields}"
        )
    }

    /// Compiles it.
    pub fn subject(&self) -> Result<Subject, SubjectError> {
        let file = (PathBuf::from("simulate.yaml"), self.yaml());
        Subject::of(&[file], &Settings::default(), &Choice::default())
    }
}

impl Subject {
    /// Compiles rule files and takes one scale rule out of them, with the record rules before it.
    pub fn of(files: &[(PathBuf, String)], settings: &Settings, choice: &Choice) -> Result<Self, SubjectError> {
        let set = rule::compile(files, settings).map_err(SubjectError::Findings)?;
        let rule = chosen(&set, choice.rule.as_deref())?;
        let mut notes = Vec::new();
        let mut scale = ScaleRule::clone(&rule);
        let metric = match &choice.metric {
            None => 0,
            Some(name) => scale.metrics.iter().position(|metric| *metric.name == **name).ok_or_else(|| {
                SubjectError::NoSuchMetric {
                    rule: scale.name.to_string(),
                    metric: name.clone(),
                    known: listed(scale.metrics.iter().map(|metric| &metric.name)),
                }
            })?,
        };
        for (place, other) in scale.metrics.iter_mut().enumerate() {
            if place != metric && !other.paused {
                notes.push(format!("metric \"{}\" is paused: the trace is the demand of another", other.name));
                other.paused = true;
            }
            if place == metric && other.targets.take().is_some() {
                notes.push("targets are taken to report".to_owned());
            }
        }
        if let Some(objective) = &mut scale.objective
            && objective.plan.take().is_some()
        {
            notes.push("the objective's condition is taken to hold".to_owned());
        }
        let simulated = scale.metrics.get_mut(metric).ok_or(SubjectError::NoRule)?;
        if let Some(number) = choice.per_replica {
            simulated.per_replica = PerReplica::Number(number);
        }
        let per_replica = match &simulated.per_replica {
            PerReplica::Number(number) => *number,
            PerReplica::Expr(_) => return Err(SubjectError::PerReplica(simulated.name.to_string())),
            PerReplica::Absolute => return Err(SubjectError::Absolute(simulated.name.to_string())),
        };
        let records: Vec<Rule> = set
            .groups
            .iter()
            .flat_map(|group| &group.rules)
            .filter(|rule| matches!(rule, Rule::Record(_)))
            .cloned()
            .collect();
        let series = match &choice.series {
            Some(labels) => vec![(labels.clone(), is_counter(labels))],
            None => read(&simulated.demand, &records)
                .map_err(|why| SubjectError::Series { metric: simulated.name.to_string(), why })?,
        };
        // Here nothing is compared live, and a shadow is tried as if it acted.
        let shadow = scale.shadow;
        if shadow {
            notes.push("the rule is a shadow, and is tried as if it acted".to_owned());
        }
        (scale.shadow, scale.compare) = (false, Vec::new());
        let (min, max) = (scale.policy.min, scale.policy.max);
        let price = scale.economy.cost.as_ref().map(|cost| cost.rate(1).as_f64());
        let name = scale.name.to_string();
        let mut rules = set;
        for group in &mut rules.groups {
            group.rules.retain(|one| match one {
                Rule::Record(_) => true,
                Rule::Scale(one) => Arc::ptr_eq(one, &rule),
                Rule::Alert(_) => false,
            });
            for one in &mut group.rules {
                if matches!(one, Rule::Scale(_)) {
                    *one = Rule::Scale(Arc::new(scale.clone()));
                }
            }
        }
        rules.groups.retain(|group| !group.rules.is_empty());
        Ok(Self { name, rules, shadow, series, per_replica, min, max, price, notes })
    }

    /// Changes its scale rule.
    pub fn amend(&mut self, change: impl Fn(&mut ScaleRule)) {
        for one in self.rules.groups.iter_mut().flat_map(|group| &mut group.rules) {
            if let Rule::Scale(rule) = one {
                change(Arc::make_mut(rule));
            }
        }
    }

    /// How the rule moves, in a few words: `down after 5m`.
    #[must_use]
    pub fn described(&self) -> String {
        let rules = self.rules.groups.iter().flat_map(|group| &group.rules);
        let scale = rules.filter_map(|rule| match rule {
            Rule::Scale(rule) => Some(&rule.policy.behavior.scale_down),
            _ => None,
        });
        let down = scale.map(|down| format_duration(down.stabilization_window)).next().unwrap_or_default();
        format!("{} of {} to {}, down after {down}", self.name, self.min, self.max)
    }
}

fn listed<'n>(names: impl Iterator<Item = &'n Arc<str>>) -> String {
    names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

fn chosen(set: &RuleSet, name: Option<&str>) -> Result<Arc<ScaleRule>, SubjectError> {
    let rules: Vec<&Arc<ScaleRule>> = set
        .groups
        .iter()
        .flat_map(|group| &group.rules)
        .filter_map(|rule| match rule {
            Rule::Scale(rule) => Some(rule),
            _ => None,
        })
        .collect();
    let known = || listed(rules.iter().map(|rule| &rule.name));
    match (name, rules.as_slice()) {
        (_, []) => Err(SubjectError::NoRule),
        (None, [rule]) => Ok(Arc::clone(rule)),
        (None, _) => Err(SubjectError::SeveralRules(known())),
        (Some(name), _) => rules
            .iter()
            .find(|rule| *rule.name == *name)
            .map(|rule| Arc::clone(rule))
            .ok_or_else(|| SubjectError::NoSuchRule { name: name.to_owned(), known: known() }),
    }
}

/// A series for the metric's selector, or for what the record rules before it read.
fn read(demand: &Plan, records: &[Rule]) -> Result<Vec<(Labels, bool)>, String> {
    // Each with the labels that those who read what it becomes ask for.
    let mut selectors: Vec<(&Selector, Vec<(String, String)>)> =
        demand.selectors().iter().map(|selector| (selector, asked(selector))).collect();
    // What a record rule writes is read from what it reads.
    for _ in 0..records.len() {
        let recorded = |selector: &Selector| {
            records.iter().find_map(|rule| match rule {
                Rule::Record(record) if selector.metric_name() == Some(&*record.name) => Some(record),
                _ => None,
            })
        };
        selectors = selectors
            .into_iter()
            .flat_map(|(selector, wanted)| match recorded(selector) {
                Some(record) => {
                    let sources = record.plan.selectors().iter();
                    sources.map(|source| (source, [asked(source), wanted.clone()].concat())).collect()
                }
                None => vec![(selector, wanted)],
            })
            .collect();
    }
    let mut found: Vec<Labels> = Vec::new();
    for (selector, wanted) in selectors {
        if !found.iter().any(|labels| selector.matches(labels)) {
            found.push(matching(selector, wanted)?);
        }
    }
    match found.as_slice() {
        [labels] => Ok(vec![(labels.clone(), is_counter(labels))]),
        [] => Err("it reads none".to_owned()),
        several => Err(format!("it reads {} different ones", several.len())),
    }
}

/// The labels that a selector asks for.
fn asked(selector: &Selector) -> Vec<(String, String)> {
    let one = |matcher: &Matcher| match matcher.op() {
        MatchOp::Equal => Some((matcher.name().to_owned(), matcher.value().to_owned())),
        // `checkout-.*` asks for anything that begins so.
        MatchOp::Regex => {
            let plain = |sign: &char| sign.is_alphanumeric() || "-_/ ".contains(*sign);
            let begin: String = matcher.value().chars().take_while(plain).collect();
            let value = if matcher.matches_value(&begin) { begin } else { format!("{begin}0") };
            Some((matcher.name().to_owned(), value))
        }
        MatchOp::NotEqual | MatchOp::NotRegex => None,
    };
    selector.matchers.iter().filter_map(one).filter(|(_, value)| !value.is_empty()).collect()
}

/// The smallest series that a selector selects, with further labels; of those that come twice the first counts.
fn matching(selector: &Selector, wanted: Vec<(String, String)>) -> Result<Labels, String> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (name, value) in wanted {
        if !pairs.iter().any(|(known, _)| *known == name) {
            pairs.push((name, value));
        }
    }
    let labels = Labels::from_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let labels = labels.map_err(|error| error.to_string())?;
    if selector.metric_name().is_none() {
        return Err("a selector names no metric".to_owned());
    }
    if selector.matches(&labels) { Ok(labels) } else { Err("a selector's matchers are too intricate".to_owned()) }
}

/// Counters are named as Prometheus names them.
fn is_counter(labels: &Labels) -> bool {
    let name = labels.get(NAME).unwrap_or_default();
    ["_total", "_count", "_sum", "_bucket"].iter().any(|ending| name.ends_with(ending))
}

/// A series as a selector writes it: `http_requests_total{app="checkout"}`.
pub fn series(text: &str) -> Result<Labels, String> {
    let plan = Plan::compile(text).map_err(|error| error.to_string())?;
    match plan.selectors() {
        [selector] => matching(selector, asked(selector)),
        _ => Err("write one series, as in name{label=\"value\"}".to_owned()),
    }
}
