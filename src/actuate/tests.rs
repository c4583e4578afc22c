use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;

use super::*;
use crate::workload::{ObjectRef, Replicas};

fn workload(name: &str) -> Workload {
    Workload::from(ObjectRef {
        api_version: String::new(),
        kind: "Deployment".to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
    })
}

fn action(name: &str, from: Replicas, to: Replicas) -> Action {
    Action { entry: 1, workload: workload(name), from, to, reason: "reactive".to_owned() }
}

/// The next observation in one line, or `silence`.
async fn next(observations: &mut mpsc::Receiver<Observation>) -> String {
    match tokio::time::timeout(Duration::from_millis(100), observations.recv()).await {
        Ok(Some(Observation { workload, status: Status::Found { replicas, ready, .. }, .. })) => {
            format!("{workload} {ready}/{replicas}")
        }
        Ok(other) => format!("{other:?}"),
        Err(_) => "silence".to_owned(),
    }
}

#[tokio::test]
async fn alone_a_workload_starts_where_its_policy_says_and_follows_every_action() {
    let (send, mut observations) = mpsc::channel(1);
    let dry_run = DryRun::alone(|_| 2, send);

    dry_run.watch(&workload("web"), None);
    assert_eq!(next(&mut observations).await, "shop/web 2/2");
    assert_eq!(dry_run.apply(&action("web", 2, 6)).await, Outcome::Simulated);
    assert_eq!(next(&mut observations).await, "shop/web 6/6");
}

#[tokio::test]
async fn alone_watching_again_changes_nothing() {
    let (send, mut observations) = mpsc::channel(1);
    let dry_run = DryRun::alone(|_| 2, send);

    dry_run.watch(&workload("web"), None);
    next(&mut observations).await;
    dry_run.apply(&action("web", 2, 6)).await;
    next(&mut observations).await;
    dry_run.watch(&workload("web"), None);
    assert_eq!(next(&mut observations).await, "silence");
}

#[tokio::test]
async fn alone_what_is_forgotten_is_told_again_when_somebody_asks_again() {
    let (send, mut observations) = mpsc::channel(1);
    let dry_run = DryRun::alone(|_| 2, send);

    dry_run.watch(&workload("web"), None);
    assert_eq!(next(&mut observations).await, "shop/web 2/2");
    dry_run.forget(&workload("web"));
    dry_run.watch(&workload("web"), None);
    assert_eq!(next(&mut observations).await, "shop/web 2/2");
}

#[tokio::test]
async fn alone_a_slow_receiver_gets_the_newest_count_of_every_workload() {
    let (send, mut observations) = mpsc::channel(1);
    let dry_run = DryRun::alone(|_| 1, send);

    for name in ["a", "b", "c"] {
        dry_run.watch(&workload(name), None);
    }
    for to in 2..=9 {
        dry_run.apply(&action("c", to - 1, to)).await;
    }
    let mut told = BTreeSet::new();
    for _ in 0..3 {
        told.insert(next(&mut observations).await);
    }
    assert_eq!(told, BTreeSet::from(["shop/a 1/1", "shop/b 1/1", "shop/c 9/9"].map(str::to_owned)));
    assert_eq!(next(&mut observations).await, "silence");
}

#[tokio::test]
async fn over_a_cluster_it_watches_and_never_applies() {
    struct Cluster(Arc<Mutex<Vec<String>>>);
    impl Actuator for Cluster {
        fn watch(&self, workload: &Workload, _context: Option<&str>) {
            self.0.lock().unwrap().push(workload.to_string());
        }
        fn forget(&self, workload: &Workload) {
            self.0.lock().unwrap().push(format!("not {workload}"));
        }
        fn apply<'a>(&'a self, _: &'a Action) -> Applying<'a> {
            panic!("a dry run scales nothing");
        }
    }
    let watched = Arc::new(Mutex::new(Vec::new()));
    let dry_run = DryRun::over(Arc::new(Cluster(Arc::clone(&watched))));

    dry_run.watch(&workload("web"), None);
    assert_eq!(dry_run.apply(&action("web", 2, 6)).await, Outcome::Simulated);
    dry_run.forget(&workload("web"));
    assert_eq!(*watched.lock().unwrap(), ["shop/web", "not shop/web"]);
}

/// Writes down what it is asked for.
#[derive(Default)]
struct Asked(Mutex<Vec<String>>);

impl Actuator for Asked {
    fn watch(&self, workload: &Workload, context: Option<&str>) {
        self.0.lock().unwrap().push(format!("watch {workload} {}", context.unwrap_or("-")));
    }

    fn forget(&self, workload: &Workload) {
        self.0.lock().unwrap().push(format!("forget {workload}"));
    }

    fn apply<'a>(&'a self, action: &'a Action) -> Applying<'a> {
        self.0.lock().unwrap().push(format!("apply {}", action.workload));
        Box::pin(std::future::ready(Outcome::Done))
    }
}

#[tokio::test]
async fn a_workload_is_in_the_context_that_its_receiver_names() {
    let (here, eu) = (Arc::new(Asked::default()), Arc::new(Asked::default()));
    let named = BTreeMap::from([("eu".to_owned(), Arc::clone(&eu) as Arc<dyn Actuator>)]);
    let contexts = Contexts::new(Arc::clone(&here) as Arc<dyn Actuator>, named);
    contexts.watch(&workload("web"), None);
    contexts.watch(&workload("db"), Some("eu"));
    assert_eq!(contexts.apply(&action("db", 1, 2)).await, Outcome::Done);
    // Other routes: it moves.
    contexts.watch(&workload("db"), None);
    assert_eq!(contexts.apply(&action("db", 1, 2)).await, Outcome::Done);
    contexts.watch(&workload("web"), Some("us"));
    assert!(matches!(contexts.apply(&action("web", 1, 2)).await, Outcome::Refused(_)));
    contexts.forget(&workload("db"));
    let (here, eu) = (here.0.lock().unwrap().clone(), eu.0.lock().unwrap().clone());
    assert_eq!(eu, ["watch shop/db eu", "apply shop/db", "forget shop/db"]);
    assert_eq!(here, ["watch shop/web -", "watch shop/db -", "apply shop/db", "forget shop/web", "forget shop/db"]);
}
