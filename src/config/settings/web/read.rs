//! How `web:` is read. Of Prometheus's fields those that can't be served are findings that say what to do instead.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr as _;

use http::{HeaderName, HeaderValue};

use super::super::read::{filled, positive};
use super::{AllowedSan, ClientAuth, HttpServer, PasswordHash, TlsServer, TlsVersion, Web};
use crate::config::finding::{Finding, Findings, Source, Span};
use crate::config::reader::{Fields, Reader};
use crate::config::scalar::{At, Read, word};
use crate::config::tree::{self, Kind, Node};

/// The highest cost of a hash: 16 takes some 4 s for each new password, 31 days.
const COST_MAX: u32 = 16;

/// The fields of Prometheus's shape.
const SHAPE: [&str; 3] = ["tls_server_config", "http_server_config", "basic_auth_users"];

/// The headers that Prometheus lets its users set.
const HEADERS: [&str; 5] = [
    "Content-Security-Policy",
    "X-Frame-Options",
    "X-Content-Type-Options",
    "X-XSS-Protection",
    "Strict-Transport-Security",
];

impl Web {
    /// Reads a file of Prometheus's shape; all findings together where there are any.
    pub fn parse(source: Source<'_>) -> Result<Self, Vec<Finding>> {
        let root = tree::parse(source).map_err(|(span, message)| unreadable(source, span, message))?;
        let reader = Reader::new(source);
        let web = filled(&reader, &root, "the web configuration", |web: &mut Self, fields| {
            web.take(fields);
            for field in ["config_file", "connections_per_peer_max"] {
                fields.refuse(field, &format!("{field} belongs under web: in the settings"));
            }
        });
        let findings = reader.into_findings().into_vec();
        web.filter(|_| findings.is_empty()).ok_or(findings)
    }

    /// Takes the fields that a file of its own may have too.
    fn take(&mut self, fields: &mut Fields<'_, '_>) {
        if let Some(tls) = fields.optional("tls_server_config") {
            let Given(tls) = tls;
            self.tls = tls;
        }
        fields.set("http_server_config", &mut self.http);
        if let Some(Users(users)) = fields.optional("basic_auth_users") {
            self.basic_auth_users = users;
        }
        fields.set("bearer_token_files", &mut self.bearer_token_files);
        fields.refuse("rate_limit", "requests are not limited here by their rate; remove it");
    }
}

/// The finding about a file that is not YAML. Nobody knows where its secrets are, so its line is shown up to the first
/// colon where there may be any.
pub(in crate::config) fn unreadable(source: Source<'_>, at: Span, message: String) -> Vec<Finding> {
    let mut findings = Findings::new(source);
    if source.text.contains("basic_auth_users") {
        let start = source.text.get(..at.start).map_or(0, |before| before.rfind('\n').map_or(0, |end| end + 1));
        let line = source.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        findings.hide(Span { start: start + line.find(':').map_or(0, |colon| colon + 1), end: start + line.len() });
    }
    findings.report(at, message);
    findings.into_vec()
}

impl Read for Web {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        filled(reader, node, "web", |web: &mut Self, fields| {
            let file: Option<At<PathBuf>> = fields.optional("config_file");
            let twice = SHAPE.iter().find(|field| fields.has(field));
            if let (Some(file), Some(field)) = (&file, twice) {
                reader.report(file.span, format!("that file has {field}, which stands here too; remove one"));
            }
            web.config_file = file.map(|file| file.value);
            web.take(fields);
            web.connections_per_peer_max = positive(fields, "connections_per_peer_max", &0);
        })
    }
}

/// The TLS of a server; none where its mapping is empty, as Prometheus has it.
struct Given(Option<TlsServer>);

impl Read for Given {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        if matches!(&node.kind, Kind::Map(entries) if entries.is_empty()) {
            return Some(Self(None));
        }
        let mut fields = reader.fields(node, "tls_server_config")?;
        for (inline, file) in [("cert", "cert_file"), ("key", "key_file"), ("client_ca", "client_ca_file")] {
            fields.hide(inline);
            fields.refuse(inline, &format!("certificates and keys are not written here; name a file with {file}"));
        }
        let cert_file = fields.required("cert_file");
        let key_file = fields.required("key_file");
        let asked: Option<At<ClientAuth>> = fields.optional("client_auth_type");
        let client_auth = asked.as_ref().map_or(ClientAuth::None, |asked| asked.value);
        let authority: Option<At<PathBuf>> = fields.optional("client_ca_file");
        let sans: Option<At<Sans>> = fields.optional("client_allowed_sans");
        let min: Option<At<TlsVersion>> = fields.optional("min_version");
        let max = fields.optional("max_version").unwrap_or(TlsVersion::Tls13);
        // Go chooses by itself since 1.17, whatever it says.
        fields.accept("prefer_server_cipher_suites");
        let ours = "is not for choice here: all that are offered are safe; remove it";
        fields.refuse("cipher_suites", &format!("cipher_suites {ours}"));
        fields.refuse("curve_preferences", &format!("curve_preferences {ours}"));
        fields.finish();

        match (&asked, &authority) {
            (Some(asked), None) if client_auth != ClientAuth::None => {
                reader.report(asked.span, "clients' certificates need client_ca_file, the authority that signs them");
            }
            (None, Some(authority)) => reader.report(
                authority.span,
                "without client_auth_type no client is asked for a certificate; say RequireAndVerifyClientCert",
            ),
            _ => {}
        }
        if let (Some(sans), ClientAuth::None) = (&sans, client_auth) {
            reader.report(sans.span, "no client is asked for a certificate; say so with client_auth_type");
        }
        let min_version = min.as_ref().map_or(TlsVersion::Tls12, |min| min.value);
        if let Some(min) = min.filter(|min| min.value > max) {
            reader.report(min.span, "min_version is above max_version, so no version is left");
        }
        Some(Self(Some(TlsServer {
            cert_file: cert_file?,
            key_file: key_file?,
            client_auth,
            client_ca_file: authority.map(|file| file.value),
            client_allowed_sans: sans.map(|sans| sans.value.0).unwrap_or_default(),
            min_version,
            max_version: max,
        })))
    }
}

impl Read for ClientAuth {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        if let Kind::Text(text) = &node.kind {
            if text.is_empty() {
                return Some(Self::None);
            }
            if ["RequestClientCert", "RequireAnyClientCert", "RequireClientCert"].contains(&text.as_str()) {
                reader.report(
                    node.span,
                    format!("{text} verifies nothing, so it proves nothing; use RequireAndVerifyClientCert"),
                );
                return None;
            }
        }
        word(
            reader,
            node,
            "client_auth_type",
            &[
                ("NoClientCert", Self::None),
                ("VerifyClientCertIfGiven", Self::VerifyIfGiven),
                ("RequireAndVerifyClientCert", Self::RequireAndVerify),
            ],
        )
    }
}

impl Read for TlsVersion {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        match &node.kind {
            Kind::Text(text) if text == "TLS10" || text == "TLS11" => {
                reader.report(node.span, format!("{text} is not spoken, for it is broken; use TLS12 or TLS13"));
                None
            }
            _ => word(reader, node, "version of TLS", &[("TLS12", Self::Tls12), ("TLS13", Self::Tls13)]),
        }
    }
}

struct Sans(Vec<AllowedSan>);

impl Read for Sans {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let sans: Vec<AllowedSan> = Vec::read(reader, node)?;
        if sans.is_empty() {
            reader.report(node.token(), "an empty list lets nobody in; remove it, or name those who may come in");
            return None;
        }
        Some(Self(sans))
    }
}

impl Read for AllowedSan {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let text = String::read(reader, node)?;
        if let Ok(ip) = text.parse() {
            return Some(Self::Ip(ip));
        }
        if text.contains(':') {
            return Some(Self::Uri(text));
        }
        if text.contains('@') || text.is_empty() {
            reader.report(node.token(), "expected a DNS name, an IP address or a URI");
            return None;
        }
        Some(Self::Dns(text))
    }
}

impl Read for HttpServer {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        filled(reader, node, "http_server_config", |http: &mut Self, fields| {
            fields.set("http2", &mut http.http2);
            if let Some(node) = fields.node("headers") {
                http.headers = headers(reader, node);
            }
        })
    }
}

fn headers(reader: &Reader<'_>, node: &Node) -> Vec<(HeaderName, HeaderValue)> {
    let Some(mut fields) = reader.fields(node, "headers") else { return Vec::new() };
    let mut headers = Vec::new();
    for name in HEADERS {
        let Some(At { value, span }) = fields.optional::<At<String>>(name) else { continue };
        match (HeaderName::from_str(name), HeaderValue::from_str(&value)) {
            (Ok(name), Ok(value)) => headers.push((name, value)),
            _ => reader.report(span, "expected the value of a header: one line of ASCII"),
        }
    }
    fields.finish();
    headers
}

/// Users and hashes. What stands here is shown by no finding.
struct Users(BTreeMap<String, PasswordHash>);

impl Read for Users {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        reader.hide(node);
        if !matches!(node.kind, Kind::Map(_)) {
            reader.report(node.token(), "expected users with their passwords' hashes (a mapping)");
            return None;
        }
        let entries = reader.fields(node, "basic_auth_users")?.into_entries();
        let users = entries.filter_map(|(key, value)| {
            let user = key.text()?.to_owned();
            if user.contains(':') {
                reader.report(key.span, "a user with a colon can't log in, for it ends the name; choose another name");
                return None;
            }
            let hash = value.text().and_then(|text| Some((text, bcrypt::HashParts::from_str(text).ok()?.get_cost())));
            let Some((text, cost)) = hash else {
                reader.report(key.span, "expected a bcrypt hash of the password, as `htpasswd -nBC 10 USER` makes it");
                return None;
            };
            if !(4..=COST_MAX).contains(&cost) {
                reader.report(
                    key.span,
                    format!("a hash of cost {cost} can't be used; make one of 4 to {COST_MAX}, best 10 to 12"),
                );
                return None;
            }
            Some((user, PasswordHash { text: text.to_owned(), cost }))
        });
        Some(Self(users.collect()))
    }
}
