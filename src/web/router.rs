//! Which handler answers which path.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use http::{Method, Request, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use tracing::error;

use super::admission::Admission;
use super::complaints::Complaints;
use super::connection::Guest;
use super::params::Params;
use super::rates::Rates;
use super::reply::{self, Reply};
use super::senders::Senders;
use super::stream::Hub;
use super::{
    Context, alertmanager, anomalies, decisions, explain, forecasts, metadata, metrics, otlp, page, patterns, probes,
    query, read, scale, stream, write,
};
use crate::telemetry::LabelValue as _;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) context: Context,
    pub(super) admission: Admission,
    pub(super) rates: Rates,
    pub(super) senders: Senders,
    pub(super) complaints: Complaints,
    pub(super) hub: Hub,
}

/// Handlers by what they answer.
#[derive(Debug, Clone, Copy)]
enum Endpoint {
    Write,
    Otlp,
    Query,
    Metadata,
    Workloads,
    Decisions,
    Explain,
    Forecasts,
    Scale,
    History,
    Patterns,
    Anomalies,
    Status,
    Stream,
    Metrics,
    Healthy,
    Ready,
    Reload,
    Alertmanager(alertmanager::Endpoint),
    Page(&'static page::Asset),
}

/// What a kubelet asks, which has neither password nor certificate. They tell nothing but how we are.
const PROBES: [&str; 2] = ["/-/healthy", "/-/ready"];

const GET: &[Method] = &[Method::GET, Method::HEAD];
const POST: &[Method] = &[Method::POST];

impl Endpoint {
    fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/api/v1/write" | "/api/v1/push" => Self::Write,
            "/api/v1/otlp/v1/metrics" => Self::Otlp,
            "/api/v1/query" => Self::Query,
            "/api/v1/metadata" => Self::Metadata,
            "/api/v1/workloads" => Self::Workloads,
            "/api/v1/decisions" => Self::Decisions,
            "/api/v1/explain" => Self::Explain,
            "/api/v1/forecasts" => Self::Forecasts,
            "/api/v1/scale" => Self::Scale,
            "/api/v1/history" => Self::History,
            "/api/v1/patterns" => Self::Patterns,
            "/api/v1/anomalies" => Self::Anomalies,
            "/api/v1/status" => Self::Status,
            "/api/v1/stream" => Self::Stream,
            "/metrics" => Self::Metrics,
            "/-/healthy" => Self::Healthy,
            "/-/ready" => Self::Ready,
            "/-/reload" => Self::Reload,
            _ => match alertmanager::Endpoint::at(path) {
                Some(endpoint) => Self::Alertmanager(endpoint),
                None => Self::Page(page::asset(path)?),
            },
        })
    }

    /// The methods that it answers, and the same as `Allow` has them.
    fn methods(self) -> (&'static [Method], &'static str) {
        match self {
            Self::Write | Self::Otlp | Self::Scale => (POST, "POST"),
            Self::Reload => (&[Method::POST, Method::PUT], "POST, PUT"),
            Self::Query | Self::Patterns => (&[Method::GET, Method::POST, Method::HEAD], "GET, HEAD, POST"),
            Self::Alertmanager(endpoint) => endpoint.methods(),
            _ => (GET, "GET, HEAD"),
        }
    }
}

impl Service {
    /// Answers a request, come what may: a handler that panics is answered 500 and counted.
    pub(super) async fn answer(
        self: Arc<Self>,
        guest: Arc<Guest>,
        request: Request<Incoming>,
    ) -> Result<Reply, Infallible> {
        let path = request.uri().path().to_owned();
        let handled = AssertUnwindSafe(self.admit(&guest, request)).catch_unwind().await;
        let mut reply = handled.unwrap_or_else(|_| {
            self.context.telemetry.web.panics.add(1);
            error!(path, "a request handler panicked");
            reply::text(StatusCode::INTERNAL_SERVER_ERROR, "internal error; the log has more")
        });
        // Only errors are answered before the end of a body.
        guest.answered_early(!reply.status().is_success());
        for (name, value) in &self.context.gate.policy().web.http.headers {
            reply.headers_mut().insert(name.clone(), value.clone());
        }
        Ok(reply)
    }

    /// Lets in who may come in. Nothing of a body is read before that, and no path told from another but the probes'.
    async fn admit(&self, guest: &Guest, request: Request<Incoming>) -> Reply {
        if PROBES.contains(&request.uri().path()) {
            return self.route(guest, request).await;
        }
        let gate = &self.context.gate;
        match gate.admit(guest.certificate.as_ref(), request.headers()).await {
            Ok(()) => self.route(guest, request).await,
            Err(refusal) => {
                let reason = refusal.reason();
                self.context.telemetry.web.requests_refused.add(reason, 1);
                self.complaints.tell(reason.as_str(), &refusal.to_string(), guest.address, request.headers());
                let unread = request.version() < Version::HTTP_2 && !request.body().is_end_stream();
                reply::refused(refusal, gate.policy().challenges(), unread)
            }
        }
    }

    async fn route(&self, guest: &Guest, request: Request<Incoming>) -> Reply {
        let Some(endpoint) = Endpoint::at(request.uri().path()) else {
            return reply::text(StatusCode::NOT_FOUND, "nothing is here; the page at / links to what there is");
        };
        let (methods, allow) = endpoint.methods();
        if !methods.contains(request.method()) {
            return match endpoint {
                Endpoint::Alertmanager(_) => alertmanager::method_not_allowed(request.method(), allow),
                _ => reply::method_not_allowed(allow),
            };
        }
        let params = Params::parse(request.uri().query().unwrap_or(""));
        let context = &self.context;
        match endpoint {
            Endpoint::Write => write::handle(self, guest, request).await,
            Endpoint::Otlp => otlp::handle(self, guest, request).await,
            Endpoint::Query => query::handle(context, params, request).await,
            Endpoint::Metadata => metadata::handle(context, &params),
            Endpoint::Workloads => read::workloads(context),
            Endpoint::Decisions => decisions::handle(context, &params).await,
            Endpoint::Explain => explain::handle(context, &params, request.headers()),
            Endpoint::Forecasts => forecasts::handle(context, &params).await,
            Endpoint::Scale => scale::handle(context, request).await,
            Endpoint::History => read::history(&self.hub, &params),
            Endpoint::Patterns => patterns::handle(context, &params, request).await,
            Endpoint::Anomalies => anomalies::handle(context, &params),
            Endpoint::Status => read::status(context),
            Endpoint::Stream => stream::handle(self, request.headers()),
            Endpoint::Metrics => metrics::handle(context, &self.senders),
            Endpoint::Healthy => probes::healthy(),
            Endpoint::Ready => probes::ready(context),
            Endpoint::Reload => probes::reload(context).await,
            Endpoint::Alertmanager(endpoint) => alertmanager::handle(self, endpoint, &params, request).await,
            Endpoint::Page(asset) => page::handle(asset, request.headers()),
        }
    }
}
