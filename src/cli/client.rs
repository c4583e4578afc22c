//! A client of a running server, for the commands that ask one.

use std::fmt::{self, Write as _};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::access::Access;

/// The longest that an answer may take, from the connection to its last byte. A stream has no end.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The longest silence of a stream, which says every 15 s that it is there.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// The longest answer, and the longest event of a stream: ten thousand decisions or workloads of some 3 KB.
const BODY_BYTES_MAX: usize = 64 << 20;

/// Which server is asked.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Target {
    /// The server's address.
    #[arg(long, env = "HEADROOM_URL", default_value = "http://127.0.0.1:4323", value_name = "URL")]
    url: String,
    #[command(flatten)]
    access: Access,
}

/// Whom we ask, and what helps where nobody answers.
#[derive(Debug, Clone, Copy)]
struct Whom {
    name: &'static str,
    advice: &'static str,
}

const HEADROOM: Whom =
    Whom { name: "Headroom", advice: "is `headroom serve` running there? Give its address with --url or HEADROOM_URL" };

const PROMETHEUS: Whom =
    Whom { name: "Prometheus", advice: "write the address under which its page opens, as in http://prometheus:9090" };

/// A way to one server.
pub(super) struct Server {
    base: String,
    authorization: Option<HeaderValue>,
    whom: Whom,
    client: Door,
}

/// Without TLS no certificates are needed, and a small image has none.
enum Door {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl Door {
    fn request(&self, request: Request<Full<Bytes>>) -> ResponseFuture {
        match self {
            Self::Plain(client) => client.request(request),
            Self::Tls(client) => client.request(request),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Target {
    /// A server that asks for nothing.
    pub(super) fn at(url: &str) -> Self {
        Self { url: url.to_owned(), access: Access::default() }
    }

    /// Makes a client; nothing is sent yet. Must be called within a runtime.
    pub(super) fn server(&self) -> anyhow::Result<Server> {
        self.server_of(HEADROOM)
    }

    /// As [`server`](Self::server), where a Prometheus, or what speaks its API, is to answer.
    pub(super) fn prometheus(&self) -> anyhow::Result<Server> {
        self.server_of(PROMETHEUS)
    }

    fn server_of(&self, whom: Whom) -> anyhow::Result<Server> {
        let base = self.url.trim_end_matches('/').to_owned();
        let wrong = || anyhow!("\"{base}\" is no URL of a server; write http://HOST:PORT");
        let uri: Uri = base.parse().map_err(|_| wrong())?;
        if uri.authority().is_none() || uri.query().is_some() {
            return Err(wrong());
        }
        let client = Client::builder(TokioExecutor::new());
        let client = match uri.scheme_str() {
            Some("http") => Door::Plain(client.build_http()),
            Some("https") => Door::Tls(client.build(self.access.connector()?)),
            _ => return Err(wrong()),
        };
        Ok(Server { base, authorization: self.access.authorization()?, whom, client })
    }
}

/// An answer, whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Answer {
    /// The body as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON, where the server says that all is well; else its error.
    pub(super) fn json(&self) -> anyhow::Result<Value> {
        if !self.status.is_success() {
            bail!(self.error());
        }
        serde_json::from_slice(&self.body).context("the answer is no JSON; is that URL a Headroom's?")
    }

    /// What the server says of a request that it did not like.
    pub(super) fn error(&self) -> String {
        let json: Option<Value> = serde_json::from_slice(&self.body).ok();
        let told = json.and_then(|json| json.get("error")?.as_str().map(str::to_owned));
        told.unwrap_or_else(|| match self.text().trim() {
            "" => format!("the server answered {}", self.status),
            text => format!("the server answered {}: {text}", self.status),
        })
    }
}

impl Server {
    /// Asks for `path`, which begins with a slash and may have a query.
    pub(super) async fn get(&self, path: &str, accept: &'static str) -> anyhow::Result<Answer> {
        self.whole(self.request(Method::GET, path, accept)?.body(Full::default())?).await
    }

    /// Sends JSON to `path`.
    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let request = self.request(Method::POST, path, "application/json")?;
        let request = request.header(CONTENT_TYPE, "application/json");
        self.whole(request.body(Full::from(body.to_string()))?).await
    }

    /// Listens to server-sent events from `path`, after the event `last_id` where there is one.
    pub(super) async fn listen(&self, path: &str, last_id: Option<&str>) -> anyhow::Result<Events> {
        let mut request = self.request(Method::GET, path, "text/event-stream")?;
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let response = self.sent(request.body(Full::default())?).await?;
        if response.status() != StatusCode::OK {
            bail!("the server answered {} to {path}", response.status());
        }
        Ok(Events { body: response.into_body(), buffer: BytesMut::new() })
    }

    fn request(&self, method: Method, path: &str, accept: &'static str) -> anyhow::Result<http::request::Builder> {
        let uri: Uri = format!("{}{path}", self.base).parse()?;
        let request = Request::builder().method(method).uri(uri).header(ACCEPT, accept);
        Ok(match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        })
    }

    async fn sent(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Response<Incoming>> {
        let base = &self.base;
        match tokio::time::timeout(TIMEOUT, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                Err(anyhow!("no {} answers at {base}: {}; {}", self.whom.name, cause(&error), self.whom.advice))
            }
            Err(_) => bail!("no answer from {base} within {} s", TIMEOUT.as_secs()),
        }
    }

    async fn whole(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        let response = self.sent(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect();
        let body = tokio::time::timeout(TIMEOUT, body).await;
        let body = body.map_err(|_| anyhow!("the answer from {} did not end within {TIMEOUT:?}", self.base))?;
        let body = body.map_err(|error| anyhow!("the answer from {} broke off: {error}", self.base))?;
        Ok(Answer { status, body: body.to_bytes() })
    }
}

/// The innermost error: the outer ones say only that the client failed.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    innermost.to_string()
}

/// One server-sent event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) data: String,
}

/// A stream of events.
#[derive(Debug)]
pub(super) struct Events {
    body: Incoming,
    buffer: BytesMut,
}

impl Events {
    /// The next event; `None` where the stream has ended.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Event>> {
        loop {
            while let Some(block) = take_block(&mut self.buffer) {
                if let Some(event) = parse(&block) {
                    return Ok(Some(event));
                }
            }
            if self.buffer.len() > BODY_BYTES_MAX {
                bail!("an event of the stream is longer than {BODY_BYTES_MAX} bytes");
            }
            let frame = tokio::time::timeout(SILENCE_MAX, self.body.frame()).await;
            let Some(frame) = frame.map_err(|_| anyhow!("the stream fell silent"))? else { return Ok(None) };
            if let Ok(data) = frame.map_err(|error| anyhow!("the stream broke off: {}", cause(&error)))?.into_data() {
                self.buffer.extend_from_slice(&data);
            }
        }
    }
}

/// Everything up to the next empty line.
fn take_block(buffer: &mut BytesMut) -> Option<String> {
    let end = buffer.windows(2).position(|pair| pair == b"\n\n")?;
    let block = buffer.split_to(end + 2);
    Some(String::from_utf8_lossy(&block).into_owned())
}

/// The event of a block; none where it is a comment.
fn parse(block: &str) -> Option<Event> {
    let mut event = Event::default();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => event.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut event.name),
            "data" if event.data.is_empty() => value.clone_into(&mut event.data),
            "data" => event.data = format!("{}\n{value}", event.data),
            _ => {}
        }
    }
    (!event.data.is_empty()).then_some(event)
}

/// A text as a value of a URL's query.
pub(super) fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_taken_from_wherever_the_bytes_were_cut() {
        let mut buffer = BytesMut::from("retry: 2000\nevent: hello\ndata: {}\n\n: still here\n\nid: 7-1\nevent: deci");
        let first = take_block(&mut buffer).unwrap();
        assert_eq!(parse(&first), Some(Event { id: None, name: "hello".to_owned(), data: "{}".to_owned() }));
        assert_eq!(parse(&take_block(&mut buffer).unwrap()), None);
        assert_eq!(take_block(&mut buffer), None);
        buffer.extend_from_slice(b"sion\ndata: a\ndata: b\n\n");
        let event = parse(&take_block(&mut buffer).unwrap()).unwrap();
        assert_eq!((event.id.as_deref(), event.name.as_str(), event.data.as_str()), (Some("7-1"), "decision", "a\nb"));
    }

    #[test]
    fn values_of_a_query_are_escaped() {
        assert_eq!(escaped("StatefulSet/shop/a b&c=é"), "StatefulSet/shop/a%20b%26c%3D%C3%A9");
    }

    #[tokio::test]
    async fn what_is_no_url_is_refused() {
        for url in ["localhost:4323", "ftp://x", "http://", "/x", "http://a b", "http://a?x=1"] {
            let error = Target::at(url).server().unwrap_err().to_string();
            assert!(error.contains("write http://HOST:PORT"), "{url}: {error}");
        }
    }
}
