//! A client that shows everything: its bytes, its certificate, the version of HTTP that was agreed on.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::SOON;
use super::pki::Identity;

/// What was answered.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) version: http::Version,
    /// Head and body.
    pub(super) text: String,
}

/// A way to a server; `None`: without TLS.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) config: Option<Arc<ClientConfig>>,
}

/// A connection with TLS or without.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Client {
    pub(super) fn plain() -> Self {
        Self { config: None }
    }

    /// Trusts one authority and shows nothing.
    pub(super) fn tls(authority: &Path) -> Result<Self> {
        Self::with(authority, None, rustls::ALL_VERSIONS)
    }

    /// Shows a certificate.
    pub(super) fn showing(authority: &Path, identity: &Identity) -> Result<Self> {
        Self::with(authority, Some(identity), rustls::ALL_VERSIONS)
    }

    pub(super) fn with(
        authority: &Path,
        identity: Option<&Identity>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority)?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions)?;
        let config = config.with_root_certificates(roots);
        let mut config = match identity {
            None => config.with_no_client_auth(),
            Some(Identity { certificate, key }) => config.with_client_auth_cert(
                vec![CertificateDer::from_pem_file(certificate)?],
                PrivateKeyDer::from_pem_file(key)?,
            )?,
        };
        // A session that is taken up again would show nothing new.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Self { config: Some(Arc::new(config)) })
    }

    /// A connection with TLS.
    pub(super) async fn handshake(&self, address: SocketAddr) -> Result<TlsStream<TcpStream>> {
        let config = self.config.clone().context("a client with TLS")?;
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost")?;
        Ok(timeout(SOON, TlsConnector::from(config).connect(name, stream)).await??)
    }

    pub(super) async fn connect(&self, address: SocketAddr) -> Result<Box<dyn Stream>> {
        Ok(match self.config {
            None => Box::new(TcpStream::connect(address).await?),
            Some(_) => Box::new(self.handshake(address).await?),
        })
    }

    /// One request on a connection of its own; `headers` end with `\r\n` each.
    pub(super) async fn get(&self, address: SocketAddr, path: &str, headers: &str) -> Result<Answer> {
        self.send(address, &format!("GET {path} HTTP/1.1\r\n{headers}"), b"").await
    }

    /// A request line with headers, then a body.
    pub(super) async fn send(&self, address: SocketAddr, head: &str, body: &[u8]) -> Result<Answer> {
        let mut stream = self.connect(address).await?;
        let length = body.len();
        let head = format!("{head}Host: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        read(&mut stream).await
    }

    /// One request over HTTP/2, agreed on in the handshake.
    pub(super) async fn get_h2(&self, address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        let config = ClientConfig::clone(self.config.as_ref().context("a client with TLS")?);
        let connector = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config).https_only();
        let connector = connector.enable_all_versions().build();
        let client = legacy::Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(connector);
        let mut request = http::Request::get(format!("https://localhost:{}{path}", address.port()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = timeout(SOON, client.request(request.body(Full::default())?)).await??;
        let (status, version) = (answer.status().as_u16(), answer.version());
        let body = answer.into_body().collect().await?.to_bytes();
        Ok(Answer { status, version, text: String::from_utf8_lossy(&body).into_owned() })
    }
}

/// Reads an answer to its connection's end.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Answer> {
    let mut bytes = Vec::new();
    // A connection that is reset has still said what it said.
    let ended = timeout(SOON, stream.read_to_end(&mut bytes)).await.context("no answer")?;
    answer(&bytes).with_context(|| format!("{ended:?}"))
}

/// Reads an answer with a declared length, and leaves the connection open.
pub(super) async fn read_one(stream: &mut (impl AsyncRead + Unpin)) -> Result<Answer> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = timeout(SOON, stream.read(&mut part)).await.context("no answer")??;
        if count == 0 {
            bail!("the connection ended after {:?}", String::from_utf8_lossy(&bytes));
        }
        bytes.extend_from_slice(part.get(..count).unwrap_or_default());
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).context("no length")?;
        if body.len() >= length.parse::<usize>()? {
            return answer(&bytes);
        }
    }
}

fn answer(bytes: &[u8]) -> Result<Answer> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    Ok(Answer {
        status: status.with_context(|| format!("no answer: {text:?}"))?,
        version: http::Version::HTTP_11,
        text,
    })
}

/// `Authorization: Basic …`, as a line of a request.
pub(super) fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Authorization: Basic {pair}\r\n")
}

/// `Authorization: Bearer …`, as a line of a request.
pub(super) fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}
