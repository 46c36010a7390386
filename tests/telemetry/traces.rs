//! Spans of messages and connections, and what receivers see of them.

use serde_json::Value;

use crate::{
    broker::Broker,
    mqtt::{Client, Packet},
    packet::{Connect, Version, packet, puback, publish, publish_1, string},
    sink::Sink,
};

pub const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
pub const PARENT: &str = "b7ad6b7169203331";

/// A PUBLISH of QoS 1 with user properties.
pub fn publish_with(topic: &str, id: u16, properties: &[(&str, &str)]) -> Vec<u8> {
    let pairs = properties.iter().flat_map(|(name, value)| [&[0x26][..], &string(name), &string(value)].concat());
    let pairs: Vec<u8> = pairs.collect();
    let mut body = [&string(topic)[..], &id.to_be_bytes()].concat();
    body.extend_from_slice(&crate::packet::header(0, pairs.len())[1..]);
    body.extend(pairs);
    body.extend_from_slice(b"hello");
    packet(0x32, &body)
}

/// A `traceparent` of ours.
pub fn parent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

/// The user properties of a PUBLISH, in order.
fn user_properties(packet: &Packet) -> Vec<(String, String)> {
    let text = |bytes: &mut &[u8]| {
        let length = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
        let text = String::from_utf8(bytes[2..2 + length].to_vec()).expect("UTF-8");
        *bytes = &bytes[2 + length..];
        text
    };
    let mut rest = &packet.body[..];
    text(&mut rest);
    rest = if packet.first & 0x06 > 0 { &rest[2..] } else { rest };
    let (mut length, digits) = (0, rest.iter().take_while(|byte| **byte >= 0x80).count() + 1);
    for digit in rest[..digits].iter().rev() {
        length = length << 7 | usize::from(digit & 0x7f);
    }
    rest = &rest[digits..digits + length];
    let mut found = Vec::new();
    while let Some((0x26, after)) = rest.split_first() {
        rest = after;
        found.push((text(&mut rest), text(&mut rest)));
    }
    assert!(rest.is_empty(), "properties of other kinds");
    found
}

/// Starts a broker whose rules are `variables`.
pub fn broker(sink: &Sink, variables: &[(&str, &str)]) -> Broker {
    let endpoint = sink.grpc();
    let common = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint.as_str())];
    Broker::start(&[&common[..], variables].concat())
}

/// Nothing begins a trace by itself.
const FOLLOW: (&str, &str) = ("OTEL_TRACES_SAMPLER", "parentbased_always_off");

#[test]
fn a_publish_and_its_deliveries_are_one_trace_with_the_publisher() {
    let Some(sink) = Sink::start(&[]) else { return };
    let broker = broker(&sink, &[FOLLOW, ("MQTT__Telemetry__Traces__Templates", "sensors/+/temperature")]);
    let mut subscriber = Client::connect(broker.address(), &Connect::v5("subscriber"));
    subscriber.subscribe("sensors/#", 1);
    let mut publisher = Client::connect(broker.address(), &Connect::v5("publisher"));
    let properties = [("traceparent", parent("01")), ("tracestate", "v=1".to_owned())];
    let properties = properties.each_ref().map(|(name, value)| (*name, value.as_str()));
    publisher.send(&publish_with("sensors/7/temperature", 9, &properties));
    publisher.expect();
    subscriber.message();
    let names = ["publish sensors/+/temperature", "deliver sensors/+/temperature"];
    let [publish, deliver] = sink.spans(names);
    assert_eq!(
        (&publish["trace"], &publish["parent"], &publish["state"]),
        (&TRACE.into(), &PARENT.into(), &"v=1".into())
    );
    assert_eq!((&deliver["trace"], &deliver["parent"]), (&TRACE.into(), &publish["span"]));
    let expected = serde_json::json!({
        "messaging.system": "mqtt", "network.protocol.name": "mqtt", "network.protocol.version": "5.0",
        "messaging.client.id": "publisher", "messaging.operation.name": "publish", "messaging.operation.type": "send",
        "messaging.destination.name": "sensors/7/temperature", "messaging.destination.template": "sensors/+/temperature",
        "messaging.message.body.size": 5, "mqtt.qos": 1, "mqtt.retain": false, "mqtt.dup": false, "mqtt.matched": 1,
        "mqtt.packet.id": 9,
    });
    assert_eq!(publish["attributes"], expected);
    assert_eq!((&publish["kind"], &deliver["kind"], &publish["scope"]), (&2.into(), &4.into(), &"mqtt.broker".into()));
    assert_eq!(deliver["attributes"]["messaging.client.id"], "subscriber");
    assert_eq!((&deliver["events"], &deliver["status"]), (&serde_json::json!(["puback"]), &0.into()));
    assert!(deliver["took"].as_i64() > Some(0) && deliver["start"].as_u64() >= publish["start"].as_u64());
    broker.end();
}

#[test]
fn an_old_publisher_begins_a_trace_in_the_broker() {
    let Some(sink) = Sink::start(&[]) else { return };
    let broker = broker(&sink, &[("OTEL_TRACES_SAMPLER", "always_on")]);
    let mut publisher = Client::connect(broker.address(), &Connect::new(Version::V311, "old"));
    let connect = sink.span("connect");
    assert_eq!(
        (&connect["attributes"]["mqtt.listener"], &connect["attributes"]["messaging.client.id"]),
        (&"mqtt".into(), &"old".into())
    );
    publisher.send(&publish(Version::V311, "$SYS/forged", b""));
    publisher.send(&publish(Version::V311, "a/b", b"hello"));
    publisher.ping();
    let span = sink.span("publish");
    assert_eq!((&span["parent"], &span["attributes"]["network.protocol.version"]), (&"".into(), &"3.1.1".into()));
    assert_eq!(span["attributes"]["messaging.destination.name"], "a/b", "not the one before");
    assert_ne!(span["trace"], connect["trace"]);
    broker.end();
}

#[test]
fn subscriptions_have_spans() {
    let Some(sink) = Sink::start(&[]) else { return };
    let broker = broker(&sink, &[("OTEL_TRACES_SAMPLER", "always_on")]);
    let mut client = Client::connect(broker.address(), &Connect::v5("client"));
    client.subscribe("a/#", 1);
    client.send(&crate::packet::unsubscribe(Version::V5, "a/#"));
    client.expect();
    let [_, subscribe, unsubscribe] = sink.spans(["connect", "subscribe", "unsubscribe"]);
    assert_eq!(subscribe["attributes"]["mqtt.filters"], serde_json::json!(["a/#"]));
    assert_eq!(subscribe["attributes"]["mqtt.reason_codes"], serde_json::json!([1]));
    assert_eq!(unsubscribe["attributes"]["mqtt.reason_codes"], serde_json::json!([0]));
    broker.end();
}

#[test]
fn a_retained_message_begins_a_trace_of_its_own_with_a_link() {
    let Some(sink) = Sink::start(&[]) else { return };
    let broker = broker(&sink, &[FOLLOW]);
    let mut publisher = Client::connect(broker.address(), &Connect::v5("publisher"));
    let value = parent("01");
    let mut retained = publish_with("kept", 1, &[("traceparent", &value)]);
    retained[0] |= 1;
    publisher.send(&retained);
    publisher.expect();
    let publish = sink.span("publish");
    let mut subscriber = Client::connect(broker.address(), &Connect::v5("subscriber"));
    subscriber.subscribe("kept", 0);
    assert_eq!(subscriber.message(), b"hello");
    let deliver = sink.span("deliver");
    assert_ne!(deliver["trace"], TRACE);
    assert_eq!(deliver["parent"], "");
    assert_eq!(deliver["links"], serde_json::json!([{ "trace": TRACE, "span": publish["span"] }]));
    assert_eq!(deliver["attributes"]["mqtt.retained"], true);
    broker.end();
}

#[test]
fn a_fan_out_has_so_many_spans_and_the_rest_is_a_number() {
    let Some(sink) = Sink::start(&[]) else { return };
    let broker = broker(&sink, &[FOLLOW, ("MQTT__Telemetry__Traces__Deliveries", "3")]);
    let mut subscribers: Vec<Client> = (0..10)
        .map(|at| {
            let mut subscriber = Client::connect(broker.address(), &Connect::v5(&format!("subscriber-{at}")));
            subscriber.subscribe("wide", 0);
            subscriber
        })
        .collect();
    let mut publisher = Client::connect(broker.address(), &Connect::v5("publisher"));
    publisher.send(&publish_with("wide", 1, &[("traceparent", &parent("01"))]));
    publisher.expect();
    subscribers.iter_mut().for_each(|subscriber| drop(subscriber.message()));
    broker.end();
    let spans = sink.all_spans();
    let named = |name: &str| spans.iter().filter(|span| span["name"] == name).collect::<Vec<&Value>>();
    assert_eq!(named("deliver").len(), 3);
    let attributes = &named("publish")[0]["attributes"];
    assert_eq!((&attributes["mqtt.matched"], &attributes["mqtt.deliver.dropped_spans"]), (&10.into(), &7.into()));
}

#[test]
fn a_delivery_without_acknowledgement_ends_with_the_broker() {
    let Some(sink) = Sink::start(&[]) else { return };
    let broker = broker(&sink, &[FOLLOW]);
    let mut subscriber = Client::connect(broker.address(), &Connect::v5("mute"));
    subscriber.subscribe("a", 1);
    let mut publisher = Client::connect(broker.address(), &Connect::v5("publisher"));
    publisher.send(&publish_with("a", 1, &[("traceparent", &parent("01"))]));
    subscriber.expect();
    broker.end();
    // Beside the one that tells why the session's copy was dropped.
    let deliver = sink.next(|line| line["attributes"]["error.type"] == "not_acknowledged");
    assert_eq!((&deliver["name"], &deliver["status"]), (&"deliver".into(), &2.into()));
}

/// What a subscriber sees of a message with these properties, and the span of its publish.
fn seen(
    variables: &[(&str, &str)],
    topic: &str,
    properties: &[(&str, &str)],
) -> Option<(Vec<(String, String)>, Value)> {
    let sink = Sink::start(&[])?;
    let broker = broker(&sink, &[&[("OTEL_TRACES_SAMPLER", "parentbased_always_on")], variables].concat());
    let mut subscriber = Client::connect(broker.address(), &Connect::v5("subscriber"));
    subscriber.subscribe("#", 0);
    let mut publisher = Client::connect(broker.address(), &Connect::v5("publisher"));
    publisher.send(&publish_with(topic, 1, properties));
    let seen = user_properties(&subscriber.expect());
    let span = sink.span("publish");
    broker.end();
    Some((seen, span))
}

fn own(span: &Value) -> String {
    format!("00-{}-{}-01", span["trace"].as_str().unwrap(), span["span"].as_str().unwrap())
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn by_default_receivers_see_what_the_publisher_sent() {
    let value = parent("01");
    let sent = [("a", "1"), ("traceparent", value.as_str()), ("a", "2")];
    let Some((got, _)) = seen(&[], "t", &sent) else { return };
    assert_eq!(got, pairs(&sent));
    let Some((got, _)) = seen(&[], "t", &[("a", "1")]) else { return };
    assert_eq!(got, pairs(&[("a", "1")]));
}

#[test]
fn context_is_added_behind_everything_where_there_is_none() {
    let inject = [("MQTT__Telemetry__Traces__Propagation", "InjectIfMissing")];
    let Some((got, span)) = seen(&inject, "t", &[("a", "1"), ("b", "2")]) else { return };
    assert_eq!(got, pairs(&[("a", "1"), ("b", "2"), ("traceparent", &own(&span))]));
    let value = parent("01");
    let Some((got, _)) = seen(&inject, "t", &[("traceparent", &value)]) else { return };
    assert_eq!(got, pairs(&[("traceparent", &value)]));
}

#[test]
fn context_is_replaced_on_the_topics_that_are_named_alone() {
    let rewrite =
        [("MQTT__Telemetry__Traces__Propagation", "Rewrite"), ("MQTT__Telemetry__Traces__RewriteTopics", "mine/#")];
    let value = parent("01");
    let sent = [("traceparent", value.as_str()), ("a", "1")];
    let Some((got, span)) = seen(&rewrite, "mine/t", &sent) else { return };
    assert_eq!(span["parent"], PARENT);
    assert_eq!(got, pairs(&[("a", "1"), ("traceparent", &own(&span))]));
    let Some((got, _)) = seen(&rewrite, "other/t", &sent) else { return };
    assert_eq!(got, pairs(&sent));
}

#[test]
fn numbers_carry_examples_of_traces() {
    let Some(sink) = Sink::start(&[]) else { return };
    let broker = Broker::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.grpc()), FOLLOW]);
    let mut publisher = Client::connect(broker.address(), &Connect::v5("publisher"));
    publisher.send(&publish_with("a", 1, &[("traceparent", &parent("01"))]));
    publisher.expect();
    let carries = |line: &Value| line["points"].as_array().is_some_and(|points| points[0]["exemplars"][0] == TRACE);
    sink.next(|line| line["name"] == "mqtt.server.publish.duration" && carries(line));
    broker.end();
}

#[test]
fn a_late_acknowledgement_is_no_surprise() {
    let Some(sink) = Sink::start(&[]) else { return };
    let broker = broker(&sink, &[FOLLOW]);
    let mut subscriber = Client::connect(broker.address(), &Connect::v5("subscriber"));
    subscriber.subscribe("a", 1);
    let mut publisher = Client::connect(broker.address(), &Connect::v5("publisher"));
    publisher.send(&publish_1(Version::V5, "a", 1, b"not traced"));
    publisher.expect();
    subscriber.message();
    publisher.send(&publish_with("a", 2, &[("traceparent", &parent("01"))]));
    let packet = subscriber.expect();
    let (id, _) = packet.published(Version::V5);
    subscriber.send(&puback(id.expect("QoS 1")));
    subscriber.ping();
    let [_, deliver] = sink.spans(["publish", "deliver"]);
    assert_eq!(deliver["attributes"]["mqtt.packet.id"], id.unwrap());
    broker.end();
}

#[test]
fn a_reload_is_a_span_and_what_the_log_says_meanwhile_is_in_it() {
    let Some(sink) = Sink::start(&[]) else { return };
    let endpoint = sink.grpc();
    let broker = Broker::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), FOLLOW]);
    broker.signal(rustix::process::Signal::HUP);
    broker.says("configuration loaded again");
    let (mut span, mut record) = (Value::Null, Value::Null);
    sink.until(|line| {
        let text = line["body"].as_str().unwrap_or_default();
        if line["signal"] == "traces" && line["name"] == "reload" {
            span = line.clone();
        } else if line["signal"] == "logs" && text.contains("configuration loaded again") {
            record = line.clone();
        }
        !span.is_null() && !record.is_null()
    });
    assert_eq!(record["trace"], span["trace"], "{record} {span}");
    assert_eq!(span["scope"], "lacewing");
    broker.end();
}
