//! Warm start: what the rules read, and what their demand has been, asked of a server that knows the past; at the start, and
//! when rules come that read something else.
//!
//! Raw samples go into the windows by the way of any other, [`Receiver::receive`], so that relabelling and limits hold for
//! them too. The past of each demand goes to a predictor, which the loop takes up.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::backfill::{BackfillError, Series, Server};
use crate::config;
use crate::engine::{Event, Past};
use crate::ingest::{Protocol, Receiver};
use crate::labels::{Labels, Matcher};
use crate::proto::{Label, Sample, TimeSeries, WriteRequest};
use crate::rule::{PerReplica, Rule, RuleSet, ScaleRule};
use crate::series::Selector;
use crate::telemetry::{WarmStartMetrics, WarmStartResult};
use crate::time::{Clock, Timestamp};

/// Samples that are handed to the receiver at once, as many as Prometheus sends.
const BATCH: usize = 2_000;

/// How much further back windows are filled than rules read, as windows reach further.
const SLACK: Duration = Duration::from_mins(1);

/// The waits between attempts, the first and the longest.
const WAIT_FIRST: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(30);

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// One thing to be asked. Those of equal keys are asked once.
#[derive(Debug, Clone)]
enum Question {
    /// The samples of a selector, so far back.
    Window(Vec<Matcher>, Duration),
    /// A demand over time, by rule, metric, expression and step.
    Demand { rule: Arc<str>, metric: Arc<str>, expr: String, step: Duration },
}

/// Asks what the rules need to know of the past.
pub(super) struct WarmStart {
    pub(super) settings: config::WarmStart,
    /// How far back windows reach at least.
    pub(super) retention: Duration,
    pub(super) server: Server,
    pub(super) receiver: Arc<Receiver>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) clock: Clock,
    pub(super) metrics: WarmStartMetrics,
}

/// One run through all that is to be asked.
struct Run {
    began: Instant,
    told: Instant,
    /// Since when each attempt has failed.
    failing: Option<Instant>,
    wait: Duration,
}

impl Run {
    fn new() -> Self {
        let now = Instant::now();
        Self { began: now, told: now, failing: None, wait: WAIT_FIRST }
    }
}

impl WarmStart {
    /// Asks until all is settled, and again when the rules have changed; ends with the service.
    pub(super) async fn follow(self, mut rules: watch::Receiver<Arc<RuleSet>>, stop: CancellationToken) {
        let mut settled = HashSet::new();
        let mut run: Option<Run> = None;
        loop {
            let present = Arc::clone(&rules.borrow_and_update());
            let open: Vec<Question> =
                self.questions(&present).into_iter().filter(|question| !settled.contains(&question.key())).collect();
            self.metrics.pending.set(open.len() as f64);
            let Some(question) = open.first().cloned() else {
                if let Some(run) = run.take() {
                    self.tell_end(&run);
                }
                tokio::select! {
                    () = stop.cancelled() => return,
                    changed = rules.changed() => if changed.is_err() { return },
                }
                continue;
            };
            let now = run.get_or_insert_with(|| {
                info!(questions = open.len(), server = self.settings.url, "warm start: asking what was before");
                Run::new()
            });
            if now.told.elapsed() > TELL_EVERY {
                now.told = Instant::now();
                info!(pending = open.len(), samples = self.metrics.samples.get(), "warm start: under way");
            }
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                asked = self.ask(&question, &present) => asked,
            };
            let result = match asked {
                Ok(0) => WarmStartResult::Empty,
                Ok(_) => WarmStartResult::Answered,
                Err(fault) if fault.may_pass() => {
                    let since = *now.failing.get_or_insert_with(Instant::now);
                    if since.elapsed() < self.settings.give_up_after {
                        warn!(server = self.settings.url, %fault, again_in = ?now.wait, "warm start: no answer");
                        tokio::select! {
                            () = stop.cancelled() => return,
                            () = sleep(now.wait) => {}
                        }
                        now.wait = (now.wait * 2).min(WAIT_MAX);
                        continue;
                    }
                    error!(server = self.settings.url, %fault, "warm start: given up; windows and forecasts begin empty");
                    self.metrics.questions.add(WarmStartResult::Failed, open.len() as u64);
                    settled.extend(open.iter().map(Question::key));
                    continue;
                }
                Err(fault) => {
                    warn!(%question, %fault, "warm start: not answered");
                    WarmStartResult::Failed
                }
            };
            (now.failing, now.wait) = (None, WAIT_FIRST);
            self.metrics.questions.add(result, 1);
            settled.insert(question.key());
        }
    }

    /// All that these rules need to know; windows first, for decisions rest on them.
    fn questions(&self, rules: &RuleSet) -> Vec<Question> {
        let mut asked = HashSet::new();
        let window = |Selector { matchers, span }| Question::Window(matchers, span.max(self.retention) + SLACK);
        let windows = rules.selectors().into_iter().map(window);
        let demands = scales(rules).flat_map(|rule| {
            let foreseen = rule.forecast.as_ref().into_iter().flat_map(|forecast| {
                let metrics = rule.metrics.iter().filter(|metric| !matches!(metric.per_replica, PerReplica::Absolute));
                metrics.map(|metric| (metric, forecast.options.step))
            });
            foreseen.map(|(metric, step)| Question::Demand {
                rule: Arc::clone(&rule.name),
                metric: Arc::clone(&metric.name),
                expr: rules.expanded(&metric.demand),
                step,
            })
        });
        windows.chain(demands).filter(|question| asked.insert(question.key())).collect()
    }

    /// Asks one thing, and brings the answer where it belongs; gives the number of series.
    async fn ask(&self, question: &Question, rules: &RuleSet) -> Result<usize, BackfillError> {
        let now = (self.clock)();
        match question {
            Question::Window(matchers, span) => {
                let mut samples = self.server.samples(matchers, now - *span, now);
                let mut found = 0;
                while let Some(series) = samples.next().await? {
                    found += series.len();
                    self.fill(series).await;
                }
                Ok(found)
            }
            Question::Demand { rule, metric, expr, step } => {
                let rule = scales(rules).find(|known| known.name == *rule);
                let series = self.server.evaluated(expr, whole(now - self.settings.history, *step), now, *step).await?;
                let found = series.len();
                if let Some(rule) = rule {
                    self.learn(rule, metric, series).await;
                }
                Ok(found)
            }
        }
    }

    /// Hands samples to the receiver.
    async fn fill(&self, series: Vec<Series>) {
        let (receiver, clock, metrics) = (Arc::clone(&self.receiver), Arc::clone(&self.clock), self.metrics.clone());
        let filled = spawn_blocking(move || {
            for body in bodies(series, &metrics) {
                if let Some(rejected) = receiver.receive(Protocol::V1, &body, clock()).rejected {
                    warn!(%rejected, "warm start: not all was taken");
                }
            }
        });
        // It ends early only with the runtime.
        drop(filled.await);
    }

    /// Lets a predictor learn from each workload's demand, and gives it to the loop.
    async fn learn(&self, rule: &Arc<ScaleRule>, metric: &Arc<str>, series: Vec<Series>) {
        let (rule, metric, events) = (Arc::clone(rule), Arc::clone(metric), self.events.clone());
        let metrics = self.metrics.clone();
        let learned = spawn_blocking(move || {
            let Some((forecasting, of)) =
                rule.forecast.as_ref().zip(rule.metrics.iter().find(|known| known.name == metric))
            else {
                return;
            };
            let series: Vec<(Labels, Vec<crate::sample::Sample>)> = series
                .into_iter()
                .filter_map(|Series { labels, samples }| {
                    let labels = Labels::from_pairs(labels.iter().map(|(name, value)| (&**name, &**value))).ok()?;
                    Some((labels, samples))
                })
                .collect();
            let shadow = rule.shadow.then(|| Arc::clone(&rule.name));
            for (workload, demand) in of.past(&rule.target, &series) {
                let predictor = Past::learned(forecasting, demand);
                let past = Past { workload, shadow: shadow.clone(), metric: Arc::clone(&metric), predictor };
                if events.blocking_send(Event::Past(past)).is_err() {
                    return;
                }
                metrics.histories.add(1);
            }
        });
        drop(learned.await);
    }

    fn tell_end(&self, run: &Run) {
        let count = |result| self.metrics.questions.get(result);
        info!(
            answered = count(WarmStartResult::Answered),
            empty = count(WarmStartResult::Empty),
            failed = count(WarmStartResult::Failed),
            samples = self.metrics.samples.get(),
            histories = self.metrics.histories.get(),
            took = ?run.began.elapsed(),
            "warm start: done"
        );
    }
}

impl Question {
    fn key(&self) -> String {
        match self {
            Self::Window(_, span) => format!("{self} {span:?}"),
            Self::Demand { step, .. } => format!("{self} {step:?}"),
        }
    }
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Window(matchers, _) => {
                let matchers: Vec<String> = matchers.iter().map(ToString::to_string).collect();
                write!(f, "{{{}}}", matchers.join(","))
            }
            Self::Demand { rule, metric, expr, .. } => write!(f, "metric {metric} of {rule}: {expr}"),
        }
    }
}

fn scales(rules: &RuleSet) -> impl Iterator<Item = &Arc<ScaleRule>> {
    rules.groups.iter().flat_map(|group| &group.rules).filter_map(|rule| match rule {
        Rule::Scale(rule) => Some(rule),
        _ => None,
    })
}

/// The beginning of the step that a time falls in.
fn whole(at: Timestamp, step: Duration) -> Timestamp {
    let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_millis(at.as_millis().div_euclid(step) * step)
}

/// Series as bodies of remote write.
fn bodies(series: Vec<Series>, metrics: &WarmStartMetrics) -> impl Iterator<Item = Vec<u8>> {
    let mut series = series.into_iter().peekable();
    std::iter::from_fn(move || {
        series.peek()?;
        let mut request = WriteRequest::default();
        let mut count = 0;
        while count < BATCH
            && let Some(Series { labels, samples }) = series.next()
        {
            count += samples.len().max(1);
            metrics.samples.add(samples.len() as u64);
            request.timeseries.push(TimeSeries {
                labels: labels.into_iter().map(|(name, value)| Label { name, value }).collect(),
                samples: samples
                    .into_iter()
                    .map(|sample| Sample { value: sample.value, timestamp: sample.at.as_millis() })
                    .collect(),
                ..TimeSeries::default()
            });
        }
        // Only a body of gigabytes can't be packed.
        snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).ok()
    })
}
