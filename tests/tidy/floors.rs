//! Imports point down: a room uses rooms of its own floor and of those below, never of one above.

use std::collections::BTreeSet;

use super::{none, sources};

/// The rooms of each floor, the ground first.
const FLOORS: [&[&str]; 10] = [
    &["labels", "sample", "time", "workload", "telemetry", "proto"],
    &["chart", "config", "recording", "series", "template"],
    &["ingest", "promql", "demand", "schedule"],
    &["forecast"],
    &["decision", "rivals"],
    &["import", "rule", "dispatch"],
    &["journal"],
    &["engine"],
    &["actuate", "backfill", "client", "notify", "web", "sim"],
    &["app", "cli"],
];

/// The floor of the doors, which know nothing of each other.
const DOORS: usize = 8;

/// Save that the simulated cluster is an actuator, and implements the trait, and that those who speak to others share a client.
const BETWEEN_DOORS: [(&str, &str); 3] = [("sim", "actuate"), ("notify", "client"), ("backfill", "client")];

/// Files that belong to no room: the list of rooms, and the program that calls `cli`.
const ROOMLESS: [&str; 2] = ["lib", "main"];

pub(super) fn floor(room: &str) -> usize {
    let floor = FLOORS.iter().position(|rooms| rooms.contains(&room));
    floor.unwrap_or_else(|| panic!("the room {room} has a floor in tests/tidy/floors.rs"))
}

fn may_use(room: &str, used: &str) -> bool {
    let (own, other) = (floor(room), floor(used));
    room == used || other < own || (other == own && (own != DOORS || BETWEEN_DOORS.contains(&(room, used))))
}

/// The rooms that a piece of code names behind `crate::`, alone or in braces.
fn rooms_named(code: &str) -> BTreeSet<&str> {
    let mut rooms = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => rooms.extend(heads(list)),
            None => rooms.extend(first_word(rest)),
        }
    }
    rooms
}

fn first_word(text: &str) -> Option<&str> {
    let end = text.find(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_').unwrap_or(text.len());
    text.get(..end).filter(|word| !word.is_empty())
}

/// The first word of each item of `a, b::{c, d}, e}`, whose opening brace is behind us.
fn heads(list: &str) -> Vec<&str> {
    let mut heads = Vec::new();
    let (mut depth, mut item) = (1, 0);
    for (at, sign) in list.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && sign == ',') {
            heads.extend(first_word(list[item..at].trim_start()));
            item = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    heads
}

#[test]
fn names_behind_crate_are_found() {
    #[track_caller]
    fn check(code: &str, want: &[&str]) {
        assert_eq!(rooms_named(code).into_iter().collect::<Vec<_>>(), want);
    }
    check("use crate::time::Timestamp;", &["time"]);
    check("use crate::rule;", &["rule"]);
    check("use crate::{ingest, series::{Store, Window}, web};", &["ingest", "series", "web"]);
    check("let id = crate::labels::NAME;", &["labels"]);
    check("use super::wire;", &[]);
}

#[test]
fn imports_point_down() {
    let mut upwards = Vec::new();
    for source in sources() {
        let room = source.room();
        if ROOMLESS.contains(&room) {
            continue;
        }
        let wrong = rooms_named(&source.code).into_iter().filter(|used| !may_use(room, used));
        upwards.extend(wrong.map(|used| format!("{} uses {used}", source.path)));
    }
    none("rooms use rooms above them", &upwards);
}
