//! Programs that show metrics: a page that stays as it is.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// A series by its labels, the metric's name among them.
pub(super) type Series = Vec<(&'static str, &'static str)>;

/// Serves series at every path, until it is dropped.
pub(super) struct Exposition {
    pub(super) address: SocketAddr,
    server: AbortHandle,
}

impl Exposition {
    pub(super) async fn start(series: &[Series]) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let page: String = series.iter().map(line).collect();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=1.0.0; escaping=allow-utf-8\r\n";
        let reply = format!("{head}Connection: close\r\nContent-Length: {}\r\n\r\n{page}", page.len());
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, reply.clone()));
            }
        });
        Ok(Self { address, server: server.abort_handle() })
    }
}

impl Drop for Exposition {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A line of the page, names in quotes for those that need it.
fn line(series: &Series) -> String {
    let quoted = |text: &str| text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n");
    let label = |(name, value): &(&str, &str)| match *name {
        "__name__" => format!("\"{}\"", quoted(value)),
        _ => format!("\"{}\"=\"{}\"", quoted(name), quoted(value)),
    };
    format!("{{{}}} 1\n", series.iter().map(label).collect::<Vec<_>>().join(","))
}

/// Answers one request, whatever it asks for, and closes.
async fn answer(mut stream: TcpStream, reply: String) {
    let mut request = [0; 4_096];
    if stream.read(&mut request).await.is_ok() {
        // A scraper that has gone is not our concern.
        drop(stream.write_all(reply.as_bytes()).await);
    }
}
