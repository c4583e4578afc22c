//! The route tree, as Alertmanager walks it: depth first, to the deepest routes that match; a route that continues lets
//! its later siblings match too.
//!
//! What waits is different for decisions and for alerts: scaling has to be fast, so groups of decisions wait for nothing
//! unless a route says so, while alerts have Alertmanager's 30 s, 5 min and 4 h.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::inhibit::Rule;
use crate::config;
use crate::labels::{Labels, Matcher};
use crate::schedule::Interval;
use crate::time::Timestamp;

/// Routes, receivers, inhibition and time intervals, ready to be asked.
#[derive(Debug, Clone)]
pub struct Routing {
    /// The root first, each before its children.
    routes: Vec<Route>,
    receivers: BTreeMap<Arc<str>, Receiver>,
    pub(super) inhibitions: Vec<Rule>,
    intervals: BTreeMap<Arc<str>, Vec<Interval>>,
}

/// One node of the tree, with what it inherits.
#[derive(Debug, Clone)]
pub struct Route {
    pub receiver: Arc<str>,
    pub matchers: Vec<Matcher>,
    /// How decisions and alerts are grouped; `None` where nothing is written: each workload alone, all alerts together.
    group_by: Option<GroupBy>,
    group_wait: Option<Duration>,
    group_interval: Option<Duration>,
    repeat_interval: Option<Duration>,
    pub mute_time_intervals: Vec<Arc<str>>,
    pub active_time_intervals: Vec<Arc<str>>,
    continues: bool,
    children: Vec<usize>,
    /// The matchers from the root to here, as Alertmanager writes a route's key.
    pub key: String,
}

/// Which labels make a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// Each by itself: `...`.
    All,
    Labels(Vec<String>),
}

/// What a receiver does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receiver {
    /// It scales for real.
    pub scales: bool,
    /// It is told: a webhook, an Alertmanager of its own, the log.
    pub tells: bool,
}

/// The receiver where nothing is configured.
const DEFAULT_RECEIVER: &str = "default";

impl Default for Routing {
    /// One route: each workload alone, at once, scaled.
    fn default() -> Self {
        Self::compile(&config::Routing::default())
    }
}

impl Routing {
    /// Makes a tree of what is written; the settings have checked that its names fit together.
    #[must_use]
    pub fn compile(written: &config::Routing) -> Self {
        let mut receivers: BTreeMap<Arc<str>, Receiver> = BTreeMap::new();
        for receiver in &written.receivers {
            let tells = receiver.log || !receiver.webhooks.is_empty() || !receiver.alertmanagers.is_empty();
            let name = receiver.name.value.as_str().into();
            receivers.insert(name, Receiver { scales: receiver.kubernetes, tells });
        }
        let mut routes = Vec::new();
        if let Some(root) = &written.route {
            add(root, None, &mut routes);
        } else {
            receivers.entry(DEFAULT_RECEIVER.into()).or_insert(Receiver { scales: true, tells: false });
            routes.push(Route::default());
        }
        let interval = |zoned: &config::Zoned| Interval::new(zoned.interval.clone(), zoned.zone.clone());
        let intervals = written
            .time_intervals
            .iter()
            .map(|named| (named.name.value.as_str().into(), named.intervals.iter().map(interval).collect()));
        let inhibitions = written.inhibit_rules.iter().map(Rule::compile).collect();
        Self { routes, receivers, inhibitions, intervals: intervals.collect() }
    }

    /// The routes that something with these labels takes, in the order of the tree: at least one.
    #[must_use]
    pub fn route(&self, labels: &Labels) -> Vec<usize> {
        let mut taken = Vec::new();
        self.walk(0, labels, &mut taken);
        taken
    }

    /// Whether the node takes them.
    fn walk(&self, at: usize, labels: &Labels, taken: &mut Vec<usize>) -> bool {
        let Some(route) = self.routes.get(at) else { return false };
        if !route.matchers.iter().all(|matcher| matcher.matches(labels)) {
            return false;
        }
        let before = taken.len();
        for child in &route.children {
            let stops = self.routes.get(*child).is_some_and(|child| !child.continues);
            if self.walk(*child, labels, taken) && stops {
                break;
            }
        }
        if taken.len() == before {
            taken.push(at);
        }
        true
    }

    /// A route by its place.
    #[must_use]
    pub fn at(&self, at: usize) -> Option<&Route> {
        self.routes.get(at)
    }

    /// All receivers by name.
    #[must_use]
    pub fn receivers(&self) -> &BTreeMap<Arc<str>, Receiver> {
        &self.receivers
    }

    /// What a route's receiver does.
    #[must_use]
    pub fn receiver(&self, route: &Route) -> Receiver {
        self.receivers.get(&route.receiver).copied().unwrap_or(Receiver { scales: false, tells: false })
    }

    /// The time interval that keeps a route silent now, if one does: one in which it is muted, or one outside of which
    /// it is.
    #[must_use]
    pub fn muted_by<'r>(&self, route: &'r Route, now: Timestamp) -> Option<&'r Arc<str>> {
        let inside =
            |name: &Arc<str>| self.intervals.get(name).is_some_and(|all| all.iter().any(|one| one.contains(now)));
        let muting = route.mute_time_intervals.iter().find(|name| inside(name));
        let idle = || {
            let active = &route.active_time_intervals;
            active.first().filter(|_| !active.iter().any(&inside))
        };
        muting.or_else(idle)
    }

    /// When any of a route's time intervals begins or ends next.
    #[must_use]
    pub fn next_change(&self, route: &Route, now: Timestamp) -> Option<Timestamp> {
        let names = route.mute_time_intervals.iter().chain(&route.active_time_intervals);
        let intervals = names.filter_map(|name| self.intervals.get(name)).flatten();
        intervals.filter_map(|interval| interval.next_change(now)).min()
    }

    /// The tree and its receivers as Alertmanager writes them, without addresses and secrets: `amtool config routes`
    /// reads it.
    #[must_use]
    pub fn yaml(&self) -> String {
        let mut text = "route:\n".to_owned();
        self.route_yaml(0, 1, &mut text);
        text += "receivers:\n";
        for name in self.receivers.keys() {
            text += &format!("- name: {}\n", quoted(name));
        }
        text
    }

    fn route_yaml(&self, at: usize, depth: usize, text: &mut String) {
        let Some(route) = self.routes.get(at) else { return };
        let indent = "  ".repeat(depth);
        *text += &format!("{indent}receiver: {}\n", quoted(&route.receiver));
        match &route.group_by {
            Some(GroupBy::Labels(labels)) if !labels.is_empty() => {
                let labels: Vec<String> = labels.iter().map(|label| quoted(label)).collect();
                *text += &format!("{indent}group_by: [{}]\n", labels.join(", "));
            }
            Some(GroupBy::All) => *text += &format!("{indent}group_by: ['...']\n"),
            _ => {}
        }
        if !route.matchers.is_empty() {
            *text += &format!("{indent}matchers:\n");
            for matcher in &route.matchers {
                *text += &format!("{indent}- {}\n", quoted(&matcher.to_string()));
            }
        }
        if route.continues {
            *text += &format!("{indent}continue: true\n");
        }
        if !route.children.is_empty() {
            *text += &format!("{indent}routes:\n");
            for child in &route.children {
                let mut below = String::new();
                self.route_yaml(*child, depth + 1, &mut below);
                // The first line of a list's item carries its dash.
                *text += &below.replacen(&"  ".repeat(depth + 1), &format!("{indent}- "), 1);
            }
        }
    }

    /// The tree as lines, indented by depth: `{team="shop"}  receiver: pager`.
    #[must_use]
    pub fn lines(&self) -> Vec<(usize, String)> {
        let mut lines = Vec::new();
        self.line(0, 0, &mut lines);
        lines
    }

    fn line(&self, at: usize, depth: usize, lines: &mut Vec<(usize, String)>) {
        let Some(route) = self.routes.get(at) else { return };
        let matchers = if depth == 0 { "default-route".to_owned() } else { braces(&route.matchers) };
        let continues = if route.continues { "  continue: true" } else { "" };
        lines.push((depth, format!("{matchers}{continues}  receiver: {}", route.receiver)));
        route.children.iter().for_each(|child| self.line(*child, depth + 1, lines));
    }
}

/// Adds a route and what is below it; gives its place.
fn add(written: &config::Route, parent: Option<&Route>, routes: &mut Vec<Route>) -> usize {
    let names = |names: &[config::At<String>]| -> Vec<Arc<str>> {
        names.iter().map(|name| name.value.as_str().into()).collect()
    };
    let group_by = written.group_by.as_ref().map(|labels| {
        let labels: Vec<String> = labels.iter().map(|label| label.value.clone()).collect();
        if labels.iter().any(|label| label == "...") { GroupBy::All } else { GroupBy::Labels(labels) }
    });
    let own = braces(&written.matchers);
    let receiver = written.receiver.as_ref().map(|receiver| receiver.value.as_str().into());
    let route = Route {
        receiver: receiver.or_else(|| Some(Arc::clone(&parent?.receiver))).unwrap_or_else(|| DEFAULT_RECEIVER.into()),
        matchers: written.matchers.clone(),
        group_by: group_by.or_else(|| parent?.group_by.clone()),
        group_wait: written.group_wait.or_else(|| parent?.group_wait),
        group_interval: written.group_interval.or_else(|| parent?.group_interval),
        repeat_interval: written.repeat_interval.or_else(|| parent?.repeat_interval),
        mute_time_intervals: names(&written.mute_time_intervals),
        active_time_intervals: names(&written.active_time_intervals),
        continues: written.continues,
        children: Vec::new(),
        key: parent.map_or_else(|| own.clone(), |parent| format!("{}/{own}", parent.key)),
    };
    let at = routes.len();
    routes.push(route.clone());
    for child in &written.routes {
        let child = add(child, Some(&route), routes);
        if let Some(route) = routes.get_mut(at) {
            route.children.push(child);
        }
    }
    at
}

/// A text in single quotes, as YAML has it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn braces(matchers: &[Matcher]) -> String {
    let matchers: Vec<String> = matchers.iter().map(ToString::to_string).collect();
    format!("{{{}}}", matchers.join(","))
}

impl Default for Route {
    fn default() -> Self {
        Self {
            receiver: DEFAULT_RECEIVER.into(),
            matchers: Vec::new(),
            group_by: None,
            group_wait: None,
            group_interval: None,
            repeat_interval: None,
            mute_time_intervals: Vec::new(),
            active_time_intervals: Vec::new(),
            continues: false,
            children: Vec::new(),
            key: "{}".to_owned(),
        }
    }
}

/// How long a group waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waits {
    /// From its first member.
    pub(super) group_wait: Duration,
    /// From one batch or message to the next.
    pub(super) group_interval: Duration,
    /// Until what has not changed is said or done again; `None` for at once.
    pub(super) repeat_interval: Option<Duration>,
}

impl Route {
    pub(super) fn for_decisions(&self) -> Waits {
        Waits {
            group_wait: self.group_wait.unwrap_or_default(),
            group_interval: self.group_interval.unwrap_or_default(),
            repeat_interval: self.repeat_interval,
        }
    }

    /// Alertmanager's defaults.
    pub(super) fn for_alerts(&self) -> Waits {
        Waits {
            group_wait: self.group_wait.unwrap_or(Duration::from_secs(30)),
            group_interval: self.group_interval.unwrap_or(Duration::from_mins(5)),
            repeat_interval: Some(self.repeat_interval.unwrap_or(Duration::from_hours(4))),
        }
    }

    /// The labels of the group that a decision belongs to.
    pub(super) fn group_of_decision(&self, labels: &Labels) -> Labels {
        match &self.group_by {
            None => labels.only(&["workload".to_owned()]),
            Some(group_by) => group_by.labels(labels),
        }
    }

    /// The labels of the group that an alert belongs to.
    pub(super) fn group_of_alert(&self, labels: &Labels) -> Labels {
        self.group_by.as_ref().map_or_else(Labels::empty, |group_by| group_by.labels(labels))
    }
}

impl GroupBy {
    fn labels(&self, labels: &Labels) -> Labels {
        match self {
            Self::All => labels.clone(),
            Self::Labels(names) => labels.only(names),
        }
    }
}
