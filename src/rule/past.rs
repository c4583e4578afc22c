//! What a metric's demand has been, from what its expression was at many times.

use std::collections::BTreeMap;

use super::spread::{Problems, Spreading};
use super::{Metric, Rule, RuleSet, TargetTemplate};
use crate::labels::Labels;
use crate::promql::{Plan, Value, inlined};
use crate::sample::Sample;
use crate::time::Timestamp;
use crate::workload::Workload;

/// Demand over time, oldest first; `None` where it was not known.
pub type Past = Vec<(Timestamp, Option<f64>)>;

impl RuleSet {
    /// An expression for somebody who does not know what the record rules write: with their expressions in the place of names.
    #[must_use]
    pub fn expanded(&self, plan: &Plan) -> String {
        let recorded = |name: &str| {
            let mut rules = self.groups.iter().flat_map(|group| &group.rules);
            rules.find_map(|rule| match rule {
                Rule::Record(record) if &*record.name == name => Some(record.plan.text()),
                _ => None,
            })
        };
        // What has been compiled is made of tokens.
        inlined(plan.text(), &recorded).unwrap_or_else(|_| plan.text().to_owned())
    }
}

impl Metric {
    /// Spreads the values of the demand's expression over the workloads that its series name, at each time as
    /// [`BoundScale::eval`](super::BoundScale::eval) does now. `series` have their samples at common times, oldest first, each
    /// time once.
    #[must_use]
    pub fn past(&self, target: &TargetTemplate, series: &[(Labels, Vec<Sample>)]) -> BTreeMap<Workload, Past> {
        let mut past: BTreeMap<Workload, Past> = BTreeMap::new();
        let mut heads = vec![0; series.len()];
        let next = |heads: &[usize]| {
            let ahead = series.iter().zip(heads).filter_map(|((_, samples), head)| samples.get(*head));
            ahead.map(|sample| sample.at).min()
        };
        while let Some(at) = next(&heads) {
            let mut vector = Vec::new();
            for ((labels, samples), head) in series.iter().zip(&mut heads) {
                if let Some(sample) = samples.get(*head).filter(|sample| sample.at == at) {
                    vector.push((labels.clone(), sample.value));
                    *head += 1;
                }
            }
            // What is wrong with a series is told when the rule is evaluated.
            let mut problems = Problems::default();
            let mut spread = Spreading { target, metric: &self.name, field: "demand", problems: &mut problems };
            let value = Ok((Value::Vector(vector), 1.0));
            let demand = match &self.per_pod {
                None => spread.demand(value),
                Some(per_pod) => spread.pods(value, None, per_pod.utilization).0,
            };
            for (workload, (_, presence)) in demand.named {
                past.entry(workload).or_default().push((at, presence.value()));
            }
        }
        past
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::Settings;
    use crate::rule::{Rule, compile};

    type Shown = Vec<(String, Vec<(i64, Option<f64>)>)>;

    fn past(rule: &str, series: &[(&str, &[(i64, f64)])]) -> Shown {
        let rules = compile(&[(PathBuf::from("rules.yaml"), rule.to_owned())], &Settings::default()).unwrap();
        let Rule::Scale(rule) = &rules.groups[0].rules[0] else { panic!("a scale rule") };
        let series: Vec<(Labels, Vec<Sample>)> = series
            .iter()
            .map(|(name, samples)| {
                let labels = Labels::from_pairs([("deployment", *name), ("pod", &format!("{name}-1"))]).unwrap();
                let samples = samples.iter().map(|(at, value)| Sample::new(Timestamp::from_millis(*at), *value));
                (labels, samples.collect())
            })
            .collect();
        let past = rule.metrics[0].past(&rule.target, &series);
        let plain = |past: Past| past.into_iter().map(|(at, value)| (at.as_millis(), value)).collect();
        let mut shown: Shown = past.into_iter().map(|(workload, past)| (workload.to_string(), plain(past))).collect();
        shown.sort_by(|one, other| one.0.cmp(&other.0));
        shown
    }

    const NAMED: &str = "
groups:
- name: g
  rules:
  - scale: s
    target: {kind: Deployment, namespace: shop, name: '{{ $labels.deployment }}'}
    metrics: [{name: rps, demand: 'sum by (deployment) (rate(http_requests_total[1m]))', per_replica: 50}]
    replicas: {max: 9}
";

    #[test]
    fn each_workload_has_its_own_past() {
        let got = past(NAMED, &[("web", &[(0, 1.0), (60_000, 2.0)]), ("api", &[(60_000, 3.0), (120_000, f64::NAN)])]);
        let want = [
            ("shop/api".to_owned(), vec![(60_000, Some(3.0)), (120_000, None)]),
            ("shop/web".to_owned(), vec![(0, Some(1.0)), (60_000, Some(2.0))]),
        ];
        assert_eq!(got, want);
    }

    #[test]
    fn two_series_of_one_workload_are_no_demand() {
        let got = past(NAMED, &[("web", &[(0, 1.0)]), ("web", &[(0, 2.0)])]);
        assert_eq!(got[0].1, [(0, None)]);
    }
}
