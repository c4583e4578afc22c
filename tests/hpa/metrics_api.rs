//! The metrics that HPA asks for: a server of `external.metrics.k8s.io` and `custom.metrics.k8s.io` behind the API
//! server, with values that the test sets.
//!
//! HPA reads metrics from the API server, which passes the request on to whatever an `APIService` names. There is no
//! network of pods here, so its Service is another name for `localhost`, and the port stands in the `APIService`.
//! Authorization is the API server's: who gets through to here may read.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use k8s_openapi::ByteString;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::side_by_side::SOON;
use crate::peers::cluster::Cluster;
use crate::peers::process::eventually;

/// Serves metrics until it is dropped.
pub(super) struct MetricsApi {
    board: Arc<Mutex<Board>>,
    server: AbortHandle,
}

/// What is served, and how often it was asked for. The keys are `<namespace>/<metric>`.
#[derive(Default)]
struct Board {
    external: BTreeMap<String, f64>,
    /// Of each metric, the pods that have a value.
    of_pods: BTreeMap<String, BTreeMap<String, f64>>,
    asked: BTreeMap<String, usize>,
}

impl MetricsApi {
    /// Starts the server and waits until the API server finds it in good health.
    pub(super) async fn start(cluster: &Cluster) -> Result<Self> {
        let identity = cluster.extension();
        let certificates: Vec<_> =
            CertificateDer::pem_file_iter(&identity.certificate)?.collect::<std::result::Result<_, _>>()?;
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates, PrivateKeyDer::from_pem_file(&identity.key)?)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let board = Arc::new(Mutex::new(Board::default()));
        let server = tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(tls)), Arc::clone(&board)));
        let api = Self { board, server: server.abort_handle() };
        cluster.apply("default", &manifest(address, cluster.authority())?).await?;
        for group in ["external.metrics.k8s.io/v1beta1", "custom.metrics.k8s.io/v1beta2"] {
            let client = cluster.admin().await?;
            eventually(&format!("the API server passes requests for {group} on"), SOON, async || {
                let request = http::Request::get(format!("/apis/{group}")).body(Vec::new())?;
                Ok(client.request_text(request).await.ok())
            })
            .await?;
        }
        Ok(api)
    }

    /// Sets an external metric; `None` takes it away.
    pub(super) fn set(&self, namespace: &str, metric: &str, value: Option<f64>) {
        let mut board = self.board.lock().unwrap();
        let key = format!("{namespace}/{metric}");
        match value {
            Some(value) => board.external.insert(key, value),
            None => board.external.remove(&key),
        };
    }

    /// Sets the values that pods have of a metric of theirs.
    pub(super) fn set_pods(&self, namespace: &str, metric: &str, values: BTreeMap<String, f64>) {
        self.board.lock().unwrap().of_pods.insert(format!("{namespace}/{metric}"), values);
    }

    /// How often a metric was asked for so far.
    pub(super) fn asked(&self, namespace: &str, metric: &str) -> usize {
        self.board.lock().unwrap().asked.get(&format!("{namespace}/{metric}")).copied().unwrap_or(0)
    }
}

impl Drop for MetricsApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn manifest(address: SocketAddr, authority: &Path) -> Result<String> {
    let authority = std::fs::read(authority).context("read the authority's certificate")?;
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "metrics"},
        "spec": {"type": "ExternalName", "externalName": "localhost"},
    });
    let api_service = |group: &str, version: &str| {
        json!({
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": {"name": format!("{version}.{group}")},
            "spec": {
                "group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": 100,
                "caBundle": ByteString(authority.clone()),
                "service": {"namespace": "default", "name": "metrics", "port": address.port()},
            },
        })
    };
    let documents =
        [service, api_service("external.metrics.k8s.io", "v1beta1"), api_service("custom.metrics.k8s.io", "v1beta2")];
    Ok(documents.map(|document| document.to_string()).join("\n---\n"))
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, board: Arc<Mutex<Board>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, tls.clone(), Arc::clone(&board)));
    }
}

async fn serve(stream: TcpStream, tls: TlsAcceptor, board: Arc<Mutex<Board>>) {
    // A client that turns away is not our concern.
    let Ok(stream) = tls.accept(stream).await else { return };
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer(request.uri().path(), &mut board.lock().unwrap());
        async move { Ok::<_, Infallible>(answer) }
    });
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

fn answer(path: &str, board: &mut Board) -> Response<Full<Bytes>> {
    let found = match path.trim_matches('/').split('/').collect::<Vec<_>>()[..] {
        ["apis", "external.metrics.k8s.io", "v1beta1"] => Some(resources("external.metrics.k8s.io/v1beta1", "metrics")),
        ["apis", "custom.metrics.k8s.io", "v1beta2"] => Some(resources("custom.metrics.k8s.io/v1beta2", "pods/load")),
        ["apis", "external.metrics.k8s.io", "v1beta1", "namespaces", namespace, metric] => {
            Some(board.external(namespace, metric))
        }
        ["apis", "custom.metrics.k8s.io", "v1beta2", "namespaces", namespace, "pods", "*" | "%2A", metric] => {
            Some(board.of_pods(namespace, metric))
        }
        _ => None,
    };
    let (code, body) = match found {
        Some(body) => (200, body),
        None => (404, json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "message": path})),
    };
    let response = Response::builder().status(code).header("content-type", "application/json");
    response.body(Full::new(Bytes::from(body.to_string()))).expect("these parts make a response")
}

fn resources(group_version: &str, resource: &str) -> Value {
    json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version,
        "resources": [{"name": resource, "singularName": "", "namespaced": true, "kind": "MetricValueList", "verbs": ["get"]}],
    })
}

impl Board {
    fn external(&mut self, namespace: &str, metric: &str) -> Value {
        let key = format!("{namespace}/{metric}");
        let items = self.external.get(&key).map(|value| {
            json!({"metricName": metric, "metricLabels": {}, "timestamp": TIMESTAMP, "value": quantity(*value)})
        });
        let items: Vec<Value> = items.into_iter().collect();
        *self.asked.entry(key).or_default() += 1;
        json!({
            "kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1",
            "metadata": {}, "items": items,
        })
    }

    fn of_pods(&mut self, namespace: &str, metric: &str) -> Value {
        let key = format!("{namespace}/{metric}");
        let items = self.of_pods.get(&key).into_iter().flatten().map(|(pod, value)| {
            json!({
                "describedObject": {"kind": "Pod", "namespace": namespace, "name": pod, "apiVersion": "/v1"},
                "metric": {"name": metric}, "timestamp": TIMESTAMP, "value": quantity(*value),
            })
        });
        let items: Vec<Value> = items.collect();
        *self.asked.entry(key).or_default() += 1;
        json!({
            "kind": "MetricValueList", "apiVersion": "custom.metrics.k8s.io/v1beta2", "metadata": {}, "items": items,
        })
    }
}

/// When the values were measured: HPA shows it, and uses it for CPU only.
const TIMESTAMP: &str = "2026-01-01T00:00:00Z";

/// A Kubernetes quantity, in thousandths.
fn quantity(value: f64) -> String {
    format!("{:.0}m", value * 1_000.0)
}
