//! Silences are set, changed, ended and forgotten as in Alertmanager.

use super::*;

/// Sets a silence of id `a` over 10 s to 100 s, then changes it at `now`; gives all as `id from..to`.
#[track_caller]
fn check(change: Silence, now: u64, want: &str) {
    let mut silences = Silences::default();
    silences.set(silence("a=b", 10, 100), "a".to_owned(), at(0)).unwrap();
    let result = silences.set(Silence { id: "a".to_owned(), ..change }, "b".to_owned(), at(now));
    let seconds = |time: Timestamp| time.since(at(0)).as_secs();
    let shown = silences.iter().map(|one| format!("{} {}..{}", one.id, seconds(one.starts_at), seconds(one.ends_at)));
    let shown = shown.collect::<Vec<_>>().join(", ");
    assert_eq!(result.map_or_else(|error| error.to_string(), |change| format!("{}: {shown}", change.id)), want);
}

#[test]
fn a_pending_one_is_changed_in_place() {
    check(silence("a=b", 20, 200), 5, "a: a 20..200");
    check(silence("a=b", 5, 200), 5, "a: a 5..200");
    check(silence("a=c", 20, 200), 5, "b: a 5..5, b 20..200");
    check(silence("a=b", 4, 200), 5, "b: a 5..5, b 5..200");
}

#[test]
fn an_active_one_keeps_its_matchers_and_start() {
    check(silence("a=b", 10, 200), 50, "a: a 10..200");
    check(silence("a=b", 10, 51), 50, "a: a 10..51");
    check(silence("a=b", 11, 200), 50, "b: a 10..50, b 50..200");
    check(silence("a=b,c=d", 10, 200), 50, "b: a 10..50, b 50..200");
}

#[test]
fn one_that_has_ended_stays_as_it_was() {
    check(silence("a=b", 10, 200), 100, "b: a 10..100, b 100..200");
}

#[test]
fn what_can_not_be_is_refused() {
    check(silence("a=b", 10, 50), 50, &format!("the silence ends at {}, which is in the past", at(50)));
    check(silence("a=b", 60, 60), 50, &format!("the silence ends at {0}, which is not after its start at {0}", at(60)));
    check(silence("", 10, 60), 50, "a silence needs at least one matcher; without one it would mute everything");
    let everything = "at least one matcher must not match an empty value; as it is, the silence would mute everything";
    check(silence(r#"a="",b=~".*""#, 10, 60), 50, everything);
    let mut silences = Silences::default();
    let unknown = Silence { id: "x".to_owned(), ..silence("a=b", 0, 9) };
    assert_eq!(silences.set(unknown, "y".to_owned(), at(0)).unwrap_err(), SilenceError::NotFound("x".to_owned()));
    assert_eq!(silences.expire("x", at(0)).unwrap_err(), SilenceError::NotFound("x".to_owned()));
}

#[test]
fn what_is_replaced_is_to_be_stored_too() {
    let mut silences = Silences::default();
    silences.set(silence("a=b", 0, 100), "a".to_owned(), at(0)).unwrap();
    let change = silences.set(Silence { id: "a".to_owned(), ..silence("c=d", 0, 100) }, "b".to_owned(), at(1)).unwrap();
    let ids: Vec<&str> = change.changed.iter().map(|silence| silence.id.as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
}

#[test]
fn ending_is_once_and_at_once() {
    let mut silences = Silences::default();
    silences.set(silence("a=b", 0, 100), "a".to_owned(), at(0)).unwrap();
    silences.set(silence("a=b", 50, 100), "b".to_owned(), at(0)).unwrap();
    assert_eq!(silences.muting(&labels("a=b"), at(10)).count(), 1);
    assert_eq!(silences.expire("a", at(10)).unwrap().state(at(10)), SilenceState::Expired);
    assert_eq!(silences.expire("a", at(11)).unwrap_err(), SilenceError::Ended("a".to_owned()));
    assert_eq!(silences.expire("b", at(10)).unwrap().starts_at, at(10));
    assert_eq!(silences.muting(&labels("a=b"), at(60)).count(), 0);
}

#[test]
fn ended_ones_are_kept_for_five_days() {
    let mut silences = Silences::default();
    silences.set(silence("a=b", 0, 100), "a".to_owned(), at(0)).unwrap();
    let days = 5 * 24 * 60 * 60;
    assert!(silences.gc(at(99 + days)).is_empty());
    assert!(silences.get("a").is_some());
    assert_eq!(silences.gc(at(100 + days)), ["a"]);
    assert_eq!(silences.iter().count(), 0);
}

#[test]
fn changes_by_time_are_known_beforehand() {
    let mut silences = Silences::default();
    silences
        .restore([Arc::new(silence("a=b", 10, 20)), Arc::new(Silence { id: "x".to_owned(), ..silence("a=b", 5, 15) })]);
    let seconds = |now| silences.next_change(at(now)).map(|time| time.since(at(0)).as_secs());
    assert_eq!([0, 5, 10, 15, 20].map(seconds), [Some(5), Some(10), Some(15), Some(20), None]);
}

#[test]
fn a_silenced_workload_waits_until_it_ends() {
    let mut world = World::new("");
    let id = world.silence("name=web", 60);
    world.wish("web", 1, 2, 0, "");
    world.wish("api", 1, 2, 0, "");
    assert_eq!(world.release(), "api 1->2 by default");
    let want = format!("silenced by alice until {}: moving the database (silence s0)", at(60));
    assert_eq!(world.muted("web"), want);
    assert_eq!(world.due(), Some(60));
    world.silences.expire(&id, at(30)).unwrap();
    assert_eq!(world.release_at(30), "web 1->2 by default");
}

#[test]
fn all_but_one_may_be_silenced() {
    let mut silences = Silences::default();
    for (number, matchers) in
        ["namespace!=prod", "namespace!~pr.*", "a=~\".*\",namespace!=prod"].into_iter().enumerate()
    {
        silences.set(silence(matchers, 0, 100), number.to_string(), at(0)).unwrap();
    }
    assert_eq!(silences.muting(&labels("namespace=prod"), at(1)).count(), 0);
    assert_eq!(silences.muting(&labels("namespace=test"), at(1)).count(), 3);
    assert_eq!(silences.muting(&labels("name=web"), at(1)).count(), 3);
}
