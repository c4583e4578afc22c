//! What several workloads share: `economy: {groups: […]}` in the settings.

use crate::config::economy::{Budget, budget, positive};
use crate::config::quantity::Quantity;
use crate::config::reader::Reader;
use crate::config::scalar::{At, Read, Readable};
use crate::config::tree::Node;

/// Money and shared limits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Economy {
    /// Each has another name.
    pub groups: Vec<LimitGroup>,
}

/// Limits and a budget that the workloads of all rules with this `group` share.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitGroup {
    pub name: At<String>,
    pub limits: SharedLimits,
    pub budget: Option<Budget>,
}

/// How much there is for all together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SharedLimits {
    pub replicas: Option<u32>,
    pub cpu: Option<Quantity>,
    pub memory: Option<Quantity>,
    pub cost_per_hour: Option<f64>,
}

impl Read for Economy {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "economy")?;
        let groups: Vec<LimitGroup> = fields.optional("groups").map(|Readable(groups)| groups).unwrap_or_default();
        fields.finish();
        for (at, group) in groups.iter().enumerate() {
            if groups.iter().take(at).any(|other| other.name.value == group.name.value) {
                reader.report(group.name.span, format!("group \"{}\" is there already", group.name.value));
            }
        }
        Some(Self { groups })
    }
}

impl Read for LimitGroup {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "a group of the economy")?;
        let name: Option<At<String>> = fields.required("name");
        let limited = fields.has("limits") || fields.has("budget");
        let limits = fields.optional("limits").unwrap_or_default();
        let budget = budget(&mut fields);
        fields.finish();
        if !limited {
            reader.report(node.token(), "a group of the economy needs limits or a budget");
        }
        Some(Self { name: name?, limits, budget })
    }
}

impl Read for SharedLimits {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "limits")?;
        let replicas = fields.optional("replicas");
        let cpu = fields.optional("cpu");
        let memory = fields.optional("memory");
        let cost = fields.optional("cost_per_hour");
        fields.finish();
        let cost_per_hour = cost.and_then(|cost| positive(reader, &cost, "cost_per_hour"));
        Some(Self { replicas, cpu, memory, cost_per_hour })
    }
}
