//! The HTTP client of those who speak to others: with credentials from files, over TLS, within a time.
//!
//! In: an address, a body. Out: an answer, or a [`Fault`] that says whether another attempt may help. Never here: retries,
//! and secrets in any text.

mod fault;
mod secret;

pub use fault::Fault;
pub use secret::{Secret, SecretError};

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fault::chain;

use crate::config::{Access, Credentials};

/// Connections that nobody uses are closed after this; servers commonly close theirs after a minute.
const IDLE: Duration = Duration::from_secs(30);

/// Bytes of a refusal that are read; it is only shown.
const REFUSAL_BYTES_MAX: usize = 512;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("can't use the certificates in {}: {cause}", file.display())]
    CaFile { file: PathBuf, cause: String },
    #[error("can't use the certificates that this machine trusts: {0}; name a ca_file")]
    Roots(std::io::Error),
    #[error("can't set up TLS: {0}")]
    Tls(rustls::Error),
    #[error("\"{0}\" is not an address")]
    Address(String),
}

/// Posts. It follows no redirect and uses no proxy.
pub struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    credentials: Credentials,
}

impl Client {
    /// For addresses of `https` where `secure` is set; else no certificate is looked for, so that a machine without any
    /// can speak plain HTTP.
    pub fn new(access: &Access, secure: bool) -> Result<Self, ClientError> {
        let builder = HttpsConnectorBuilder::new();
        let provider = rustls::crypto::ring::default_provider();
        let builder = match &access.ca_file {
            None if secure => builder.with_provider_and_platform_verifier(provider).map_err(ClientError::Roots)?,
            file => {
                let roots =
                    file.as_deref().filter(|_| secure).map_or_else(|| Ok(RootCertStore::empty()), certificates)?;
                let config = ClientConfig::builder_with_provider(Arc::new(provider));
                let config = config.with_safe_default_protocol_versions().map_err(ClientError::Tls)?;
                builder.with_tls_config(config.with_root_certificates(roots).with_no_client_auth())
            }
        };
        let connector = builder.https_or_http().enable_http1().build();
        let mut http = legacy::Client::builder(TokioExecutor::new());
        let http = http.pool_idle_timeout(IDLE).pool_timer(TokioTimer::new()).build(connector);
        Ok(Self { http, credentials: access.credentials.clone() })
    }

    /// Posts JSON once. Any 2xx is a success, and its body of no interest.
    pub async fn post(
        &self,
        uri: &Uri,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
        within: Duration,
    ) -> Result<(), Fault> {
        let mut request = self.request(uri, "application/json", body)?;
        for (name, value) in headers {
            // Its own content type takes the place of ours.
            request.headers_mut().insert(name.clone(), value.clone());
        }
        let exchange = async { accepted(self.send(request).await?).await.map(|_| ()) };
        timeout(within, exchange).await.map_err(|_| Fault::Slow(within))?
    }

    /// Posts a form once and gives the answer's body, of `bytes_max` bytes at most.
    pub async fn ask(&self, uri: &Uri, form: String, within: Duration, bytes_max: usize) -> Result<Vec<u8>, Fault> {
        let request = self.request(uri, "application/x-www-form-urlencoded", form.into())?;
        let exchange = async {
            let mut body = accepted(self.send(request).await?).await?;
            let mut bytes = Vec::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| Fault::Connection(chain(&error)))?;
                let data = frame.data_ref().map_or(&[][..], |data| data);
                if bytes.len() + data.len() > bytes_max {
                    return Err(Fault::TooLong { bytes_max });
                }
                bytes.extend_from_slice(data);
            }
            Ok(bytes)
        };
        timeout(within, exchange).await.map_err(|_| Fault::Slow(within))?
    }

    fn request(&self, uri: &Uri, content: &'static str, body: Bytes) -> Result<Request<Full<Bytes>>, Fault> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header(USER_AGENT, concat!("headroom/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, content)
            .body(Full::new(body))?;
        if let Some(value) = self.authorization()? {
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        Ok(request)
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Fault> {
        // The error of this client names no address of its own accord.
        self.http.request(request).await.map_err(|error| Fault::Connection(chain(&error)))
    }

    /// What the header says; the file is read each time, so that it can be replaced.
    fn authorization(&self) -> Result<Option<HeaderValue>, Fault> {
        let text = match &self.credentials {
            Credentials::None => return Ok(None),
            Credentials::Basic { username, password_file } => {
                let pair = format!("{username}:{}", Secret::read(password_file)?.expose());
                format!("Basic {}", STANDARD.encode(pair))
            }
            Credentials::Bearer { token_file } => format!("Bearer {}", Secret::read(token_file)?.expose()),
        };
        let mut value = HeaderValue::from_str(&text).map_err(http::Error::from)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// The body of an answer that is no refusal. The rest of a long refusal is left where it is, and the connection with it.
async fn accepted(answer: Response<Incoming>) -> Result<Incoming, Fault> {
    let status = answer.status();
    let retry_after = retry_after(answer.headers());
    let mut body = answer.into_body();
    if status.is_success() {
        return Ok(body);
    }
    let mut bytes = Vec::new();
    while bytes.len() < REFUSAL_BYTES_MAX
        && let Some(Ok(frame)) = body.frame().await
    {
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data.get(..REFUSAL_BYTES_MAX - bytes.len()).unwrap_or(data));
        }
    }
    let text = String::from_utf8_lossy(&bytes).split_whitespace().collect::<Vec<_>>().join(" ");
    Err(Fault::Status { status, text, retry_after })
}

/// Seconds; a date is not understood, and the own wait used.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// The certificates (PEM) of a file, of which there must be one.
fn certificates(file: &Path) -> Result<RootCertStore, ClientError> {
    let failed = |cause: String| ClientError::CaFile { file: file.to_owned(), cause };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| failed(error.to_string()))? {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(failed("there is no certificate (PEM) in it".to_owned()));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let refused = |access: &Access| Client::new(access, true).unwrap_err().to_string();
        let access = Access { ca_file: Some(file.clone()), ..Access::default() };
        assert!(refused(&access).contains("ca.pem: "), "{}", refused(&access));
        std::fs::write(&file, "hello").unwrap();
        assert!(refused(&access).ends_with("there is no certificate (PEM) in it"), "{}", refused(&access));
        assert!(Client::new(&access, false).is_ok(), "plain HTTP needs none");
    }
}
