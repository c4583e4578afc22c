//! `web:` as written: who may come in, and how. The shape is that of Prometheus's web configuration, which may also lie
//! in a file of its own, and a few fields are ours.

mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

pub(in crate::config) use read::unreadable;

use http::{HeaderName, HeaderValue};

/// Who may come in, and how. Empty, everybody may, without TLS.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Web {
    /// A file of Prometheus's shape, which then has the fields of that shape.
    pub config_file: Option<PathBuf>,
    /// `None`: plain HTTP.
    pub tls: Option<TlsServer>,
    pub http: HttpServer,
    /// Users with their passwords' hashes. Who is one of them may come in, and so may who has a token.
    pub basic_auth_users: BTreeMap<String, PasswordHash>,
    /// Each holds one token; they are read again when they change.
    pub bearer_token_files: Vec<PathBuf>,
    /// Connections that one address may have open; `None` where only the sum is limited.
    pub connections_per_peer_max: Option<usize>,
}

/// How the server proves itself, and what it asks of clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsServer {
    /// The server's certificate (PEM), and behind it those that lead to its authority.
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
    pub client_auth: ClientAuth,
    /// The authorities (PEM) of clients' certificates; there whenever those are asked for.
    pub client_ca_file: Option<PathBuf>,
    /// Names of which a client's certificate must have one; any certificate will do where there are none.
    pub client_allowed_sans: Vec<AllowedSan>,
    pub min_version: TlsVersion,
    pub max_version: TlsVersion,
}

/// Whether clients are asked for certificates. One that is given is always verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// `NoClientCert`.
    None,
    /// `VerifyClientCertIfGiven`.
    VerifyIfGiven,
    /// `RequireAndVerifyClientCert`.
    RequireAndVerify,
}

/// Versions of TLS, the older first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

/// One alternative name of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedSan {
    Dns(String),
    Ip(IpAddr),
    Uri(String),
}

/// How HTTP is spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpServer {
    pub http2: bool,
    /// Put on every answer, in the place of ours.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// What bcrypt made of a password. `Debug` doesn't show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: String,
    cost: u32,
}

impl Default for HttpServer {
    fn default() -> Self {
        Self { http2: true, headers: Vec::new() }
    }
}

impl PasswordHash {
    /// The hash, in bcrypt's own way to write it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Each one more doubles the time that a look at a password takes.
    #[must_use]
    pub fn cost(&self) -> u32 {
        self.cost
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<hash>")
    }
}

impl Web {
    /// Lets files with relative paths begin at `folder`.
    pub fn files_below(&mut self, folder: &Path) {
        let tls = self.tls.iter_mut().flat_map(|tls| {
            [Some(&mut tls.cert_file), Some(&mut tls.key_file), tls.client_ca_file.as_mut()].into_iter().flatten()
        });
        for file in tls.chain(&mut self.config_file).chain(&mut self.bearer_token_files) {
            *file = folder.join(&*file);
        }
    }

    /// Puts what a file of Prometheus's shape says in the place of the same fields.
    pub fn adopt(&mut self, file: Self) {
        let Self { tls, http, basic_auth_users, bearer_token_files, .. } = file;
        self.bearer_token_files.extend(bearer_token_files);
        *self = Self { tls, http, basic_auth_users, ..std::mem::take(self) };
    }

    /// Whether a request has to bring a password or a token.
    #[must_use]
    pub fn asks_for_credentials(&self) -> bool {
        !self.basic_auth_users.is_empty() || !self.bearer_token_files.is_empty()
    }
}
