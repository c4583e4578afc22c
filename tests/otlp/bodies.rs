//! The bodies that are put to both: by hand, and by chance from a seed.

use headroom::proto::otlp::any_value::Value;
use headroom::proto::otlp::{
    AnyValue, ArrayValue, ExportMetricsServiceRequest, KeyValue, KeyValueList, Metric, ResourceMetrics,
};

use super::make::{
    CUMULATIVE, DELTA, any, buckets, exponential, gauge, histogram, metric, number, pair, pairs, request, sum,
    summaries, summary, text, whole,
};

/// Series of different bodies never meet: each point tells its body.
fn of(case: &str) -> Vec<KeyValue> {
    pairs(&[("case", case)])
}

fn with(case: &str, mut attributes: Vec<KeyValue>) -> Vec<KeyValue> {
    attributes.extend(of(case));
    attributes
}

const SERVICE: [(&str, &str); 4] = [
    ("service.name", "checkout"),
    ("service.namespace", "shop"),
    ("service.instance.id", "pod-0"),
    ("k8s.namespace.name", "prod"),
];

const NAMES: [&str; 18] = [
    "http.server.duration",
    "http_requests_total",
    "requests.total.count",
    "1st.metric",
    "_private",
    "__dunder__x",
    "with  spaces and-signs",
    "größe.der.schlange",
    "ns:sub:rule",
    "memory_bytes",
    "used.ratio",
    "disk_bytes_per_second",
    "a",
    "Capital.Case",
    "trailing_",
    "seconds",
    "per_second.rate",
    "speed_meters_per_second_total",
];

const UNITS: [&str; 24] = [
    "",
    "1",
    "s",
    "ms",
    "By",
    "KiBy",
    "%",
    "By/s",
    "{request}",
    "{request}/s",
    "m/s",
    "1/s",
    "/s",
    "m/",
    "foo__bar",
    "°C",
    "_x_",
    "m / s",
    "requests",
    "s/{x}",
    "km/%",
    "bytes",
    "2d",
    "By/s/s",
];

fn odd_values() -> Vec<KeyValue> {
    let list = |values: Vec<AnyValue>| any(Value::ArrayValue(ArrayValue { values }));
    let map = |values: Vec<KeyValue>| any(Value::KvlistValue(KeyValueList { values }));
    let double = |value| any(Value::DoubleValue(value));
    let nested = map(vec![
        pair("z", double(1.0)),
        pair("a", list(vec![text("<&>\u{2028}\"\\\n\u{1}"), any(Value::IntValue(-7)), AnyValue { value: None }])),
        pair("b", any(Value::BytesValue(vec![0, 255, 7]))),
        pair("t", any(Value::BoolValue(true))),
        pair("e", double(1e-9)),
    ]);
    vec![
        pair("bool", any(Value::BoolValue(false))),
        pair("int", any(Value::IntValue(i64::MIN))),
        pair("double", double(0.1)),
        pair("double.whole", double(200.0)),
        pair("double.large", double(1.5e21)),
        pair("double.larger", double(1e300)),
        pair("double.small", double(-2.5e-7)),
        pair("double.tiny", double(3e-12)),
        pair("double.nan", double(f64::NAN)),
        pair("double.inf", double(f64::INFINITY)),
        pair("double.zero", double(-0.0)),
        pair("bytes", any(Value::BytesValue(b"any\xff".to_vec()))),
        pair("list", list(vec![text("x"), double(2.0), any(Value::BoolValue(true))])),
        pair("list.empty", list(Vec::new())),
        pair("list.nan", list(vec![double(f64::NAN)])),
        pair("map", nested),
        pair("empty", text("")),
        pair("none", AnyValue { value: None }),
        pair("text", text("ü ;\"\n")),
    ]
}

/// Bodies that each show one thing; all of them are sound.
pub(super) fn by_hand(now: u64) -> Vec<ExportMetricsServiceRequest> {
    let service = || pairs(&SERVICE);
    let one = |case: &str, metrics: fn(u64, &str) -> Vec<Metric>| request(service(), metrics(now, case));
    let mut bodies = vec![
        one("kinds", |at, case| {
            vec![
                metric("requests", "", sum(true, CUMULATIVE, vec![whole(at, 41, of(case))])),
                metric("active", "{request}", sum(false, CUMULATIVE, vec![whole(at, -3, of(case))])),
                metric("busy", "1", gauge(vec![number(at, 0.25, of(case))])),
                metric("took", "s", histogram(CUMULATIVE, vec![buckets(at, &[1, 2, 3], &[0.1, 2.5], of(case))])),
                metric("size", "By", summaries(vec![summary(at, &[(0.5, 1.0), (0.99, 7.5), (1.0, 9.0)], of(case))])),
                metric("wait", "ms", exponential(at, 3, 7, of(case))),
            ]
        }),
        one("floats", |at, case| {
            let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324, 1.7e308, 0.1];
            let point =
                |(which, value): (usize, &f64)| number(at, *value, with(case, pairs(&[("which", &which.to_string())])));
            vec![metric("special", "", gauge(values.iter().enumerate().map(point).collect()))]
        }),
        one("integers", |at, case| {
            let point = |value: i64| whole(at, value, with(case, pairs(&[("which", &value.to_string())])));
            vec![metric("integers", "", gauge([i64::MIN, -1, 0, (1 << 53) + 1, i64::MAX].map(point).to_vec()))]
        }),
        one("bounds", |at, case| {
            let bounds = [-1.0, 0.0, 1e-7, 0.005, 1.0, 1e6, 1e21];
            let mut of_bounds = buckets(at, &[1, 1, 1, 1, 1, 1, 1, 1], &bounds, of(case));
            of_bounds.sum = None;
            let short = buckets(at, &[4, 5], &[1.0, 2.0, 3.0], with(case, pairs(&[("short", "yes")])));
            let bare = buckets(at, &[9], &[], with(case, pairs(&[("bare", "yes"), ("le", "own")])));
            vec![metric("bounds", "", histogram(CUMULATIVE, vec![of_bounds, short, bare]))]
        }),
        one("collisions", |at, case| {
            let keys =
                pairs(&[("a.b", "1"), ("a_b", "2"), ("a-b", "3"), ("a b", ""), ("job", "own"), ("instance", "own")]);
            let odd = pairs(&[("__x__", "r"), ("_x", "u"), ("9x", "d"), ("x..y", "m"), ("ä", "n"), ("Z", "c")]);
            let reserved = pairs(&[("__name__", "other"), ("k8s.namespace.name", "point's own")]);
            vec![
                metric("collisions", "", gauge(vec![number(at, 1.0, with(case, keys))])),
                metric("odd.keys", "", gauge(vec![number(at, 2.0, with(case, odd))])),
                metric("reserved", "", gauge(vec![number(at, 3.0, with(case, reserved))])),
                metric("odd.values", "", gauge(vec![number(at, 4.0, with(case, odd_values()))])),
            ]
        }),
    ];
    bodies.extend(ended(now));
    bodies.extend(resources(now));
    bodies
}

/// Series that begin, and of which it is then said that there is no value.
fn ended(now: u64) -> Vec<ExportMetricsServiceRequest> {
    let body = |at: u64, flags: u32| {
        let (mut one, mut took, mut size) = (
            number(at, 1.0, of("ended")),
            buckets(at, &[1, 2], &[0.5], of("ended")),
            summary(at, &[(0.5, 1.0)], of("ended")),
        );
        (one.flags, took.flags, size.flags) = (flags, flags, flags);
        let metrics = vec![
            metric("ended", "", gauge(vec![one.clone()])),
            metric("ended", "s", sum(true, CUMULATIVE, vec![one])),
            metric("ended.took", "s", histogram(CUMULATIVE, vec![took])),
            metric("ended.size", "By", summaries(vec![size])),
        ];
        request(pairs(&SERVICE[..2]), metrics)
    };
    vec![body(now - 10_000_000_000, 0), body(now, 1)]
}

/// Resources that say who they are, wholly, in part or not at all.
fn resources(now: u64) -> Vec<ExportMetricsServiceRequest> {
    let attributes: [&[(&str, &str)]; 9] = [
        &[],
        &SERVICE[..1],
        &SERVICE[1..2],
        &SERVICE[2..],
        &SERVICE[..3],
        &[("service.name", ""), ("service.namespace", "only"), ("host.name", "h")],
        &[("job", "by-hand"), ("host.name", "h")],
        &[("host.name", "h"), ("host_name", "i"), ("service.name", "x"), ("deployment.environment.name", "test")],
        &[("service.name", "first"), ("__name__", "renamed"), ("_os", "linux"), ("os.type", "linux")],
    ];
    let one = |(number_, attributes): (usize, &&[(&str, &str)])| {
        let case = format!("resource {number_}");
        // Ten minutes apart: target_info is told in between, too.
        let points = [now - 590_123_456_789, now].map(|at| number(at, 1.0, of(&case))).to_vec();
        request(pairs(attributes), vec![metric("of.resource", "", gauge(points))])
    };
    let mut bodies: Vec<_> = attributes.iter().enumerate().map(one).collect();
    // Two resources in one body, and one that has none.
    let mut both = request(pairs(&SERVICE), vec![metric("both", "", gauge(vec![number(now, 1.0, of("first"))]))]);
    let other = request(Vec::new(), vec![metric("both", "", gauge(vec![number(now, 2.0, of("second"))]))]);
    both.resource_metrics.extend(other.resource_metrics.into_iter().map(|of| ResourceMetrics { resource: None, ..of }));
    bodies.push(both);
    bodies
}

/// Which of the faulty ones has no name.
pub(super) const NAMELESS: usize = 4;

/// Bodies that a Prometheus refuses, and of which nothing is to be kept.
pub(super) fn faulty(now: u64) -> Vec<ExportMetricsServiceRequest> {
    let delta = |case| metric(case, "", sum(true, DELTA, vec![whole(now, 1, of(case))]));
    let late = now + 3_600_000_000_000;
    let mut nothing = metric("nothing", "", gauge(Vec::new()));
    let empty = nothing.clone();
    nothing.data = None;
    let only = |key: &str| gauge(vec![number(now, 1.0, pairs(&[(key, "x")]))]);
    let metrics = vec![
        delta("delta"),
        metric("unsaid", "", sum(true, 0, vec![whole(now, 1, of("unsaid"))])),
        metric("delta.took", "", histogram(DELTA, vec![buckets(now, &[1], &[], of("delta"))])),
        metric("late", "", gauge(vec![number(late, 1.0, of("late"))])),
        metric("", "", gauge(vec![number(now, 1.0, of("nameless"))])),
        metric("ü", "", gauge(vec![number(now, 1.0, of("no letter"))])),
        metric("empty.key", "", only("")),
        metric("only.signs", "", only("--")),
        metric("coarse", "", exponential(now, -5, 7, of("coarse"))),
        metric("wrong.count", "", exponential(now, 0, 70, of("count"))),
        nothing,
        empty,
    ];
    metrics.into_iter().map(|metric| request(Vec::new(), vec![metric])).collect()
}

/// Names, units and kinds in all combinations, each with attributes by chance.
pub(super) fn by_chance(now: u64, mut seed: u64) -> Vec<ExportMetricsServiceRequest> {
    const KEYS: [&str; 8] = ["http.route", "http_route", "status-code", "_id", "__meta__", "0day", "é", "region"];
    let mut draw = move |below: usize| {
        // Knuth's multiplier; the upper bits are the better ones.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap_or(0) % below
    };
    let mut bodies = Vec::new();
    for (which, name) in NAMES.iter().enumerate() {
        let mut metrics = Vec::new();
        for unit in UNITS {
            for kind in 0..5 {
                let mut keys: Vec<&str> = KEYS.into_iter().filter(|_| draw(3) == 0).collect();
                let turn = draw(keys.len() + 1);
                keys.rotate_left(turn);
                let mut attributes: Vec<KeyValue> =
                    keys.into_iter().map(|key| pair(key, text(["", "x", "y z"][draw(3)]))).collect();
                attributes.extend(of(&format!("{which} {unit} {kind}")));
                let (value, at) = (draw(1_000), now - u64::try_from(draw(1_000_000_000)).unwrap_or(0));
                let value = i32::try_from(value).unwrap_or(0);
                metrics.push(metric(
                    name,
                    unit,
                    match kind {
                        0 => gauge(vec![number(at, f64::from(value) / 7.0, attributes)]),
                        1 => sum(true, CUMULATIVE, vec![whole(at, value.into(), attributes)]),
                        2 => sum(false, CUMULATIVE, vec![whole(at, value.into(), attributes)]),
                        3 => histogram(CUMULATIVE, vec![buckets(at, &[1, 0, 4], &[0.5, 10.0], attributes)]),
                        _ => summaries(vec![summary(at, &[(0.9, 1.5)], attributes)]),
                    },
                ));
            }
        }
        bodies.push(request(pairs(&SERVICE[..=draw(4)]), metrics));
    }
    bodies
}
