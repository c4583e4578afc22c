use std::convert::Infallible;
use std::sync::Mutex;

use bytes::Bytes;
use expect_test::expect;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::frame::{Line, Point, Row};
use super::paint::{curve, grouped, percent};
use super::*;
use crate::actuate::{Action, Actuator as _, Status};
use crate::decision::{Decision, Layer, Step};
use crate::demand::Presence;
use crate::engine::{Entry, MetricView, WorkloadView};
use crate::labels::Labels;
use crate::sim::Sent;
use crate::workload::{Replicas, Workload};

const NO_COLOR: Paint = Paint { color: false };

fn workload(name: &str) -> Workload {
    Workload {
        api_version: String::new(),
        kind: "Deployment".to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
    }
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

/// A stand-in for the service: it takes every request, and scales checkout up by one replica at each.
#[derive(Debug)]
struct Stub {
    world: Mutex<World>,
    view: ArcSwap<View>,
}

impl Stub {
    fn new(world: World) -> Arc<Self> {
        world.actuator.watch(&workload("checkout"));
        Arc::new(Self { world: Mutex::new(world), view: ArcSwap::default() })
    }

    async fn listen(self: &Arc<Self>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let stub = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let stub = Arc::clone(&stub);
                let answer = service_fn(move |request| take(request, Arc::clone(&stub)));
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        addr
    }

    /// Decides on what was observed last.
    fn decide(&self) {
        let mut world = self.world.lock().unwrap();
        let mut last = None;
        while let Ok(observation) = world.observations.try_recv() {
            last = Some(observation);
        }
        let Some(Observation { status: Status::Found { replicas, .. }, .. }) = last else { return };
        if replicas == 9 {
            return;
        }
        let to = replicas + 1;
        let action = Action { workload: workload("checkout"), from: replicas, to, reason: String::new() };
        drop(world.actuator.apply(&action));
        self.view.store(Arc::new(view(world.clock.now(), replicas, to)));
    }
}

async fn take(request: Request<Incoming>, stub: Arc<Stub>) -> Result<Response<Full<Bytes>>, Infallible> {
    request.into_body().collect().await.unwrap();
    stub.decide();
    Ok(Response::builder().status(StatusCode::NO_CONTENT).body(Full::default()).unwrap())
}

fn view(at: Timestamp, from: Replicas, to: Replicas) -> View {
    let steps = vec![
        Step { layer: Layer::Reactive, wants: 60, reason: "requests 3000 / 50 = 60".to_owned() },
        Step { layer: Layer::Bounds, wants: 60, reason: "within 2..60".to_owned() },
        Step { layer: Layer::Stability, wants: to, reason: "+1 fits 1 pod per 15s".to_owned() },
    ];
    let decision = Decision { at, from, to, steps };
    let seen = WorkloadView {
        workload: workload("checkout"),
        rule: "checkout".into(),
        labels: Labels::empty(),
        min: 2,
        max: 60,
        replicas: Some(from),
        ready: Some(from),
        problem: None,
        metrics: vec![MetricView {
            name: "requests".into(),
            demand: Presence::Present(3000.0),
            per_replica: Presence::Present(50.0),
        }],
        decision: Some(decision.clone()),
        in_flight: false,
        failures: 0,
        last_error: None,
    };
    let workload = workload("checkout");
    let entry = Entry { id: u64::from(to), workload, rule: "checkout".into(), decision, outcome: "scaled".to_owned() };
    View { at, workloads: vec![Arc::new(seen)], decisions: [Arc::new(entry)].into_iter().collect(), rules: Vec::new() }
}

#[tokio::test]
async fn the_demo_sends_samples_shows_decisions_and_ends_with_a_summary() {
    let args = args("--speed 600 --duration 1s --plain --no-color").unwrap();
    let (demo, world) = Demo::set_up(&args, Timestamp::from_millis(1_800_000_000_000)).unwrap();
    let stub = Stub::new(world);
    let addr = stub.listen().await;
    let mut out = Vec::new();
    demo.play(addr, &stub.view, &mut out, std::future::pending()).await.unwrap();

    let shown = String::from_utf8(out).unwrap();
    assert!(shown.contains("headroom demo: World Cup 98, 30 June, from 14:10:00 UTC"), "{shown}");
    assert!(shown.contains(&format!("http://{addr}/")), "{shown}");
    assert!(shown.contains("8 -> 9     stability: +1 fits 1 pod per 15s"), "{shown}");
    assert!(shown.contains("shop/checkout    demand 3,000/s, capacity 540/s, wanted 9, ready 9, dropped"), "{shown}");
    assert!(shown.contains("shop/search      demand -, capacity 960/s, wanted -, ready 10"), "{shown}");
    assert!(shown.contains("\nWorld Cup 98, 30 June, 14:10:00 to 14:"), "{shown}");
    assert!(shown.contains(" 0 failed"), "{shown}");
    assert!(shown.contains(" 5+ 0- "), "{shown}");
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_named_with_the_reason() {
    let addr = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let args = args("--speed 600 --duration 200ms --plain").unwrap();
    let (demo, _world) = Demo::set_up(&args, Timestamp::default()).unwrap();
    let mut out = Vec::new();
    demo.play(addr, &ArcSwap::default(), &mut out, std::future::pending()).await.unwrap();
    let shown = String::from_utf8(out).unwrap();
    assert!(shown.contains(&format!("write requests failed; the last: can't reach http://{addr}/")), "{shown}");
    assert!(shown.contains("Connection refused"), "{shown}");
}

#[tokio::test]
async fn the_demo_stops_when_it_is_told_to() {
    let (demo, world) = Demo::set_up(&args("--plain").unwrap(), Timestamp::default()).unwrap();
    let stub = Stub::new(world);
    let addr = stub.listen().await;
    let stop = tokio::time::sleep(Duration::from_millis(100));
    let mut out = Vec::new();
    demo.play(addr, &stub.view, &mut out, stop).await.unwrap();
    assert!(String::from_utf8(out).unwrap().contains("replayed in 0:00"));
}

#[tokio::test]
async fn a_reader_who_leaves_ends_the_demo() {
    let (demo, world) = Demo::set_up(&args("--plain").unwrap(), Timestamp::default()).unwrap();
    let stub = Stub::new(world);
    let (reader, out) = std::io::pipe().unwrap();
    drop(reader);
    demo.play(stub.listen().await, &stub.view, out, std::future::pending()).await.unwrap();
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
