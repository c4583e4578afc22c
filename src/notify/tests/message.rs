#![allow(clippy::needless_pass_by_value, reason = "expectations are made where they are checked")]

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::{Expect, expect};

use super::{NOW, alert};
use crate::dispatch::{Alert, Notification, Notified};
use crate::labels::Labels;
use crate::notify::message::Message;
use crate::workload::{ObjectRef, Workload};

pub(super) fn notification(alerts: Vec<Alert>, decisions: Vec<Notified>) -> Notification {
    Notification {
        receiver: Arc::from("oncall"),
        group_key: "{}:{team=\"shop\"}".to_owned(),
        group_labels: Labels::from_pairs([("team", "shop")]).unwrap(),
        at: NOW,
        alerts,
        decisions,
    }
}

pub(super) fn notified() -> Notified {
    Notified {
        id: 7,
        workload: Workload::from(ObjectRef {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: "shop".to_owned(),
            name: "checkout".to_owned(),
        }),
        labels: Labels::from_pairs([("team", "shop"), ("tier", "web")]).unwrap(),
        annotations: BTreeMap::from([("runbook_url".to_owned(), "https://runbooks/checkout".to_owned())]),
        from: 4,
        to: 6,
        reason: "requests 340 / 50 = 7".to_owned(),
        explanation: "shop/checkout 4 -> 6\n  reactive requests 340 / 50 = 7\n".to_owned(),
    }
}

#[track_caller]
fn check(notification: &Notification, alerts_max: usize, want: Expect) {
    let message = Message::new(notification, "http://headroom", alerts_max);
    want.assert_eq(&serde_json::to_string_pretty(&message).unwrap());
}

#[test]
fn a_message_is_alertmanagers_with_decisions_beside_it() {
    let labels = |name| Labels::from_pairs([("alertname", name), ("team", "shop")]).unwrap();
    let firing = Alert { labels: labels("Frozen"), ..alert("x") };
    let resolved = Alert { labels: labels("Hot"), ends_at: NOW, ..alert("x") };
    check(
        &notification(vec![firing, resolved], vec![notified()]),
        0,
        expect![[r#"
        {
          "version": "4",
          "groupKey": "{}:{team=\"shop\"}",
          "truncatedAlerts": 0,
          "status": "firing",
          "receiver": "oncall",
          "groupLabels": {
            "team": "shop"
          },
          "commonLabels": {
            "team": "shop"
          },
          "commonAnnotations": {
            "summary": "x happened"
          },
          "externalURL": "http://headroom",
          "alerts": [
            {
              "status": "firing",
              "labels": {
                "alertname": "Frozen",
                "team": "shop"
              },
              "annotations": {
                "summary": "x happened"
              },
              "startsAt": "2023-11-14T22:13:20.000Z",
              "endsAt": "0001-01-01T00:00:00Z",
              "generatorURL": "http://headroom/query?q=up",
              "fingerprint": "8724ea707ff872f5"
            },
            {
              "status": "resolved",
              "labels": {
                "alertname": "Hot",
                "team": "shop"
              },
              "annotations": {
                "summary": "x happened"
              },
              "startsAt": "2023-11-14T22:13:20.000Z",
              "endsAt": "2023-11-14T22:13:20.000Z",
              "generatorURL": "http://headroom/query?q=up",
              "fingerprint": "63acd3fe9e4ca50c"
            }
          ],
          "decisions": [
            {
              "id": 7,
              "workload": "shop/checkout",
              "labels": {
                "team": "shop",
                "tier": "web"
              },
              "annotations": {
                "runbook_url": "https://runbooks/checkout"
              },
              "from": 4,
              "to": 6,
              "reason": "requests 340 / 50 = 7",
              "explanation": "shop/checkout 4 -> 6\n  reactive requests 340 / 50 = 7\n"
            }
          ]
        }"#]],
    );
}

#[test]
fn what_is_left_out_is_counted_and_the_end_of_all_is_resolved() {
    let resolved = |name| Alert { ends_at: NOW, ..alert(name) };
    check(
        &notification(vec![resolved("a"), resolved("b"), resolved("c")], Vec::new()),
        1,
        expect![[r#"
        {
          "version": "4",
          "groupKey": "{}:{team=\"shop\"}",
          "truncatedAlerts": 2,
          "status": "resolved",
          "receiver": "oncall",
          "groupLabels": {
            "team": "shop"
          },
          "commonLabels": {},
          "commonAnnotations": {},
          "externalURL": "http://headroom",
          "alerts": [
            {
              "status": "resolved",
              "labels": {
                "alertname": "a"
              },
              "annotations": {
                "summary": "a happened"
              },
              "startsAt": "2023-11-14T22:13:20.000Z",
              "endsAt": "2023-11-14T22:13:20.000Z",
              "generatorURL": "http://headroom/query?q=up",
              "fingerprint": "d258efc389808447"
            }
          ],
          "decisions": []
        }"#]],
    );
}
