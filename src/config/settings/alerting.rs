//! `alerting:` as written: Prometheus's shape, without discovery and relabelling.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::read::{filled, set_time};
use crate::config::reader::{Fields, Reader};
use crate::config::scalar::{At, Read};
use crate::config::tree::Node;

/// Whom alerts are sent to besides the receivers of routes, and how often.
#[derive(Debug, Clone, PartialEq)]
pub struct Alerting {
    /// Each is told of every alert.
    pub alertmanagers: Vec<Alertmanager>,
    /// The shortest wait until an alert that hasn't changed is sent again.
    pub resend_delay: Duration,
    /// Put on every alert that doesn't have a label of the name already.
    pub external_labels: BTreeMap<String, String>,
}

/// One Alertmanager.
#[derive(Debug, Clone, PartialEq)]
pub struct Alertmanager {
    /// Scheme, host and port, and the path where it lives below one. No credentials: they have their own fields.
    pub url: String,
    /// Put before `/api/v2/alerts`, after the path of `url`.
    pub path_prefix: String,
    /// The longest that one attempt may take.
    pub timeout: Duration,
    pub access: Access,
}

/// How an HTTP server is proven, and how we prove ourselves to it. Secrets are in files, which are read again for each
/// request, so that they can be replaced while the service runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Access {
    pub credentials: Credentials,
    /// Certificates (PEM) that are trusted in the place of the machine's.
    pub ca_file: Option<PathBuf>,
}

/// What the header `Authorization` is made from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Credentials {
    #[default]
    None,
    Basic {
        username: String,
        password_file: PathBuf,
    },
    Bearer {
        token_file: PathBuf,
    },
}

impl Default for Alerting {
    fn default() -> Self {
        Self {
            alertmanagers: Vec::new(),
            // As Prometheus's --rules.alert.resend-delay.
            resend_delay: Duration::from_mins(1),
            external_labels: BTreeMap::new(),
        }
    }
}

impl Alerting {
    /// Lets files with relative paths begin at `folder`.
    pub fn files_below(&mut self, folder: &Path) {
        for alertmanager in &mut self.alertmanagers {
            alertmanager.access.files_below(folder);
        }
    }
}

impl Access {
    /// Lets files with relative paths begin at `folder`.
    pub fn files_below(&mut self, folder: &Path) {
        let credentials = match &mut self.credentials {
            Credentials::None => None,
            Credentials::Basic { password_file: file, .. } | Credentials::Bearer { token_file: file } => Some(file),
        };
        for file in credentials.into_iter().chain(&mut self.ca_file) {
            *file = folder.join(&*file);
        }
    }
}

impl fmt::Display for Alertmanager {
    /// Where it is, without what its query may hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.url, self.path_prefix)
    }
}

impl Read for Alerting {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        filled(reader, node, "alerting", |alerting: &mut Self, fields| {
            fields.set("alertmanagers", &mut alerting.alertmanagers);
            set_time(fields, "resend_delay", &mut alerting.resend_delay);
            if let Some(node) = fields.node("external_labels") {
                alerting.external_labels = labels(reader, node);
            }
        })
    }
}

impl Read for Alertmanager {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "an Alertmanager")?;
        let url = fields.required::<At<Url>>("url").map(|url| url.value.0);
        // As Prometheus waits for one.
        let mut timeout = Duration::from_secs(10);
        set_time(&mut fields, "timeout", &mut timeout);
        let path_prefix: Option<String> = fields.optional("path_prefix");
        let access = Access::take(&mut fields);
        fields.finish();
        Some(Self { url: url?, path_prefix: prefix(path_prefix.as_deref().unwrap_or("")), timeout, access })
    }
}

impl Access {
    /// Takes `basic_auth`, `bearer_token_file` and `ca_file` out of a mapping's fields.
    pub(in crate::config) fn take(fields: &mut Fields<'_, '_>) -> Self {
        let basic: Option<At<Basic>> = fields.optional("basic_auth");
        let bearer: Option<At<PathBuf>> = fields.optional("bearer_token_file");
        if let (Some(_), Some(bearer)) = (&basic, &bearer) {
            fields.reader.report(bearer.span, "basic_auth is given too, and a request has one of them; remove one");
        }
        fields.refuse("bearer_token", "secrets are not written here; name a file with bearer_token_file");
        let credentials = match (basic, bearer) {
            (Some(At { value: Basic { username, password_file }, .. }), _) => {
                Credentials::Basic { username, password_file }
            }
            (None, Some(At { value: token_file, .. })) => Credentials::Bearer { token_file },
            (None, None) => Credentials::None,
        };
        Self { credentials, ca_file: fields.optional("ca_file") }
    }
}

struct Basic {
    username: String,
    password_file: PathBuf,
}

impl Read for Basic {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.fields(node, "basic_auth")?;
        let username = fields.required("username");
        fields.refuse("password", "secrets are not written here; name a file with password_file");
        let password_file = fields.required("password_file");
        fields.finish();
        Some(Self { username: username?, password_file: password_file? })
    }
}

/// An address of HTTP or HTTPS without credentials, query and final slash.
pub(in crate::config) struct Url(pub(in crate::config) String);

impl Read for Url {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let text = String::read(reader, node)?;
        match check_url(&text) {
            Ok(()) => Some(Self(text.trim_end_matches('/').to_owned())),
            Err(problem) => {
                reader.report(node.span, problem);
                None
            }
        }
    }
}

fn check_url(text: &str) -> Result<(), &'static str> {
    const FORM: &str = "expected an address as in http://localhost:9093";
    let uri: http::Uri = text.parse().map_err(|_| FORM)?;
    let authority = uri.authority().ok_or(FORM)?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || authority.host().is_empty() {
        return Err(FORM);
    }
    if authority.as_str().contains('@') {
        return Err("an address has no credentials, for it is shown; use basic_auth");
    }
    if uri.query().is_some() {
        return Err("an address has no query here");
    }
    Ok(())
}

/// With a slash before it and none after it; nothing stays nothing.
fn prefix(text: &str) -> String {
    let bare = text.trim_matches('/');
    if bare.is_empty() { String::new() } else { format!("/{bare}") }
}

/// Names and values; each wrong one has its finding.
pub(super) fn labels(reader: &Reader<'_>, node: &Node) -> BTreeMap<String, String> {
    let Some(fields) = reader.fields(node, "external_labels") else { return BTreeMap::new() };
    let pairs = fields.into_entries().filter_map(|(key, value)| {
        let name = String::read(reader, key)?;
        if !is_label_name(&name) {
            reader.report(key.span, format!("\"{name}\" is not a label name; use letters, digits and _"));
            return None;
        }
        Some((name, String::read(reader, value)?))
    });
    pairs.collect()
}

fn is_label_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(letter) && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::config::{Settings, Source};

    fn parse(text: &str) -> Result<Alerting, String> {
        let source = Source { file: Path::new("headroom.yaml"), text };
        let settings = Settings::parse(source).map(|settings| settings.alerting);
        settings.map_err(|findings| findings.iter().fold(String::new(), |text, finding| format!("{text}{finding}\n")))
    }

    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "expectations are made where they are checked")]
    fn check(text: &str, want: Expect) {
        want.assert_eq(&parse(text).unwrap_err());
    }

    #[test]
    fn alertmanagers_are_read_with_their_defaults() {
        let alerting = parse(
            "alerting:\n  resend_delay: 30s\n  external_labels: {cluster: eu, replica: 1}\n  alertmanagers:\n  \
             - url: http://a:9093/\n  - {url: 'https://b/am', path_prefix: x/, timeout: 3s, ca_file: ca.pem,\n     \
             basic_auth: {username: u, password_file: /p}}\n  - {url: http://c, bearer_token_file: t}\n",
        );
        let mut alerting = alerting.unwrap();
        alerting.files_below(Path::new("/etc"));
        let shown: Vec<String> = alerting.alertmanagers.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["http://a:9093", "https://b/am/x", "http://c"]);
        assert_eq!(alerting.alertmanagers[0].timeout, Duration::from_secs(10));
        assert_eq!(alerting.alertmanagers[0].access, Access::default());
        let basic = Credentials::Basic { username: "u".to_owned(), password_file: "/p".into() };
        let access = Access { credentials: basic, ca_file: Some("/etc/ca.pem".into()) };
        assert_eq!(alerting.alertmanagers[1].access, access);
        let bearer = Credentials::Bearer { token_file: "/etc/t".into() };
        assert_eq!(alerting.alertmanagers[2].access.credentials, bearer);
        assert_eq!(alerting.external_labels["replica"], "1");
        assert_eq!(alerting.resend_delay, Duration::from_secs(30));
    }

    #[test]
    fn secrets_in_the_settings_are_refused() {
        check(
            "alerting:\n  alertmanagers:\n  - url: http://u:p@a\n  - {url: http://b, bearer_token: s}\n  - url: \
             http://c\n    basic_auth: {username: u, password: s, password_file: f}\n    bearer_token_file: t\n",
            expect![[r#"
                headroom.yaml:3:10: an address has no credentials, for it is shown; use basic_auth
                    3 |   - url: http://u:p@a
                      |          ^^^^^^^^^^^^
                headroom.yaml:4:21: secrets are not written here; name a file with bearer_token_file
                    4 |   - {url: http://b, bearer_token: s}
                      |                     ^^^^^^^^^^^^
                headroom.yaml:6:31: secrets are not written here; name a file with password_file
                    6 |     basic_auth: {username: u, password: s, password_file: f}
                      |                               ^^^^^^^^
                headroom.yaml:7:24: basic_auth is given too, and a request has one of them; remove one
                    7 |     bearer_token_file: t
                      |                        ^
            "#]],
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        check(
            "alerting:\n  external_labels: {1a: b}\n  resend_delay: 0s\n  alertmanagers:\n  - timeout: 1s\n  - url: \
             a:9093\n  - url: http://a?x=y\n    static_configs: []\n",
            expect![[r#"
                headroom.yaml:2:21: "1a" is not a label name; use letters, digits and _
                    2 |   external_labels: {1a: b}
                      |                     ^^
                headroom.yaml:3:17: resend_delay must be more than zero
                    3 |   resend_delay: 0s
                      |                 ^^
                headroom.yaml:5:5: an Alertmanager needs the field "url"
                    5 |   - timeout: 1s
                      |     ^^^^^^^
                headroom.yaml:6:10: expected an address as in http://localhost:9093
                    6 |   - url: a:9093
                      |          ^^^^^^
                headroom.yaml:7:10: an address has no query here
                    7 |   - url: http://a?x=y
                      |          ^^^^^^^^^^^^
                headroom.yaml:8:5: unknown field "static_configs" in an Alertmanager; known: url, timeout, path_prefix, basic_auth, bearer_token_file, ca_file
                    8 |     static_configs: []
                      |     ^^^^^^^^^^^^^^
            "#]],
        );
    }
}
