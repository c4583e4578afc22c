//! Where settings come from, and which of them take effect while the service runs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::config::{Finding, Settings, Source, Web};
use crate::rule;

/// The settings file, and what the command line says in place of it.
#[derive(Debug, Clone, Default)]
pub struct SettingsFile {
    /// Without one all settings are the defaults.
    pub path: Option<PathBuf>,
    pub listen: Option<SocketAddr>,
    /// A file of Prometheus's web configuration, in the place of the one that the settings name.
    pub web_config: Option<PathBuf>,
    /// Globs of rule files; those of the file where there are none.
    pub rules: Vec<String>,
}

impl SettingsFile {
    /// Reads and checks the settings as they are now.
    pub fn read(&self) -> Result<Settings, Vec<Finding>> {
        let mut settings = match &self.path {
            None => Settings::default(),
            Some(path) => {
                let text = rule::read(path).map_err(|finding| vec![finding])?;
                let mut settings = Settings::parse(Source { file: path, text: &text })?;
                let folder = path.parent().unwrap_or(Path::new(""));
                settings.alerting.files_below(folder);
                settings.routing.files_below(folder);
                settings.web.files_below(folder);
                if let Some(warm_start) = &mut settings.warm_start {
                    warm_start.files_below(folder);
                }
                settings
            }
        };
        if let Some(file) = &self.web_config {
            settings.web.config_file = Some(file.clone());
        }
        read_web(&mut settings.web)?;
        if let Some(listen) = self.listen {
            settings.listen = listen;
        }
        if !self.rules.is_empty() {
            settings.rules.clone_from(&self.rules);
        }
        Ok(settings)
    }

    /// The folder at which the globs of rules start: that of the file, or the present one for those of the command line.
    #[must_use]
    pub fn rules_folder(&self) -> PathBuf {
        let file = self.path.as_deref().filter(|_| self.rules.is_empty());
        file.and_then(Path::parent).unwrap_or(Path::new("")).to_path_buf()
    }
}

/// Reads the file of Prometheus's web configuration, where one is named. Paths in it begin at its own folder.
pub fn read_web(web: &mut Web) -> Result<(), Vec<Finding>> {
    let Some(path) = &web.config_file else { return Ok(()) };
    let text = rule::read(path).map_err(|finding| vec![finding])?;
    let mut file = Web::parse(Source { file: path, text: &text })?;
    file.files_below(path.parent().unwrap_or(Path::new("")));
    web.adopt(file);
    Ok(())
}

/// The settings in force after a reload: of the newer ones, those that can change while the service runs. The others
/// stay, and are named.
pub(super) fn reloaded(present: &Settings, newer: Settings) -> (Settings, Vec<&'static str>) {
    let Settings { external_url, web, guards, economy, routing, alerting, .. } = newer.clone();
    let settings = Settings { external_url, web, guards, economy, routing, alerting, ..present.clone() };
    let Settings {
        listen, rules, ingest, windows, evaluation, journal, recording, warm_start, kubernetes, log, ..
    } = newer;
    let waiting = [
        ("listen", listen != present.listen),
        ("rules", rules != present.rules),
        ("ingest", ingest != present.ingest),
        ("windows", windows != present.windows),
        ("evaluation", evaluation != present.evaluation),
        ("journal", journal != present.journal),
        ("recording", recording != present.recording),
        ("warm_start", warm_start != present.warm_start),
        ("kubernetes", kubernetes != present.kubernetes),
        ("log", log != present.log),
    ];
    (settings, waiting.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect())
}
