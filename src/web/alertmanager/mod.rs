//! Alertmanager's API, version 2, as its OpenAPI document has it: `amtool`, Grafana and karma find here what they know.
//!
//! In: requests below `/api/v2/`. Out: what the loop's [`View`](crate::engine::View) holds, and commands to the loop.
//! Never here: what a silence means, or whom an alert concerns; that is `dispatch`'s, and the loop keeps it.
//!
//! Three things differ, on purpose. There is no cluster of several, so its status is `disabled`. Pages of other origins
//! may not call (no CORS header), for a silence stops Headroom from scaling. And a body is at most 1 MiB long.

mod alerts;
mod body;
mod filter;
mod refusal;
mod shapes;
mod silences;
mod status;

use std::time::Duration;

use http::header::{ALLOW, HeaderValue};
use http::{Method, Request};
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::refusal::Refusal;
use super::Context;
use super::params::Params;
use super::reply::Reply;
use super::router::Service;
use crate::engine::{Answer, Command};

/// What stands before every path.
const ROOT: &str = "/api/v2/";

/// How long the loop may take to answer. It steps within milliseconds, and journals before it answers.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    Alerts,
    Groups,
    Silences,
    /// One silence; its id is the path's last part.
    Silence,
    Receivers,
    Status,
    /// Nothing that Alertmanager has.
    Unknown,
}

impl Endpoint {
    pub(super) fn at(path: &str) -> Option<Self> {
        Some(match path.strip_prefix(ROOT)? {
            "alerts" => Self::Alerts,
            "alerts/groups" => Self::Groups,
            "silences" => Self::Silences,
            "receivers" => Self::Receivers,
            "status" => Self::Status,
            rest => match rest.strip_prefix("silence/") {
                Some(id) if !id.is_empty() && !id.contains('/') => Self::Silence,
                _ => Self::Unknown,
            },
        })
    }

    /// The methods that it answers, and the same as `Allow` has them.
    pub(super) fn methods(self) -> (&'static [Method], &'static str) {
        match self {
            Self::Alerts | Self::Silences => (&[Method::GET, Method::HEAD, Method::POST], "GET, HEAD, POST"),
            Self::Silence => (&[Method::GET, Method::HEAD, Method::DELETE], "DELETE, GET, HEAD"),
            Self::Groups | Self::Receivers | Self::Status | Self::Unknown => {
                (&[Method::GET, Method::HEAD], "GET, HEAD")
            }
        }
    }
}

/// Answers a request whose method is one of [`Endpoint::methods`].
pub(super) async fn handle(
    service: &Service,
    endpoint: Endpoint,
    params: &Params,
    request: Request<Incoming>,
) -> Reply {
    let context = &service.context;
    let post = request.method() == Method::POST;
    let answer = match endpoint {
        Endpoint::Alerts if post => alerts::take(service, request).await,
        Endpoint::Alerts => alerts::list(context, params),
        Endpoint::Groups => alerts::groups(context, params),
        Endpoint::Silences if post => silences::set(service, request).await,
        Endpoint::Silences => silences::list(context, params),
        Endpoint::Silence if request.method() == Method::DELETE => silences::expire(context, id(&request)).await,
        Endpoint::Silence => silences::one(context, id(&request)),
        Endpoint::Receivers => Ok(status::receivers(context)),
        Endpoint::Status => Ok(status::status(context)),
        Endpoint::Unknown => Err(Refusal::NoPath(request.uri().path().to_owned())),
    };
    answer.unwrap_or_else(|refusal: Refusal| refusal.reply())
}

/// 405, in the API's form.
pub(super) fn method_not_allowed(method: &Method, allow: &'static str) -> Reply {
    let mut reply = Refusal::NoMethod(format!("method {method} is not allowed, but [{allow}] are")).reply();
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    reply
}

/// The path's last part.
fn id(request: &Request<Incoming>) -> &str {
    request.uri().path().rsplit('/').next().unwrap_or("")
}

/// Asks the loop, and waits for its answer.
async fn ask(context: &Context, command: Command) -> Result<Answer, Refusal> {
    let (sender, answer) = oneshot::channel();
    let asking = async {
        context.commands.send((command, sender)).await.ok()?;
        answer.await.ok()
    };
    match timeout(ANSWER_MAX, asking).await {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Err(Refusal::Unavailable("shutting down; nothing was changed".to_owned())),
        Err(_) => Err(Refusal::Unavailable(format!("no answer within {ANSWER_MAX:?}; look before you ask again"))),
    }
}
