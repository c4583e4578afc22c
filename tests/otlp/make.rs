//! Metrics, as an SDK would make them.

use headroom::proto::otlp::metric::Data;
use headroom::proto::otlp::number_data_point::Value as Number;
use headroom::proto::otlp::summary_data_point::ValueAtQuantile;
use headroom::proto::otlp::{
    AnyValue, ExponentialHistogram, ExponentialHistogramDataPoint, ExportMetricsServiceRequest, Gauge, Histogram,
    HistogramDataPoint, InstrumentationScope, KeyValue, Metric, NumberDataPoint, Resource, ResourceMetrics,
    ScopeMetrics, Sum, Summary, SummaryDataPoint, any_value, exponential_histogram_data_point::Buckets,
};

pub(super) const DELTA: i32 = 1;
pub(super) const CUMULATIVE: i32 = 2;

pub(super) fn any(value: any_value::Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

pub(super) fn text(value: &str) -> AnyValue {
    any(any_value::Value::StringValue(value.to_owned()))
}

pub(super) fn pair(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value) }
}

pub(super) fn pairs(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    pairs.iter().map(|(key, value)| pair(key, text(value))).collect()
}

pub(super) fn number(at: u64, value: f64, attributes: Vec<KeyValue>) -> NumberDataPoint {
    NumberDataPoint { time_unix_nano: at, value: Some(Number::AsDouble(value)), attributes, ..Default::default() }
}

pub(super) fn whole(at: u64, value: i64, attributes: Vec<KeyValue>) -> NumberDataPoint {
    NumberDataPoint { time_unix_nano: at, value: Some(Number::AsInt(value)), attributes, ..Default::default() }
}

pub(super) fn gauge(points: Vec<NumberDataPoint>) -> Data {
    Data::Gauge(Gauge { data_points: points })
}

pub(super) fn sum(is_monotonic: bool, temporality: i32, points: Vec<NumberDataPoint>) -> Data {
    Data::Sum(Sum { data_points: points, aggregation_temporality: temporality, is_monotonic })
}

pub(super) fn buckets(at: u64, counts: &[u64], bounds: &[f64], attributes: Vec<KeyValue>) -> HistogramDataPoint {
    HistogramDataPoint {
        time_unix_nano: at,
        count: counts.iter().sum(),
        sum: Some(17.25),
        bucket_counts: counts.to_vec(),
        explicit_bounds: bounds.to_vec(),
        attributes,
        ..Default::default()
    }
}

pub(super) fn histogram(temporality: i32, points: Vec<HistogramDataPoint>) -> Data {
    Data::Histogram(Histogram { data_points: points, aggregation_temporality: temporality })
}

pub(super) fn exponential(at: u64, scale: i32, count: u64, attributes: Vec<KeyValue>) -> Data {
    let point = ExponentialHistogramDataPoint {
        time_unix_nano: at,
        scale,
        count,
        sum: Some(9.0),
        zero_count: 1,
        positive: Some(Buckets { offset: -3, bucket_counts: vec![2, 0, 0, 0, 0, 3] }),
        negative: Some(Buckets { offset: 2, bucket_counts: vec![1] }),
        attributes,
        ..Default::default()
    };
    Data::ExponentialHistogram(ExponentialHistogram { data_points: vec![point], aggregation_temporality: CUMULATIVE })
}

pub(super) fn summary(at: u64, quantiles: &[(f64, f64)], attributes: Vec<KeyValue>) -> SummaryDataPoint {
    let quantile_values =
        quantiles.iter().map(|(quantile, value)| ValueAtQuantile { quantile: *quantile, value: *value });
    SummaryDataPoint {
        time_unix_nano: at,
        count: 12,
        sum: 3.5,
        quantile_values: quantile_values.collect(),
        attributes,
        ..Default::default()
    }
}

pub(super) fn summaries(points: Vec<SummaryDataPoint>) -> Data {
    Data::Summary(Summary { data_points: points })
}

pub(super) fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric {
        name: name.to_owned(),
        description: format!("What {name} measures."),
        unit: unit.to_owned(),
        data: Some(data),
        metadata: Vec::new(),
    }
}

/// What one resource sends in one scope.
pub(super) fn request(resource: Vec<KeyValue>, metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let scope = InstrumentationScope {
        name: "checkout.lib".to_owned(),
        version: "0.3".to_owned(),
        attributes: pairs(&[("build.kind", "nightly"), ("_odd", "1")]),
        dropped_attributes_count: 0,
    };
    let schema_url = "https://opentelemetry.io/schemas/1.27.0".to_owned();
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource { attributes: resource, dropped_attributes_count: 0 }),
            scope_metrics: vec![ScopeMetrics { scope: Some(scope), metrics, schema_url }],
            schema_url: String::new(),
        }],
    }
}
