//! HPA v2, held against what it says of itself and against kube-controller-manager's own.
//!
//! `scenarios` is one table of behavior, load and the counts that follow. `reference` walks it through the pure
//! decision in virtual time, and has the rules for metrics of single pods; `side_by_side` gives the same to a real HPA
//! and to a real `headroom serve`, on one real API server, whose `metrics_api` the test fills; `of_pods` holds metrics of
//! single pods against HPA there. `trouble` watches pods that will not become ready.

mod metrics_api;
mod of_pods;
mod reference;
mod scenarios;
mod side_by_side;
mod trouble;
