//! What a failed call means for an action or a watch, in words that say what to do.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use kube::core::{ApiResource, Status};

use crate::actuate::Outcome;

/// Why a call to the API server did not do what it was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The object changed since it was read.
    Conflict,
    /// It may go well later: no answer, overload, a server's error.
    Failed(String),
    /// It won't go well until somebody changes something.
    Refused(String),
}

impl From<Fault> for Outcome {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Conflict => Self::Conflict,
            Fault::Failed(text) => Self::Failed(text),
            Fault::Refused(text) => Self::Refused(text),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => f.write_str("the object changed since it was read"),
            Self::Failed(text) | Self::Refused(text) => f.write_str(text),
        }
    }
}

/// A call to the API server, as role rules name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    /// `get`, `list`, `watch`, `update`; or `list only`, by who never watches.
    pub(super) verb: &'static str,
    pub(super) resource: &'a ApiResource,
    /// `/scale`, or nothing for the object itself.
    pub(super) subresource: &'static str,
    pub(super) namespace: &'a str,
    /// Empty for all objects of the namespace.
    pub(super) name: &'a str,
}

impl Call<'_> {
    /// Awaits an answer for `limit`, and says what a missing or bad one means.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        answer: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Fault> {
        match tokio::time::timeout(limit, answer).await {
            Ok(answer) => answer.map_err(|error| self.fault(&error)),
            Err(_) => Err(self.unanswered(limit)),
        }
    }

    /// What it means that there is no answer.
    pub(super) fn unanswered(&self, limit: Duration) -> Fault {
        Fault::Failed(format!("{self}: the API server gave no answer within {limit:?}"))
    }

    /// What an error means.
    pub(super) fn fault(&self, error: &kube::Error) -> Fault {
        match error {
            kube::Error::Api(status) => self.answered(status),
            kube::Error::Service(_) | kube::Error::HyperError(_) | kube::Error::ReadEvents(_) => {
                Fault::Failed(format!(
                    "{self}: the API server can't be reached, check its address and the network: {}",
                    reason(error)
                ))
            }
            other => Fault::Failed(format!("{self}: {}", reason(other))),
        }
    }

    /// The verbs of the role rule that allows the call: who needs one of them needs the other.
    fn verbs(&self) -> &'static str {
        match (self.verb, self.subresource) {
            ("list only", _) => "list",
            (_, "") => "list, watch",
            _ => "get, update",
        }
    }

    /// What an answer other than 2xx means.
    pub(super) fn answered(&self, status: &Status) -> Fault {
        let Status { code, message, .. } = status;
        match code {
            401 => Fault::Failed(format!(
                "{self}: the API server doesn't accept the credentials (401), check the ServiceAccount's token or \
                 the kubeconfig: {message}"
            )),
            403 => Fault::Refused(format!(
                "{self}: not allowed (403); the role needs {{apiGroups: [{:?}], resources: [{}{}], verbs: [{}]}}, \
                 see rbac.yaml: {message}",
                self.resource.group,
                self.resource.plural,
                self.subresource,
                self.verbs()
            )),
            404 if self.name.is_empty() => Fault::Refused(format!(
                "{self}: {} is no longer served (404); is its definition installed?",
                self.resource.api_version
            )),
            404 => Fault::Refused(missing(&self.resource.kind, self.namespace, self.name)),
            409 => Fault::Conflict,
            408 | 429 | 500.. => Fault::Failed(format!("{self}: the API server answered {code}: {message}")),
            _ => Fault::Refused(format!("{self}: the API server refused it ({code}): {message}")),
        }
    }
}

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = self.verb.split(' ').next().unwrap_or_default();
        write!(f, "{verb} {}{} in {}", self.resource.plural, self.subresource, self.namespace)?;
        if !self.name.is_empty() {
            write!(f, "/{}", self.name)?;
        }
        Ok(())
    }
}

/// What to say of an object that isn't there.
pub(super) fn missing(kind: &str, namespace: &str, name: &str) -> String {
    format!("{kind} {namespace}/{name} does not exist; create it, or correct the rule's target")
}

/// An error of the client in one line, without the client's own names for its parts.
pub(super) fn reason(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
        kube::Error::Service(cause) => chain(cause.as_ref()),
        other => chain(other),
    }
}

/// An error and its causes in one line; a cause that its error already quotes is left out.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        if !text.contains(&line) {
            text.push_str(": ");
            text.push_str(&line);
        }
        cause = error.source();
    }
    text
}
