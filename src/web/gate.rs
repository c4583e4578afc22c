//! Who may come in: the policy in force, and how its files are followed while the service runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use ring::digest::Digest;
use ring::hmac;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::time::sleep;
use tracing::{info, warn};

use super::files::{FileError, Files};
use super::passwords::{Busy, Passwords};
use super::tls::{self, TlsError};
use crate::config::{ClientAuth, Web};
use crate::telemetry::{RequestRefused, WebMetrics};

/// How often the files are looked at. A Kubernetes Secret turns a link, a tool like certbot writes files: their content
/// is what tells.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why nobody can come in under some settings.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}: expected one token of printable ASCII without spaces", file.display())]
    Token { file: std::path::PathBuf },
    #[error("the system gives no random numbers")]
    Randomness,
}

impl GateError {
    /// Whether it is only that a file is not there.
    pub fn is_missing_file(&self) -> bool {
        let (Self::File(error) | Self::Tls(TlsError::File(error))) = self else { return false };
        matches!(error, FileError::Unreadable { cause, .. } if cause.kind() == std::io::ErrorKind::NotFound)
    }
}

/// Why a request may not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("a user with the right password, or a token, is needed here")]
    Credentials,
    #[error("a client certificate is needed here")]
    NoCertificate,
    #[error("the client certificate has none of the allowed names")]
    NotAllowed,
    #[error("too many passwords are being verified; retry")]
    Busy,
}

impl Refusal {
    /// How `/metrics` counts it.
    pub(super) fn reason(self) -> RequestRefused {
        match self {
            Self::Credentials => RequestRefused::Credentials,
            Self::NoCertificate | Self::NotAllowed => RequestRefused::Certificate,
            Self::Busy => RequestRefused::Busy,
        }
    }
}

/// Settings and files made ready.
pub(super) struct Policy {
    pub(super) web: Web,
    /// `None`: plain HTTP.
    pub(super) tls: Option<Arc<ServerConfig>>,
    tokens: Vec<hmac::Tag>,
    /// Of the files that it was made of.
    digest: Digest,
}

/// Settings that can take the place of those in force.
pub struct Prepared(Policy);

/// The gate of a server.
pub struct Gate {
    policy: ArcSwap<Policy>,
    passwords: Passwords,
    metrics: WebMetrics,
}

impl Gate {
    /// Reads the files that the settings name. It blocks for as long as the disk takes.
    pub fn open(web: &Web, metrics: WebMetrics) -> Result<Self, GateError> {
        let passwords = Passwords::new().map_err(|_| GateError::Randomness)?;
        let policy = Policy::new(web.clone(), &Files::read(web), &passwords)?;
        metrics.certificates_reloaded.set(1.0);
        Ok(Self { policy: ArcSwap::from_pointee(policy), passwords, metrics })
    }

    /// Makes newer settings ready; nothing changes yet.
    pub fn prepare(&self, web: &Web) -> Result<Prepared, GateError> {
        Policy::new(web.clone(), &Files::read(web), &self.passwords).map(Prepared)
    }

    /// Puts newer settings in force: TLS for connections to come, the rest for requests to come.
    pub fn adopt(&self, Prepared(policy): Prepared) {
        self.policy.store(Arc::new(policy));
        self.metrics.certificates_reloaded.set(1.0);
    }

    /// What is in force now.
    pub(super) fn policy(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// Takes up files that change, for ever. What can't be used changes nothing, and is told once.
    pub(super) async fn follow(self: Arc<Self>) {
        let (mut seen, mut refused): (Option<Digest>, Option<Digest>) = (None, None);
        let is = |known: &Option<Digest>, digest: &Digest| known.is_some_and(|known| known.as_ref() == digest.as_ref());
        loop {
            sleep(LOOK_EVERY).await;
            let policy = self.policy();
            let web = policy.web.clone();
            let Ok(files) = tokio::task::spawn_blocking(move || Files::read(&web)).await else { continue };
            let digest = files.digest();
            if digest.as_ref() == policy.digest.as_ref() {
                self.metrics.certificates_reloaded.set(1.0);
                (seen, refused) = (None, None);
                continue;
            }
            // Files that are being written differ from one look to the next.
            let settled = is(&seen, &digest);
            seen = Some(digest);
            if !settled || is(&refused, &digest) {
                continue;
            }
            match Policy::new(policy.web.clone(), &files, &self.passwords) {
                Ok(newer) => {
                    // Newer settings may have come meanwhile.
                    let before = self.policy.compare_and_swap(&policy, Arc::new(newer));
                    if Arc::ptr_eq(&before, &policy) {
                        self.metrics.certificates_reloaded.set(1.0);
                        info!("the endpoint's certificates, keys or tokens have changed and were reloaded");
                    }
                }
                Err(error) => {
                    refused = Some(digest);
                    self.metrics.certificates_reloaded.set(0.0);
                    warn!(%error, "the endpoint's files have changed and can't be used, the former ones stay in force");
                }
            }
        }
    }

    /// Whether a request may come in, by the certificate of its connection and its head.
    pub(super) async fn admit(
        &self,
        certificate: Option<&CertificateDer<'static>>,
        headers: &HeaderMap,
    ) -> Result<(), Refusal> {
        let policy = self.policy();
        policy.admits_certificate(certificate)?;
        if !policy.web.asks_for_credentials() {
            return Ok(());
        }
        let right = match Presented::of(headers) {
            Some(Presented::Token(token)) => self.passwords.is_one(&token, &policy.tokens),
            Some(Presented::Password { user, password }) if !policy.web.basic_auth_users.is_empty() => {
                let users = &policy.web.basic_auth_users;
                self.passwords.verify(users, &user, &password).await.map_err(|Busy| Refusal::Busy)?
            }
            _ => false,
        };
        if right { Ok(()) } else { Err(Refusal::Credentials) }
    }
}

impl Policy {
    fn new(web: Web, files: &Files, passwords: &Passwords) -> Result<Self, GateError> {
        let tls = web.tls.as_ref().map(|tls| tls::server_config(tls, files, web.http.http2)).transpose()?;
        let tokens = web.bearer_token_files.iter().map(|file| {
            let token = files.get(file)?.trim_ascii();
            if token.is_empty() || !token.iter().all(u8::is_ascii_graphic) {
                return Err(GateError::Token { file: file.clone() });
            }
            Ok(passwords.tag(token))
        });
        Ok(Self { tokens: tokens.collect::<Result<_, _>>()?, tls, digest: files.digest(), web })
    }

    fn admits_certificate(&self, certificate: Option<&CertificateDer<'static>>) -> Result<(), Refusal> {
        let Some(tls) = &self.web.tls else { return Ok(()) };
        let (required, allowed) = (tls.client_auth == ClientAuth::RequireAndVerify, &tls.client_allowed_sans);
        match certificate {
            None if required || !allowed.is_empty() => Err(Refusal::NoCertificate),
            Some(shown) if !allowed.is_empty() && !tls::has_name(shown, allowed) => Err(Refusal::NotAllowed),
            _ => Ok(()),
        }
    }

    /// The ways in which a client may prove itself, as `WWW-Authenticate` has them.
    pub(super) fn challenges(&self) -> impl Iterator<Item = &'static str> {
        let basic = (!self.web.basic_auth_users.is_empty()).then_some(r#"Basic realm="Headroom", charset="UTF-8""#);
        let bearer = (!self.web.bearer_token_files.is_empty()).then_some(r#"Bearer realm="Headroom""#);
        basic.into_iter().chain(bearer)
    }
}

/// What a request's head presents.
enum Presented {
    Password { user: String, password: Vec<u8> },
    Token(Vec<u8>),
}

impl Presented {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(AUTHORIZATION)?.as_bytes();
        let at = value.iter().position(|byte| *byte == b' ')?;
        let (scheme, rest) = value.split_at_checked(at)?;
        let rest = rest.trim_ascii();
        if scheme.eq_ignore_ascii_case(b"bearer") {
            return Some(Self::Token(rest.to_owned()));
        }
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return None;
        }
        let pair = STANDARD.decode(rest).ok()?;
        let colon = pair.iter().position(|byte| *byte == b':')?;
        let user = String::from_utf8(pair.get(..colon)?.to_owned()).ok()?;
        Some(Self::Password { user, password: pair.get(colon + 1..)?.to_owned() })
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").finish_non_exhaustive()
    }
}
