//! The log: its forms, what it says of connections, and what it never says.

use serde_json::Value;

use crate::{
    broker::Broker,
    mqtt::Client,
    packet::{Connect, Version},
    sink::Sink,
};

/// A client whose name would be three lines, and which is closed for a protocol error.
fn nasty(broker: &Broker) {
    let name = format!("a\nERROR forged\u{1b}[2J{}", "x".repeat(400));
    let mut client = Client::connect(broker.address(), &Connect::v5(&name));
    client.send(&[0xF0, 0]);
    client.receive_all();
}

#[test]
fn a_closed_connection_is_one_line_with_all_there_is_to_know() {
    let broker = Broker::start(&[]);
    nasty(&broker);
    let line = broker.says("connection closed");
    assert!(line.contains("WARN connections") && line.contains("peer=127.0.0.1:"), "{line}");
    assert!(line.contains("endpoint=\"mqtt\"") && line.contains("transport=\"tcp\""), "{line}");
    assert!(line.contains("client_id=\"a%0AERROR forged%1B[2J") && line.contains('…'), "{line}");
    assert!(line.contains("by=\"server\"") && line.contains("reason="), "{line}");
    assert!(!line.contains(&"x".repeat(257)) && !line.contains('\u{1b}'), "{line}");
    broker.end();
}

#[test]
fn json_is_one_object_a_line() {
    let broker = Broker::start(&[("MQTT__Log__Format", "json")]);
    nasty(&broker);
    let line: Value = serde_json::from_str(&broker.says("connection closed")).expect("JSON");
    assert_eq!(
        (&line["level"], &line["target"], &line["endpoint"]),
        (&"WARN".into(), &"connections".into(), &"mqtt".into())
    );
    assert!(line["client_id"].as_str().is_some_and(|id| id.starts_with("a%0AERROR")), "{line:#}");
    assert!(line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{line:#}");
    let rest = broker.end();
    assert!(rest.iter().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{rest:#?}");
}

#[test]
fn modules_have_levels_of_their_own() {
    let broker = Broker::start(&[("MQTT__LogLevel", "error"), ("MQTT__Log__Levels__connections", "debug")]);
    let _client = Client::connect(broker.address(), &Connect::v5("seen"));
    let line = broker.says("client connected");
    assert!(line.contains("client_id=\"seen\"") && line.contains("version=5"), "{line}");
    broker.end();
}

#[test]
fn repeated_refusals_are_counted_and_not_written() {
    let broker = Broker::start(&[("MQTT__AllowAnonymous", "false")]);
    for _ in 0..50 {
        let mut client = Client::open(broker.address(), Version::V5);
        client.send(&Connect::v5("nobody").encode());
        client.receive_all();
    }
    let rest = broker.end();
    let lines = rest.iter().filter(|line| line.contains("connection refused")).count();
    assert_eq!(lines, 10, "{rest:#?}");
}

#[test]
fn passwords_are_nowhere_in_the_log() {
    let broker = Broker::start(&[
        ("MQTT__AllowAnonymous", "false"),
        ("MQTT__Users__alice__Password", "right-secret"),
        ("MQTT__LogLevel", "trace"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=header-secret"),
    ]);
    let mut connect = Connect::new(Version::V311, "c").encode();
    // Flags for user name and password; both behind the Client Identifier.
    connect[9] |= 0xC0;
    let more = [&crate::packet::string("alice")[..], &crate::packet::string("wrong-secret")].concat();
    connect[1] += u8::try_from(more.len()).expect("short");
    connect.extend(more);
    let mut client = Client::open(broker.address(), Version::V311);
    client.send(&connect);
    client.receive_all();
    let line = broker.says("connection refused");
    assert!(line.contains("user_name=\"alice\"") && !line.contains("secret"), "{line}");
    let rest = broker.end();
    assert!(!rest.iter().any(|line| line.contains("secret")), "{rest:#?}");
}

#[test]
fn records_for_the_collector_have_the_trace_of_their_connection_and_do_not_breed() {
    let Some(sink) = Sink::start(&[]) else { return };
    let broker = Broker::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.grpc()),
        ("MQTT__LogLevel", "trace"),
        ("MQTT__Log__Levels__h2", "trace"),
        ("MQTT__Log__Levels__hyper", "trace"),
    ]);
    let _client = Client::connect(broker.address(), &Connect::v5("traced"));
    let [mut connect, mut record] = [Value::Null, Value::Null];
    sink.until(|line| {
        assert!(line["target"] != "h2" && line["target"] != "hyper", "{line:#}");
        if line["name"] == "connect" {
            connect = line.clone();
        } else if line["body"] == "client connected" {
            record = line.clone();
        }
        !connect.is_null() && !record.is_null()
    });
    assert_eq!((&record["trace"], &record["span"]), (&connect["trace"], &connect["span"]));
    assert_eq!((&record["attributes"]["client_id"], &record["severity"]), (&"traced".into(), &"DEBUG".into()));
    broker.end();
}

#[test]
fn the_log_can_go_to_standard_error() {
    let broker = Broker::start(&[("MQTT__Log__Target", "stderr")]);
    nasty(&broker);
    assert!(broker.end().is_empty());
}
