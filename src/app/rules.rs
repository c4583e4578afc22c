//! Where rules come from, and how new ones take the place of the old: all or nothing.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::clock;
use crate::config::{Finding, Settings};
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
    /// Files that match these globs, which start at a folder.
    Files { globs: Vec<String>, folder: PathBuf },
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
        let rules = rule::compile(&files, &self.settings).map_err(|findings| findings_text(&findings))?;
        let (count, groups) = (rules.rules(), rules.groups.len());
        let subscriptions = self.store.subscribe(&rules.selectors());
        let bound = rules.bind(subscriptions);
        let sent = self.events.send(Event::Rules(bound)).await;
        sent.map_err(|_| "the service is shutting down".to_owned())?;
        Ok((format!("{} files, {groups} groups, {count} rules", files.len()), count))
    }

    fn read(&self) -> Result<Vec<(PathBuf, String)>, String> {
        match &self.source {
            RuleSource::Files { globs, folder } => {
                let loaded = rule::load(globs, folder).map_err(|finding| finding.to_string())?;
                loaded.warnings.iter().for_each(|warning| warn!("{warning}"));
                Ok(loaded.files)
            }
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

    /// Watches the folders of the files: a Kubernetes `ConfigMap` is changed by turning a link, not by writing a file.
    fn watch(&self, changed: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
        let RuleSource::Files { globs, folder } = &self.source else { return None };
        let announce = move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                // One announcement that waits is enough.
                let _ = changed.try_send(());
            }
        };
        let mut watcher = notify::recommended_watcher(announce)
            .inspect_err(|error| warn!(%error, every = ?LOOK_EVERY, "file changes are looked for, not announced"))
            .ok()?;
        for folder in folders(globs, folder) {
            if let Err(error) = watcher.watch(&folder, RecursiveMode::NonRecursive) {
                warn!(folder = %folder.display(), %error, every = ?LOOK_EVERY, "file changes are looked for, not announced");
            }
        }
        Some(watcher)
    }
}

/// All findings, one under the other.
fn findings_text(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The folders in which the files of some globs lie, or will.
fn folders(globs: &[String], base: &Path) -> Vec<PathBuf> {
    let fixed = globs.iter().filter_map(|pattern| {
        let plain = pattern.split(['*', '?', '[']).next().unwrap_or_default();
        // What stands before the first sign of a pattern ends within a name.
        let path = base.join(plain);
        if plain.ends_with('/') { Some(path) } else { path.parent().map(Path::to_path_buf) }
    });
    let mut folders: Vec<PathBuf> =
        fixed.map(|folder| if folder == Path::new("") { ".".into() } else { folder }).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    folders.dedup();
    folders
}
