//! A scripted API server on loopback: each request is put to a closure.

use std::convert::Infallible;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::super::{Kubernetes, Options};
use super::new_year;
use crate::actuate::{Observation, Status};

/// A request: method, path with query, body.
pub(super) struct Asked<'a> {
    pub(super) line: &'a str,
    pub(super) body: Value,
}

pub(super) enum Reply {
    Json(u16, Value),
    /// A watch that shows these events and then stays open.
    Watch(Vec<Value>),
    /// No answer, ever.
    Silence,
}

type Script = dyn Fn(Asked<'_>) -> Reply + Send + Sync;

pub(super) struct Server {
    log: Arc<Mutex<Vec<String>>>,
    _kubeconfig: tempfile::NamedTempFile,
    options: Options,
}

impl Server {
    /// Starts a server that knows the kinds of [`named_groups`], and asks `script` for everything else.
    pub(super) async fn start(script: impl Fn(Asked<'_>) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(accept(listener, Arc::new(script), Arc::clone(&log)));

        let mut kubeconfig = tempfile::NamedTempFile::new().unwrap();
        write!(kubeconfig, "{}", kubeconfig_for(port)).unwrap();
        let options = Options {
            kubeconfig: Some(kubeconfig.path().to_owned()),
            call_timeout: Duration::from_millis(300),
            instance: "headroom-0".to_owned(),
            ..Options::default()
        };
        Self { log, _kubeconfig: kubeconfig, options }
    }

    /// An actuator on this server.
    pub(super) async fn actuator(&self) -> (Kubernetes, mpsc::Receiver<Observation>) {
        let (send, observations) = mpsc::channel(16);
        (Kubernetes::connect(self.options.clone(), send, Arc::new(new_year)).await.unwrap(), observations)
    }

    /// What was asked so far, without discovery.
    pub(super) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

/// The next observation in one line.
pub(super) async fn next(observations: &mut mpsc::Receiver<Observation>) -> String {
    match tokio::time::timeout(Duration::from_secs(10), observations.recv()).await {
        Ok(Some(Observation { workload, status })) => match status {
            Status::Found { replicas, ready, .. } => format!("{workload} {ready}/{replicas}"),
            Status::Unknown(reason) => format!("{workload} unknown: {reason}"),
        },
        Ok(None) => "closed".to_owned(),
        Err(_) => "silence".to_owned(),
    }
}

fn kubeconfig_for(port: u16) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": format!("http://127.0.0.1:{port}")}}],
        "users": [{"name": "test", "user": {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    })
}

async fn accept(listener: TcpListener, script: Arc<Script>, log: Arc<Mutex<Vec<String>>>) {
    while let Ok((connection, _)) = listener.accept().await {
        tokio::spawn(serve(connection, Arc::clone(&script), Arc::clone(&log)));
    }
}

async fn serve(connection: TcpStream, script: Arc<Script>, log: Arc<Mutex<Vec<String>>>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (script, log) = (Arc::clone(&script), Arc::clone(&log));
        async move { Ok::<_, Infallible>(answer(request, &*script, &log).await) }
    });
    // A client that goes away in the middle is what some tests are about.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(connection), service).await;
}

async fn answer(
    request: Request<Incoming>,
    script: &Script,
    log: &Mutex<Vec<String>>,
) -> Response<BoxBody<Bytes, Infallible>> {
    let line = format!("{} {}", request.method(), request.uri());
    let reply = match line.as_str() {
        "GET /apis" => Reply::Json(200, named_groups()),
        "GET /api" => Reply::Json(200, core_group()),
        _ => {
            log.lock().unwrap().push(line.clone());
            let body = request.into_body().collect().await.unwrap().to_bytes();
            script(Asked { line: &line, body: serde_json::from_slice(&body).unwrap_or_default() })
        }
    };
    let (code, body) = match reply {
        Reply::Json(code, value) => (code, BodyExt::boxed(lines(&[value]))),
        Reply::Watch(events) => {
            let events = stream::iter([Ok(Frame::data(Bytes::from(lines(&events))))]);
            (200, BodyExt::boxed(StreamBody::new(events.chain(stream::pending()))))
        }
        Reply::Silence => std::future::pending().await,
    };
    Response::builder().status(code).header("content-type", "application/json").body(body).unwrap()
}

/// Values as a watch sends them: one a line.
fn lines(values: &[Value]) -> String {
    values.iter().flat_map(|value| [value.to_string(), "\n".to_owned()]).collect()
}

/// The kinds that the server serves: see the names.
pub(super) fn named_groups() -> Value {
    let scalable = |plural: &str, kind: &str| {
        json!({
            "resource": plural, "scope": "Namespaced", "responseKind": {"kind": kind},
            "verbs": ["get", "list", "watch"], "subresources": [{"subresource": "status"}, {"subresource": "scale"}],
        })
    };
    json!({
        "kind": "APIGroupDiscoveryList",
        "items": [
            {"metadata": {"name": "argoproj.io"}, "versions": [
                {"version": "v1alpha1", "resources": [scalable("rollouts", "Rollout"), scalable("deployments", "Deployment")]},
            ]},
            {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "resources": [
                scalable("deployments", "Deployment"),
                {"resource": "daemonsets", "scope": "Namespaced", "responseKind": {"kind": "DaemonSet"},
                 "verbs": ["get", "list", "watch"], "subresources": [{"subresource": "status"}]},
            ]}]},
            // As the API server writes what an adapter for metrics of pods serves.
            {"metadata": {"name": "custom.metrics.k8s.io"}, "versions": [{"version": "v1beta2", "resources": [
                {"resource": "pods", "scope": "Namespaced", "responseKind": {"group": "", "version": "", "kind": ""},
                 "singularResource": "", "verbs": null, "subresources": [
                    {"subresource": "load", "responseKind": {"kind": "MetricValueList"}, "verbs": ["get"]},
                 ]},
            ]}]},
            {"metadata": {"name": "games.example"}, "versions": [
                {"version": "v2", "resources": [scalable("fleets", "Fleet")]},
                {"version": "v1", "resources": [scalable("fleets", "Fleet")]},
            ]},
            {"metadata": {"name": "ships.example"}, "versions": [
                {"version": "v1", "resources": [scalable("fleets", "Fleet")]},
            ]},
        ],
    })
}

pub(super) fn core_group() -> Value {
    json!({"kind": "APIGroupDiscoveryList", "items": [{"metadata": {}, "versions": [{"version": "v1", "resources": [
        {"resource": "configmaps", "scope": "Namespaced", "responseKind": {"kind": "ConfigMap"},
         "verbs": ["get", "list", "watch"]},
    ]}]}]})
}

/// An error as API servers write it.
pub(super) fn failure(code: u16, message: &str) -> Reply {
    Reply::Json(
        code,
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}),
    )
}
