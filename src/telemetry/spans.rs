//! From records to spans: names, kinds and attributes (OpenTelemetry semantic conventions for messaging).
//!
//! Names hold no topic, as there are too many of them, but templates that the operator configured. `SERVER` is the kind of what answers a client:
//! so backends draw an edge from the publisher to the broker.

use super::random;
use super::record::{Connect, Deliver, Place, Publish, Record, What};
use mqtt_server::Source;
use opentelemetry::trace::{Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Name of the scope that all spans belong to.
const SCOPE: &str = "mqtt.broker";

/// Makes spans.
#[derive(Clone, Debug)]
pub struct Spans(InstrumentationScope);

impl Spans {
    /// Spans of this version of the broker.
    pub fn new() -> Spans {
        Spans(InstrumentationScope::builder(SCOPE).with_version(env!("CARGO_PKG_VERSION")).build())
    }

    /// The spans of a record; `template` knows which topics have names.
    pub fn of(&self, record: Record, template: impl FnOnce(&str) -> Option<String>) -> Vec<SpanData> {
        let Record { place, start, end, client_id, what } = record;
        let mut span = self.empty(&place, start, end);
        let mut attribute = |name: &'static str, value: Value| span.attributes.push(KeyValue::new(name, value));
        attribute("messaging.system", "mqtt".into());
        attribute("network.protocol.name", "mqtt".into());
        attribute("messaging.client.id", String::from(client_id).into());
        let mut more = Vec::new();
        match what {
            What::Publish(publish) => publish_span(&mut span, publish, template),
            What::Deliver(deliver) => deliver_span(&mut span, deliver, template),
            What::Drop { topic, why } => {
                span.span_kind = SpanKind::Producer;
                fail(&mut span, why);
                named(&mut span, "deliver", "send", topic, template);
            }
            What::Connect(connect) => {
                more.extend(self.authentication(&span, &connect, end));
                connect_span(&mut span, connect);
            }
            What::Filters { operation, version, filters, number, reasons, failed } => {
                (span.name, span.span_kind) = (operation.into(), SpanKind::Server);
                span.parent_span_is_remote = span.parent_span_id != SpanId::INVALID;
                let filters = filters.into_iter().map(|filter| StringValue::from(String::from(filter))).collect();
                let reasons = reasons.into_iter().map(i64::from).collect();
                span.attributes.extend([
                    KeyValue::new("messaging.operation.name", operation),
                    KeyValue::new("network.protocol.version", version.name()),
                    KeyValue::new("mqtt.filters.count", number as i64),
                    KeyValue::new("mqtt.filters", Value::Array(Array::String(filters))),
                    KeyValue::new("mqtt.reason_codes", Value::Array(Array::I64(reasons))),
                ]);
                failed.iter().for_each(|reason| fail(&mut span, reason));
            }
        }
        more.push(span);
        more
    }

    fn empty(&self, place: &Place, start: u64, end: u64) -> SpanData {
        let state = place.state.as_deref().and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
        let span_id = if place.span_id == 0 { random::span_id() } else { place.span_id };
        let mut links = SpanLinks::default();
        let link = place.link.map(|(trace, span)| Link::with_context(context(trace, span, TraceState::default())));
        links.links.extend(link);
        SpanData {
            span_context: context(place.trace_id, span_id, state),
            parent_span_id: SpanId::from(place.parent_id),
            parent_span_is_remote: false,
            span_kind: SpanKind::Server,
            name: Cow::Borrowed(""),
            start_time: time(start),
            end_time: time(end.max(start)),
            attributes: Vec::with_capacity(16),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links,
            status: Status::Unset,
            instrumentation_scope: self.0.clone(),
        }
    }

    /// The child of a `connect` span, where the authenticator took any time.
    fn authentication(&self, connect: &SpanData, what: &Connect, end: u64) -> Option<SpanData> {
        let took = u64::try_from(what.authentication.as_nanos()).ok().filter(|took| *took > 0)?;
        let place = Place {
            trace_id: u128::from_be_bytes(connect.span_context.trace_id().to_bytes()),
            parent_id: u64::from_be_bytes(connect.span_context.span_id().to_bytes()),
            ..Place::default()
        };
        let mut span = self.empty(&place, end.saturating_sub(took), end);
        (span.name, span.span_kind) = ("authenticate".into(), SpanKind::Internal);
        Some(span)
    }
}

fn publish_span(span: &mut SpanData, publish: Publish, template: impl FnOnce(&str) -> Option<String>) {
    (span.span_kind, span.parent_span_is_remote) = (SpanKind::Server, span.parent_span_id != SpanId::INVALID);
    let unseen = publish.copies.saturating_sub(u32::from(publish.deliveries));
    span.attributes.extend([
        KeyValue::new("network.protocol.version", publish.version.name()),
        KeyValue::new("messaging.message.body.size", publish.size as i64),
        KeyValue::new("mqtt.qos", publish.qos as i64),
        KeyValue::new("mqtt.retain", publish.retain),
        KeyValue::new("mqtt.dup", publish.dup),
        KeyValue::new("mqtt.matched", i64::from(publish.copies)),
    ]);
    if publish.packet_id != 0 {
        span.attributes.push(KeyValue::new("mqtt.packet.id", i64::from(publish.packet_id)));
    }
    if unseen > 0 {
        span.attributes.push(KeyValue::new("mqtt.deliver.dropped_spans", i64::from(unseen)));
    }
    if publish.reason.is_failure() {
        fail(span, publish.reason.name());
    }
    named(span, "publish", "send", publish.topic, template);
}

fn deliver_span(span: &mut SpanData, deliver: Deliver, template: impl FnOnce(&str) -> Option<String>) {
    span.span_kind = SpanKind::Producer;
    span.attributes.extend([
        KeyValue::new("messaging.message.body.size", deliver.size as i64),
        KeyValue::new("mqtt.qos", deliver.qos as i64),
        KeyValue::new("mqtt.queue.time", deliver.waited.as_secs_f64()),
        KeyValue::new("mqtt.retained", deliver.source == Source::Retained),
    ]);
    if deliver.packet_id != 0 {
        span.attributes.push(KeyValue::new("mqtt.packet.id", i64::from(deliver.packet_id)));
    }
    if let Some(share) = deliver.share {
        span.attributes.push(KeyValue::new("messaging.consumer.group.name", String::from(share)));
    }
    if let Some((packet, reason)) = deliver.acknowledged {
        let attributes = vec![KeyValue::new("mqtt.reason_code", reason as i64)];
        span.events.events.push(Event::new(packet, span.end_time, attributes, 0));
        if reason.is_failure() {
            fail(span, reason.name());
        }
    } else if deliver.awaits != 0 {
        fail(span, "not_acknowledged");
    }
    named(span, "deliver", "send", deliver.topic, template);
}

fn connect_span(span: &mut SpanData, connect: Connect) {
    (span.name, span.span_kind) = ("connect".into(), SpanKind::Server);
    span.attributes.extend([
        KeyValue::new("messaging.operation.name", "connect"),
        KeyValue::new("mqtt.listener", String::from(connect.endpoint)),
        KeyValue::new("mqtt.transport", connect.transport),
        KeyValue::new("network.transport", carried(connect.transport)),
        KeyValue::new("mqtt.session_present", connect.session_present),
        KeyValue::new("mqtt.keep_alive", i64::from(connect.keep_alive)),
    ]);
    span.attributes.extend(connect.version.map(|version| KeyValue::new("network.protocol.version", version.name())));
    if let Some(peer) = connect.peer {
        span.attributes.push(KeyValue::new("network.peer.address", peer.ip().to_string()));
        span.attributes.push(KeyValue::new("network.peer.port", i64::from(peer.port())));
    }
    connect.refused.iter().for_each(|reason| fail(span, reason));
}

/// The name of a span about a topic, and what is said of the topic.
fn named(
    span: &mut SpanData,
    operation: &'static str,
    kind: &'static str,
    topic: Box<str>,
    template: impl FnOnce(&str) -> Option<String>,
) {
    span.name = operation.into();
    if let Some(template) = template(&topic) {
        span.name = format!("{operation} {template}").into();
        span.attributes.push(KeyValue::new("messaging.destination.template", template));
    }
    span.attributes.extend([
        KeyValue::new("messaging.operation.name", operation),
        KeyValue::new("messaging.operation.type", kind),
        KeyValue::new("messaging.destination.name", String::from(topic)),
    ]);
}

fn fail(span: &mut SpanData, reason: &'static str) {
    span.attributes.push(KeyValue::new("error.type", reason));
    span.status = Status::error(reason);
}

/// What is below MQTT, in OpenTelemetry's words.
fn carried(transport: &str) -> &'static str {
    match transport {
        "quic" => "quic",
        "unix" => "unix",
        _ => "tcp",
    }
}

fn context(trace_id: u128, span_id: u64, state: TraceState) -> SpanContext {
    SpanContext::new(TraceId::from(trace_id), SpanId::from(span_id), TraceFlags::SAMPLED, false, state)
}

fn time(nanoseconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanoseconds)
}
