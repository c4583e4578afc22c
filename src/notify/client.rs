//! An HTTP client for one way of proving and being proven.

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

use super::fault::{Fault, chain};
use super::secret::Secret;
use crate::config::{Access, Credentials};

/// Connections that nobody uses are closed after this; servers commonly close theirs after a minute.
const IDLE: Duration = Duration::from_secs(30);

/// Bytes of an answer that are read; it is only shown.
const ANSWER_BYTES_MAX: usize = 512;

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

/// Sends JSON. It follows no redirect and uses no proxy.
pub(super) struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    credentials: Credentials,
}

impl Client {
    /// For addresses of `https` where `secure` is set; else no certificate is looked for, so that a machine without any
    /// can speak plain HTTP.
    pub(super) fn new(access: &Access, secure: bool) -> Result<Self, ClientError> {
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

    /// Posts a body once. Any 2xx is a success.
    pub(super) async fn post(
        &self,
        uri: &Uri,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
        within: Duration,
    ) -> Result<(), Fault> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header(USER_AGENT, concat!("headroom/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        if let Some(value) = self.authorization()? {
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        for (name, value) in headers {
            // Its own content type takes the place of ours.
            request.headers_mut().insert(name.clone(), value.clone());
        }
        let exchange = async {
            // The error of this client names no address of its own accord.
            let answer = self.http.request(request).await.map_err(|error| Fault::Connection(chain(&error)))?;
            judge(answer).await
        };
        timeout(within, exchange).await.map_err(|_| Fault::Slow(within))?
    }

    /// What the header says; the file is read each time, so that it can be replaced.
    fn authorization(&self) -> Result<Option<HeaderValue>, Fault> {
        let text = match &self.credentials {
            Credentials::None => return Ok(None),
            Credentials::Basic { username, password_file } => {
                let pair = format!("{username}:{}", Secret::read(password_file)?.expose());
                format!("Basic {}", base64(pair.as_bytes()))
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

/// What an answer means. The rest of a long one is left where it is, and the connection with it.
async fn judge(answer: Response<Incoming>) -> Result<(), Fault> {
    let status = answer.status();
    let retry_after = retry_after(answer.headers());
    let mut body = answer.into_body();
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_BYTES_MAX
        && let Some(Ok(frame)) = body.frame().await
    {
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data.get(..ANSWER_BYTES_MAX - bytes.len()).unwrap_or(data));
        }
    }
    if status.is_success() {
        return Ok(());
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

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| DIGITS.get((bits & 63) as usize).copied().map_or('=', char::from);
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            text.push(if at <= chunk.len() { digit(bits >> shift) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded() {
        let shown = ["", "f", "fo", "foo", "foob", "user:p\u{e4}ss"].map(|text| base64(text.as_bytes()));
        assert_eq!(shown, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "dXNlcjpww6Rzcw=="]);
    }

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
