//! What something else has changed is seen, and set again when it is time.

use super::*;

/// A workload that we set to 6, and that was found at 3 afterwards.
fn drifted(settings: &str) -> World {
    let mut world = World::new(settings);
    world.wish("web", 2, 6, 0, "");
    assert_eq!(world.release(), "web 2->6 by default");
    world.ended("web", true);
    world.now = 10;
    world.wish("web", 6, 6, 0, "");
    assert_eq!(world.dispatcher.drift(&workload("web")), None);
    world.now = 60;
    world.wish("web", 3, 6, 0, "");
    world
}

#[test]
fn without_a_repeat_interval_it_is_set_again_at_once() {
    let mut world = drifted("");
    let drift = Drift { set: 6, found: 3, since: at(60) };
    assert_eq!(world.dispatcher.drift(&workload("web")), Some(drift));
    let released = world.dispatcher.release(at(60), &world.alerts, &world.silences);
    assert_eq!(released[0].drift, Some(drift));
    world.ended("web", true);
    assert_eq!(world.dispatcher.drift(&workload("web")), None);
}

#[test]
fn a_repeat_interval_counts_from_the_last_time_that_it_was_set() {
    let mut world = drifted("route: {repeat_interval: 5m}");
    assert_eq!((world.release().as_str(), world.due()), ("", Some(240)));
    let want = format!("set to 6, changed to 3 by somebody else; set again at {} (repeat_interval)", at(300));
    assert_eq!(world.muted("web"), want);
    assert_eq!(world.release_at(299), "");
    assert_eq!(world.release_at(300), "web 3->6 by default");
}

#[test]
fn a_new_decision_is_not_held() {
    let mut world = drifted("route: {repeat_interval: 5m}");
    assert_eq!(world.release(), "");
    world.wish("web", 3, 7, 0, "");
    assert_eq!(world.release(), "web 3->7 by default");
    world.ended("web", true);
    world.wish("web", 7, 3, 0, "");
    assert_eq!(world.release(), "web 7->3 by default");
}

#[test]
fn drift_ends_when_the_count_is_found_as_it_was_set() {
    let mut world = drifted("route: {repeat_interval: 5m}");
    world.now = 90;
    world.wish("web", 4, 4, 0, "");
    assert_eq!(world.dispatcher.drift(&workload("web")), Some(Drift { set: 6, found: 4, since: at(60) }));
    world.wish("web", 6, 6, 0, "");
    assert_eq!(world.dispatcher.drift(&workload("web")), None);
}

#[test]
fn what_did_not_end_well_was_not_set() {
    let mut world = World::new("route: {repeat_interval: 5m}");
    world.wish("web", 2, 6, 0, "");
    world.release();
    world.ended("web", false);
    world.wish("web", 2, 6, 0, "");
    assert_eq!(world.release(), "web 2->6 by default");
}
