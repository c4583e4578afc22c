use super::names::{self, Ending};
use super::{info_times, value};
use crate::config::{Otlp, TranslationStrategy};
use crate::time::Timestamp;

#[track_caller]
fn check_metric(name: &str, unit: &str, ending: Ending, want: &str) {
    let strategy = TranslationStrategy::UnderscoreEscapingWithSuffixes;
    assert_eq!(names::metric(name, unit, ending, strategy).as_deref().unwrap_or("none"), want, "{name} in {unit:?}");
}

#[test]
fn metrics_are_named_with_their_unit_and_type() {
    check_metric("http.server.duration", "s", Ending::None, "http_server_duration_seconds");
    check_metric("http.server.duration_seconds", "s", Ending::None, "http_server_duration_seconds");
    check_metric("requests", "{request}", Ending::Total, "requests_total");
    check_metric("requests.total.count", "1", Ending::Total, "requests_count_total");
    check_metric("busy", "1", Ending::Ratio, "busy_ratio");
    check_metric("busy", "1", Ending::None, "busy");
    check_metric("io", "By/s", Ending::Ratio, "io_bytes_per_second");
    check_metric("io", "foo__bar/%", Ending::None, "io_foo_bar");
    check_metric("temperature", "°C", Ending::Ratio, "temperature_C");
    check_metric("5xx  errors", "", Ending::None, "_5xx_errors");
    check_metric("__up", "", Ending::None, "up");
    check_metric("a:b", "", Ending::None, "a:b");
    check_metric("ü", "", Ending::None, "none");
    check_metric("", "s", Ending::None, "seconds");
}

#[test]
fn names_may_be_left_as_they_are() {
    let check = |strategy, name: &str, unit, ending, want: &str| {
        assert_eq!(names::metric(name, unit, ending, strategy).as_deref(), Some(want));
    };
    let (kept, none) = (TranslationStrategy::NoUtf8EscapingWithSuffixes, TranslationStrategy::NoTranslation);
    check(kept, "größe.total", "By/s", Ending::Total, "größe_bytes_per_second_total");
    check(kept, "größeütotal", "", Ending::Total, "größe_total");
    check(kept, "x_ratio", "1", Ending::Ratio, "x_ratio");
    check(none, "größe.total", "By/s", Ending::Total, "größe.total");
    let bare = TranslationStrategy::UnderscoreEscapingWithoutSuffixes;
    check(bare, "a..b__c", "s", Ending::Total, "a_b__c");
}

#[test]
fn labels_are_named_after_keys() {
    let check = |key: &str, otlp: &Otlp, want: Option<&str>| assert_eq!(names::label(key, otlp).as_deref(), want);
    let otlp = Otlp::default();
    for (key, want) in [
        ("http.route", Some("http_route")),
        ("a..b", Some("a__b")),
        ("9x", Some("key_9x")),
        ("_x", Some("key_x")),
        ("__x__", Some("__x__")),
        ("", None),
        ("é", Some("key_")),
    ] {
        check(key, &otlp, want);
    }
    let other = Otlp {
        label_name_underscore_sanitization: false,
        label_name_preserve_multiple_underscores: false,
        ..Otlp::default()
    };
    check("a..b", &other, Some("a_b"));
    check("__a..b__", &other, Some("__a_b__"));
    check("_x", &other, Some("_x"));
}

#[test]
fn bounds_are_written_without_an_exponent() {
    let check = |number: f64, want: &str| assert_eq!(value::plain(number), want);
    check(0.1, "0.1");
    check(1.0, "1");
    check(-0.0, "-0");
    check(1e-7, "0.0000001");
    check(1e21, "1000000000000000000000");
    check(f64::INFINITY, "+Inf");
    check(f64::NAN, "NaN");
}

#[test]
fn target_info_reaches_from_the_first_point_to_the_last_and_not_before_the_horizon() {
    let times = |earliest_s: i64, latest_s: i64, horizon_s: i64| -> Vec<i64> {
        let times =
            info_times(earliest_s * 1_000_000_000, latest_s * 1_000_000_000, Timestamp::from_millis(horizon_s * 1_000));
        times.map(|at| at.as_millis() / 1_000).collect()
    };
    assert_eq!(times(1_000, 1_000, 0), [1_000]);
    assert_eq!(times(1_000, 1_301, 0), [1_000, 1_150, 1_300, 1_301]);
    assert_eq!(times(1_000, 1_300, 0), [1_000, 1_150, 1_300]);
    assert_eq!(times(0, 1_760_000_000, 1_759_999_800).len(), 3, "a point without a time is from 1970");
    assert!(times(0, 1_760_000_000, 0).len() <= 26, "an hour before the latest at most");
}
