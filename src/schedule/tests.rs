//! Times in, influences out.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{Cached, Calendar, Influence, Planned};
use crate::config;
use crate::time::{Timestamp, format_duration};

fn calendar(yaml: &str) -> Calendar {
    let (schedules, events) = config::parse_schedules(yaml).unwrap_or_else(|findings| panic!("{findings}"));
    Calendar::compile(&schedules, &events)
}

fn zoned(text: &str) -> Timestamp {
    let instant = text.parse::<jiff::Timestamp>().or_else(|_| text.parse::<jiff::Zoned>().map(|at| at.timestamp()));
    Timestamp::from_millis(instant.unwrap().as_millisecond())
}

const STARTUP: Duration = Duration::from_mins(3);

/// Of one schedule (without name and effect) in a zone: each change from a local time on, for a few days, as the local
/// time at which it begins or ends and how long it lasts.
#[track_caller]
fn check(schedule: &str, zone: &str, from: &str, days: u64, want: &str) {
    let calendar = calendar(&format!("schedules: [{{name: a, min: 1, timezone: {zone}, {schedule}}}]"));
    let mut now = zoned(&format!("{from}[{zone}]"));
    let end = now + Duration::from_hours(24 * days);
    let local = |at: Timestamp| {
        let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap();
        at.to_zoned(TimeZone::get(zone).unwrap()).strftime("%a %d %H:%M").to_string()
    };
    let active = |at| calendar.at(at, STARTUP).floor.is_some();
    let mut text = String::new();
    let mut since = active(now).then_some(now);
    while let Some(next) = calendar.at(now, STARTUP).until.filter(|next| *next < end) {
        assert!(next > now, "{}", local(now));
        now = next;
        match (since, active(now)) {
            (None, true) => since = Some(now),
            (Some(start), false) => {
                let _ = write!(text, "{} {}, ", local(start), format_duration(now.since(start)));
                since = None;
            }
            _ => {}
        }
    }
    if let Some(start) = since {
        let _ = write!(text, "{} on", local(start));
    }
    assert_eq!(text.trim_end_matches(", "), want);
}

// 23 November 2026 is a Monday.

#[test]
fn cron_begins_and_a_stop_watch_ends() {
    check(
        "cron: 0 8 * * 1-5, duration: 10h",
        "Europe/Paris",
        "2026-11-27T00:00",
        4,
        "Fri 27 08:00 10h, Mon 30 08:00 10h",
    );
    check(
        "cron: 0 22 * * *, duration: 8h",
        "UTC",
        "2026-11-23T00:00",
        2,
        "Mon 23 00:00 6h, Mon 23 22:00 8h, Tue 24 22:00 on",
    );
    check("cron: '*/10 * * * *', duration: 1h", "UTC", "2026-11-23T00:00", 2, "Mon 23 00:00 on");
    check(
        "cron: 0 */12 * * *, duration: 20m",
        "UTC",
        "2026-11-23T00:10",
        1,
        "Mon 23 00:10 10m, Mon 23 12:00 20m, Tue 24 00:00 on",
    );
}

#[test]
fn cron_days_are_of_the_month_or_of_the_week() {
    // As in crontab(5): where both are given, either will do.
    check("cron: 0 0 25 * 5, duration: 1h", "UTC", "2026-11-23T00:00", 7, "Wed 25 00:00 1h, Fri 27 00:00 1h");
    check("cron: 0 0 25 * *, duration: 1h", "UTC", "2026-11-23T00:00", 7, "Wed 25 00:00 1h");
    check("cron: 0 0 * * 0, duration: 1h", "UTC", "2026-11-23T00:00", 14, "Sun 29 00:00 1h, Sun 06 00:00 1h");
    check("cron: 0 0 * * 7, duration: 1h", "UTC", "2026-11-23T00:00", 7, "Sun 29 00:00 1h");
    check("cron: 0 0 L * *, duration: 1h", "UTC", "2026-11-23T00:00", 14, "Mon 30 00:00 1h");
    check("cron: 0 0 * * 5#1, duration: 1h", "UTC", "2026-11-23T00:00", 14, "Fri 04 00:00 1h");
}

#[test]
fn leap_days_and_year_ends_are_days_too() {
    check("cron: 0 0 29 2 *, duration: 1d", "UTC", "2027-02-20T00:00", 400, "Tue 29 00:00 1d");
    check("cron: 0 0 1 1 *, duration: 1h", "UTC", "2026-12-30T00:00", 4, "Fri 01 00:00 1h");
    check("cron: 0 20 31 12 *, duration: 8h", "Asia/Tokyo", "2026-12-31T00:00", 3, "Thu 31 20:00 8h");
    check("days_of_month: [-1]", "UTC", "2028-02-25T00:00", 40, "Tue 29 00:00 1d, Fri 31 00:00 1d");
    check("days_of_month: [-1]", "UTC", "2027-02-25T00:00", 10, "Sun 28 00:00 1d");
    check(
        "months: [december], days_of_month: [31], times: [{start: '20:00', end: '04:00'}]",
        "UTC",
        "2026-12-30T00:00",
        5,
        "Thu 31 20:00 8h",
    );
    check("days_of_month: [29], months: [feb]", "UTC", "2025-01-01T00:00", 1300, "Tue 29 00:00 1d");
}

#[test]
fn intervals_show_their_times() {
    check(
        "weekdays: [saturday, sunday], times: [{start_time: '09:00', end_time: '17:00'}]",
        "UTC",
        "2026-11-23T00:00",
        7,
        "Sat 28 09:00 8h, Sun 29 09:00 8h",
    );
    check("weekdays: ['monday:friday']", "UTC", "2026-11-21T00:00", 10, "Mon 23 00:00 5d, Mon 30 00:00 on");
    check(
        "times: [{start: '22:00', end: '06:00'}]",
        "UTC",
        "2026-11-23T00:00",
        2,
        "Mon 23 00:00 6h, Mon 23 22:00 8h, Tue 24 22:00 on",
    );
    check(
        "weekdays: [friday], times: [{start: '22:00', end: '06:00'}]",
        "UTC",
        "2026-11-23T00:00",
        7,
        "Fri 27 22:00 8h",
    );
    check(
        "times: [{start: '09:00', end: '12:00'}, {start: '11:00', end: '13:00'}]",
        "UTC",
        "2026-11-23T00:00",
        1,
        "Mon 23 09:00 4h",
    );
    check("times: [{start: '12:00', end: '24:00'}]", "UTC", "2026-11-23T00:00", 1, "Mon 23 12:00 on");
    check("times: [{start: '00:00', end: '24:00'}]", "UTC", "2026-11-23T00:00", 30, "Mon 23 00:00 on");
    check("days_of_month: ['1:3'], months: ['november:december']", "UTC", "2026-11-23T00:00", 60, "Tue 01 00:00 3d");
    check("years: [2025]", "UTC", "2026-11-23T00:00", 60, "");
}

// In Paris the clock jumps from 02:00 to 03:00 on 29 March 2026, and from 03:00 back to 02:00 on 25 October.

#[test]
fn a_time_that_the_clock_skips_is_made_up_for_by_cron_and_not_shown_on_the_wall() {
    check(
        "cron: 30 2 * * *, duration: 1h",
        "Europe/Paris",
        "2026-03-28T00:00",
        3,
        "Sat 28 02:30 1h, Sun 29 03:00 1h, Mon 30 02:30 1h",
    );
    check("start: 30 2 * * *, end: 0 8 * * *", "Europe/Paris", "2026-03-29T00:00", 1, "Sun 29 03:00 5h");
    check(
        "times: [{start: '02:00', end: '03:00'}]",
        "Europe/Paris",
        "2026-03-28T00:00",
        3,
        "Sat 28 02:00 1h, Mon 30 02:00 1h",
    );
    check("times: [{start: '02:30', end: '08:00'}]", "Europe/Paris", "2026-03-29T00:00", 1, "Sun 29 03:00 5h");
    check("times: [{start: '01:00', end: '02:30'}]", "Europe/Paris", "2026-03-29T00:00", 1, "Sun 29 01:00 1h");
}

#[test]
fn a_time_that_the_clock_repeats_counts_once_by_cron_and_twice_on_the_wall() {
    check("cron: 30 2 * * *, duration: 10m", "Europe/Paris", "2026-10-25T00:00", 1, "Sun 25 02:30 10m");
    check("start: 30 2 * * *, end: 0 8 * * *", "Europe/Paris", "2026-10-25T00:00", 1, "Sun 25 02:30 6h30m");
    check("times: [{start: '02:00', end: '03:00'}]", "Europe/Paris", "2026-10-25T00:00", 1, "Sun 25 02:00 2h");
    check(
        "times: [{start: '02:15', end: '02:30'}]",
        "Europe/Paris",
        "2026-10-25T00:00",
        1,
        "Sun 25 02:15 15m, Sun 25 02:15 15m",
    );
    check(
        "times: [{start: '02:30', end: '08:00'}]",
        "Europe/Paris",
        "2026-10-25T00:00",
        1,
        "Sun 25 02:30 30m, Sun 25 02:30 5h30m",
    );
}

#[test]
fn days_are_as_long_as_the_clock_makes_them() {
    check("weekdays: [sunday]", "Europe/Paris", "2026-03-28T00:00", 3, "Sun 29 00:00 23h");
    check("weekdays: [sunday]", "Europe/Paris", "2026-10-24T00:00", 3, "Sun 25 00:00 1d1h");
    check("cron: 0 0 * * 0, duration: 1d", "Europe/Paris", "2026-03-28T00:00", 3, "Sun 29 00:00 1d");
    check(
        "start: 0 8 * * *, end: 0 18 * * *",
        "America/New_York",
        "2026-03-07T00:00",
        2,
        "Sat 07 08:00 10h, Sun 08 08:00 10h",
    );
    // Where the clock jumps at midnight, the day begins at 01:00.
    check("weekdays: [sunday]", "America/Santiago", "2026-09-05T00:00", 3, "Sun 06 01:00 23h");
    // Half an hour only.
    check(
        "times: [{start: '01:00', end: '03:00'}]",
        "Australia/Lord_Howe",
        "2026-10-04T00:00",
        1,
        "Sun 04 01:00 1h30m",
    );
    check(
        "times: [{start: '01:00', end: '03:00'}]",
        "Australia/Lord_Howe",
        "2026-04-05T00:00",
        1,
        "Sun 05 01:00 2h30m",
    );
    // Samoa went over the date line and had no 30 December 2011.
    check(
        "times: [{start: '09:00', end: '17:00'}]",
        "Pacific/Apia",
        "2011-12-29T00:00",
        2,
        "Thu 29 09:00 8h, Sat 31 09:00 8h",
    );
    check("cron: 0 9 * * *, duration: 8h", "Pacific/Apia", "2011-12-29T00:00", 2, "Thu 29 09:00 8h, Sat 31 09:00 8h");
}

// What users of KEDA ran into, by the number.

#[test]
fn keda_3956_and_4474_zero_in_a_window_and_not_outside_of_it() {
    let calendar = calendar(
        "schedules: [{name: saturday, start: 0 0 * * 6, end: 0 0 * * 7, timezone: Asia/Kolkata, replicas: 0}]",
    );
    let at = |text| calendar.at(zoned(text), STARTUP);
    let bounds = |influence: Influence| (influence.floor.map(|(at, _)| at), influence.ceiling.map(|(at, _)| at));
    assert_eq!(bounds(at("2026-11-27T23:59:59+05:30")), (None, None));
    assert_eq!(bounds(at("2026-11-28T00:00:00+05:30")), (Some(0), Some(0)));
    assert_eq!(bounds(at("2026-11-28T23:59:59+05:30")), (Some(0), Some(0)));
    assert_eq!(bounds(at("2026-11-29T00:00:00+05:30")), (None, None));
}

#[test]
fn keda_2031_a_start_that_is_the_end_is_refused() {
    let yaml = "schedules: [{name: a, start: 31 * * * *, end: 31 * * * *, timezone: Asia/Kolkata, min: 3}]";
    assert!(config::parse_schedules(yaml).unwrap_err().contains("start and end are the same"));
    // Where they coincide now and then, one window ends and the next begins.
    check("start: 0 * * * *, end: 0 12 * * *", "UTC", "2026-11-23T11:00", 1, "Mon 23 11:00 on");
}

#[test]
fn keda_1941_and_5688_the_end_is_at_the_end() {
    check(
        "start: 25 * * * *, end: 35 * * * *",
        "America/Sao_Paulo",
        "2026-11-23T10:00",
        1,
        &(10..34)
            .map(|hour| {
                let day = ["Mon 23", "Tue 24"][hour / 24];
                format!("{day} {:02}:25 10m", hour % 24)
            })
            .collect::<Vec<_>>()
            .join(", "),
    );
    check("start: 10 7 * * *, end: 30 7 * * *", "EST", "2026-11-23T00:00", 1, "Mon 23 07:10 20m");
}

#[test]
fn keda_3566_a_window_by_weekdays_and_times_bounds_both_ways() {
    check(
        "weekdays: ['mon:fri'], times: [{start: '08:00', end: '20:00'}]",
        "Asia/Kolkata",
        "2026-11-27T00:00",
        4,
        "Fri 27 08:00 12h, Mon 30 08:00 12h",
    );
}

#[test]
fn keda_4677_an_end_on_more_days_than_the_start_ends_on_friday() {
    check(
        "start: 30 6 * * 1-5, end: 10 22 * * *",
        "Europe/Prague",
        "2026-11-26T00:00",
        5,
        "Thu 26 06:30 15h40m, Fri 27 06:30 15h40m, Mon 30 06:30 15h40m",
    );
}

#[test]
fn keda_932_every_zone_is_known_on_every_machine() {
    for zone in
        ["Europe/Berlin", "Asia/Kolkata", "America/Argentina/Buenos_Aires", "EST", "UTC", "Etc/GMT+5", "europe/berlin"]
    {
        calendar(&format!("schedules: [{{name: a, weekdays: [monday], timezone: {zone}, min: 1}}]"));
    }
}

#[test]
fn another_zone_is_another_time() {
    check("cron: 0 8 * * *, duration: 1h", "Asia/Tokyo", "2026-11-23T00:00", 1, "Mon 23 08:00 1h");
    let at = |zone: &str| {
        let calendar =
            calendar(&format!("schedules: [{{name: a, cron: 0 8 * * *, duration: 1h, timezone: {zone}, min: 1}}]"));
        calendar.at(zoned("2026-11-23T07:30:00Z"), STARTUP).floor.is_some()
    };
    assert_eq!((at("Europe/Paris"), at("UTC"), at("Asia/Tokyo")), (true, false, false));
}

/// What holds at a time: floor, ceiling, multiplier, until, coming.
#[track_caller]
fn check_at(yaml: &str, now: &str, want: &str) {
    let Influence { floor, ceiling, overruled, multiplier, multiplied_by, event, until, active, coming } =
        calendar(yaml).at(zoned(now), STARTUP);
    let mut text = active.join("+");
    for (word, bound) in [("min", floor), ("max", ceiling), ("not", overruled)] {
        if let Some((count, by)) = bound {
            let _ = write!(text, " {word} {count} by {by}");
        }
    }
    if let Some(by) = multiplied_by {
        let _ = write!(text, " times {multiplier} by {by}");
    }
    if let Some(Planned { name, multiplier: times, .. }) = event {
        let _ = write!(text, " expects {times} by {name}");
    }
    if let Some(until) = until {
        let _ = write!(text, " until {}", &until.to_string()[8..16]);
    }
    if let Some(coming) = coming {
        let _ = write!(text, " then {} {}", coming.name, &coming.starts_at.to_string()[8..16]);
    }
    assert_eq!(text.trim_start(), want);
}

#[test]
fn of_several_the_largest_floor_the_smallest_ceiling_and_the_largest_multiplier_count() {
    let both = |one: &str, other: &str| {
        format!(
            "schedules: [{{name: a, weekdays: [monday], {one}}}, {{name: b, times: [{{start: '10:00', end: '12:00'}}], {other}}}]"
        )
    };
    check_at(
        &both("min: 3, max: 9", "min: 5, max: 20"),
        "2026-11-23T11:00:00Z",
        "a+b min 5 by b max 9 by a until 23T12:00",
    );
    check_at(
        &both("min: 3, max: 9", "min: 5, max: 20"),
        "2026-11-23T09:00:00Z",
        "a min 3 by a max 9 by a until 23T10:00",
    );
    check_at(&both("min: 3", "min: 3"), "2026-11-23T11:00:00Z", "a+b min 3 by a until 23T12:00");
    check_at(&both("multiplier: 0.5", "multiplier: 0.7"), "2026-11-23T11:00:00Z", "a+b times 0.7 by b until 23T12:00");
    check_at(&both("multiplier: 2", "multiplier: 0.7"), "2026-11-23T11:00:00Z", "a+b times 2 by a until 23T12:00");
    check_at("{}", "2026-11-23T11:00:00Z", "");
}

#[test]
fn a_ceiling_gives_way_to_a_floor() {
    let yaml = "schedules: [{name: night, weekdays: [monday], replicas: 0}, {name: batch, weekdays: [monday], min: 4}]";
    check_at(yaml, "2026-11-23T11:00:00Z", "night+batch min 4 by batch max 4 by batch not 0 by night until 24T00:00");
}

#[test]
fn an_event_is_prepared_by_the_start_up_time() {
    let yaml = "events: [{name: sale, start: 2026-11-27T08:00:00Z, end: 2026-11-27T20:00:00Z, multiplier: 3, min: 10, max: 50}]";
    check_at(yaml, "2026-11-27T07:56:59Z", "until 27T07:57 then sale 27T08:00");
    check_at(yaml, "2026-11-27T07:57:00Z", "sale min 10 by sale expects 3 by sale until 27T08:00 then sale 27T08:00");
    check_at(yaml, "2026-11-27T08:00:00Z", "sale min 10 by sale max 50 by sale expects 3 by sale until 27T20:00");
    check_at(yaml, "2026-11-27T20:00:00Z", "");
    let lead = yaml.replace("min: 10", "lead: 1h");
    check_at(&lead, "2026-11-27T07:00:00Z", "sale expects 3 by sale until 27T08:00 then sale 27T08:00");
}

#[test]
fn the_next_of_several_events_is_coming() {
    let yaml = "events: [{name: b, start: 2026-11-28T08:00:00Z, end: 2026-11-28T20:00:00Z, min: 3}, \
                {name: a, start: 2026-11-27T08:00:00Z, end: 2026-11-29T20:00:00Z, min: 2}]";
    check_at(yaml, "2026-11-23T00:00:00Z", "until 27T07:57 then a 27T08:00");
    check_at(yaml, "2026-11-27T08:00:00Z", "a min 2 by a until 28T07:57 then b 28T08:00");
    check_at(yaml, "2026-11-28T12:00:00Z", "b+a min 3 by b until 28T20:00");
}

#[test]
fn times_beyond_the_calendar_are_never_in_a_window() {
    let calendar =
        calendar("schedules: [{name: a, weekdays: [monday], min: 1}, {name: b, cron: '@daily', duration: 1d, min: 1}]");
    for now in [Timestamp::MIN, Timestamp::MAX] {
        assert_eq!(calendar.at(now, STARTUP), Influence::default());
    }
    for now in ["-009999-01-03T01:00:00Z", "9999-12-29T00:00:00Z", "4999-12-31T00:00:00Z"] {
        assert_eq!(calendar.at(zoned(now), STARTUP).overruled, None);
    }
}

#[test]
fn what_is_remembered_is_asked_again_when_it_may_have_changed() {
    let morning = "schedules: [{name: morning, times: [{start: '07:30', end: '07:58'}], min: 2}]";
    let sale = "events: [{name: sale, start: 2026-11-27T08:00:00Z, end: 2026-11-27T20:00:00Z, min: 3}]";
    for yaml in [morning.to_owned(), sale.to_owned(), format!("{morning}\n{sale}"), "{}".to_owned()] {
        let calendar = Arc::new(calendar(&yaml));
        let mut cached = Cached::new(Arc::clone(&calendar));
        for minute in [0, 56, 57, 58, 30, 40, 60, 800, 59, 10, 45] {
            for startup in [STARTUP, Duration::from_mins(9)] {
                let now = zoned("2026-11-27T07:00:00Z") + Duration::from_mins(minute);
                assert_eq!(*cached.at(now, startup), calendar.at(now, startup), "{minute} {yaml}");
            }
        }
    }
}

/// Schedules that have to do with clock changes.
fn schedules() -> impl Strategy<Value = Calendar> {
    let zone = prop::sample::select(vec![
        "UTC",
        "Europe/Paris",
        "America/New_York",
        "Australia/Lord_Howe",
        "America/Santiago",
        "Pacific/Chatham",
    ]);
    let cron = (
        0..60_u32,
        prop::sample::select(vec!["*", "0", "1", "2", "3", "23", "*/5", "1-3"]),
        prop::sample::select(vec!["* * *", "29 * *", "* * 0", "1 * 5", "L 3,10 *"]),
    )
        .prop_map(|(minute, hour, days)| format!("{minute} {hour} {days}"));
    let time = (0..24_u32, 0..60_u32).prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}"));
    let days = prop::sample::select(vec![
        "",
        "weekdays: [sunday], ",
        "days_of_month: [-1, '1:9'], ",
        "months: [march, october], ",
    ]);
    let by_cron =
        (cron.clone(), 1..3_000_u32).prop_map(|(cron, minutes)| format!("cron: '{cron}', duration: {minutes}m"));
    let between = (cron.clone(), cron)
        .prop_filter("differ", |(start, end)| start != end)
        .prop_map(|(start, end)| format!("start: '{start}', end: '{end}'"));
    let interval = (days, time.clone(), time)
        .prop_filter("differ", |(_, start, end)| start != end)
        .prop_map(|(days, start, end)| format!("{days}times: [{{start: '{start}', end: '{end}'}}]"));
    (zone, prop_oneof![by_cron, between, interval])
        .prop_map(|(zone, when)| calendar(&format!("schedules: [{{name: a, timezone: {zone}, min: 1, {when}}}]")))
}

/// Any time in two years, and times around the clock changes of these zones.
fn moments() -> impl Strategy<Value = Timestamp> {
    let changes = [
        "2026-03-08T07:00:00Z",
        "2026-03-29T01:00:00Z",
        "2026-04-04T15:00:00Z",
        "2026-09-06T04:00:00Z",
        "2026-10-25T01:00:00Z",
    ];
    let change = (prop::sample::select(changes.to_vec()), 0..2_000_u64)
        .prop_map(|(change, minutes)| zoned(change) - Duration::from_hours(30) + Duration::from_mins(minutes));
    prop_oneof![
        (0..1_000_000_u64).prop_map(|minutes| zoned("2026-01-01T00:00:00Z") + Duration::from_mins(minutes)),
        change
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn nothing_changes_before_it_is_said_to(calendar in schedules(), now in moments()) {
        let influence = calendar.at(now, STARTUP);
        let until = influence.until.unwrap();
        prop_assert!(until > now);
        // By minutes for three hours, then by a few hours for a month.
        let steps = (1..180).chain((1..200).map(|step| 180 + step * 217));
        let probes = steps.map(|minutes| now + Duration::from_mins(minutes)).take_while(|probe| *probe < until);
        for probe in probes {
            let then = calendar.at(probe, STARTUP);
            prop_assert_eq!(then.floor.is_some(), influence.floor.is_some(), "{} {}", probe, until);
        }
    }
}
