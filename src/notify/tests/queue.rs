use std::time::Duration;

use super::{NOW, alert, alerts};
use crate::dispatch::Alert;
use crate::notify::queue::Queue;

fn names(alerts: &[Alert]) -> String {
    alerts.iter().map(|alert| alert.labels.get("alertname").unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_oldest_goes_where_there_is_no_room() {
    let mut queue = Queue::new(3);
    assert_eq!(queue.add(&alerts("a b")), 0);
    assert_eq!(queue.add(&alerts("c d e")), 2);
    assert_eq!((queue.len(), names(&queue.take(2)).as_str()), (3, "c d"));
    assert_eq!(names(&queue.take(9)), "e");
}

#[test]
fn a_newer_word_takes_the_place_of_the_older_one() {
    let mut queue = Queue::new(3);
    queue.add(&alerts("a b"));
    let resolved = Alert { ends_at: NOW, ..alert("a") };
    queue.add(std::slice::from_ref(&resolved));
    assert_eq!(queue.take(9), [resolved, alert("b")]);
}

#[test]
fn what_is_put_back_comes_first_unless_there_is_newer_word() {
    let mut queue = Queue::new(4);
    queue.add(&alerts("a b c"));
    let taken = queue.take(2);
    let newer = Alert { ends_at: NOW + Duration::from_secs(1), ..alert("b") };
    queue.add(&[alert("d"), newer.clone()]);
    assert_eq!(queue.restore(taken), 0);
    let all = queue.take(9);
    assert_eq!(names(&all), "a c d b");
    assert_eq!(all.last(), Some(&newer));
    queue.add(&alerts("x y z"));
    assert_eq!(queue.restore(alerts("a b c")), 2, "what is oldest goes first");
    assert_eq!(names(&queue.take(9)), "c x y z");
}
