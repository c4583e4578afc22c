//! `headroom decisions`: what was decided, and what is being decided.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use super::client::{Event, Server, Target, escaped};
use super::stop::told_to_stop;
use crate::app::clock;
use crate::time::{Timestamp, parse_duration};

/// The wait before a stream that broke off is begun again.
const PAUSE: Duration = Duration::from_secs(2);
/// The most that a server gives at once.
const LIMIT_MAX: u32 = 10_000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Go on with what is decided from now on, until interrupted.
    #[arg(long, short)]
    watch: bool,
    /// Only this workload, as in `shop/checkout`.
    #[arg(long)]
    workload: Option<String>,
    /// Only decisions for this reason, as the API names it: `demand`, `above_max`, `window` …
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// Only with this outcome: `scaled`, `simulated`, `conflict`, `failed`, `refused`, or `pending`.
    #[arg(long, short = 'O')]
    outcome: Option<String>,
    /// Only so recent ones.
    #[arg(long, value_parser = parse_duration, value_name = "DURATION")]
    since: Option<Duration>,
    /// How many of the past, the newest.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=i64::from(LIMIT_MAX)))]
    limit: u32,
    /// Text for people, or one JSON object a line.
    #[arg(long, short, default_value = "text")]
    output: Output,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    Text,
    Json,
}

/// Prints decisions, the oldest first.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    super::runtime()?.block_on(async {
        let server = args.target.server()?;
        let filter = Filter { args, after: args.since.map(|since| clock::system()() - since) };
        let mut seen = Seen::default();
        for entry in past(&server, &filter).await? {
            if let Some(text) = seen.show(&entry, args.output) {
                print(&text)?;
            }
        }
        if args.watch {
            tokio::select! {
                () = told_to_stop() => {}
                done = watch(&server, &filter, &mut seen) => done?,
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Which decisions are wanted.
#[derive(Debug)]
struct Filter<'a> {
    args: &'a Args,
    after: Option<Timestamp>,
}

impl Filter<'_> {
    fn wants(&self, entry: &Value) -> bool {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let at = entry.get("at_ms").and_then(Value::as_i64).map(Timestamp::from_millis);
        let Args { workload, reason, outcome, .. } = self.args;
        workload.as_deref().is_none_or(|wanted| wanted == text("workload"))
            && reason.as_deref().is_none_or(|wanted| wanted == text("reason_code"))
            && outcome.as_deref().is_none_or(|wanted| wanted == outcome_word(text("outcome")))
            && self.after.is_none_or(|after| at.is_some_and(|at| at >= after))
    }

    /// The server may know some of the filters: what it leaves out need not be sent.
    fn query(&self) -> String {
        let Args { workload, reason, outcome, limit, .. } = self.args;
        let filtered = reason.is_some() || outcome.is_some() || self.after.is_some();
        let mut query = format!("?limit={}", if filtered { LIMIT_MAX } else { *limit });
        let since = self.after.map(|after| after.to_string());
        for (name, value) in [("workload", workload), ("reason", reason), ("outcome", outcome), ("since", &since)] {
            if let Some(value) = value {
                let _ = write!(query, "&{name}={}", escaped(value));
            }
        }
        query
    }
}

/// The first word of an outcome as the API tells it: the rest is the reason.
fn outcome_word(outcome: &str) -> &str {
    match outcome.split(':').next().unwrap_or_default() {
        "" => "pending",
        word => word,
    }
}

/// Decisions of the past that are wanted, the oldest first.
async fn past(server: &Server, filter: &Filter<'_>) -> anyhow::Result<Vec<Value>> {
    let answer = server.get(&format!("/api/v1/decisions{}", filter.query()), "application/json").await?;
    let mut body = answer.json()?;
    let entries = body.get_mut("decisions").map(Value::take);
    let Some(Value::Array(entries)) = entries else {
        anyhow::bail!("the answer has no decisions; is that URL a Headroom's?")
    };
    let limit = usize::try_from(filter.args.limit).unwrap_or(usize::MAX);
    let mut entries: Vec<Value> = entries.into_iter().filter(|entry| filter.wants(entry)).take(limit).collect();
    entries.reverse();
    Ok(entries)
}

/// Follows the stream, for ever: one that breaks off is begun again where it ended.
async fn watch(server: &Server, filter: &Filter<'_>, seen: &mut Seen) -> anyhow::Result<()> {
    let mut first = true;
    loop {
        let followed = follow(server, filter, seen).await;
        // A server that never answered is more likely a wrong address.
        if let (Err(error), true) = (&followed, first && seen.last_id.is_none()) {
            anyhow::bail!("{error:#}");
        }
        first = false;
        let why = followed.err().map_or_else(|| "the stream ended".to_owned(), |error| format!("{error:#}"));
        eprintln!("headroom: {why}; trying again");
        tokio::time::sleep(PAUSE).await;
    }
}

async fn follow(server: &Server, filter: &Filter<'_>, seen: &mut Seen) -> anyhow::Result<()> {
    let mut events = server.listen("/api/v1/stream", seen.last_id.as_deref()).await?;
    while let Some(Event { id, name, data }) = events.next().await? {
        match name.as_str() {
            "hello" => seen.hello(&data),
            "decision" => {
                seen.last_id = id.or(seen.last_id.take());
                let entry: Value = serde_json::from_str(&data)?;
                if filter.wants(&entry)
                    && seen.is_new(&entry)
                    && let Some(text) = seen.show(&entry, filter.args.output)
                {
                    print(&text)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What was shown already.
#[derive(Debug, Default)]
struct Seen {
    /// Outcomes by the decision's id.
    shown: HashMap<u64, String>,
    /// The newest that was shown of the past; what is older is not asked for.
    newest: u64,
    last_id: Option<String>,
    server: String,
}

/// How many decisions are remembered for their outcomes; the newest.
const REMEMBERED: u64 = 10_000;

impl Seen {
    /// A server that was started anew counts anew.
    fn hello(&mut self, data: &str) {
        if !self.server.is_empty() && self.server != data {
            *self = Self::default();
        }
        data.clone_into(&mut self.server);
    }

    /// The stream begins with decisions of the past, more than were asked for.
    fn is_new(&self, entry: &Value) -> bool {
        let id = entry.get("id").and_then(Value::as_u64).unwrap_or(0);
        id > self.newest || self.shown.contains_key(&id)
    }

    /// What is to be printed of an entry: the whole, only its outcome where the rest was shown, or nothing new.
    fn show(&mut self, entry: &Value, output: Output) -> Option<String> {
        let id = entry.get("id").and_then(Value::as_u64).unwrap_or(0);
        let outcome = entry.get("outcome").and_then(Value::as_str).unwrap_or_default().to_owned();
        let before = self.shown.insert(id, outcome.clone());
        self.newest = self.newest.max(id);
        let floor = self.newest.saturating_sub(REMEMBERED);
        if self.shown.len() as u64 > 2 * REMEMBERED {
            self.shown.retain(|id, _| *id >= floor);
        }
        match (before, output) {
            (Some(before), _) if before == outcome => None,
            (_, Output::Json) => Some(entry.to_string()),
            (Some(_), Output::Text) => Some(format!("{}: {outcome}", headline(entry))),
            (None, Output::Text) => Some(text(entry, &outcome)),
        }
    }
}

/// `2026-01-01T00:00:00.000Z shop/checkout 4 -> 6`
fn headline(entry: &Value) -> String {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let count = |name: &str| entry.get(name).and_then(Value::as_u64).unwrap_or(0);
    format!("{} {} {} -> {}", text("at"), text("workload"), count("from"), count("to"))
}

/// The decision's textual form, under time and headline, with its outcome.
fn text(entry: &Value, outcome: &str) -> String {
    let mut text = headline(entry);
    if !outcome.is_empty() {
        let _ = write!(text, ": {outcome}");
    }
    match entry.get("explanation").and_then(Value::as_str) {
        Some("") => {}
        Some(explanation) => {
            let _ = write!(text, "\n{explanation}");
        }
        // A server of another version: its steps, as they come.
        None => {
            for step in entry.get("steps").and_then(Value::as_array).into_iter().flatten() {
                let field = |name: &str| step.get(name).and_then(Value::as_str).unwrap_or_default();
                let _ = write!(text, "\n  {:<10}  {}", field("layer"), field("reason"));
            }
        }
    }
    text
}

/// Prints a line, at once: what follows may be long in coming.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(id: u64, outcome: &str) -> Value {
        json!({
            "id": id, "workload": "shop/checkout", "at": "2026-01-01T00:00:00.000Z", "at_ms": 1_767_225_600_000_i64,
            "from": 4, "to": 6, "outcome": outcome, "reason_code": "demand",
            "explanation": "  reactive    requests 288 / 50 = 6",
        })
    }

    #[test]
    fn a_decision_is_shown_once_and_its_outcome_when_it_comes() {
        let mut seen = Seen::default();
        let first = seen.show(&entry(1, ""), Output::Text).unwrap();
        assert_eq!(first, "2026-01-01T00:00:00.000Z shop/checkout 4 -> 6\n  reactive    requests 288 / 50 = 6");
        assert_eq!(seen.show(&entry(1, ""), Output::Text), None);
        let outcome = seen.show(&entry(1, "scaled"), Output::Text).unwrap();
        assert_eq!(outcome, "2026-01-01T00:00:00.000Z shop/checkout 4 -> 6: scaled");
        assert!(seen.is_new(&entry(2, "")));
        assert!(!Seen { newest: 5, ..Seen::default() }.is_new(&entry(2, "")));
    }

    #[test]
    fn a_server_that_was_started_anew_counts_anew() {
        let mut seen = Seen { newest: 9, ..Seen::default() };
        seen.hello("one");
        assert_eq!(seen.newest, 9);
        seen.hello("two");
        assert_eq!(seen.newest, 0);
    }

    #[test]
    fn filters_choose() {
        #[track_caller]
        fn check(flags: &[&str], want: bool) {
            #[derive(clap::Parser)]
            struct Cli {
                #[command(flatten)]
                args: Args,
            }
            let cli = <Cli as clap::Parser>::parse_from([&["decisions"], flags].concat());
            let after = cli.args.since.map(|since| Timestamp::from_millis(1_767_225_700_000) - since);
            assert_eq!(Filter { args: &cli.args, after }.wants(&entry(1, "failed: no route")), want, "{flags:?}");
        }
        check(&[], true);
        check(&["--workload", "shop/checkout", "--reason", "demand", "--outcome", "failed", "--since", "2m"], true);
        check(&["--workload", "shop/search"], false);
        check(&["--reason", "window"], false);
        check(&["--outcome", "scaled"], false);
        check(&["--since", "1m"], false);
    }
}
