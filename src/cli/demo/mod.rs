//! `headroom demo`: the whole system on a simulated cluster, under measured traffic, faster than life.
//!
//! The cluster is scraped and the samples go through a real remote-write request to the service in this process;
//! its decisions scale the cluster. All of it lives in virtual time, so that windows, rates and behaviors keep
//! the lengths that the rules give them.

mod frame;
mod paint;
mod show;
mod summary;
mod table;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal as _, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{mpsc, watch};

use self::frame::{Frame, History};
use self::paint::Paint;
use self::show::Show;
use self::summary::Summary;
use super::stop::told_to_stop;
use crate::actuate::Observation;
use crate::app::{App, Options, RuleSource, clock};
use crate::config::{self, Settings};
use crate::engine::View;
use crate::sim::{Replay, Scenario, Scraper, Sender, SimActuator, VirtualClock};
use crate::telemetry::{LogFormat, init_log};
use crate::time::{Timestamp, parse_duration};

/// The longest that the cluster stands still, in real time: ready pods are told of at the latest then.
const TICK: Duration = Duration::from_millis(50);

/// Scrapes that are due for longer than this, in virtual time, are left out: on a machine that can't keep up,
/// samples that are late would be worse than samples that are rare.
const BEHIND_MAX: Duration = Duration::from_secs(30);

/// Observations that may wait for the service: two workloads change a few times in a tick.
const OBSERVATIONS: usize = 256;

/// Watch a real traffic trace scale a simulated cluster.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Example:\n  headroom demo --speed 120 --duration 1m")]
pub(super) struct Args {
    /// How many times faster than life the traffic is replayed; at 60, a minute passes in a second.
    #[arg(long, value_name = "TIMES", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub speed: u32,
    /// End after this much real time, as in 30s or 5m [default: at the end of the trace].
    #[arg(long, value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Where the web page and the receiver listen; port 0 takes any free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4323")]
    pub listen: SocketAddr,
    /// Whose traffic is replayed.
    #[arg(long, value_name = "NAME", default_value = "worldcup98", value_parser = Scenario::NAMES.to_vec())]
    pub trace: String,
    /// No colours; the environment variable `NO_COLOR` says the same.
    #[arg(long)]
    pub no_color: bool,
    /// Lines instead of a table that is drawn in place; the default where the output is not a terminal.
    #[arg(long)]
    pub plain: bool,
}

/// Runs the demo on the terminal, until its end or a signal.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    // Lines of the log would tear the table.
    init_log(LogFormat::Text, "off")?;
    super::runtime()?.block_on(perform(args, clock::now(), io::stdout(), told_to_stop()))?;
    Ok(ExitCode::SUCCESS)
}

/// Sets up a world whose time begins at `start`, runs the service in it, and plays until its end or `stop`.
async fn perform(args: &Args, start: Timestamp, out: impl Write, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let (demo, world) = Demo::set_up(args, start)?;
    let clock = world.clock;
    let journal = config::Journal { directory: None, ..config::Journal::default() };
    let app = App::start(Options {
        settings: Settings { listen: args.listen, journal, ..Settings::default() },
        rules: RuleSource::Embedded("demo.yaml", world.rules),
        actuator: world.actuator,
        observations: world.observations,
        clock: Arc::new(move || clock.now()),
        speed: args.speed,
    })
    .await?;
    let played = demo.play(app.addr, &app.view.clone(), out, stop).await;
    app.shutdown().await;
    played
}

/// What the service needs to know of the simulated world.
#[derive(Debug)]
struct World {
    /// The text of the rule file.
    pub rules: &'static str,
    pub actuator: Arc<SimActuator>,
    pub observations: mpsc::Receiver<Observation>,
    /// The only clock that the service may read.
    pub clock: VirtualClock,
}

/// The simulated world and its audience.
#[derive(Debug)]
struct Demo {
    replay: Replay,
    actuator: Arc<SimActuator>,
    scraper: Scraper,
    clock: VirtualClock,
    next_scrape: Timestamp,
    /// Why the last request failed that did.
    failure: Option<String>,
    /// Real time after which it ends.
    duration: Option<Duration>,
    plain: bool,
    paint: Paint,
}

impl Demo {
    /// Sets up a world whose time begins at `start` and runs from now on.
    fn set_up(args: &Args, start: Timestamp) -> anyhow::Result<(Self, World)> {
        let scenario = Scenario::named(&args.trace)?;
        let rules = scenario.rules;
        let clock = VirtualClock::starting_at(start, args.speed);
        let replay = Replay::new(scenario, start);
        let (sender, observations) = mpsc::channel(OBSERVATIONS);
        let actuator = Arc::new(SimActuator::new(Arc::clone(replay.cluster()), sender));
        let terminal = io::stdout().is_terminal();
        let world = World { rules, actuator: Arc::clone(&actuator), observations, clock };
        let demo = Self {
            replay,
            actuator,
            scraper: Scraper::default(),
            clock,
            next_scrape: start,
            failure: None,
            duration: args.duration,
            plain: args.plain || !terminal,
            paint: Paint { color: terminal && !args.no_color && std::env::var_os("NO_COLOR").is_none() },
        };
        Ok((demo, world))
    }

    /// Plays against the service that listens at `service`, and shows what it decides, until the trace or the given
    /// time ends or `stop` is ready; then writes the summary.
    async fn play(
        mut self,
        service: SocketAddr,
        view: &watch::Receiver<Arc<View>>,
        mut out: impl Write,
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let page = format!("http://{}/", reachable(service));
        let url = format!("{page}api/v1/write").parse().with_context(|| format!("{page} is no address to send to"))?;
        let mut sender = Sender::new(url);
        let shown = async {
            self.introduce(&page, &mut out)?;
            tokio::select! {
                ended = self.run(&mut sender, &page, view, &mut out) => ended?,
                () = stop => {}
            }
            let summary = Summary::of(&self.replay, self.clock.start(), self.clock.elapsed(), sender.sent());
            write!(out, "\n{summary}")
        };
        match shown.await {
            // Whoever read has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            shown => shown.context("can't show the demo"),
        }
    }

    /// Says what is about to be seen.
    fn introduce(&self, page: &str, out: &mut impl Write) -> io::Result<()> {
        let Scenario { title, loads, .. } = self.replay.scenario();
        let from = frame::time_of_day(self.replay.measured_at(self.clock.start()));
        let speed = self.clock.speed();
        writeln!(out, "headroom demo: {title}, from {from} UTC, {speed} times faster than life")?;
        for load in loads {
            writeln!(out, "  {} gets the traffic of {}", load.spec.workload, load.story)?;
        }
        writeln!(out, "  samples go by remote write to this process; its page is at {page}\n")
    }

    async fn run(
        &mut self,
        sender: &mut Sender,
        page: &str,
        view: &watch::Receiver<Arc<View>>,
        out: impl Write,
    ) -> io::Result<()> {
        let column = Duration::from_secs(1).saturating_mul(self.clock.speed());
        let mut history = History::new(&self.replay, column, self.clock.start());
        let mut show = Show::open(out, self.plain, self.paint)?;
        while !self.is_over() {
            self.live(sender).await;
            history.note(&self.replay, self.replay.now());
            if show.is_due(self.clock.elapsed()) {
                show.draw(&self.frame(&history, &view.borrow().clone(), sender, page))?;
            }
            tokio::time::sleep(self.until_next_scrape().min(TICK)).await;
        }
        show.draw(&self.frame(&history, &view.borrow().clone(), sender, page))
    }

    fn is_over(&self) -> bool {
        let timed_out = self.duration.is_some_and(|duration| self.clock.elapsed() >= duration);
        timed_out || self.replay.is_over(self.clock.now())
    }

    /// Brings the cluster up to the present, with a scrape wherever one was due on the way.
    async fn live(&mut self, sender: &mut Sender) {
        let now = self.clock.now();
        self.next_scrape = self.next_scrape.max(now - BEHIND_MAX);
        while self.next_scrape <= now {
            self.advance(self.next_scrape);
            let request = self.replay.scrape(&mut self.scraper);
            // A failure is counted and shown; the next scrape brings the same counters.
            if let Err(error) = sender.send(&request).await {
                self.failure = Some(format!("{:#}", anyhow::Error::from(error)));
            }
            self.next_scrape = self.next_scrape + self.replay.scenario().scrape_interval;
        }
        self.advance(now);
    }

    fn advance(&mut self, now: Timestamp) {
        self.replay.advance(now);
        self.actuator.publish();
    }

    /// Real time.
    fn until_next_scrape(&self) -> Duration {
        self.next_scrape.since(self.clock.now()) / self.clock.speed().max(1)
    }

    fn frame(&self, history: &History, view: &View, sender: &Sender, page: &str) -> Frame {
        let now = self.replay.now();
        Frame {
            title: self.replay.scenario().title,
            clock: frame::time_of_day(self.replay.measured_at(now)),
            speed: self.clock.speed(),
            elapsed: self.clock.elapsed(),
            mark: frame::nearest_mark(&self.replay, now),
            page: page.to_owned(),
            sent: sender.sent(),
            failure: self.failure.clone(),
            rows: history.rows(&self.replay, view),
            decisions: frame::decisions(&self.replay, view),
        }
    }
}

/// Where to reach a listener from this machine: one that listens everywhere is reached on loopback.
fn reachable(service: SocketAddr) -> SocketAddr {
    let ip = match service {
        SocketAddr::V4(at) if at.ip().is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(at) if at.ip().is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        _ => service.ip(),
    };
    SocketAddr::new(ip, service.port())
}
