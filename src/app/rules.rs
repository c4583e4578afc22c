//! Where rules come from, and how new ones, and newer settings, take the place of the old: all or nothing.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::messenger::Messenger;
use super::settings::SettingsFile;
use super::{clock, settings};
use crate::config::{Finding, Settings};
use crate::dispatch::Routing;
use crate::engine::Event;
use crate::rule::{self, RuleSet};
use crate::series::Store;
use crate::telemetry::Telemetry;
use crate::web::{Gate, Reload, RoutingView};

/// How often the files are looked at though no change was announced: network mounts announce none.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Editors write a file in several strokes; this is the time that they get.
const SETTLE: Duration = Duration::from_millis(100);

/// Where rules come from.
#[derive(Debug, Clone)]
pub enum RuleSource {
    /// The files that the settings name.
    Files(SettingsFile),
    /// A text within the program, with the name that findings call it by.
    Embedded(&'static str, &'static str),
}

/// The rules and the settings in force, and how to get newer ones.
#[derive(Debug)]
pub(super) struct Rules {
    source: RuleSource,
    settings: Settings,
    store: Arc<Store>,
    telemetry: Arc<Telemetry>,
    messenger: Arc<Messenger>,
    routing: watch::Sender<Arc<RoutingView>>,
    gate: Arc<Gate>,
    events: mpsc::Sender<Event>,
    /// The rules in force, for whoever reads them beside the loop.
    in_force: watch::Sender<Arc<RuleSet>>,
}

impl Rules {
    pub(super) fn new(
        source: RuleSource,
        settings: Settings,
        store: Arc<Store>,
        telemetry: Arc<Telemetry>,
        (messenger, routing): (Arc<Messenger>, watch::Sender<Arc<RoutingView>>),
        gate: Arc<Gate>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        routing.send_replace(Arc::new(shown(&settings)));
        let in_force = watch::Sender::default();
        Self { source, settings, store, telemetry, messenger, routing, gate, events, in_force }
    }

    /// Tells of the rules in force, and of newer ones.
    pub(super) fn in_force(&self) -> watch::Receiver<Arc<RuleSet>> {
        self.in_force.subscribe()
    }

    /// Reads, compiles and swaps in the rules, and the settings where those have changed; gives a line for the operator.
    /// With findings nothing changes.
    pub(super) async fn load(&mut self) -> Result<String, String> {
        let swapped = self.swap().await;
        self.telemetry.rules.reload_successful.set(if swapped.is_ok() { 1.0 } else { 0.0 });
        if let Ok((_, rules)) = &swapped {
            self.telemetry.rules.loaded.set(*rules as f64);
            self.telemetry.rules.reload_success_at.set(clock::now().as_secs_f64());
        }
        swapped.map(|(line, _)| line)
    }

    async fn swap(&mut self) -> Result<(String, usize), String> {
        let newer = self.newer_settings()?;
        let settings = newer.as_ref().unwrap_or(&self.settings);
        let files = self.read()?;
        let rules = rule::compile(&files, settings).map_err(|findings| findings_text(&findings))?;
        let receivers = newer.as_ref().map(|newer| self.messenger.prepare(newer)).transpose();
        let receivers = receivers.map_err(|error| format!("{error:#}"))?;
        let gate = newer.as_ref().map(|newer| self.gate.prepare(&newer.web)).transpose();
        let gate = gate.map_err(|error| format!("web: {error}"))?;
        let (count, groups) = (rules.rules(), rules.groups.len());
        let subscriptions = self.store.subscribe(&rules.selectors());
        let compiled = Arc::new(rules.clone());
        let bound = rules.bind(subscriptions);
        let event = match &newer {
            None => Event::Rules(bound),
            Some(newer) => Event::Settings(Box::new(newer.clone()), bound),
        };
        self.events.send(event).await.map_err(|_| "the service is shutting down".to_owned())?;
        self.in_force.send_replace(compiled);
        if let Some(((newer, receivers), gate)) = newer.zip(receivers).zip(gate) {
            self.messenger.adopt(receivers);
            self.gate.adopt(gate);
            self.routing.send_replace(Arc::new(shown(&newer)));
            self.settings = newer;
            info!("settings reloaded");
        }
        Ok((format!("{} files, {groups} groups, {count} rules", files.len()), count))
    }

    /// The settings to be in force, where their file says something else now.
    fn newer_settings(&self) -> Result<Option<Settings>, String> {
        let RuleSource::Files(file) = &self.source else { return Ok(None) };
        let read = file.read().map_err(|findings| findings_text(&findings))?;
        let (settings, waiting) = settings::reloaded(&self.settings, read);
        if !waiting.is_empty() {
            warn!(fields = waiting.join(", "), "these settings have changed and need a restart");
        }
        Ok((settings != self.settings).then_some(settings))
    }

    fn read(&self) -> Result<Vec<(PathBuf, String)>, String> {
        match &self.source {
            RuleSource::Files(file) => {
                let (globs, folder) = (&self.settings.rules, file.rules_folder());
                let loaded = rule::load(globs, &folder).map_err(|finding| finding.to_string())?;
                loaded.warnings.iter().for_each(|warning| warn!("{warning}"));
                Ok(loaded.files)
            }
            RuleSource::Embedded(name, text) => Ok(vec![(PathBuf::from(name), (*text).to_owned())]),
        }
    }

    /// Reloads on request, on SIGHUP and when files change, until the service stops.
    pub(super) async fn follow(mut self, mut requests: mpsc::Receiver<Reload>, stop: CancellationToken) {
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
        for path in self.settings_files() {
            std::fs::read(path).ok().hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The file of the settings, and that of the web configuration.
    fn settings_files(&self) -> impl Iterator<Item = &Path> {
        let settings = match &self.source {
            RuleSource::Files(file) => file.path.as_deref(),
            RuleSource::Embedded(..) => None,
        };
        settings.into_iter().chain(self.settings.web.config_file.as_deref())
    }

    /// Watches the folders of the files: a Kubernetes `ConfigMap` is changed by turning a link, not by writing a file.
    fn watch(&self, changed: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
        let RuleSource::Files(file) = &self.source else { return None };
        let announce = move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                // One announcement that waits is enough.
                let _ = changed.try_send(());
            }
        };
        let mut watcher = notify::recommended_watcher(announce)
            .inspect_err(|error| warn!(%error, every = ?LOOK_EVERY, "file changes are looked for, not announced"))
            .ok()?;
        let settings: Vec<String> = self.settings_files().filter_map(Path::to_str).map(str::to_owned).collect();
        let settings = folders(&settings, Path::new(""));
        for folder in folders(&self.settings.rules, &file.rules_folder()).into_iter().chain(settings) {
            if let Err(error) = watcher.watch(&folder, RecursiveMode::NonRecursive) {
                warn!(folder = %folder.display(), %error, every = ?LOOK_EVERY, "file changes are looked for, not announced");
            }
        }
        Some(watcher)
    }
}

/// What Alertmanager's API shows of the routing.
fn shown(settings: &Settings) -> RoutingView {
    let routing = Routing::compile(&settings.routing);
    let receivers = routing.receivers().iter().map(|receiver| receiver.name.value.clone()).collect();
    RoutingView { receivers, original: routing.yaml() }
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
