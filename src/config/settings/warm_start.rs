//! `warm_start:` as written.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::alerting::{Access, Url, labels};
use super::read::set_time;
use crate::config::reader::Reader;
use crate::config::scalar::{At, Read};
use crate::config::tree::Node;

/// A server with the API of Prometheus that tells what was before: it fills the windows and the history of demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarmStart {
    /// Scheme, host and port, and the path where it lives below one, without a final slash.
    pub url: String,
    pub access: Access,
    /// The longest that one question may take.
    pub timeout: Duration,
    /// How long a server that does not answer is asked again.
    pub give_up_after: Duration,
    /// How far back demand is asked for.
    pub history: Duration,
    /// What remote write puts on each series, and the server itself does not show.
    pub external_labels: BTreeMap<String, String>,
}

impl WarmStart {
    /// Lets files with relative paths begin at `folder`.
    pub fn files_below(&mut self, folder: &Path) {
        self.access.files_below(folder);
    }
}

impl Read for WarmStart {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "warm_start")?;
        let url = fields.required::<At<Url>>("url").map(|url| url.value.0);
        let mut timeout = Duration::from_secs(30);
        set_time(&mut fields, "timeout", &mut timeout);
        let mut give_up_after = Duration::from_mins(10);
        set_time(&mut fields, "give_up_after", &mut give_up_after);
        // Two weeks show each day of the week twice.
        let mut history = Duration::from_hours(14 * 24);
        set_time(&mut fields, "history", &mut history);
        let external_labels = fields.node("external_labels").map(|node| labels(reader, node));
        let access = Access::take(&mut fields);
        fields.finish();
        let external_labels = external_labels.unwrap_or_default();
        Some(Self { url: url?, access, timeout, give_up_after, history, external_labels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Credentials, Settings, Source};

    fn parse(text: &str) -> Result<Option<WarmStart>, String> {
        let settings = Settings::parse(Source { file: Path::new("headroom.yaml"), text });
        settings.map(|settings| settings.warm_start).map_err(|findings| findings[0].to_string())
    }

    #[test]
    fn a_server_is_all_that_must_be_named() {
        assert_eq!(parse(""), Ok(None));
        let WarmStart { url, access, history, .. } =
            parse("warm_start: {url: http://prometheus:9090/}").unwrap().unwrap();
        assert_eq!(
            (url.as_str(), access, history),
            ("http://prometheus:9090", Access::default(), Duration::from_hours(336))
        );
        let text = "warm_start:\n  url: https://thanos/api\n  bearer_token_file: token\n  history: 2d\n  external_labels: {cluster: eu}\n";
        let warm = parse(text).unwrap().unwrap();
        assert_eq!(warm.access.credentials, Credentials::Bearer { token_file: "token".into() });
        assert_eq!(warm.external_labels["cluster"], "eu");
    }

    #[test]
    fn what_is_no_server_is_told() {
        assert!(parse("warm_start: {timeout: 1s}").unwrap_err().contains("url"));
        assert!(parse("warm_start: {url: prometheus}").unwrap_err().contains("expected an address"));
        assert!(parse("warm_start: {url: 'http://a', bearer_token: x}").unwrap_err().contains("bearer_token_file"));
    }
}
