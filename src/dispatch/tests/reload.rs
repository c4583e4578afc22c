//! Other routes while the loop runs, and a restart.

use super::*;

impl World {
    fn reconfigure(&mut self, text: &str) {
        let routing = routing(text);
        self.dispatcher.reconfigure(Arc::clone(&routing));
        self.alerts.reconfigure(routing, at(self.now));
    }
}

const APP: &str = "route: {group_by: [app]}";

fn begun() -> World {
    let mut world = World::new(APP);
    world.wish("db", 1, 2, 0, "app=shop");
    world.wish("web", 1, 2, 1, "app=shop");
    assert_eq!(world.release(), "db 1->2 by default");
    world
}

#[test]
fn a_batch_goes_on_where_its_group_stays() {
    let mut world = begun();
    world.reconfigure("route: {group_by: [app], group_interval: 1m, routes: [{matchers: [x=y]}]}");
    assert_eq!(world.release(), "");
    world.ended("db", true);
    assert_eq!(world.release(), "web 1->2 by default");
}

#[test]
fn what_is_wished_is_routed_anew() {
    let mut world = begun();
    world.reconfigure("");
    assert_eq!(world.release(), "web 1->2 by default", "alone in its group, it waits for nobody");
    world.ended("db", false);
    world.ended("web", true);
    world.wish("db", 1, 2, 0, "app=shop");
    assert_eq!(world.release(), "db 1->2 by default");
}

#[test]
fn a_release_outlives_its_route() {
    let mut world = World::new("route: {routes: [{matchers: [app=shop], group_by: [app]}]}");
    world.wish("db", 1, 2, 0, "app=shop");
    world.wish("web", 1, 2, 1, "app=shop");
    assert_eq!(world.release(), "db 1->2 by default");
    world.reconfigure("");
    assert_eq!(world.release(), "web 1->2 by default");
    world.wish("db", 1, 3, 0, "app=shop");
    assert_eq!(world.release(), "", "still in flight");
    world.ended("db", false);
    world.wish("db", 1, 3, 0, "app=shop");
    assert_eq!(world.release(), "db 1->3 by default");
}

#[test]
fn a_new_inhibit_rule_holds_back_what_waits() {
    let mut world = World::new("route: {group_wait: 10s}");
    world.fire("alertname=Down", 100);
    world.wish("web", 1, 2, 0, "");
    world.release();
    world.reconfigure(
        "route: {group_wait: 10s}\ninhibit_rules: [{source_matchers: [alertname=Down], target_matchers: [name=web]}]",
    );
    assert_eq!(world.release_at(10), "");
    assert!(world.muted("web").starts_with("inhibited while the alert Down fires"));
    world.reconfigure("");
    assert_eq!(world.release_at(11), "web 1->2 by default");
}

#[test]
fn memories_survive_a_restart() {
    let settings = "route: {group_interval: 1m, repeat_interval: 5m}";
    let mut world = World::new(settings);
    world.wish("web", 1, 6, 0, "");
    world.release();
    world.ended("web", true);
    let stored = serde_json::to_string(&world.dispatcher.stored()).unwrap();
    let set = world.dispatcher.set_count(&workload("web")).unwrap();
    let mut world = World::new(settings);
    world.dispatcher.restore(serde_json::from_str(&stored).unwrap());
    world.dispatcher.was_set(set);
    world.now = 30;
    world.wish("web", 3, 6, 0, "");
    assert_eq!((world.release().as_str(), world.due()), ("", Some(270)));
    world.wish("web", 3, 7, 0, "");
    assert_eq!((world.release().as_str(), world.due()), ("", Some(30)), "group_interval");
    assert_eq!(world.release_at(60), "web 3->7 by default");
}
