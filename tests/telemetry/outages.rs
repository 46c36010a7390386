//! Collectors that are not there, do not answer, come back.

use std::{
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

use crate::{
    broker::Broker,
    mqtt::Client,
    packet::{Connect, publish, publish_1},
    sink::{Sink, free_port},
};

/// Publishes, and sees that nobody waits.
fn publish_many(broker: &Broker, number: u16) {
    let mut client = Client::connect(broker.address(), &Connect::v5("publisher"));
    for id in 1..=number {
        client.send(&publish_1(client.version(), "a/b", id, b"hello"));
        assert_eq!(client.expect().first, 0x40, "PUBACK");
    }
}

#[test]
fn a_collector_that_comes_late_is_waited_for_with_one_line_each_way() {
    for protocol in ["grpc", "http/protobuf"] {
        let port = free_port();
        let broker = Broker::start(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{port}")),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ]);
        publish_many(&broker, 200);
        let down = broker.says("takes no");
        assert!(down.contains(&format!("127.0.0.1:{port}")) && down.contains("WARN"), "{down}");
        let which = if protocol == "grpc" { "--grpc" } else { "--http" };
        let Some(sink) = Sink::start(&[which, &port.to_string()]) else { return };
        // The signals come back one after another, with what they have: a span needs a message.
        let failures = sink.next(|line| line["name"] == "mqtt.server.telemetry.export_failures");
        let points = failures["points"].as_array().unwrap();
        assert!(points.iter().any(|point| point["value"].as_i64() > Some(0)), "{failures:#}");
        publish_many(&broker, 1);
        sink.span("publish");
        broker.says("takes everything again");
        let rest = broker.end();
        assert!(!rest.iter().any(|line| line.contains("takes no")), "{rest:#?}");
    }
}

#[test]
fn a_collector_that_never_answers_stops_nobody_and_not_the_end() {
    for protocol in ["grpc", "http/protobuf"] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || std::io::copy(&mut &stream, &mut std::io::sink())); // reads and says nothing
            }
        });
        let broker = Broker::start(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{address}")),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "64"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "32"),
            ("MQTT__Telemetry__FlushTimeout", "1s"),
        ]);
        let begun = Instant::now();
        publish_many(&broker, 5000);
        let took = begun.elapsed();
        broker.says("takes no");
        let begun = Instant::now();
        let rest = broker.end();
        // A second for the flush; the rest is a busy machine.
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert!(took < Duration::from_secs(20), "{took:?}");
        assert!(!rest.iter().any(|line| line.contains("takes no")), "{rest:#?}");
    }
}

#[test]
fn what_finds_no_room_is_dropped_and_counted() {
    let Some(sink) = Sink::start(&[]) else { return };
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let broker = Broker::start(&[
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &nowhere),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &sink.grpc()),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8"),
    ]);
    let mut client = Client::connect(broker.address(), &Connect::v5("publisher"));
    (0..500).for_each(|_| client.send(&publish(client.version(), "a", b"")));
    client.ping();
    let dropped = |line: &serde_json::Value| {
        let of_traces = |point: &&serde_json::Value| point["attributes"]["signal"] == "traces";
        line["points"]
            .as_array()
            .and_then(|points| points.iter().find(of_traces)?["value"].as_i64())
            .unwrap_or_default()
    };
    // A hundred traces a second are allowed, each of one span: most of the first hundred find no room.
    sink.next(|line| line["name"] == "mqtt.server.telemetry.dropped" && dropped(line) > 50);
    broker.end();
}
