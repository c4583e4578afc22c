use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

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

/// What happens to a queue.
#[derive(Debug, Clone)]
enum Event {
    /// Word on the alert of this number comes.
    Add(u8),
    /// A batch is sent.
    Send(usize),
    /// A batch can't be sent; meanwhile word on an alert comes.
    Fail(usize, u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0_u8..12).prop_map(Event::Add),
        1 => (1_usize..5).prop_map(Event::Send),
        2 => (1_usize..5, 0_u8..12).prop_map(|(count, number)| Event::Fail(count, number)),
    ]
}

proptest! {
    /// Whatever is sent is the newest word on its alert; nothing is lost but what was counted as dropped.
    #[test]
    fn only_the_newest_word_is_sent_and_what_goes_is_counted(events in prop::collection::vec(event(), 1..80)) {
        let mut queue = Queue::new(6);
        // The newest word on each alert that still has to be sent; a number that counts up stands for it.
        let mut words: BTreeMap<String, Alert> = BTreeMap::new();
        let (mut word, mut dropped) = (0, 0);
        let mut add = |queue: &mut Queue, words: &mut BTreeMap<String, Alert>, number: u8| {
            word += 1;
            let alert = Alert { ends_at: NOW + Duration::from_millis(word), ..alert(&number.to_string()) };
            words.insert(number.to_string(), alert.clone());
            queue.add(&[alert])
        };
        for event in events {
            match event {
                Event::Add(number) => dropped += add(&mut queue, &mut words, number),
                Event::Send(count) => for sent in queue.take(count) {
                    let newest = words.remove(sent.labels.get("alertname").unwrap());
                    prop_assert_eq!(newest, Some(sent));
                },
                Event::Fail(count, number) => {
                    let taken = queue.take(count);
                    dropped += add(&mut queue, &mut words, number);
                    dropped += queue.restore(taken);
                }
            }
            prop_assert!(queue.len() <= 6);
        }
        let left = queue.take(usize::MAX);
        for alert in &left {
            prop_assert_eq!(words.get(alert.labels.get("alertname").unwrap()), Some(alert));
        }
        prop_assert!(words.len() - left.len() <= dropped);
    }
}
