//! What may be written, and what is said to what may not.

use expect_test::{Expect, expect};

use super::*;

/// The finding about one schedule, without the line that it shows.
#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "expectations are made where they are checked")]
fn check(schedule: &str, want: Expect) {
    let text = match parse(&format!("schedules: [{schedule}]\n")) {
        Ok((schedules, _)) => format!("{:?}", schedules.first().unwrap().effect),
        Err(findings) => findings.lines().filter(|line| line.starts_with("web.yaml")).collect::<Vec<_>>().join("\n"),
    };
    want.assert_eq(&text);
}

/// As [`check`], of an event.
#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "expectations are made where they are checked")]
fn check_event(event: &str, want: Expect) {
    let text = match parse(&format!("events: [{event}]\n")) {
        Ok((_, events)) => {
            let Event { name, start, end, lead, effect } = events.into_iter().next().unwrap();
            format!("{} {start} {end} {lead:?} {effect:?}", name.value)
        }
        Err(findings) => findings.lines().filter(|line| line.starts_with("web.yaml")).collect::<Vec<_>>().join("\n"),
    };
    want.assert_eq(&text);
}

#[test]
fn a_finding_shows_its_place() {
    let text = "schedules:\n- {name: a, cron: 0 8 * * 1-5, duration: 10h, timezone: Europe/Pariss, min: 2}";
    expect![[r#"
        web.yaml:2:57: unknown time zone "Europe/Pariss"; did you mean "Europe/Paris"?
            2 | - {name: a, cron: 0 8 * * 1-5, duration: 10h, timezone: Europe/Pariss, min: 2}
              |                                                         ^^^^^^^^^^^^^
    "#]]
    .assert_eq(&parse(text).unwrap_err());
}

#[test]
fn schedules_are_written_in_three_ways() {
    check(
        "{name: a, cron: 0 8 * * 1-5, duration: 10h, timezone: Europe/Paris, min: 10, max: 40, multiplier: 1.2}",
        expect!["Effect { min: Some(10), max: Some(40), multiplier: Some(1.2) }"],
    );
    check(
        "{name: a, start: 0 8 * * *, end: 0 18 * * *, timezone: Europe/Paris, min: 0}",
        expect!["Effect { min: Some(0), max: None, multiplier: None }"],
    );
    check(
        "{name: a, weekdays: [saturday, sunday], times: [{start_time: '09:00', end_time: '17:00'}], replicas: 0}",
        expect!["Effect { min: Some(0), max: Some(0), multiplier: None }"],
    );
    check(
        "{name: a, weekdays: ['monday:friday'], times: [{start: '22:00', end: '06:00'}], location: UTC, max: 3}",
        expect!["Effect { min: None, max: Some(3), multiplier: None }"],
    );
    check(
        "{name: a, months: [december, '1:3', jun], days_of_month: [1, '-3:-1', '10:-1'], years: ['2026:2028'], max: 3}",
        expect!["Effect { min: None, max: Some(3), multiplier: None }"],
    );
    check(
        "{name: a, cron: '@daily', duration: 1h, max: 3}",
        expect!["Effect { min: None, max: Some(3), multiplier: None }"],
    );
    check(
        "{name: a, cron: 0/30 8 ? * MON, duration: 1h, max: 3}",
        expect!["Effect { min: None, max: Some(3), multiplier: None }"],
    );
}

#[test]
fn what_is_missing_is_told() {
    check(
        "{name: a, min: 3}",
        expect![
            "web.yaml:1:13: a schedule needs its times: cron and duration, start and end, or weekdays, times, days_of_month, months"
        ],
    );
    check("{cron: '@daily', duration: 1h, min: 3}", expect![[r#"web.yaml:1:13: a schedule needs the field "name""#]]);
    check(
        "{name: a, cron: '@daily', min: 3}",
        expect![[r#"web.yaml:1:13: a schedule by cron and duration needs the field "duration""#]],
    );
    check(
        "{name: a, cron: '@daily', duration: 1h}",
        expect!["web.yaml:1:13: a schedule needs what it changes: min, max, replicas or multiplier"],
    );
    check(
        "{name: a, start: '@daily', min: 3}",
        expect![[r#"web.yaml:1:13: a schedule by start and end (two cron expressions) needs the field "end""#]],
    );
    check(
        "{name: a, times: [{start: '09:00'}], min: 3}",
        expect![[r#"web.yaml:1:31: a part of the day needs the field "end_time""#]],
    );
    check(
        "{name: a, times: [{}], min: 3}",
        expect![[r#"
        web.yaml:1:31: a part of the day needs the field "start_time"
        web.yaml:1:31: a part of the day needs the field "end_time""#]],
    );
    check("5", expect!["web.yaml:1:13: expected a schedule (a mapping), found the number 5"]);
}

#[test]
fn wrong_cron_expressions_are_told_by_their_field() {
    check(
        "{name: a, cron: 60 8 * * *, duration: 1h, min: 3}",
        expect![[r#"web.yaml:1:29: "60" is no minute; write 0 to 59, with "," "-" "/" and "*" as in crontab"#]],
    );
    check(
        "{name: a, cron: 0 8-25 * * *, duration: 1h, min: 3}",
        expect![[r#"web.yaml:1:29: "8-25" is no hour; write 0 to 23, with "," "-" "/" and "*" as in crontab"#]],
    );
    check(
        "{name: a, cron: 0 8 0 * *, duration: 1h, min: 3}",
        expect![[
            r#"web.yaml:1:29: "0" is no day of month; write 1 to 31, or L for the last, with "," "-" "/" and "*" as in crontab"#
        ]],
    );
    check(
        "{name: a, cron: 0 8 * foo *, duration: 1h, min: 3}",
        expect![[
            r#"web.yaml:1:29: "foo" is no month; write 1 to 12 or jan to dec, with "," "-" "/" and "*" as in crontab"#
        ]],
    );
    check(
        "{name: a, cron: 0 8 * * 8, duration: 1h, min: 3}",
        expect![[
            r#"web.yaml:1:29: "8" is no day of week; write 0 to 7 or sun to sat, where 0 and 7 are Sunday, with "," "-" "/" and "*" as in crontab"#
        ]],
    );
    check(
        "{name: a, cron: 0 8 * *, duration: 1h, min: 3}",
        expect![[
            r#"web.yaml:1:29: a cron expression has five fields: minute, hour, day of month, month, day of week; "0 8 * *" has 4"#
        ]],
    );
    check(
        "{name: a, cron: 0 0 8 * * *, duration: 1h, min: 3}",
        expect![[
            r#"web.yaml:1:29: a cron expression has five fields: minute, hour, day of month, month, day of week; "0 0 8 * * *" has 6"#
        ]],
    );
    check(
        "{name: a, cron: '@noon', duration: 1h, min: 3}",
        expect![[r#"web.yaml:1:29: "@noon" is no cron expression; write five fields as in "0 8 * * 1-5", or @daily"#]],
    );
    check(
        "{name: a, cron: 8, duration: 1h, min: 3}",
        expect![[r#"web.yaml:1:29: expected a cron expression as in "0 8 * * 1-5", found the number 8"#]],
    );
    check(
        "{name: a, cron: '', duration: 1h, min: 3}",
        expect![[
            r#"web.yaml:1:29: a cron expression has five fields: minute, hour, day of month, month, day of week; "" has 0"#
        ]],
    );
    check(
        "{name: a, cron: 0 0 30 2 *, duration: 1h, min: 3}",
        expect![[r#"web.yaml:1:29: "0 0 30 2 *" never happens; no such day is in the calendar"#]],
    );
}

#[test]
fn wrong_times_are_told() {
    check(
        "{name: a, times: [{start: '25:00', end: '9:00'}], min: 3}",
        expect![[r#"
        web.yaml:1:39: expected a time from "00:00" to "24:00", found the text "25:00"
        web.yaml:1:53: expected a time from "00:00" to "24:00", found the text "9:00""#]],
    );
    check(
        "{name: a, times: [{start: '24:00', end: '09:00'}], min: 3}",
        expect!["web.yaml:1:39: a day begins at 00:00; 24:00 is its end"],
    );
    check(
        "{name: a, times: [{start: '09:00', end: '09:00'}], min: 3}",
        expect!["web.yaml:1:53: start and end are the same; the whole day is 00:00 to 24:00"],
    );
    check(
        "{name: a, times: [{start: '09:00', start_time: '10:00', end: '12:00'}], min: 3}",
        expect![[r#"web.yaml:1:32: "start" and "start_time" are the same field; remove one"#]],
    );
    check(
        "{name: a, weekdays: [someday], min: 3}",
        expect![[
            r#"web.yaml:1:34: expected a weekday or several as in saturday or 'monday:friday', found the text "someday""#
        ]],
    );
    check(
        "{name: a, weekdays: ['friday:monday'], min: 3}",
        expect!["web.yaml:1:34: the first comes after the last; write two items, up to the end and from the start"],
    );
    check(
        "{name: a, days_of_month: [0, 32, '-1:1'], min: 3}",
        expect![[r#"
        web.yaml:1:39: expected a day of the month or several as in 15, '1:7' or '-3:-1', where -1 is the last, found the number 0
        web.yaml:1:42: expected a day of the month or several as in 15, '1:7' or '-3:-1', where -1 is the last, found the number 32
        web.yaml:1:46: expected days that are both counted from the start of the month, or the last from its end, found the text "-1:1""#]],
    );
    check(
        "{name: a, months: [13], years: [soon], min: 3}",
        expect![[r#"
        web.yaml:1:32: expected a month or several as in december, 'june:august' or '6:8', found the number 13
        web.yaml:1:45: expected a year or several as in 2026 or '2026:2028', found the text "soon""#]],
    );
    check(
        "{name: a, cron: '@daily', duration: 0, min: 3}",
        expect!["web.yaml:1:49: a duration is more than zero and at most 366d"],
    );
    check(
        "{name: a, cron: '@daily', duration: 400d, min: 3}",
        expect!["web.yaml:1:49: a duration is more than zero and at most 366d"],
    );
    check(
        "{name: a, start: 0 8 * * *, end: 0  8 * * *, min: 3}",
        expect![
            "web.yaml:1:46: start and end are the same, so this would never end; for whole days write duration: 1d"
        ],
    );
    check(
        "{name: a, cron: '@daily', duration: 1h, weekdays: [monday], min: 3}",
        expect![[
            r#"web.yaml:1:53: unknown field "weekdays" in a schedule by cron and duration; known: name, cron, duration, timezone, replicas, min, max, multiplier"#
        ]],
    );
}

#[test]
fn wrong_zones_are_told() {
    check(
        "{name: a, cron: '@daily', duration: 1h, timezone: Europe/Pariss, min: 3}",
        expect![[r#"web.yaml:1:63: unknown time zone "Europe/Pariss"; did you mean "Europe/Paris"?"#]],
    );
    check(
        "{name: a, cron: '@daily', duration: 1h, timezone: Mars, min: 3}",
        expect![[
            r#"web.yaml:1:63: unknown time zone "Mars"; write a name of the IANA database as in Europe/Paris or UTC"#
        ]],
    );
    check(
        "{name: a, cron: '@daily', duration: 1h, timezone: 2, min: 3}",
        expect!["web.yaml:1:63: expected a time zone as in Europe/Paris, found the number 2"],
    );
    check(
        "{name: a, cron: '@daily', duration: 1h, timezone: UTC, location: UTC, min: 3}",
        expect![[r#"web.yaml:1:68: "location" and "timezone" are the same field; remove one"#]],
    );
}

#[test]
fn wrong_effects_are_told() {
    check(
        "{name: a, cron: '@daily', duration: 1h, min: 4, max: 3}",
        expect!["web.yaml:1:66: max 3 is less than min 4"],
    );
    check(
        "{name: a, cron: '@daily', duration: 1h, replicas: 4, max: 3}",
        expect!["web.yaml:1:63: replicas is min and max in one; remove it or them"],
    );
    check(
        "{name: a, cron: '@daily', duration: 1h, multiplier: 0}",
        expect!["web.yaml:1:65: a multiplier is more than zero; to hold at a count write replicas"],
    );
    check(
        "{name: a, cron: '@daily', duration: 1h, min: -1}",
        expect!["web.yaml:1:58: expected a whole number from 0 to 4294967295, found the number -1"],
    );
}

#[test]
fn events_have_a_start_and_an_end() {
    check_event(
        "{name: sale, start: 2026-11-27T08:00:00Z, end: 2026-11-28T08:00:00+01:00, multiplier: 3}",
        expect![
            "sale 2026-11-27T08:00:00.000Z 2026-11-28T07:00:00.000Z None Effect { min: None, max: None, multiplier: Some(3.0) }"
        ],
    );
    check_event(
        "{name: sale, start: '2026-11-27T08:00:00[Europe/Paris]', end: 2026-11-28T08:00:00Z, min: 3, lead: 5m}",
        expect![
            "sale 2026-11-27T07:00:00.000Z 2026-11-28T08:00:00.000Z Some(300s) Effect { min: Some(3), max: None, multiplier: None }"
        ],
    );
    check_event(
        "{name: sale, start: 2026-11-27, end: 2026-11-28T08:00:00, multiplier: 3}",
        expect![[r#"
        web.yaml:1:30: expected a point in time as in 2026-11-27T08:00:00Z, 2026-11-27T09:00:00+01:00 or 2026-11-27T09:00:00[Europe/Paris], found the text "2026-11-27"
        web.yaml:1:47: expected a point in time as in 2026-11-27T08:00:00Z, 2026-11-27T09:00:00+01:00 or 2026-11-27T09:00:00[Europe/Paris], found the text "2026-11-28T08:00:00""#]],
    );
    check_event(
        "{name: sale, start: 2026-11-27T08:00:00Z, end: 2026-11-27T08:00:00Z, multiplier: 3}",
        expect!["web.yaml:1:57: the end of an event comes after its start"],
    );
    check_event(
        "{name: sale, start: 2026-11-27T08:00:00Z, multiplier: 3}",
        expect![[r#"web.yaml:1:10: an event needs the field "end""#]],
    );
    check_event(
        "{name: sale, start: 2026-11-27T08:00:00Z, end: 2026-11-28T08:00:00Z}",
        expect!["web.yaml:1:10: an event needs what it changes: min, max, replicas or multiplier"],
    );
}
