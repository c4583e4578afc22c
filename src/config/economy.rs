//! What a scale rule says about money and shared limits: `cost`, `requests`, `priority`, `group`.

use jiff::tz::TimeZone;

use super::quantity::Quantity;
use super::reader::{Fields, Reader};
use super::scalar::{At, Read, word};
use super::time_interval::Zone;
use super::tree::Node;

/// The fields of a scale rule that have to do with money and shared limits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Economy {
    pub cost: Option<Cost>,
    /// What one replica asks of its node.
    pub requests: Requests,
    /// The higher is served first where a limit is shared.
    pub priority: i32,
    /// The name of the group of the settings whose limits it shares.
    pub group: Option<At<String>>,
}

/// What one replica costs, and what the workload may.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    pub per_replica_hour: f64,
    /// What an hour costs in which one replica too few is there: with the price of a replica it gives the quantile that
    /// a forecast provides for.
    pub per_under_hour: Option<f64>,
    pub budget: Option<Budget>,
}

/// How much money may be spent in each period.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    pub amount: f64,
    pub per: Period,
    /// Whose midnight ends a period.
    pub zone: TimeZone,
}

/// A period of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    Day,
    Month,
}

/// As in a container's `resources.requests`, for the whole pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Requests {
    pub cpu: Option<Quantity>,
    pub memory: Option<Quantity>,
}

impl Economy {
    /// Takes these fields out of those of a scale rule.
    pub(super) fn take(fields: &mut Fields<'_, '_>) -> Self {
        Self {
            cost: fields.optional("cost"),
            requests: fields.optional("requests").unwrap_or_default(),
            priority: fields.optional("priority").unwrap_or_default(),
            group: fields.optional("group"),
        }
    }
}

impl Read for Cost {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "cost")?;
        let price = fields.required("per_replica_hour").and_then(|price| positive(reader, &price, "per_replica_hour"));
        let under = fields.optional("per_under_hour").and_then(|price| positive(reader, &price, "per_under_hour"));
        let budget = budget(&mut fields);
        fields.finish();
        Some(Self { per_replica_hour: price?, per_under_hour: under, budget })
    }
}

/// The fields `budget`, `per` and `timezone`; none where they are left out, and where something is wrong with them.
pub(super) fn budget(fields: &mut Fields<'_, '_>) -> Option<Budget> {
    let given = ["budget", "per", "timezone"].iter().any(|name| fields.has(name));
    if !given {
        // Asking makes the names known, to those who misspell them.
        let _ = (fields.node("budget"), fields.node("per"), fields.node("timezone"));
        return None;
    }
    let reader = fields.reader;
    let amount = fields.required("budget").and_then(|amount| positive(reader, &amount, "a budget"));
    let per = fields.required("per");
    let zone = if fields.has("timezone") { fields.required("timezone") } else { Some(Zone(TimeZone::UTC)) };
    let Zone(zone) = zone?;
    Some(Budget { amount: amount?, per: per?, zone })
}

/// The largest amount of money that can be told: what a count of billionths holds.
const MONEY_MAX: f64 = 18e9;

/// The smallest: a billionth.
const MONEY_MIN: f64 = 1e-9;

/// An amount of money that is something.
pub(super) fn positive(reader: &Reader<'_>, amount: &At<f64>, what: &str) -> Option<f64> {
    if amount.value <= 0.0 {
        reader.report(amount.span, format!("{what} is more than zero"));
    } else if !(MONEY_MIN..=MONEY_MAX).contains(&amount.value) {
        reader.report(amount.span, format!("{what} is from 0.000000001 to 18000000000"));
    } else {
        return Some(amount.value);
    }
    None
}

impl Read for Period {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        word(reader, node, "period", &[("day", Self::Day), ("month", Self::Month)])
    }
}

impl Read for Requests {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "requests")?;
        let requests = Self { cpu: fields.optional("cpu"), memory: fields.optional("memory") };
        fields.finish();
        Some(requests)
    }
}

/// Reads the fields of a rule alone, for tests.
#[cfg(test)]
pub(crate) fn parse(text: &str) -> Result<Economy, Vec<super::Finding>> {
    let source = super::Source { file: std::path::Path::new("web.yaml"), text };
    let reader = Reader::new(source);
    let root = super::tree::parse(source).map_err(|(span, message)| vec![source.finding(span, message)])?;
    let economy = reader.fields(&root, "a scale rule").map(|mut fields| {
        let economy = Economy::take(&mut fields);
        fields.finish();
        economy
    });
    let findings = reader.into_findings().into_vec();
    economy.filter(|_| findings.is_empty()).ok_or(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found, without the lines that it is shown with.
    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        let findings = parse(text).err().unwrap_or_default();
        let told: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(told, want);
    }

    #[test]
    fn money_and_limits_are_read() {
        let economy = parse(
            "{cost: {per_replica_hour: 0.05, budget: 900, per: month, timezone: Europe/Paris}, \
             requests: {cpu: 0.5, memory: 1Gi}, priority: -5, group: web}",
        )
        .unwrap();
        let Cost { per_replica_hour, budget: Some(budget), .. } = economy.cost.unwrap() else { panic!() };
        assert_eq!((per_replica_hour, budget.amount, budget.per), (0.05, 900.0, Period::Month));
        assert_eq!(budget.zone.iana_name(), Some("Europe/Paris"));
        assert_eq!(economy.requests.cpu.map(Quantity::thousandths), Some(500));
        assert_eq!(economy.requests.memory.map(Quantity::units), Some(1 << 30));
        assert_eq!((economy.priority, economy.group.unwrap().value.as_str()), (-5, "web"));
        assert_eq!(parse("{}").unwrap(), Economy::default());
        assert_eq!(parse("cost: {per_replica_hour: 2}").unwrap().cost.unwrap().budget, None);
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        check("cost: {}", &["cost needs the field \"per_replica_hour\""]);
        check("cost: {per_replica_hour: 0}", &["per_replica_hour is more than zero"]);
        check("cost: {per_replica_hour: 1e30}", &["per_replica_hour is from 0.000000001 to 18000000000"]);
        check("cost: {per_replica_hour: 1, budget: 5}", &["cost needs the field \"per\""]);
        check("cost: {per_replica_hour: 1, per: day}", &["cost needs the field \"budget\""]);
        check("cost: {per_replica_hour: 1, budget: -5, per: day}", &["a budget is more than zero"]);
        check("cost: {per_replica_hour: 1, budget: 5, per: week}", &["unknown period \"week\"; known: day, month"]);
        check(
            "cost: {per_replica_hour: 1, budgets: 5}",
            &["unknown field \"budgets\" in cost; did you mean \"budget\"?"],
        );
        check(
            "requests: {cpu: lots}",
            &[
                "\"lots\" is no quantity; write a number and, where needed, m, k, M, G, T, Ki, Mi, Gi or Ti, as in 500m or 1Gi",
            ],
        );
        check("requests: {cpu: 0.5m}", &["\"0.5m\" is finer than a thousandth, the smallest amount of a resource"]);
        check("priority: high", &["expected a whole number, found the text \"high\""]);
    }
}
