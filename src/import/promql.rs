//! Expressions over the series that Kubernetes clusters usually have: cAdvisor's and kube-state-metrics's.

use crate::workload::Workload;

/// How the labels of these series are called, and what else selects them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    pub namespace: String,
    pub pod: String,
    pub container: String,
    /// Further matchers of every selector: `cluster="eu"`.
    pub matchers: Vec<String>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            namespace: "namespace".to_owned(),
            pod: "pod".to_owned(),
            container: "container".to_owned(),
            matchers: Vec::new(),
        }
    }
}

impl Names {
    /// Reads `namespace=kubernetes_namespace,pod=pod_name`; what is written as `cluster="eu"` becomes a matcher.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut names = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| {
                format!(
                    "\"{part}\" names no label; write namespace=LABEL, pod=LABEL, container=LABEL or LABEL=\"VALUE\""
                )
            })?;
            if value.starts_with('"') {
                names.matchers.push(part.to_owned());
                continue;
            }
            let own = match name {
                "namespace" => &mut names.namespace,
                "pod" => &mut names.pod,
                "container" => &mut names.container,
                _ => return Err(format!("\"{name}\" is no label that is asked for; known: container, namespace, pod")),
            };
            value.clone_into(own);
        }
        Ok(names)
    }

    /// A selector of one metric with these matchers.
    pub(super) fn selector(&self, metric: &str, matchers: &[String]) -> String {
        let all: Vec<&str> = matchers.iter().chain(&self.matchers).map(String::as_str).collect();
        if all.is_empty() { metric.to_owned() } else { format!("{metric}{{{}}}", all.join(",")) }
    }

    pub(super) fn namespace_is(&self, namespace: &str) -> String {
        equal(&self.namespace, namespace)
    }

    /// Matches the pods of a workload: by name, for series have no owner.
    pub(super) fn pods_of(&self, workload: &Workload) -> Vec<String> {
        // Dots are the only signs of a name that a regular expression takes for more than themselves.
        let name = workload.name.replace('.', "[.]");
        let pods = match workload.kind.as_str() {
            // The hash of a ReplicaSet, then of a pod. The stricter pattern keeps `checkout` from taking in
            // `checkout-worker`.
            "Deployment" | "Rollout" => format!("{name}-[a-z0-9]+-[a-z0-9]+"),
            "StatefulSet" => format!("{name}-[0-9]+"),
            "ReplicaSet" => format!("{name}-[a-z0-9]+"),
            _ => format!("{name}-.*"),
        };
        vec![self.namespace_is(&workload.namespace), format!("{}=~{}", self.pod, text(&pods))]
    }

    /// What each of the workload's pods uses of a resource.
    pub(super) fn usage(&self, workload: &Workload, resource: Resource, container: Option<&str>) -> String {
        let mut matchers = self.pods_of(workload);
        matchers.push(match container {
            Some(container) => equal(&self.container, container),
            // The series without a container is the pod's sum, which would count all twice.
            None => format!("{}!=\"\"", self.container),
        });
        match resource {
            Resource::Cpu => self
                .by_pod("sum", &format!("rate({}[1m])", self.selector("container_cpu_usage_seconds_total", &matchers))),
            Resource::Memory => self.by_pod("sum", &self.selector("container_memory_working_set_bytes", &matchers)),
        }
    }

    /// What each of the workload's pods requests of a resource.
    pub(super) fn request(&self, workload: &Workload, resource: Resource, container: Option<&str>) -> String {
        let mut matchers = self.pods_of(workload);
        matchers.extend(container.map(|container| equal(&self.container, container)));
        matchers.push(equal("resource", resource.as_str()));
        self.by_pod("sum", &self.selector("kube_pod_container_resource_requests", &matchers))
    }

    /// Whether each of the workload's pods is ready.
    pub(super) fn pods_ready(&self, workload: &Workload) -> String {
        let mut matchers = self.pods_of(workload);
        matchers.push(equal("condition", "true"));
        self.by_pod("max", &self.selector("kube_pod_status_ready", &matchers))
    }

    /// A series for each pod, which a rule knows by the label `pod`.
    pub(super) fn by_pod(&self, aggregation: &str, expr: &str) -> String {
        if self.pod == "pod" {
            format!("{aggregation} by (pod) ({expr})")
        } else {
            format!("{aggregation} by (pod) (label_replace({expr}, \"pod\", \"$1\", \"{}\", \"(.*)\"))", self.pod)
        }
    }

    /// The pods of the workload that are ready; one where there are none, so that a ratio can wake it.
    pub(super) fn ready(&self, workload: &Workload) -> String {
        let of = |metric: &str, label: &str| {
            let matchers = [self.namespace_is(&workload.namespace), equal(label, &workload.name)];
            format!("max({})", self.selector(metric, &matchers))
        };
        let ready = match workload.kind.as_str() {
            "Deployment" => of("kube_deployment_status_replicas_ready", "deployment"),
            "StatefulSet" => of("kube_statefulset_status_replicas_ready", "statefulset"),
            _ => {
                let mut matchers = self.pods_of(workload);
                matchers.push(equal("condition", "true"));
                format!("sum({})", self.selector("kube_pod_status_ready", &matchers))
            }
        };
        format!("clamp_min({ready}, 1)")
    }
}

/// What pods use, request and are limited in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Cpu,
    Memory,
}

impl Resource {
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "cpu" => Some(Self::Cpu),
            "memory" => Some(Self::Memory),
            _ => None,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }
}

/// `name="value"`
pub(super) fn equal(name: &str, value: &str) -> String {
    format!("{name}={}", text(value))
}

/// A text as PromQL quotes it.
pub(super) fn text(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for sign in value.chars() {
        match sign {
            '"' | '\\' => quoted.extend(['\\', sign]),
            '\n' => quoted.push_str("\\n"),
            sign => quoted.push(sign),
        }
    }
    quoted.push('"');
    quoted
}

/// A name as Prometheus's clients write it: what it may not hold becomes `_`.
pub(super) fn sanitized(name: &str) -> String {
    let valid = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | ':');
    let name: String = name.chars().map(|sign| if valid(sign) { sign } else { '_' }).collect();
    if name.starts_with(|first: char| first.is_ascii_digit()) { format!("_{name}") } else { name }
}
