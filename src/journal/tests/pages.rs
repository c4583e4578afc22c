//! Pages: what is asked for, in which order, and how much work that may be.

use super::model::all_pages;
use super::*;
use crate::dispatch::Outcome;

/// Ten entries, one a second: the even ones on `search`, every third one failed, one at a time in flight.
fn journal() -> Journal {
    let (journal, _) = open(Memory);
    for id in 1..=10_u64 {
        let name = if id % 2 == 0 { "search" } else { "checkout" };
        let entry = entry(id, name, at(id));
        let entry = match id {
            10 => entry,
            _ if id % 3 == 0 => ended(entry, Outcome::Failed("x".to_owned())),
            _ => ended(entry, Outcome::Done),
        };
        journal.write(&[change(&entry)], at(id)).unwrap();
    }
    journal
}

#[track_caller]
fn check(filter: Filter, want: &[u64], next: Option<u64>) {
    let page = journal().reader().decisions(&Filter { limit: filter.limit.max(1), ..filter }).unwrap();
    assert_eq!((ids(&page), page.next), (want.to_vec(), next));
}

fn filter(limit: usize) -> Filter {
    Filter { limit, ..Filter::default() }
}

#[test]
fn pages_go_from_the_newest_to_the_oldest() {
    check(filter(4), &[10, 9, 8, 7], Some(7));
    check(Filter { before_id: Some(7), ..filter(4) }, &[6, 5, 4, 3], Some(3));
    check(Filter { before_id: Some(3), ..filter(4) }, &[2, 1], None);
    check(Filter { before_id: Some(1), ..filter(4) }, &[], None);
    check(filter(10), &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], None);
    // What a page rests on may be pruned before the next is asked for; so is all that is older.
    check(Filter { before_id: Some(77), ..filter(4) }, &[], None);
}

#[test]
fn filters_narrow_a_page() {
    let text = |text: &str| Some(text.to_owned());
    check(Filter { workload: text("shop/search"), ..filter(2) }, &[10, 8], Some(8));
    check(Filter { workload: text("shop/search"), before_id: Some(8), ..filter(9) }, &[6, 4, 2], None);
    check(Filter { workload: text("shop/sear"), ..filter(9) }, &[], None);
    check(Filter { outcome: text("failed"), ..filter(9) }, &[9, 6, 3], None);
    check(Filter { outcome: text("in_flight"), ..filter(9) }, &[10], None);
    check(Filter { from: Some(at(3)), to: Some(at(5)), ..filter(9) }, &[5, 4, 3], None);
    check(Filter { from: Some(at(5)), to: Some(at(3)), ..filter(9) }, &[], None);
    check(Filter { to: Some(at(5)), before_id: Some(8), ..filter(1) }, &[5], Some(5));
    check(Filter { from: Some(at(4)), before_id: Some(6), ..filter(9) }, &[5, 4], None);
    check(Filter { from: Some(at(6)), before_id: Some(4), ..filter(9) }, &[], None);
    check(Filter { reason: text(entry(1, "x", START).reason_code()), ..filter(2) }, &[10, 9], Some(9));
    check(Filter { reason: text("no_such_reason"), ..filter(2) }, &[], None);
}

#[test]
fn a_page_looks_at_a_bounded_number_of_entries() {
    let (journal, _) = open(Memory);
    let entries: Vec<Change> = (1..=4_500).map(|id| change(&entry(id, "checkout", at(id)))).collect();
    journal.write(&entries, START).unwrap();
    journal.write(&[change(&ended(entry(3, "checkout", at(3)), Outcome::Done))], START).unwrap();
    let done = Filter { outcome: Some("done".to_owned()), ..filter(10) };
    let page = journal.reader().decisions(&done).unwrap();
    assert_eq!((page.entries.len(), page.next), (0, Some(2_501)), "nothing yet, and where to go on");
    let found: Vec<u64> = all_pages(&journal.reader(), &done).iter().map(|entry| entry.id).collect();
    assert_eq!(found, [3]);
}

#[test]
fn a_page_is_read_beside_the_writer() {
    let journal = journal();
    let reader = journal.reader();
    std::thread::scope(|scope| {
        let pages = scope.spawn(|| {
            for _ in 0..50 {
                let read = ids(&reader.decisions(&filter(PAGE_MAX)).unwrap());
                // Whole steps: each writes two.
                assert_eq!(read.len() % 2, 0, "{read:?}");
            }
        });
        for step in 0..50_u64 {
            let (one, other) = (entry(100 + 2 * step, "a", at(100)), entry(101 + 2 * step, "b", at(100)));
            journal.write(&[change(&one), change(&other)], at(100)).unwrap();
        }
        pages.join().unwrap();
    });
}
