use expect_test::expect;
use tokio::net::TcpListener;

use super::frame::{Line, Point, Row};
use super::paint::{curve, grouped, percent};
use super::*;
use crate::sim::Sent;
use crate::workload::{ObjectRef, Workload};

const NO_COLOR: Paint = Paint { color: false };

fn workload(name: &str) -> Workload {
    Workload::from(ObjectRef {
        api_version: String::new(),
        kind: "Deployment".to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
    })
}

/// A frame of a flash crowd: capacity follows the traffic two columns behind.
fn frame() -> Frame {
    let point = |at: u32| Point {
        offered: 300.0 + f64::from(at) * 30.0,
        capacity: 300.0 + f64::from(at.saturating_sub(2)) * 30.0,
        dropped: 37.5,
    };
    let checkout = Row {
        workload: workload("checkout"),
        demand: Some(1204.4),
        capacity: 1140.0,
        wanted: Some(25),
        ready: 19,
        dropped: 37.5,
        dropped_share: 0.0312,
        reason: "reactive: requests 1204 / 50 = 25".to_owned(),
        points: (0..30).map(point).collect(),
    };
    let search = Row {
        workload: workload("search"),
        demand: None,
        capacity: 384.0,
        wanted: None,
        ready: 4,
        dropped: 0.0,
        dropped_share: 0.0,
        reason: "waiting for the first samples".to_owned(),
        points: Vec::new(),
    };
    let line = |id: u64, from, to| Line {
        id,
        clock: format!("14:4{id}:30"),
        workload: workload("checkout"),
        from,
        to,
        reason: format!("reactive: requests {} / 50 = {to}", to * 50),
    };
    Frame {
        title: "World Cup 98, 30 June",
        clock: "14:47:30".to_owned(),
        speed: 60,
        elapsed: Duration::from_secs(37),
        mark: Some("17m after kick-off of Romania – Croatia".to_owned()),
        page: "http://127.0.0.1:4323/".to_owned(),
        sent: Sent { requests: 450, samples: 12_480, failures: 2 },
        failure: Some("http://127.0.0.1:4323/api/v1/write answered 429 Too Many Requests: slow down".to_owned()),
        rows: vec![checkout, search],
        decisions: vec![line(1, 4, 6), line(2, 6, 5), line(3, 5, 9), line(4, 9, 12), line(5, 12, 19), line(6, 19, 25)],
    }
}

#[test]
fn the_table_shows_each_workload_and_the_last_five_decisions() {
    expect![[r"
        headroom demo   World Cup 98, 30 June, 14:47:30 UTC   17m after kick-off of Romania – Croatia
        http://127.0.0.1:4323/   0:37 at 60x   12,480 samples sent   Ctrl-C ends
        2 write requests failed; the last: http://127.0.0.1:4323/api/v1/write answered 429 Too Many Requests: slow down
        WORKLOAD             DEMAND    CAPACITY   WANTED   READY   DROPPED/S    DROPPED
        shop/checkout       1,204/s     1,140/s       25      19          38     3.12 %
          traffic   ▃▃▃▃▃▄▄▄▄▄▅▅▅▅▅▆▆▆▆▆▇▇▇▇▇█████                              |
          capacity  ▃▃▃▃▃▃▃▄▄▄▄▄▅▅▅▅▅▆▆▆▆▆▇▇▇▇▇███                              |
          reactive: requests 1204 / 50 = 25

        shop/search               -       384/s        -       4           0     0.00 %
          traffic                                                               |
          capacity                                                              |
          waiting for the first samples

        DECISIONS
        14:42:30  shop/checkout    6 -> 5     reactive: requests 250 / 50 = 5
        14:43:30  shop/checkout    5 -> 9     reactive: requests 450 / 50 = 9
        14:44:30  shop/checkout    9 -> 12    reactive: requests 600 / 50 = 12
        14:45:30  shop/checkout    12 -> 19   reactive: requests 950 / 50 = 19
        14:46:30  shop/checkout    19 -> 25   reactive: requests 1250 / 50 = 25
    "]]
    .assert_eq(&table::render(&frame(), NO_COLOR));
}

#[test]
fn colours_change_nothing_but_colours() {
    let colored = table::render(&frame(), Paint { color: true });
    let mut plain = String::new();
    for (at, part) in colored.split("\x1b[").enumerate() {
        plain.push_str(if at == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    assert_eq!(plain, table::render(&frame(), NO_COLOR));
    assert!(colored.contains("\x1b[31m"), "what is dropped is red");
}

#[test]
fn without_a_terminal_each_workload_is_a_line_and_each_decision_is_told_once() {
    let mut out = Vec::new();
    let mut show = Show::open(&mut out, true, NO_COLOR).unwrap();
    assert!(!show.is_due(Duration::ZERO));
    assert!(show.is_due(Duration::from_secs(5)));
    show.draw(&Frame { decisions: frame().decisions.into_iter().take(2).collect(), ..frame() }).unwrap();
    assert!(!show.is_due(Duration::from_secs(6)));
    show.draw(&Frame { decisions: frame().decisions.into_iter().take(3).collect(), ..frame() }).unwrap();
    drop(show);
    expect![[r"
        14:41:30  shop/checkout    4 -> 6     reactive: requests 300 / 50 = 6
        14:42:30  shop/checkout    6 -> 5     reactive: requests 250 / 50 = 5
        14:47:30  2 write requests failed; the last: http://127.0.0.1:4323/api/v1/write answered 429 Too Many Requests: slow down
        14:47:30  shop/checkout    demand 1,204/s, capacity 1,140/s, wanted 25, ready 19, dropped 3.12 %; reactive: requests 1204 / 50 = 25
        14:47:30  shop/search      demand -, capacity 384/s, wanted -, ready 4, dropped 0.00 %; waiting for the first samples
        14:43:30  shop/checkout    5 -> 9     reactive: requests 450 / 50 = 9
        14:47:30  2 write requests failed; the last: http://127.0.0.1:4323/api/v1/write answered 429 Too Many Requests: slow down
        14:47:30  shop/checkout    demand 1,204/s, capacity 1,140/s, wanted 25, ready 19, dropped 3.12 %; reactive: requests 1204 / 50 = 25
        14:47:30  shop/search      demand -, capacity 384/s, wanted -, ready 4, dropped 0.00 %; waiting for the first samples
    "]].assert_eq(&String::from_utf8(out).unwrap());
}

#[test]
fn a_picture_is_drawn_over_the_last_one_and_the_cursor_comes_back() {
    let mut out = Vec::new();
    let mut screen = paint::Screen::open(&mut out).unwrap();
    screen.draw("one\ntwo\n").unwrap();
    screen.draw("three\n").unwrap();
    drop(screen);
    expect![[r"
        ESC[?25lESC[?7loneESC[K
        twoESC[K
        ESC[JESC[2ACRthreeESC[K
        ESC[JESC[?7hESC[?25h"]]
    .assert_eq(&String::from_utf8(out).unwrap().replace('\x1b', "ESC").replace('\r', "CR"));
}

#[test]
fn numbers_and_curves_read_easily() {
    assert_eq!(grouped(0), "0");
    assert_eq!(grouped(999), "999");
    assert_eq!(grouped(1_234_567), "1,234,567");
    assert_eq!([0.0, 0.000_01, 0.031, 1.0].map(percent), ["0.00 %", "<0.01 %", "3.10 %", "100.00 %"]);
    assert_eq!(curve([0.0, 1.0, 2.0, 4.0, 6.0, 7.0, 8.0], 8.0), "▁▁▂▄▆▇█");
    assert_eq!(curve([0.0, 0.0], 0.0), "▁▁");
}

#[test]
fn a_listener_on_every_address_is_reached_on_loopback() {
    let reach = |addr: &str| reachable(addr.parse().unwrap()).to_string();
    assert_eq!(reach("0.0.0.0:4323"), "127.0.0.1:4323");
    assert_eq!(reach("[::]:4323"), "[::1]:4323");
    assert_eq!(reach("10.1.2.3:80"), "10.1.2.3:80");
}

#[derive(Debug, clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

fn args(line: &str) -> Result<Args, String> {
    let words = std::iter::once("demo").chain(line.split_whitespace());
    <Cli as clap::Parser>::try_parse_from(words).map(|cli| cli.args).map_err(|error| error.to_string())
}

#[test]
fn arguments_are_read_as_prometheus_writes_durations() {
    let parsed = args("--speed 600 --duration 1m30s --listen 127.0.0.1:0").unwrap();
    assert_eq!((parsed.speed, parsed.duration), (600, Some(Duration::from_secs(90))));
    assert!(args("--speed 0").unwrap_err().contains("0 is not in 1..=600"));
    assert!(args("--duration 5").unwrap_err().contains("is not a duration"));
    assert!(args("--trace euro96").unwrap_err().contains("worldcup98"));
}

/// What the demo writes, with the real service in it.
async fn shown(line: &str, stop: impl Future<Output = ()>) -> String {
    let mut out = Vec::new();
    let start = Timestamp::from_millis(1_800_000_000_000);
    perform(&args(line).unwrap(), start, &mut out, stop).await.unwrap();
    String::from_utf8(out).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_sends_samples_shows_decisions_and_ends_with_a_summary() {
    let shown =
        shown("--speed 300 --duration 4s --plain --no-color --listen 127.0.0.1:0", std::future::pending()).await;
    assert!(shown.contains("headroom demo: World Cup 98, 30 June, from 14:10:00 UTC"), "{shown}");
    assert!(shown.contains("its page is at http://127.0.0.1:"), "{shown}");
    assert!(shown.contains("shop/checkout    4 -> "), "{shown}");
    assert!(shown.contains("requests "), "{shown}");
    assert!(shown.contains("\nWorld Cup 98, 30 June, 14:10:00 to 14:"), "{shown}");
    assert!(shown.contains(" 0 failed"), "{shown}");
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_named_with_the_reason() {
    let addr = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let args = args("--speed 600 --duration 200ms --plain").unwrap();
    let (demo, _world) = Demo::set_up(&args, Timestamp::default()).unwrap();
    let mut out = Vec::new();
    demo.play(addr, &watch::Sender::default().subscribe(), &mut out, std::future::pending()).await.unwrap();
    let shown = String::from_utf8(out).unwrap();
    assert!(shown.contains(&format!("write requests failed; the last: can't reach http://{addr}/")), "{shown}");
    assert!(shown.contains("Connection refused"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_stops_when_it_is_told_to() {
    let shown = shown("--plain --listen 127.0.0.1:0", tokio::time::sleep(Duration::from_millis(100))).await;
    assert!(shown.contains("replayed in 0:00"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_leaves_ends_the_demo() {
    let (reader, out) = std::io::pipe().unwrap();
    drop(reader);
    let args = args("--plain --listen 127.0.0.1:0").unwrap();
    perform(&args, Timestamp::default(), out, std::future::pending()).await.unwrap();
}

#[test]
fn the_summary_compares_with_a_fixed_count_that_carries_the_same_peak() {
    let start = Timestamp::from_millis(1_800_000_000_000);
    let mut replay = Replay::new(Scenario::named("worldcup98").unwrap(), start);
    for minute in 0..8 * 60 {
        replay.advance(start + Duration::from_mins(minute));
        for pace in replay.paces() {
            let wanted = if minute < 30 { 12 } else { 40 };
            let mut cluster = replay.cluster().lock().unwrap();
            cluster.scale(&pace.workload, pace.pods.replicas, wanted).unwrap();
        }
    }
    let sent = Sent { requests: 5_760, samples: 288_000, failures: 0 };
    let summary = Summary::of(&replay, start, Duration::from_mins(8), sent);
    expect![[r"
        World Cup 98, 30 June, 14:10:00 to 22:09:00 UTC: 7h59m replayed in 8:00
        288,000 samples in 5,760 remote-write requests, 0 failed

        WORKLOAD               SERVED      DROPPED   DROPPED   SCALED REPLICA-HOURS   FIXED AT PEAK    SAVED
        shop/checkout      31,882,891        1,774   <0.01 %    2+ 0-         305.3    319.3 (40 x)      4 %
        shop/search        28,350,824            0    0.00 %    2+ 0-         305.3    127.7 (16 x)   -139 %
    "]]
    .assert_eq(&summary.to_string());
}
