//! Configurations that Prometheus accepts, and the series that they are tried on.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::exposition::Series;

/// Labels come before `instance` and `job` by name, as Prometheus walks those two last when it scrapes.
pub(super) fn series() -> Vec<Series> {
    vec![
        vec![("__name__", "http_requests_total"), ("a", "foo"), ("b", "Bar"), ("code", "200")],
        vec![("__name__", "http_requests_total"), ("a", "boo"), ("b", "boo"), ("code", "404")],
        vec![("__name__", "http_requests_total"), ("a", "some-name-value"), ("b1", "x"), ("b2", "y")],
        vec![("__name__", "http_requests_failed_total"), ("b", "foo;bar")],
        vec![("__name__", "go_goroutines"), ("a", "line1\nline2"), ("b", "\"quoted\" \\ back")],
        vec![("__name__", "go_gc_duration_seconds"), ("a", "12"), ("b", "٣"), ("code", "1.2")],
        vec![("__name__", "disk.usage"), ("app.k8s.io/name", "café ßİΣᾳŉ"), ("e-é", "É")],
        vec![("__name__", "up_and_running")],
    ]
}

/// Items of a `relabel_configs`, by hand: every action, every rule of Prometheus's that is easily missed.
pub(super) const BY_HAND: [&str; 95] = [
    // replace
    "{source_labels: [a], regex: 'f(.*)', target_label: d, replacement: 'ch${1}-ch$1'}",
    "{source_labels: [a, b], regex: '(.*);(.*)', target_label: a, replacement: '$2$1'}, {source_labels: [a], target_label: c}",
    "{source_labels: [a, b], separator: '', target_label: d}",
    "{source_labels: [a, b, a], separator: '-.-', target_label: d}",
    "{source_labels: [nobody], target_label: d, replacement: constant}",
    "{source_labels: [nobody], regex: '(.+)', target_label: d, replacement: constant}",
    "{source_labels: [nobody], regex: '', target_label: d, replacement: constant}",
    "{source_labels: [a], regex: '', target_label: a, replacement: filled}",
    "{target_label: d, replacement: constant}",
    "{target_label: a, replacement: ''}",
    "{source_labels: [nobody], target_label: a}",
    "{source_labels: [a], regex: 'no-match', target_label: b, replacement: ''}",
    "{source_labels: [a], regex: '(f).*', target_label: '$1', replacement: 'x'}",
    "{source_labels: [a], regex: '(f).*', target_label: 'b', replacement: '$2'}",
    "{source_labels: [a], regex: 'some-([^-]+)-([^,]+)', target_label: '${1}', replacement: '${2}'}",
    "{source_labels: [a], regex: 'some-([^-]+)-([^,]+)', target_label: '${3}', replacement: '${1}'}",
    "{source_labels: [a], regex: 'some-([^-]+)(x?).*', target_label: '$2', replacement: lost}",
    "{source_labels: [a], regex: '(?P<first>[^-]+)-(?<second>.*)', target_label: 'l_${first}', replacement: '$second-$first-$nobody'}",
    "{source_labels: [a], regex: '(.)(.).*', target_label: 'd.$1/é', replacement: '$2$$$1$'}",
    "{source_labels: [a], regex: '(.)(.).*', target_label: d, replacement: '$1x${1}x$01${1-2}${}${$é'}",
    "{source_labels: [a], regex: '(.)(.).*', target_label: d, replacement: '$1é|$1-é|$0|$9|$1²'}",
    "{source_labels: [a], regex: 'line1.*line2', target_label: d, replacement: 'all lines'}",
    "{source_labels: [a], regex: '(?-s:line1.*line2)', target_label: d, replacement: 'one line'}",
    "{source_labels: [a], regex: '^(.*)$', target_label: d}",
    "{source_labels: [a], regex: '(?m)line1$.^line2', target_label: d, replacement: lines}",
    "{source_labels: [__name__], regex: 'http_(.*)_total', target_label: __name__, replacement: 'web_$1'}",
    "{source_labels: [__name__], regex: 'disk.usage', target_label: __name__, replacement: disk_usage_bytes}",
    "{source_labels: [app.k8s.io/name], target_label: app}, {regex: 'app\\.k8s\\.io.*', action: labeldrop}",
    "{source_labels: [instance], regex: '(.*):\\d+', target_label: instance}",
    "{source_labels: [job], regex: 'case-(\\d+)', target_label: job, replacement: 'number $1'}",
    "{source_labels: [a], regex: 'foo', target_label: d, replacement: 404}",
    "{source_labels: [a], regex: 12, target_label: d, replacement: true}",
    "{target_label: '$1', replacement: x}",
    "{target_label: '$a', replacement: x}",
    "{target_label: '$$a', replacement: x}",
    "{target_label: a, replacement: '$'}",
    "{target_label: a, replacement: '$nobody'}",
    // regular expressions that Go and others read differently
    "{source_labels: [b], regex: '\\d+', target_label: d, replacement: digits}",
    "{source_labels: [code], regex: '[\\d.]+', target_label: d, replacement: digits}",
    "{source_labels: [e-é], regex: '\\w', target_label: d, replacement: word}",
    "{source_labels: [e-é], regex: '(?i)é', target_label: d, replacement: folded}",
    "{source_labels: [e-é], regex: '\\W\\b', target_label: d, replacement: boundary}",
    "{source_labels: [b], regex: '[a&&b;fo[r]+', target_label: d, replacement: class}",
    "{source_labels: [b], regex: 'foo\\;bar|\\Qfoo;b\\E.*', target_label: d, replacement: quotation}",
    "{source_labels: [a], regex: '\\146\\x6f{2}', target_label: d, replacement: numbers}",
    "{source_labels: [a], regex: 'f(o{2})|b{,2}', target_label: d, replacement: 'braces $1'}",
    "{source_labels: [a], regex: '(?U)(.+)(o*)', target_label: d, replacement: '$1|$2'}",
    "{source_labels: [a], regex: '(b|bo|boo)(.*)', target_label: d, replacement: '$1|$2'}",
    "{source_labels: [a], regex: '(o|f|b)*', target_label: d, replacement: '<$1>'}",
    "{source_labels: [app.k8s.io/name], regex: '\\p{Ll}+ .\\pL+', target_label: d, replacement: letters}",
    // keep and drop
    "{source_labels: [a], regex: 'f.*', action: keep}",
    "{source_labels: [a], regex: 'f|o', action: drop}",
    "{source_labels: [a], action: keep}",
    "{source_labels: [a], action: drop}",
    "{source_labels: [a], regex: '', action: drop}",
    "{source_labels: [a], regex: '', action: keep}",
    "{action: drop}",
    "{regex: '.+', action: drop}",
    "{source_labels: [a, b], regex: '.*;foo;bar|foo;.*', action: keep}",
    "{source_labels: [__name__], regex: \"http_requests_total|\\\n          go_.*\", action: Keep}",
    "{source_labels: [__name__, code], regex: 'http_requests_total;200', action: DROP}",
    // keepequal and dropequal
    "{source_labels: [a], target_label: b, action: keepequal}",
    "{source_labels: [a], target_label: b, action: dropequal}",
    "{source_labels: [a, b], target_label: b, action: dropequal, separator: ;, replacement: $1}",
    "{source_labels: [a, nobody], target_label: b, action: keepequal}",
    "{target_label: a, action: keepequal}",
    // hashmod
    "{source_labels: [a], target_label: d, modulus: 1000, action: hashmod}",
    "{source_labels: [a, b], separator: '', target_label: d, modulus: 18446744073709551615, action: hashmod}",
    "{source_labels: [a, b], target_label: a, modulus: 1, action: hashmod}",
    "{target_label: d, modulus: 7, action: hashmod, regex: ignored, replacement: ignored}",
    "{source_labels: [app.k8s.io/name], target_label: '${1}', modulus: 4294967297, action: hashmod}",
    "{source_labels: [__name__], target_label: shard, modulus: 2, action: hashmod}, {source_labels: [shard], regex: 1, action: keep}",
    // labelmap
    "{regex: 'b(.+)', replacement: 'c_${1}', action: labelmap}",
    "{regex: 'b(.+)', action: labelmap}",
    "{regex: '(.)', replacement: '${1}${1}', action: labelmap}",
    "{regex: 'a|b|code', replacement: same, action: labelmap}",
    "{target_label: a, replacement: new}, {regex: 'a|b|code', replacement: same, action: labelmap}",
    "{target_label: code, replacement: new}, {target_label: a, replacement: new}, {regex: 'a|b|code', replacement: same, action: labelmap}",
    "{target_label: a, replacement: new}, {target_label: b, replacement: new}, {target_label: a, replacement: ''}, {target_label: a, replacement: newer}, {regex: 'a|b', replacement: same, action: labelmap}",
    "{regex: 'a|b', replacement: a, action: labelmap}",
    "{regex: 'app\\.k8s\\.io/(.*)', replacement: '$1', action: labelmap}",
    "{regex: '(?P<x>b)\\d', replacement: 'of-${x}', action: labelmap, source_labels: [ignored], target_label: ignored}",
    // labeldrop and labelkeep
    "{regex: 'b.*', action: labeldrop}",
    "{regex: 'b', action: labeldrop, separator: ;, replacement: $1}",
    "{regex: 'instance|job', action: labeldrop}",
    "{regex: '__name__|b\\d?', action: labelkeep}",
    "{regex: '__name__|[^a].*', action: labelkeep}",
    "{regex: '.*\\.k8s\\.io.*', action: labeldrop}",
    // lowercase and uppercase
    "{source_labels: [b], target_label: b, action: lowercase}",
    "{source_labels: [a, b], separator: ' x ', target_label: d, action: uppercase}",
    "{source_labels: [app.k8s.io/name], target_label: d, action: uppercase}",
    "{source_labels: [app.k8s.io/name], target_label: d, action: Lowercase, regex: ignored}",
    "{source_labels: [nobody], target_label: b, action: uppercase}",
    "{source_labels: [__name__], target_label: __name__, action: uppercase}",
    "{source_labels: [a], target_label: '$1', action: uppercase}",
];

/// How many are made by chance.
const BY_CHANCE: usize = 150;

/// Items of a `relabel_configs` by chance, the same in each run: steps over names, values and patterns that often meet.
pub(super) fn by_chance() -> Vec<String> {
    let name = || prop::sample::select(vec!["a", "b", "b1", "c", "code", "nobody", "__name__"]);
    let source = move || {
        proptest::collection::vec(name(), 0..3).prop_map(|names| format!("source_labels: [{}]", names.join(", ")))
    };
    let regex = || {
        let parts = ["(.*)", "(b|a)?", "[a-z]+", "(.)", ".", "o*", ";", "_", "\\d"];
        let parts = proptest::collection::vec(prop::sample::select(parts.to_vec()), 0..4);
        parts.prop_map(|parts| format!("regex: '{}'", parts.concat()))
    };
    let template = || {
        let parts = ["a", "b", "$1", "${2}", "$$", "${1}", "-"];
        proptest::collection::vec(prop::sample::select(parts.to_vec()), 0..3).prop_map(|parts| parts.concat())
    };
    let equal = prop::sample::select(vec!["keepequal", "dropequal"]);
    let case = prop::sample::select(vec!["lowercase", "uppercase"]);
    let step = prop_oneof![
        4 => (source(), regex(), template(), template()).prop_map(|(source, regex, target, replacement)| {
            format!("{{{source}, {regex}, target_label: 'b{target}', replacement: '{replacement}'}}")
        }),
        1 => (source(), regex()).prop_map(|(source, regex)| format!("{{{source}, {regex}, action: drop}}")),
        1 => (source(), name(), equal).prop_map(|(source, target, action)| {
            format!("{{{source}, target_label: {target}, action: {action}}}")
        }),
        1 => (source(), name(), 1..5_u64).prop_map(|(source, target, modulus)| {
            format!("{{{source}, target_label: {target}, modulus: {modulus}, action: hashmod}}")
        }),
        // A name that comes out empty fails a scrape as a whole.
        3 => (regex(), template()).prop_map(|(regex, text)| {
            format!("{{{regex}, replacement: 'b{text}', action: labelmap}}")
        }),
        1 => regex().prop_map(|regex| format!("{{{regex}, action: labeldrop}}")),
        1 => (source(), name(), case).prop_map(|(source, target, action)| {
            format!("{{{source}, target_label: {target}, action: {action}}}")
        }),
    ];
    let steps = proptest::collection::vec(step, 1..6).prop_map(|steps| steps.join(", "));
    let mut runner = TestRunner::deterministic();
    (0..BY_CHANCE).map(|_| steps.new_tree(&mut runner).expect("a list can be made").current()).collect()
}
