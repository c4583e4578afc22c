//! The least HTTP client that a fixture needs: one request, one connection, one limit of time.
//!
//! In goes a loopback address and a path, out comes status and body. It speaks HTTP/1.0, whose
//! answer ends with the connection, so that nothing has to be framed. Never here: TLS (the cluster's
//! own client does that), redirects, reuse.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Answers arrive within this time or are given up; a loaded machine is slow, not that slow.
const LIMIT: Duration = Duration::from_secs(10);

pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<Reply> {
    exchange(address, &format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")).await
}

/// Posts `fields` the way a form does.
pub(crate) async fn post(address: SocketAddr, path: &str, fields: &[(&str, &str)]) -> Result<Reply> {
    let body = form(fields);
    let head = format!(
        "POST {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    exchange(address, &(head + &body)).await
}

/// Any other request; the body is JSON.
pub(crate) async fn send(address: SocketAddr, method: &str, path: &str, body: &str) -> Result<Reply> {
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\n");
    exchange(address, &format!("{head}Content-Length: {length}\r\n\r\n{body}")).await
}

/// Posts bytes as they are, and gives status and bytes; `headers` end with `\r\n` each.
pub(crate) async fn post_bytes(address: SocketAddr, path: &str, headers: &str, body: &[u8]) -> Result<(u16, Vec<u8>)> {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.0\r\nHost: {address}\r\n{headers}Content-Length: {length}\r\n\r\n");
    let answer = exchange_bytes(address, &[head.as_bytes(), body].concat(), &head).await?;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").context("the answer ends within its head")?;
    let status = parse(&String::from_utf8_lossy(&answer))?.status;
    Ok((status, answer[end + 4..].to_vec()))
}

/// Names and values as `application/x-www-form-urlencoded` has them.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

async fn exchange(address: SocketAddr, request: &str) -> Result<Reply> {
    let line = request.lines().next().unwrap_or_default();
    let answer = exchange_bytes(address, request.as_bytes(), line).await?;
    parse(&String::from_utf8_lossy(&answer)).with_context(|| format!("{line} at {address}"))
}

/// Sends a request and gives the answer as it came; `line` names it.
async fn exchange_bytes(address: SocketAddr, request: &[u8], line: &str) -> Result<Vec<u8>> {
    let line = line.lines().next().unwrap_or_default();
    tokio::time::timeout(LIMIT, async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    })
    .await
    .with_context(|| format!("{line} at {address}: no answer within {LIMIT:?}"))?
    .with_context(|| format!("{line} at {address}"))
}

fn parse(answer: &str) -> Result<Reply> {
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| anyhow!("the answer ends within its head"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| anyhow!("the answer has no status: {head}"))?;
    Ok(Reply { status, body: body.to_owned() })
}
