//! Metrics in OTLP's form. Made by hand, as OpenTelemetry's library takes no histograms that were gathered elsewhere.

use super::delta::Delta;
use crate::config::telemetry::Temporality;
use mqtt_server::metrics::{Exemplar, Family, Kind, Number, Point};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1 as proto;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, exemplar, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use std::time::{SystemTime, UNIX_EPOCH};

/// Name of the scope that all metrics belong to.
const SCOPE: &str = "mqtt.server";

/// The times of an export, in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Start of the process.
    pub start: u64,
    /// The last export that arrived.
    pub last: u64,
    /// Now.
    pub now: u64,
}

/// A request with everything in `families`; `delta` knows what was sent before.
pub fn request(
    families: &[Family],
    resource: &opentelemetry_sdk::Resource,
    temporality: Temporality,
    delta: &Delta,
    times: Times,
) -> ExportMetricsServiceRequest {
    let attributes = ResourceAttributesWithSchema::from(resource).attributes.0;
    let one = |family: &Family| One { family, temporality, delta, times }.metric();
    let metrics = families.iter().filter(|family| !family.points.is_empty()).map(one).collect();
    let scope = InstrumentationScope {
        name: SCOPE.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let scope_metrics = vec![proto::ScopeMetrics { scope: Some(scope), metrics, schema_url: String::new() }];
    let resource = Some(Resource { attributes, ..Resource::default() });
    let resource_metrics = vec![proto::ResourceMetrics { resource, scope_metrics, schema_url: String::new() }];
    ExportMetricsServiceRequest { resource_metrics }
}

/// One metric under way.
struct One<'a> {
    family: &'a Family,
    temporality: Temporality,
    delta: &'a Delta,
    times: Times,
}

impl One<'_> {
    fn metric(&self) -> proto::Metric {
        let Family { name, kind, unit, description, points } = self.family;
        let temporality = match self.is_delta() {
            true => AggregationTemporality::Delta,
            false => AggregationTemporality::Cumulative,
        };
        let numbers = || points.iter().filter_map(|point| self.number(point)).collect();
        let data = match kind {
            Kind::Gauge => Data::Gauge(proto::Gauge { data_points: numbers() }),
            Kind::Counter | Kind::UpDownCounter => Data::Sum(proto::Sum {
                data_points: numbers(),
                aggregation_temporality: temporality.into(),
                is_monotonic: *kind == Kind::Counter,
            }),
            Kind::Histogram => Data::Histogram(proto::Histogram {
                data_points: points.iter().filter_map(|point| self.histogram(point)).collect(),
                aggregation_temporality: temporality.into(),
            }),
        };
        proto::Metric {
            name: (*name).to_owned(),
            description: (*description).to_owned(),
            unit: (*unit).to_owned(),
            metadata: Vec::new(),
            data: Some(data),
        }
    }

    /// What goes up and down, and what is measured, has no delta.
    fn is_delta(&self) -> bool {
        match self.temporality {
            Temporality::Cumulative => false,
            Temporality::Delta => matches!(self.family.kind, Kind::Counter | Kind::Histogram),
            Temporality::LowMemory => self.family.kind == Kind::Histogram,
        }
    }

    fn start(&self) -> u64 {
        match self.family.kind {
            Kind::Gauge => 0,
            _ if self.is_delta() => self.times.last,
            _ => self.times.start,
        }
    }

    fn number(&self, point: &Point) -> Option<proto::NumberDataPoint> {
        let value = match (&point.value, self.is_delta()) {
            (Number::Whole(number), true) => Number::Whole(self.delta.whole(self.family.name, point, *number)),
            (value, _) => value.clone(),
        };
        let value = match value {
            Number::Whole(number) => number_data_point::Value::AsInt(i64::try_from(number).unwrap_or(i64::MAX)),
            Number::Real(number) => number_data_point::Value::AsDouble(number),
            Number::Distribution(..) => return None,
        };
        Some(proto::NumberDataPoint {
            attributes: attributes(point),
            start_time_unix_nano: self.start(),
            time_unix_nano: self.times.now,
            exemplars: Vec::new(),
            flags: 0,
            value: Some(value),
        })
    }

    fn histogram(&self, point: &Point) -> Option<proto::HistogramDataPoint> {
        let Number::Distribution(buckets, examples) = &point.value else { return None };
        let (counts, sum) = match self.is_delta() {
            true => self.delta.distribution(self.family.name, point, buckets),
            false => (buckets.counts.clone(), buckets.sum),
        };
        // An example is of the interval that it was seen in.
        let since = if self.is_delta() { self.times.last } else { self.times.start };
        let examples = examples.iter().flatten().filter(|example| nanoseconds(example.at) >= since);
        Some(proto::HistogramDataPoint {
            attributes: attributes(point),
            start_time_unix_nano: self.start(),
            time_unix_nano: self.times.now,
            count: counts.iter().sum(),
            sum: Some(sum),
            bucket_counts: counts,
            explicit_bounds: buckets.bounds.clone(),
            exemplars: examples.map(exemplar).collect(),
            flags: 0,
            min: None,
            max: None,
        })
    }
}

fn exemplar(example: &Exemplar) -> proto::Exemplar {
    proto::Exemplar {
        filtered_attributes: Vec::new(),
        time_unix_nano: nanoseconds(example.at),
        span_id: example.span_id.to_be_bytes().to_vec(),
        trace_id: example.trace_id.to_be_bytes().to_vec(),
        value: Some(exemplar::Value::AsDouble(example.value)),
    }
}

fn attributes(point: &Point) -> Vec<KeyValue> {
    let pair = |(name, value): &(&'static str, std::borrow::Cow<'static, str>)| KeyValue {
        key: (*name).to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(value.clone().into_owned())) }),
        ..KeyValue::default()
    };
    point.attributes.iter().map(pair).collect()
}

fn nanoseconds(time: SystemTime) -> u64 {
    u64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mqtt_server::metrics::Buckets;
    use std::time::Duration;

    const TIMES: Times = Times { start: 1_000, last: 5_000, now: 9_000 };

    fn distribution(counts: [u64; 3], sum: f64) -> Family {
        let buckets = Buckets { bounds: vec![0.1, 1.0], counts: counts.to_vec(), sum };
        let at = UNIX_EPOCH + Duration::from_nanos(6_000);
        let example = Exemplar { trace_id: 7, span_id: 8, value: 0.5, at };
        let mut family = Family::new("h", Kind::Histogram, "s", "A distribution.");
        let value = Number::Distribution(buckets, vec![None, Some(example), None]);
        family.points.push(Point { attributes: vec![("mqtt.qos", "1".into())], value });
        family
    }

    fn data(families: &[Family], temporality: Temporality, delta: &Delta) -> Vec<Data> {
        let resource = opentelemetry_sdk::Resource::builder_empty().build();
        let request = request(families, &resource, temporality, delta, TIMES);
        let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
        metrics.iter().map(|metric| metric.data.clone().unwrap()).collect()
    }

    fn counter(value: u64) -> Family {
        Family::new("c", Kind::Counter, "{packet}", "Packets.").with(value)
    }

    fn sum(data: &Data) -> (i64, u64, bool) {
        let Data::Sum(sum) = data else { panic!("{data:?}") };
        let point = &sum.data_points[0];
        let Some(number_data_point::Value::AsInt(value)) = point.value else { panic!("{point:?}") };
        (value, point.start_time_unix_nano, sum.aggregation_temporality == i32::from(AggregationTemporality::Delta))
    }

    #[test]
    fn counters_count_since_the_start_or_since_the_last_export() {
        let mut delta = Delta::default();
        delta.sent(&[counter(10)]);
        assert_eq!(sum(&data(&[counter(15)], Temporality::Cumulative, &delta)[0]), (15, 1_000, false));
        assert_eq!(sum(&data(&[counter(15)], Temporality::Delta, &delta)[0]), (5, 5_000, true));
        assert_eq!(sum(&data(&[counter(15)], Temporality::LowMemory, &delta)[0]), (15, 1_000, false));
    }

    #[test]
    fn what_did_not_arrive_is_in_the_next_delta() {
        let delta = Delta::default(); // nothing was marked as sent
        assert_eq!(sum(&data(&[counter(15)], Temporality::Delta, &delta)[0]).0, 15);
    }

    #[test]
    fn what_goes_up_and_down_has_no_delta() {
        let family = |value: u64| Family::new("u", Kind::UpDownCounter, "{connection}", "Open.").with(value);
        let mut delta = Delta::default();
        delta.sent(&[family(10)]);
        assert_eq!(sum(&data(&[family(3)], Temporality::Delta, &delta)[0]), (3, 1_000, false));
    }

    #[test]
    fn histograms_carry_buckets_and_examples() {
        let mut delta = Delta::default();
        delta.sent(&[distribution([1, 1, 0], 0.6)]);
        for (temporality, counts, total) in
            [(Temporality::Cumulative, [1, 3, 1], 3.6), (Temporality::LowMemory, [0, 2, 1], 3.0)]
        {
            let data = data(&[distribution([1, 3, 1], 3.6)], temporality, &delta);
            let Data::Histogram(histogram) = &data[0] else { panic!("{data:?}") };
            let point = &histogram.data_points[0];
            assert_eq!((&point.bucket_counts[..], point.count), (&counts[..], counts.iter().sum()));
            assert!((point.sum.unwrap() - total).abs() < 1e-9);
            assert_eq!(point.explicit_bounds, [0.1, 1.0]);
            assert_eq!(point.exemplars[0].trace_id, 7u128.to_be_bytes());
            assert_eq!(point.attributes[0].key, "mqtt.qos");
        }
    }
}
