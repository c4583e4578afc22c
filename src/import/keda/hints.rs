//! What to do about triggers that ask a system of their own: the usual exporter has the same number as a series.

use crate::import::fields::Fields;
use crate::import::promql::equal;

/// A trigger whose number an exporter has.
struct Known {
    kind: &'static str,
    exporter: &'static str,
    metric: &'static str,
    /// A label of the series, and the trigger's field that has its value.
    labels: &'static [(&'static str, &'static str)],
    /// The trigger's fields that say how much one replica takes.
    threshold: &'static [&'static str],
}

/// The triggers that are used most.
const KNOWN: [Known; 7] = [
    Known {
        kind: "kafka",
        exporter: "kafka_exporter",
        metric: "kafka_consumergroup_lag",
        labels: &[("consumergroup", "consumerGroup"), ("topic", "topic")],
        threshold: &["lagThreshold"],
    },
    Known {
        kind: "apache-kafka",
        exporter: "kafka_exporter",
        metric: "kafka_consumergroup_lag",
        labels: &[("consumergroup", "consumerGroup"), ("topic", "topic")],
        threshold: &["lagThreshold"],
    },
    Known {
        kind: "rabbitmq",
        exporter: "RabbitMQ's own endpoint /metrics/per-object",
        metric: "rabbitmq_queue_messages",
        labels: &[("queue", "queueName"), ("vhost", "vhostName")],
        threshold: &["value", "queueLength"],
    },
    Known {
        kind: "redis",
        exporter: "redis_exporter with --check-keys",
        metric: "redis_key_size",
        labels: &[("key", "listName")],
        threshold: &["listLength"],
    },
    Known {
        kind: "aws-sqs-queue",
        exporter: "YACE, the exporter for CloudWatch",
        metric: "aws_sqs_approximate_number_of_messages_visible_average",
        labels: &[],
        threshold: &["queueLength"],
    },
    Known {
        kind: "nats-jetstream",
        exporter: "prometheus-nats-exporter",
        metric: "nats_consumer_num_pending",
        labels: &[("consumer_name", "consumer"), ("stream_name", "stream")],
        threshold: &["lagThreshold"],
    },
    Known {
        kind: "azure-servicebus",
        exporter: "azure-metrics-exporter",
        metric: "azurerm_resource_metric",
        labels: &[("name", "queueName")],
        threshold: &["messageCount"],
    },
];

/// Why a trigger is left out and what to do, and what to write into the file as a comment.
pub(super) fn about(kind: &str, metadata: &Fields<'_>) -> (String, Option<String>) {
    let Some(known) = KNOWN.iter().find(|known| known.kind == kind) else {
        let text = format!(
            "trigger \"{kind}\" asks a system that Headroom does not ask; have an exporter turn its number into a \
             series, and add a metric that reads it"
        );
        return (text, None);
    };
    let matchers = known.labels.iter().filter_map(|(label, field)| Some(equal(label, &metadata.text(field)?)));
    let matchers: Vec<String> = matchers.collect();
    let matchers = if matchers.is_empty() { String::new() } else { format!("{{{}}}", matchers.join(",")) };
    let threshold = known.threshold.iter().find_map(|field| metadata.text(field)).unwrap_or_else(|| "…".to_owned());
    let demand = format!("sum({}{matchers})", known.metric);
    let text = format!(
        "trigger \"{kind}\" asks a system that Headroom does not ask; {} has the same number: add a metric with \
         demand {demand} and per_replica {threshold}",
        known.exporter
    );
    let comment =
        format!("Left out: trigger {kind}. With {}: demand: {demand}, per_replica: {threshold}", known.exporter);
    (text, Some(comment))
}
