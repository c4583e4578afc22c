//! Groups: whom they wait for, and in which order they act.

use super::*;

const APP: &str = "route: {group_by: [app]}";

#[test]
fn by_default_every_wish_is_released_at_once() {
    let mut world = World::new("");
    world.wish("web", 1, 2, 5, "");
    world.wish("api", 4, 2, 0, "");
    assert_eq!(world.release(), "api 4->2 by default, web 1->2 by default");
    world.wish("cart", 1, 2, 0, "");
    assert_eq!(world.release(), "cart 1->2 by default");
    assert_eq!(world.due(), None);
}

#[test]
fn one_release_of_a_workload_is_in_flight() {
    let mut world = World::new("");
    world.wish("web", 1, 2, 0, "");
    assert_eq!(world.release(), "web 1->2 by default");
    world.wish("web", 1, 3, 0, "");
    world.wish("web", 3, 1, 0, "");
    assert_eq!(world.release_at(9), "");
    world.ended("web", true);
    assert_eq!(world.release(), "", "the wishes were made from a count that is no more");
    world.wish("web", 2, 3, 0, "");
    assert_eq!(world.release(), "web 2->3 by default");
    world.ended("web", false);
    world.wish("web", 2, 3, 0, "");
    assert_eq!(world.release(), "web 2->3 by default");
}

#[test]
fn backends_go_up_first() {
    let mut world = World::new(APP);
    world.wish("web", 1, 2, 2, "app=shop");
    world.wish("db", 1, 2, -1, "app=shop");
    world.wish("api", 1, 2, 1, "app=shop");
    world.wish("cart", 1, 2, 1, "app=shop");
    world.wish("blog", 1, 2, 9, "app=blog");
    assert_eq!(world.release(), "blog 1->2 by default, db 1->2 by default");
    assert_eq!(world.muted("api"), "waits for shop/db, which its group scales first");
    assert_eq!(world.release_at(5), "");
    world.ended("db", true);
    assert_eq!(world.release(), "api 1->2 by default, cart 1->2 by default");
    world.ended("api", true);
    assert_eq!(world.release(), "");
    assert_eq!(world.muted("web"), "waits for shop/cart, which its group scales first");
    world.ended("cart", true);
    assert_eq!(world.release(), "web 1->2 by default");
    world.ended("web", true);
    assert_eq!((world.release().as_str(), world.due()), ("", None));
}

#[test]
fn backends_go_down_last_and_after_all_that_goes_up() {
    let mut world = World::new(APP);
    world.wish("db", 4, 2, 0, "app=shop");
    world.wish("web", 4, 2, 2, "app=shop");
    world.wish("api", 4, 2, 1, "app=shop");
    world.wish("queue", 1, 2, 7, "app=shop");
    for want in ["queue 1->2", "web 4->2", "api 4->2", "db 4->2"] {
        assert_eq!(world.release(), format!("{want} by default"));
        world.ended(want.split_whitespace().next().unwrap(), true);
    }
    assert_eq!(world.release(), "");
}

#[test]
fn who_fails_stops_the_rest_until_it_is_tried_again() {
    let mut world = World::new(APP);
    world.wish("db", 1, 2, 0, "app=shop");
    world.wish("api", 1, 2, 1, "app=shop");
    world.wish("web", 1, 2, 2, "app=shop");
    assert_eq!(world.release(), "db 1->2 by default");
    world.ended("db", false);
    assert_eq!(world.release(), "");
    assert_eq!(world.muted("web"), "stopped with its group, for shop/db could not be scaled");
    world.wish("web", 1, 2, 2, "app=shop");
    world.wish("api", 1, 3, 1, "app=shop");
    assert_eq!(world.release_at(1), "");
    assert_eq!(world.muted("api"), "stopped with its group, for shop/db could not be scaled");
    assert_eq!(world.due(), Some(59));
    world.wish("db", 1, 2, 0, "app=shop");
    assert_eq!(world.release_at(2), "db 1->2 by default");
    world.ended("db", true);
    assert_eq!(world.release(), "api 1->3 by default");
}

#[test]
fn the_rest_goes_on_when_the_one_that_failed_is_not_tried_again() {
    let failed = || {
        let mut world = World::new(APP);
        world.wish("db", 1, 2, 0, "app=shop");
        world.wish("web", 1, 2, 2, "app=shop");
        world.release();
        world.ended("db", false);
        world.wish("web", 1, 2, 2, "app=shop");
        assert_eq!(world.release_at(1), "");
        world
    };
    assert_eq!(failed().release_at(60), "web 1->2 by default");
    let mut world = failed();
    world.dispatcher.forget(&workload("db"));
    assert_eq!(world.release(), "web 1->2 by default");
    let mut world = failed();
    world.wish("db", 1, 1, 0, "app=shop");
    assert_eq!(world.release(), "web 1->2 by default", "nothing is to be tried again");
}

#[test]
fn who_goes_on_failing_holds_the_rest_for_a_minute_and_no_longer() {
    let mut world = World::new(APP);
    let both = |world: &mut World, from: u32| {
        world.wish("db", 1, 2, 0, "app=shop");
        world.wish("web", from, from + 1, 2, "app=shop");
    };
    both(&mut world, 1);
    assert_eq!(world.release(), "db 1->2 by default");
    world.ended("db", false);
    for second in [1, 3, 7, 15, 31] {
        world.now = second;
        both(&mut world, 1);
        assert_eq!(world.release(), "db 1->2 by default", "{second}s");
        world.ended("db", false);
        assert_eq!(world.release(), "", "its retry ends nobody's wait, at {second}s");
    }
    world.wish("web", 1, 2, 2, "app=shop");
    assert_eq!((world.release_at(59).as_str(), world.due()), ("", Some(1)));
    assert_eq!(world.release_at(60), "web 1->2 by default");
    world.ended("web", true);
    world.now = 91;
    both(&mut world, 2);
    assert_eq!(world.release(), "db 1->2 by default");
    world.ended("db", false);
    assert_eq!(world.release(), "web 2->3 by default", "they go on without it");
    world.ended("web", true);
    world.now = 120;
    both(&mut world, 3);
    assert_eq!(world.release(), "db 1->2 by default");
    world.ended("db", true);
    assert_eq!(world.release(), "web 3->4 by default");
    world.ended("web", true);
    world.wish("db", 2, 3, 0, "app=shop");
    world.wish("web", 4, 5, 2, "app=shop");
    assert_eq!(world.release(), "db 2->3 by default");
    world.ended("db", false);
    assert_eq!(world.release(), "", "a new failure is waited for anew");
}

#[test]
fn others_of_the_same_rank_end_before_the_batch_does() {
    let mut world = World::new(APP);
    world.wish("a", 1, 2, 0, "app=shop");
    world.wish("b", 1, 2, 0, "app=shop");
    world.wish("c", 1, 2, 1, "app=shop");
    assert_eq!(world.release(), "a 1->2 by default, b 1->2 by default");
    world.ended("a", false);
    world.wish("a", 1, 2, 0, "app=shop");
    assert_eq!(world.release(), "");
    assert_eq!(world.muted("a"), "waits for shop/b, which its group scales first");
    world.ended("b", true);
    assert_eq!(world.release(), "a 1->2 by default");
}

#[test]
fn a_group_waits_for_others_to_join() {
    let mut world = World::new("route: {group_by: [app], group_wait: 10s, group_interval: 1m}");
    world.wish("web", 1, 2, 2, "app=shop");
    assert_eq!((world.release().as_str(), world.due()), ("", Some(10)));
    assert_eq!(world.muted("web"), format!("waits for others of its group until {} (group_wait)", at(10)));
    world.now = 7;
    world.wish("db", 1, 2, 0, "app=shop");
    world.wish("web", 1, 4, 2, "app=shop");
    assert_eq!((world.release().as_str(), world.due()), ("", Some(3)));
    assert_eq!(world.release_at(10), "db 1->2 by default");
    world.ended("db", true);
    assert_eq!(world.release_at(12), "web 1->4 by default");
    world.ended("web", true);
    world.wish("db", 2, 3, 0, "app=shop");
    assert_eq!((world.release_at(30).as_str(), world.due()), ("", Some(40)));
    assert_eq!(world.muted("db"), format!("its group acts again at {} (group_interval)", at(70)));
    assert_eq!(world.release_at(70), "db 2->3 by default");
    world.ended("db", true);
    assert_eq!((world.release_at(71).as_str(), world.due()), ("", Some(59)));
    assert_eq!((world.release_at(130).as_str(), world.due()), ("", None));
}

#[test]
fn the_newest_wish_counts_also_within_a_batch() {
    let mut world = World::new(APP);
    let begin = |world: &mut World| {
        world.wish("db", 1, 2, 0, "app=shop");
        world.wish("web", 1, 2, 2, "app=shop");
        assert_eq!(world.release(), "db 1->2 by default");
    };
    begin(&mut world);
    world.wish("web", 1, 9, 2, "app=shop");
    world.wish("api", 1, 2, 1, "app=shop");
    world.ended("db", true);
    assert_eq!(world.release(), "web 1->9 by default", "who comes later waits for the next batch");
    assert_eq!(world.muted("api"), "waits for shop/web, which its group scales first");
    world.ended("web", true);
    assert_eq!(world.release(), "api 1->2 by default");
    world.ended("api", true);
    let mut world = World::new(APP);
    begin(&mut world);
    world.wish("web", 1, 1, 2, "app=shop");
    world.ended("db", true);
    assert_eq!((world.release().as_str(), world.muted("web").as_str()), ("", ""));
    let mut world = World::new(APP);
    begin(&mut world);
    world.wish("web", 3, 2, 2, "app=shop");
    world.ended("db", true);
    assert_eq!(world.release(), "web 3->2 by default");
}

#[test]
fn others_go_on_without_a_member_that_is_silenced_meanwhile() {
    let mut world = World::new(APP);
    world.wish("db", 1, 2, 0, "app=shop");
    world.wish("api", 1, 2, 1, "app=shop");
    world.wish("web", 1, 2, 2, "app=shop");
    assert_eq!(world.release(), "db 1->2 by default");
    world.silence("name=api", 60);
    world.ended("db", true);
    assert_eq!(world.release_at(3), "web 1->2 by default");
    assert!(world.muted("api").starts_with("silenced by alice"), "{}", world.muted("api"));
    world.ended("web", true);
    assert_eq!(world.release_at(60), "api 1->2 by default");
}

#[test]
fn a_forgotten_workload_is_in_nobodys_way() {
    let mut world = World::new(APP);
    world.wish("db", 1, 2, 0, "app=shop");
    world.wish("api", 1, 2, 1, "app=shop");
    world.wish("web", 1, 2, 2, "app=shop");
    assert_eq!(world.release(), "db 1->2 by default");
    world.dispatcher.forget(&workload("db"));
    world.dispatcher.forget(&workload("api"));
    assert_eq!(world.release(), "", "its action is still on its way");
    world.ended("db", true);
    assert_eq!(world.release(), "web 1->2 by default");
    assert!(!world.dispatcher.in_flight(&workload("db")));
}

#[test]
fn routes_made_for_alerts_do_not_tie_workloads_together() {
    let both = |settings: &str| {
        let mut world = World::new(settings);
        world.wish("db", 1, 2, 0, "");
        world.wish("web", 1, 2, 1, "");
        world.release()
    };
    assert_eq!(both("route: {group_by: [alertname, cluster]}"), "db 1->2 by default, web 1->2 by default");
    assert_eq!(both("route: {group_by: [direction]}"), "db 1->2 by default");
    assert_eq!(both("route: {group_by: []}"), "db 1->2 by default");
}

#[test]
fn new_labels_lead_to_another_group() {
    let mut world = World::new("route: {group_by: [app], group_wait: 10s}");
    world.wish("web", 1, 2, 0, "app=shop");
    world.release();
    world.now = 5;
    world.wish("web", 1, 2, 0, "app=blog");
    assert_eq!(world.release_at(10), "web 1->2 by default", "it has waited since its first wish");
}
