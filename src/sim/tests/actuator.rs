use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use super::*;
use crate::actuate::{Action, Actuator as _, Observation, Outcome, Status};
use crate::workload::ObjectRef;

struct Rig {
    cluster: Arc<Mutex<Cluster>>,
    actuator: SimActuator,
    observations: mpsc::Receiver<Observation>,
}

impl Rig {
    fn new(room: usize) -> Self {
        let cluster = Arc::new(Mutex::new(cluster(2)));
        let (sender, observations) = mpsc::channel(room);
        let actuator = SimActuator::new(Arc::clone(&cluster), sender);
        Self { cluster, actuator, observations }
    }

    fn advance(&self, seconds: u64) {
        self.cluster.lock().unwrap().advance(at(seconds));
        self.actuator.publish();
    }

    fn apply(&self, from: Replicas, to: Replicas) -> Outcome {
        let action = Action { entry: 1, workload: checkout(), from, to, reason: String::new() };
        futures_util::FutureExt::now_or_never(self.actuator.apply(&action)).expect("it does not wait")
    }

    /// What was told since the last time: wanted and ready.
    fn told(&mut self) -> Vec<(Replicas, Replicas)> {
        let mut told = Vec::new();
        while let Ok(observation) = self.observations.try_recv() {
            match observation.status {
                Status::Found { replicas, ready, .. } => told.push((replicas, ready)),
                Status::Unknown(reason) => panic!("{reason}"),
            }
        }
        told
    }
}

#[test]
fn each_change_of_a_watched_workload_is_told_once() {
    let mut rig = Rig::new(16);
    rig.advance(1);
    assert_eq!(rig.told(), [], "nobody watches");
    rig.actuator.watch(&checkout(), None);
    rig.actuator.watch(&checkout(), None);
    assert_eq!(rig.told(), [(2, 2)]);
    assert_eq!(rig.apply(2, 5), Outcome::Done);
    assert_eq!(rig.told(), [(5, 2)]);
    rig.advance(30);
    assert_eq!(rig.told(), []);
    rig.advance(31);
    assert_eq!(rig.told(), [(5, 5)]);
}

#[test]
fn an_action_from_another_count_is_a_conflict_and_changes_nothing() {
    let mut rig = Rig::new(16);
    rig.actuator.watch(&checkout(), None);
    assert_eq!(rig.told(), [(2, 2)]);
    assert_eq!(rig.apply(3, 4), Outcome::Conflict);
    assert_eq!(rig.told(), []);
    assert!(matches!(rig.apply(2, 100_000), Outcome::Refused(_)));
}

#[test]
fn what_a_full_channel_could_not_take_is_told_later() {
    let mut rig = Rig::new(1);
    rig.actuator.watch(&checkout(), None);
    assert_eq!(rig.apply(2, 3), Outcome::Done);
    assert_eq!(rig.told(), [(2, 2)]);
    rig.actuator.publish();
    assert_eq!(rig.told(), [(3, 2)]);
}

#[test]
fn a_workload_that_does_not_exist_is_told_as_unknown() {
    let mut rig = Rig::new(1);
    rig.actuator.watch(&Workload::from(ObjectRef { name: "other".to_owned(), ..ObjectRef::from(checkout()) }), None);
    let observation = rig.observations.try_recv().unwrap();
    assert_eq!(observation.status, Status::Unknown("shop/other does not exist in the simulated cluster".to_owned()));
}
