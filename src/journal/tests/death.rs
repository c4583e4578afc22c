//! The disk dies at every stroke of a run: what was acknowledged is there afterwards, and nothing by halves.

use super::disk::Disk;
use super::model::{Model, check};
use super::*;

/// A run of steps as the loop makes them: decisions, their outcomes, state beside them, something deleted.
fn steps() -> Vec<Vec<Change>> {
    (1..=6_u64)
        .map(|step| {
            let opened = entry(step, ["checkout", "search"][usize::from(step % 2 == 0)], at(step));
            let mut changes = vec![change(&opened)];
            if step > 1 {
                let before = entry(step - 1, ["checkout", "search"][usize::from(step % 2 == 1)], at(step - 1));
                changes.push(change(&ended(before, Outcome::Done)));
            }
            changes.push(Change::put(Table::Workloads, format!("shop/w{}", step % 3), &vec![step; 100]).unwrap());
            changes.push(Change::delete(Table::Workloads, format!("shop/w{}", (step + 1) % 3)));
            changes
        })
        .collect()
}

/// Runs until the end or a failure. Gives what was acknowledged, and that with the step that failed.
fn run(disk: &Disk) -> (Model, Model) {
    let (mut acknowledged, mut tried) = (Model::default(), Model::default());
    let opened = Journal::open(disk.clone(), Limits::default(), JournalMetrics::default(), START);
    let Ok((journal, _)) = opened else { return (acknowledged, tried) };
    for changes in steps() {
        tried.make(&changes);
        if journal.write(&changes, START).is_err() {
            break;
        }
        acknowledged.make(&changes);
    }
    (acknowledged, tried)
}

#[test]
fn a_death_at_any_stroke_loses_nothing_acknowledged_and_leaves_no_half() {
    let whole = Disk::default();
    let (all, _) = run(&whole);
    assert_eq!(all.entries.len(), 6);
    for stroke in 0..whole.strokes() {
        // Nothing of what was not synced, and a mixture.
        for luck in [0, 0x0123_4567_89ab_cdef ^ (stroke as u64) << 7] {
            let disk = Disk::default();
            disk.die_at(stroke);
            let (acknowledged, tried) = run(&disk);
            disk.restart(luck);
            let (journal, recovered) = open(disk.clone());
            let last = if recovered.last_id == acknowledged.last_id { &acknowledged } else { &tried };
            check(&journal, last, &format!("death at stroke {stroke}, luck {luck:x}"));
            assert!(
                disk.times_set_aside() == 0 || acknowledged.entries.is_empty(),
                "death at stroke {stroke}, luck {luck:x}: what had entries was not set aside"
            );
        }
    }
}

#[test]
fn a_full_disk_is_told_and_the_next_write_tries_again() {
    let (disk, metrics) = (Disk::default(), JournalMetrics::default());
    let (journal, _) = Journal::open(disk.clone(), Limits::default(), metrics.clone(), START).unwrap();
    let mut model = Model::default();
    for (number, changes) in steps().into_iter().enumerate() {
        if number == 4 {
            disk.die_at(disk.strokes() + 1);
            for _ in 0..3 {
                let error = journal.write(&changes, START).unwrap_err();
                assert!(error.to_string().contains("the disk"), "{error}");
            }
            assert!(metrics.errors.get() >= 3);
            disk.mend();
        }
        journal.write(&changes, START).unwrap();
        model.make(&changes);
    }
    check(&journal, &model, "after a full disk");
    assert_eq!(disk.times_set_aside(), 0);
}
