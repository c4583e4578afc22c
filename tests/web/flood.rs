//! Clients of HTTP/2 that open streams only to give them up.

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::Client;
use super::{SOON, Service, folder};

/// `GET / http://x`, in HPACK's own words.
const HEADERS: &[u8] = &[0x82, 0x84, 0x86, 0x41, 1, b'x'];
/// Types of frames, and a reason.
const HEADERS_FRAME: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rapid_reset_ends_the_connection() -> Result<()> {
    let client = Client::plain();
    let service = Service::start(folder()?, "{}\n", &client).await?;
    let mut stream = TcpStream::connect(service.address).await?;
    let mut flood = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    flood.extend(frame(SETTINGS, 0, 0, &[]));
    for opened in 0..2_000 {
        let id = opened * 2 + 1;
        // The end of the stream, and of its headers.
        flood.extend(frame(HEADERS_FRAME, 0x05, id, HEADERS));
        flood.extend(frame(RESET, 0, id, &8_u32.to_be_bytes()));
    }
    // It may be closed before all is written.
    let _ = stream.write_all(&flood).await;
    let mut heard = Vec::new();
    let _ = timeout(SOON, stream.read_to_end(&mut heard)).await.context("the connection stays open")?;
    let mut rest = &heard[..];
    let mut reason = None;
    while let Some((head, after)) = rest.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (payload, after) = after.split_at_checked(length).context("a frame is cut short")?;
        if head[3] == GOAWAY {
            reason = Some(u32::from_be_bytes([payload[4], payload[5], payload[6], payload[7]]));
        }
        rest = after;
    }
    ensure!(reason == Some(ENHANCE_YOUR_CALM), "it ended with {reason:?}");
    assert_eq!(client.get(service.address, "/-/ready", "").await?.status, 200);
    Ok(())
}
