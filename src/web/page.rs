//! The page at `/`: a few files of our own, built into the program.

use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderValue, IF_NONE_MATCH, REFERRER_POLICY};
use http::{HeaderMap, StatusCode};
use xxhash_rust::xxh3::xxh3_64;

use super::reply::{self, Reply};

/// Nothing from elsewhere runs, is shown, or frames us.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// One file.
#[derive(Debug)]
pub(super) struct Asset {
    path: &'static str,
    content_type: &'static str,
    body: &'static str,
}

static ASSETS: [Asset; 5] = [
    Asset { path: "/", content_type: "text/html; charset=utf-8", body: include_str!("page/index.html") },
    Asset { path: "/page.css", content_type: "text/css; charset=utf-8", body: include_str!("page/page.css") },
    Asset { path: "/page.js", content_type: "text/javascript; charset=utf-8", body: include_str!("page/page.js") },
    Asset { path: "/chart.js", content_type: "text/javascript; charset=utf-8", body: include_str!("page/chart.js") },
    Asset { path: "/icon.svg", content_type: "image/svg+xml", body: include_str!("page/icon.svg") },
];

/// The file at a path.
pub(super) fn asset(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// The file, or 304 where the browser has it already.
pub(super) fn handle(asset: &Asset, headers: &HeaderMap) -> Reply {
    let tag = format!("\"{:016x}\"", xxh3_64(asset.body.as_bytes()));
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let fresh = known.flat_map(|tags| tags.split(',')).any(|own| own.trim().trim_start_matches("W/") == tag);
    let (status, body) = if fresh { (StatusCode::NOT_MODIFIED, "") } else { (StatusCode::OK, asset.body) };
    let mut reply = reply::content(status, asset.content_type, body);
    let headers = reply.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    reply
}
