mod actuator;
mod cluster;
mod sender;
mod trace;
mod twin;

use std::time::Duration;

use super::*;
use crate::time::Timestamp;
use crate::workload::{ObjectRef, Replicas, Workload};

fn checkout() -> Workload {
    Workload::from(ObjectRef {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: "shop".to_owned(),
        name: "checkout".to_owned(),
    })
}

/// Pods that serve 10 requests a second, are ready after 30 s and gone after 20 s.
fn spec(replicas: Replicas) -> Spec {
    Spec {
        workload: checkout(),
        replicas,
        capacity: 10.0,
        startup: Duration::from_secs(30),
        grace: Duration::from_secs(20),
    }
}

fn cluster(replicas: Replicas) -> Cluster {
    Cluster::new(at(0), [spec(replicas)])
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::default() + Duration::from_secs(seconds)
}
