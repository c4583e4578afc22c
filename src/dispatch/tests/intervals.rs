//! When named time intervals hold: Alertmanager's grammar, zones and clock changes.

use super::*;

fn interval(text: &str) -> NamedInterval {
    let text = format!("time_intervals: [{{name: a, time_intervals: [{text}]}}]");
    let settings = Settings::parse(Source { file: Path::new("headroom.yaml"), text: &text });
    NamedInterval::compile(&settings.unwrap().routing.time_intervals[0])
}

fn time(text: &str) -> Timestamp {
    let time: jiff::Timestamp = format!("{text}:00Z").parse().unwrap();
    Timestamp::from_millis(time.as_millisecond())
}

#[track_caller]
fn check(text: &str, now: &str, want: bool) {
    assert_eq!(interval(text).contains(time(now)), want, "{text} {now}");
}

#[test]
fn each_condition_must_hold() {
    check("{times: [{start_time: '09:00', end_time: '17:00'}]}", "2026-03-04T09:00", true);
    check("{times: [{start_time: '09:00', end_time: '17:00'}]}", "2026-03-04T16:59", true);
    check("{times: [{start_time: '09:00', end_time: '17:00'}]}", "2026-03-04T17:00", false);
    check("{times: [{start_time: '23:00', end_time: '24:00'}]}", "2026-03-04T23:59", true);
    check("{weekdays: ['monday:wednesday']}", "2026-03-04T12:00", true);
    check("{weekdays: ['monday:wednesday']}", "2026-03-05T12:00", false);
    check("{weekdays: [saturday, sunday]}", "2026-03-08T12:00", true);
    check("{months: ['january:march']}", "2026-03-31T23:59", true);
    check("{months: ['1:2', december]}", "2026-03-01T00:00", false);
    check("{years: ['2025:2026']}", "2026-03-01T00:00", true);
    check("{years: [2027]}", "2026-03-01T00:00", false);
    check("{weekdays: [wednesday], months: [may]}", "2026-03-04T12:00", false);
    check("{weekdays: [thursday]}, {months: [march]}", "2026-03-04T12:00", true);
}

#[test]
fn days_count_from_both_ends_of_the_month() {
    check("{days_of_month: ['1:5']}", "2026-02-05T12:00", true);
    check("{days_of_month: ['-3:-1']}", "2026-02-26T12:00", true);
    check("{days_of_month: ['-3:-1']}", "2026-02-25T12:00", false);
    check("{days_of_month: ['-1']}", "2028-02-29T12:00", true);
    check("{days_of_month: ['31']}", "2026-02-28T12:00", false);
    check("{days_of_month: ['28:31']}", "2026-02-28T12:00", true);
    check("{days_of_month: ['1:-1']}", "2026-02-14T12:00", true);
    check("{days_of_month: ['-31:-28']}", "2026-02-01T12:00", true);
    check("{days_of_month: ['-31:-29']}", "2026-02-01T12:00", false);
}

#[test]
fn a_location_has_its_own_clock() {
    let office = "{times: [{start_time: '09:00', end_time: '17:00'}], location: Europe/Berlin}";
    check(office, "2026-01-15T08:00", true);
    check(office, "2026-01-15T07:59", false);
    check(office, "2026-07-15T07:00", true);
    check(office, "2026-07-15T15:00", false);
    check("{weekdays: [monday], location: Asia/Tokyo}", "2026-03-01T15:00", true);
    check("{weekdays: [monday], location: Asia/Tokyo}", "2026-03-02T15:00", false);
}

/// The next changes after a time.
#[track_caller]
fn changes(text: &str, now: &str, want: &[&str]) {
    let interval = interval(text);
    let mut found = Vec::new();
    let mut now = time(now);
    while found.len() < want.len() {
        let next = interval.next_change(now).unwrap();
        assert!(next > now);
        if interval.contains(next) != interval.contains(now) {
            found.push(next.to_string()[..16].to_owned());
        }
        now = next;
    }
    assert_eq!(found, want);
}

#[test]
fn the_next_change_is_known_over_clock_changes() {
    let night = "{times: [{start_time: '01:00', end_time: '02:30'}], location: Europe/Berlin}";
    // In the spring 02:00 becomes 03:00; in the autumn 03:00 becomes 02:00.
    changes(night, "2026-03-28T12:00", &["2026-03-29T00:00", "2026-03-29T01:00", "2026-03-29T23:00"]);
    changes(
        night,
        "2026-10-24T12:00",
        &["2026-10-24T23:00", "2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30", "2026-10-26T00:00"],
    );
    changes("{weekdays: [saturday, sunday]}", "2026-03-04T12:00", &["2026-03-07T00:00", "2026-03-09T00:00"]);
    changes("{years: [2029]}", "2026-03-04T12:00", &["2029-01-01T00:00", "2030-01-01T00:00"]);
    changes("{days_of_month: ['-1']}", "2026-02-01T12:00", &["2026-02-28T00:00", "2026-03-01T00:00"]);
}

const OFFICE: &str = r#"
route:
  routes:
  - {matchers: [tier=web], mute_time_intervals: [first]}
  - {matchers: [tier=api], active_time_intervals: [first, third]}
time_intervals:
- {name: first, time_intervals: [{times: [{start_time: '00:01', end_time: '00:02'}]}]}
- {name: third, time_intervals: [{times: [{start_time: '00:03', end_time: '00:04'}]}]}
"#;

#[test]
fn routes_open_and_close_by_the_clock() {
    let mut world = World::new(OFFICE);
    world.now = 60;
    world.wish("web", 1, 2, 0, "tier=web");
    world.wish("api", 1, 2, 0, "tier=api");
    assert_eq!(world.release(), "api 1->2 by default");
    world.ended("api", true);
    assert_eq!(world.muted("web"), "muted during the time interval first");
    assert_eq!(world.due(), Some(60));
    world.wish("api", 2, 3, 0, "tier=api");
    assert_eq!(world.release_at(120), "web 1->2 by default");
    assert_eq!(world.muted("api"), "muted outside the time interval first");
    assert_eq!(world.due(), Some(60));
    assert_eq!(world.release_at(180), "api 2->3 by default");
}
