//! The route tree: labels → the routes that they take, and with them receiver, grouping and waits.
//!
//! The tree is Alertmanager's, for decisions as for alerts: a label set goes down into the first route that matches it,
//! on to the next ones where that says `continue`, and stays where no route below matches. What a route does not say is
//! as in the route above it, but for its matchers and time intervals, which are its own.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::interval::NamedInterval;
use crate::config::{self, GroupBy, InhibitRule, Receiver};
use crate::labels::{Labels, Matcher};

/// All that the settings say of dispatch, ready to be asked. Shared by all who ask.
#[derive(Debug)]
pub struct Routing {
    /// Each before those below it; the first is the root.
    routes: Vec<Route>,
    receivers: Vec<Arc<Receiver>>,
    inhibit_rules: Vec<InhibitRule>,
    intervals: Vec<NamedInterval>,
}

/// One route of the tree, with what it has from those above.
#[derive(Debug)]
pub struct Route {
    /// The way to it: matchers from the root on, as Alertmanager's group keys begin. No two routes have the same.
    pub key: Arc<str>,
    pub receiver: Arc<Receiver>,
    pub group_by: GroupBy,
    /// Waits of decisions.
    pub decisions: Waits,
    /// Waits of messages about alerts.
    pub alerts: Waits,
    pub matchers: Vec<Matcher>,
    pub continues: bool,
    /// Places in the list of intervals.
    pub(super) mute: Vec<usize>,
    pub(super) active: Vec<usize>,
    /// Places in the list of routes.
    pub(super) below: Vec<usize>,
}

/// How long a group waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// From its first member on, for others to join.
    pub group_wait: Duration,
    /// Between two batches of it.
    pub group_interval: Duration,
    /// Until the same is said or set again.
    pub repeat_interval: Option<Duration>,
}

impl Waits {
    /// Decisions don't wait where nobody asks for it: load doesn't either. And what somebody else has changed is set
    /// again at once.
    pub const DECISIONS: Self =
        Self { group_wait: Duration::ZERO, group_interval: Duration::ZERO, repeat_interval: None };

    /// Alertmanager's defaults, for messages that people read.
    pub const ALERTS: Self = Self {
        group_wait: Duration::from_secs(30),
        group_interval: Duration::from_mins(5),
        repeat_interval: Some(Duration::from_hours(4)),
    };

    fn with(self, route: &config::Route) -> Self {
        Self {
            group_wait: route.group_wait.unwrap_or(self.group_wait),
            group_interval: route.group_interval.unwrap_or(self.group_interval),
            repeat_interval: route.repeat_interval.or(self.repeat_interval),
        }
    }
}

impl Routing {
    /// Makes the settings ready. They have been checked: each name in them is known.
    #[must_use]
    pub fn compile(settings: &config::Routing) -> Self {
        let mut routing = Self {
            routes: Vec::new(),
            receivers: settings.receivers.iter().cloned().map(Arc::new).collect(),
            inhibit_rules: settings.inhibit_rules.clone(),
            intervals: settings.time_intervals.iter().map(NamedInterval::compile).collect(),
        };
        routing.add(&settings.route, None);
        routing
    }

    /// Adds a route and those below it; gives its place.
    fn add(&mut self, written: &config::Route, above: Option<usize>) -> usize {
        let above = above.and_then(|place| self.routes.get(place));
        let receiver = written.receiver.as_ref().and_then(|name| self.receiver(&name.value)).cloned();
        // A decision of a workload is a group of its own, so that no other's failure stops it.
        let by_workload = || GroupBy::Labels(vec!["workload".to_owned()]);
        let route = Route {
            key: above.map_or_else(|| "{}".into(), |above| self.key(above, &written.matchers)),
            receiver: receiver
                .or_else(|| above.map(|above| Arc::clone(&above.receiver)))
                .or_else(|| self.receivers.first().cloned())
                .expect("settings have the receiver that the root route names"),
            group_by: (written.group_by.clone())
                .or_else(|| above.map(|above| above.group_by.clone()))
                .unwrap_or_else(by_workload),
            decisions: above.map_or(Waits::DECISIONS, |above| above.decisions).with(written),
            alerts: above.map_or(Waits::ALERTS, |above| above.alerts).with(written),
            matchers: written.matchers.clone(),
            continues: written.continues,
            mute: self.places(&written.mute_time_intervals),
            active: self.places(&written.active_time_intervals),
            below: Vec::new(),
        };
        let place = self.routes.len();
        self.routes.push(route);
        for one in &written.routes {
            let below = self.add(one, Some(place));
            if let Some(route) = self.routes.get_mut(place) {
                route.below.push(below);
            }
        }
        place
    }

    /// The key of a route below another; a number tells those with the same matchers apart.
    fn key(&self, above: &Route, matchers: &[Matcher]) -> Arc<str> {
        let key = format!("{}/{}", above.key, shown(matchers));
        let same = above.below.iter().filter_map(|place| self.routes.get(*place));
        match same.filter(|route| route.matchers == matchers).count() {
            0 => key.into(),
            before => format!("{key}#{}", before + 1).into(),
        }
    }

    fn places(&self, names: &[config::At<String>]) -> Vec<usize> {
        let place = |name: &config::At<String>| self.intervals.iter().position(|one| *one.name == *name.value);
        names.iter().filter_map(place).collect()
    }

    /// The routes that a label set takes, in the order of the settings; at least the root.
    #[must_use]
    pub fn route(&self, labels: &Labels) -> Vec<&Route> {
        self.places_of(labels).into_iter().filter_map(|place| self.routes.get(place)).collect()
    }

    /// The context of the kubeconfig that the receiver names which carries out decisions with these labels.
    #[must_use]
    pub fn context(&self, labels: &Labels) -> Option<&str> {
        let acting = self.places_of(labels).into_iter().find_map(|place| self.at(place).receiver.kubernetes.as_ref());
        acting?.as_deref()
    }

    /// As [`route`](Self::route), as places in the list of routes.
    pub(super) fn places_of(&self, labels: &Labels) -> Vec<usize> {
        let mut taken = Vec::new();
        self.descend(0, labels, &mut taken);
        taken
    }

    /// Adds the routes that are taken from this one on; whether there are any.
    fn descend(&self, place: usize, labels: &Labels, taken: &mut Vec<usize>) -> bool {
        let Some(route) = self.routes.get(place) else { return false };
        if !route.matches(labels) {
            return false;
        }
        let before = taken.len();
        for below in &route.below {
            let continues = self.routes.get(*below).is_some_and(|route| route.continues);
            if self.descend(*below, labels, taken) && !continues {
                break;
            }
        }
        if taken.len() == before {
            taken.push(place);
        }
        true
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> &Route {
        self.at(0)
    }

    /// The routes directly below one.
    pub fn below<'a>(&'a self, route: &'a Route) -> impl Iterator<Item = &'a Route> {
        route.below.iter().map(|place| self.at(*place))
    }

    pub(super) fn at(&self, place: usize) -> &Route {
        self.routes.get(place).expect("a place is of this routing")
    }

    /// Where the route of a key is now.
    pub(super) fn place_of(&self, key: &str) -> Option<usize> {
        self.routes.iter().position(|route| *route.key == *key)
    }

    /// All receivers, in the order of the settings.
    #[must_use]
    pub fn receivers(&self) -> &[Arc<Receiver>] {
        &self.receivers
    }

    #[must_use]
    pub fn receiver(&self, name: &str) -> Option<&Arc<Receiver>> {
        self.receivers.iter().find(|receiver| receiver.name.value == name)
    }

    pub(super) fn inhibit_rules(&self) -> &[InhibitRule] {
        &self.inhibit_rules
    }

    pub(super) fn intervals(&self) -> &[NamedInterval] {
        &self.intervals
    }
}

impl Default for Routing {
    /// Each decision is carried out at once.
    fn default() -> Self {
        Self::compile(&config::Routing::default())
    }
}

impl Route {
    /// Whether a label set passes all matchers.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(labels))
    }

    /// What names the group of a label set within this route.
    #[must_use]
    pub fn group_of(&self, labels: &Labels) -> Labels {
        match &self.group_by {
            GroupBy::All => labels.clone(),
            GroupBy::Labels(names) => labels.only(names),
        }
    }

    /// As [`group_of`](Self::group_of), for a decision. Where it has none of the labels that `group_by` names, it has
    /// nothing in common with others, and is a group of its own: routes that were made for alerts don't tie workloads
    /// together that have nothing to do with each other.
    #[must_use]
    pub fn group_of_decision(&self, labels: &Labels) -> Labels {
        let group = self.group_of(labels);
        match &self.group_by {
            GroupBy::Labels(names) if group.is_empty() && !names.is_empty() => labels.only(&["workload".to_owned()]),
            _ => group,
        }
    }

    /// A group's key, as Alertmanager writes it.
    #[must_use]
    pub fn group_key(&self, group: &Labels) -> String {
        format!("{}:{group}", self.key)
    }
}

/// Matchers as Alertmanager shows them: sorted, in braces.
#[must_use]
pub fn shown(matchers: &[Matcher]) -> String {
    let mut sorted: Vec<&Matcher> = matchers.iter().collect();
    sorted.sort();
    let mut text = String::from("{");
    for (at, matcher) in sorted.into_iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        // Writing to a String can't fail.
        let _ = write!(text, "{comma}{matcher}");
    }
    text.push('}');
    text
}
