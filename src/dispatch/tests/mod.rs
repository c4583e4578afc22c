//! Dispatch, from settings to what comes out. A case costs one line.

mod alerts;
mod batches;
mod drift;
mod inhibition;
mod intervals;
mod muted;
mod properties;
mod reload;
mod routing;
mod silences;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::config::{Settings, Source};
use crate::labels::Labels;
use crate::time::Timestamp;
use crate::workload::{ObjectRef, Replicas, Workload};

fn routing(text: &str) -> Arc<Routing> {
    let settings = Settings::parse(Source { file: Path::new("headroom.yaml"), text });
    let settings = settings.unwrap_or_else(|findings| panic!("{}", findings.first().unwrap()));
    Arc::new(Routing::compile(&settings.routing))
}

/// `a=1 b=2`.
fn labels(text: &str) -> Labels {
    Labels::from_pairs(text.split_whitespace().map(|pair| pair.split_once('=').unwrap())).unwrap()
}

/// So many seconds after the start of 2026.
fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000) + Duration::from_secs(seconds)
}

fn workload(name: &str) -> Workload {
    Workload::from(ObjectRef {
        api_version: String::new(),
        kind: "Deployment".to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
    })
}

fn silence(matchers: &str, from: u64, to: u64) -> Silence {
    Silence {
        id: String::new(),
        matchers: parse_matchers(matchers).unwrap(),
        starts_at: at(from),
        ends_at: at(to),
        updated_at: at(from),
        created_by: "alice".to_owned(),
        comment: "moving the database".to_owned(),
    }
}

fn alert(text: &str, from: u64, to: u64) -> Alert {
    Alert {
        labels: labels(text),
        annotations: BTreeMap::new(),
        starts_at: at(from),
        ends_at: at(to),
        updated_at: at(from),
        generator_url: String::new(),
    }
}

/// Dispatch with its silences and alerts, and a clock that is set by hand.
struct World {
    dispatcher: Dispatcher,
    alerts: Alerts,
    silences: Silences,
    now: u64,
}

impl World {
    fn new(text: &str) -> Self {
        let routing = routing(text);
        Self {
            dispatcher: Dispatcher::new(Arc::clone(&routing)),
            alerts: Alerts::new(routing),
            silences: Silences::default(),
            now: 0,
        }
    }

    /// Wishes `name` from a count to another, with the labels that the loop gives it and those of `extra`.
    fn wish(&mut self, name: &str, from: Replicas, to: Replicas, order: i32, extra: &str) {
        let direction = if to >= from { "up" } else { "down" };
        let labels = labels(&format!("workload=shop/{name} name={name} direction={direction} {extra}"));
        self.dispatcher.wish(Wish { workload: workload(name), labels, from, to, order, at: at(self.now) });
    }

    /// What is released now: `web 1->2 by default, api …`.
    fn release(&mut self) -> String {
        self.alerts.advance(at(self.now));
        let released = self.dispatcher.release(at(self.now), &self.alerts, &self.silences);
        let shown = released.iter().map(|release| {
            let Release { workload, from, to, actor, tell, .. } = release;
            let actor = actor.as_ref().map_or("nobody", |actor| actor.name.value.as_str());
            let told: Vec<&str> = tell.iter().map(|one| one.name.value.as_str()).collect();
            let told = if told.is_empty() { String::new() } else { format!(" tell {}", told.join("+")) };
            format!("{} {from}->{to} by {actor}{told}", workload.name)
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// What is released so many seconds after the beginning.
    fn release_at(&mut self, seconds: u64) -> String {
        self.now = seconds;
        self.release()
    }

    fn ended(&mut self, name: &str, ok: bool) {
        self.dispatcher.ended(&workload(name), ok, at(self.now));
    }

    fn muted(&self, name: &str) -> String {
        self.dispatcher.muted(&workload(name)).map_or_else(String::new, ToString::to_string)
    }

    fn silence(&mut self, matchers: &str, to: u64) -> String {
        let id = format!("s{}", self.silences.version());
        self.silences.set(silence(matchers, self.now, to), id, at(self.now)).unwrap().id
    }

    fn fire(&mut self, labels: &str, to: u64) {
        self.alerts.put(alert(labels, self.now, to), at(self.now)).unwrap();
    }

    /// Seconds until the next look.
    fn due(&self) -> Option<u64> {
        self.dispatcher.next_due().map(|due| due.since(at(self.now)).as_secs())
    }
}
