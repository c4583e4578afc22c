//! Where rules come from, and how new ones take the place of the old: all or nothing.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::clock;
use crate::config::{Settings, render};
use crate::engine::Event;
use crate::rule;
use crate::series::Store;
use crate::telemetry::Telemetry;
use crate::web::Reload;

/// How often the files are looked at though no change was announced: network mounts announce none.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Editors write a file in several strokes; this is the time that they get.
const SETTLE: Duration = Duration::from_millis(100);

/// Where rules come from.
#[derive(Debug, Clone)]
pub enum RuleSource {
    /// Files that match these patterns.
    Files(Vec<String>),
    /// A text within the program, with the name that findings call it by.
    Embedded(&'static str, &'static str),
}

/// The rules in force, and how to get newer ones.
#[derive(Debug)]
pub(super) struct Rules {
    source: RuleSource,
    settings: Settings,
    store: Arc<Store>,
    telemetry: Arc<Telemetry>,
    events: mpsc::Sender<Event>,
}

impl Rules {
    pub(super) fn new(
        source: RuleSource,
        settings: Settings,
        store: Arc<Store>,
        telemetry: Arc<Telemetry>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        Self { source, settings, store, telemetry, events }
    }

    /// Reads, compiles and swaps in the rules; gives a line for the operator. With findings nothing changes.
    pub(super) async fn load(&self) -> Result<String, String> {
        let swapped = self.swap().await;
        self.telemetry.rules.reload_successful.set(if swapped.is_ok() { 1.0 } else { 0.0 });
        if let Ok((_, rules)) = &swapped {
            self.telemetry.rules.loaded.set(*rules as f64);
            self.telemetry.rules.reload_success_at.set(clock::now().as_secs_f64());
        }
        swapped.map(|(line, _)| line)
    }

    async fn swap(&self) -> Result<(String, usize), String> {
        let files = self.read()?;
        let rules = rule::compile(&files, &self.settings).map_err(|findings| render(&findings, &files))?;
        let (count, groups) = (rules.rules().count(), rules.groups.len());
        let bound = rules.bind(|selectors| self.store.subscribe(selectors));
        let sent = self.events.send(Event::Rules(bound)).await;
        sent.map_err(|_| "the service is shutting down".to_owned())?;
        Ok((format!("{} files, {groups} groups, {count} rules", files.len()), count))
    }

    fn read(&self) -> Result<Vec<(PathBuf, String)>, String> {
        match &self.source {
            RuleSource::Files(globs) => rule::load(globs).map_err(|finding| finding.to_string()),
            RuleSource::Embedded(name, text) => Ok(vec![(PathBuf::from(name), (*text).to_owned())]),
        }
    }

    /// Reloads on request, on SIGHUP and when files change, until the service stops.
    pub(super) async fn follow(self, mut requests: mpsc::Receiver<Reload>, stop: CancellationToken) {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else {
            error!("SIGHUP can't be listened for");
            return;
        };
        let (changed, mut changes) = mpsc::channel(1);
        let _watcher = self.watch(changed);
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = self.content();
        loop {
            let mut answer = None;
            tokio::select! {
                () = stop.cancelled() => return,
                Some(request) = requests.recv() => answer = Some(request),
                _ = hangup.recv() => {}
                Some(()) = changes.recv() => {
                    sleep(SETTLE).await;
                    if self.content() == seen { continue }
                }
                _ = look.tick() => if self.content() == seen { continue },
            }
            seen = self.content();
            let loaded = self.load().await;
            match &loaded {
                Ok(rules) => info!(rules, "rules reloaded"),
                Err(findings) => error!(findings, "rules not reloaded, the former ones stay in force"),
            }
            if let Some(answer) = answer {
                // Who asked may be gone.
                let _ = answer.send(loaded);
            }
        }
    }

    /// A number that changes when a file does. Unreadable files count as one content of their own.
    fn content(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.read().hash(&mut hasher);
        hasher.finish()
    }

    /// Watches the folders of the files: a Kubernetes ConfigMap is changed by turning a link, not by writing a file.
    fn watch(&self, changed: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
        let RuleSource::Files(globs) = &self.source else { return None };
        let announce = move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                // One announcement that waits is enough.
                let _ = changed.try_send(());
            }
        };
        let mut watcher = notify::recommended_watcher(announce)
            .inspect_err(|error| warn!(%error, every = ?LOOK_EVERY, "file changes are looked for, not announced"))
            .ok()?;
        for folder in folders(globs) {
            if let Err(error) = watcher.watch(&folder, RecursiveMode::NonRecursive) {
                warn!(folder = %folder.display(), %error, every = ?LOOK_EVERY, "file changes are looked for, not announced");
            }
        }
        Some(watcher)
    }
}

/// The folders in which the files of some patterns lie.
fn folders(globs: &[String]) -> Vec<PathBuf> {
    let files = globs.iter().filter_map(|pattern| glob::glob(pattern).ok()).flatten().filter_map(Result::ok);
    let fixed = globs.iter().map(|pattern| {
        let plain = pattern.split(['*', '?', '[']).next().unwrap_or_default();
        plain.rsplit_once('/').map_or_else(|| PathBuf::from("."), |(folder, _)| PathBuf::from(folder))
    });
    let parents = files.filter_map(|file| Some(file.parent()?.to_path_buf()));
    let mut folders: Vec<PathBuf> = parents.chain(fixed).filter(|folder| folder.is_dir()).collect();
    folders.sort();
    folders.dedup();
    folders
}
