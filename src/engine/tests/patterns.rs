//! Patterns and anomalies in the loop: asked for, written down, given back, shown.

use super::*;
use crate::demand::anomaly::Kind as Unusual;
use crate::demand::patterns::{Anchor, Edit, Kind, Posted, Stretch};
use crate::journal::{self, Directory, Durability, Journal};
use crate::telemetry::JournalMetrics;

fn posted(author: &str) -> Edit {
    Edit::Add(Posted {
        workload: workload("checkout"),
        metric: "requests".into(),
        kind: Kind::BatchWindow,
        name: Some("billing".to_owned()),
        anchor: Some(Anchor::daily(120)),
        step: Duration::from_mins(15),
        values: vec![50.0, 500.0, 500.0, 50.0],
        labels: BTreeMap::new(),
        author: author.to_owned(),
    })
}

/// Asks, and gives the rows that are written before the answer, and the answer.
fn ask(engine: &mut Engine, now: Timestamp, edit: Edit) -> (Vec<Change>, Answer) {
    let store = Store::new(Limits::default());
    let mut written = Vec::new();
    for effect in engine.step(now, &store, vec![Event::Asked(7, Command::Pattern(edit))]) {
        match effect {
            Effect::Keep(change @ (Change::Put { table, .. } | Change::Delete { table, .. }))
                if table == journal::Table::Patterns =>
            {
                written.push(change);
            }
            Effect::Answer(7, answer) => return (written, answer),
            _ => {}
        }
    }
    panic!("no answer");
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(START_MS) + Duration::from_secs(seconds)
}

#[test]
fn what_is_answered_is_written_down_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let storage = Directory::new(folder.path(), Durability::Eventual);
        Journal::open(storage, journal::Limits::default(), JournalMetrics::default(), at(0)).unwrap()
    };
    let mut engine = Engine::default();
    let (written, answer) = ask(&mut engine, at(1), posted("ada"));
    let shown = engine.view().patterns;
    assert_eq!(answer, Answer::Pattern(shown[0].id.clone()));
    assert!(matches!(written.as_slice(), [Change::Put { key, .. }] if *key == shown[0].id), "{written:?}");
    open().0.write(&written, at(1)).unwrap();

    let mut later = Engine::default();
    later.recover(&open().1);
    assert_eq!(later.view().patterns, shown);
    let remove = Edit::Remove { id: shown[0].id.clone(), author: "bob".to_owned() };
    let (written, answer) = ask(&mut later, at(2), remove.clone());
    assert_eq!((written.len(), answer), (1, Answer::Pattern(shown[0].id.clone())));
    assert!(later.view().patterns.is_empty());
    assert!(matches!(ask(&mut later, at(3), remove), (written, Answer::NotFound(_)) if written.is_empty()));
    assert!(matches!(ask(&mut later, at(4), posted(" ")), (written, Answer::Refused(_)) if written.is_empty()));
}

#[test]
fn what_is_found_is_written_with_the_next_step() {
    let mut engine = Engine::default();
    let wave = |slot: usize| 100.0 - 40.0 * (slot as f64 / 288.0 * std::f64::consts::TAU).sin();
    let values: Vec<f64> = (0..288 * 5).map(wave).collect();
    let stretch = Stretch { start: Timestamp::from_millis(0), step: Duration::from_mins(5), values: &values };
    assert_eq!(engine.study(&workload("checkout"), &"requests".into(), &stretch, at(0)), 1);
    assert_eq!(engine.study(&workload("checkout"), &"requests".into(), &stretch, at(1)), 0);
    let effects = engine.step(at(2), &Store::new(Limits::default()), Vec::new());
    let rows = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Keep(Change::Put { table: journal::Table::Patterns, .. })));
    assert_eq!(rows.count(), 1);
    assert_eq!(engine.patterns().of(&workload("checkout"), "requests").count(), 1);
}

#[test]
fn a_spike_is_shown_with_both_scores() {
    let mut world = World::new(CHECKOUT);
    for nth in 0..30_u32 {
        world.load_is("load", "a", 100.0 + f64::from(nth % 5));
        world.wait(Duration::from_secs(15));
    }
    assert!(world.engine.view().anomalies.is_empty());
    world.load_is("load", "a", 900.0);
    let view = world.engine.view();
    let [spike] = view.anomalies.as_slice() else { panic!("{:?}", view.anomalies) };
    assert_eq!((spike.kind, spike.worst.value, spike.worst.expected), (Unusual::Spike, 900.0, 102.0));
    assert!(spike.worst.z_score.unwrap() > 100.0 && spike.worst.robust_score.unwrap() > 100.0);
    assert_eq!(spike.workload, workload("checkout"));
    world.has("checkout", 1);
    assert_eq!(world.engine.view().workloads[0].metrics[0].robust_score, spike.worst.robust_score);
}
