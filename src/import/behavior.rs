//! HPA's `behavior`, and what else slows other autoscalers down.

use std::time::Duration;

use super::draft::{Behavior, Direction, Policy};
use super::fields::Fields;

/// Reads `behavior`, whose shape is the same since `autoscaling/v2beta2`.
pub(super) fn read(fields: &Fields<'_>) -> Behavior {
    let behavior = Behavior { up: direction(&fields.at("scaleUp")), down: direction(&fields.at("scaleDown")) };
    fields.finish();
    behavior
}

fn direction(fields: &Fields<'_>) -> Direction {
    let seconds = |fields: &Fields<'_>, name| fields.count(name).map(|count| Duration::from_secs(count.into()));
    let mut policies = Vec::new();
    for policy in fields.list("policies") {
        let unit = policy.text("type").filter(|unit| matches!(unit.as_str(), "Pods" | "Percent"));
        let value = policy.count("value").filter(|value| *value > 0);
        let period = seconds(&policy, "periodSeconds").filter(|period| !period.is_zero());
        policy.finish();
        match (unit, value, period) {
            (Some(unit), Some(value), Some(period)) => policies.push(Policy { unit, value, period }),
            _ => policy.leave_out_all("a policy needs type (Pods or Percent), value and periodSeconds above zero"),
        }
    }
    let direction = Direction {
        stabilization_window: seconds(fields, "stabilizationWindowSeconds"),
        // `Max` is what counts without a word.
        select_policy: fields.text("selectPolicy").filter(|select| matches!(select.as_str(), "Min" | "Disabled")),
        policies,
        tolerance: fields.number("tolerance"),
    };
    fields.finish();
    direction
}
