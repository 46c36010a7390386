//! Which messages are traced.

use std::fs;

use rustix::process::Signal;

use crate::{
    broker::Broker,
    folder::Folder,
    mqtt::Client,
    packet::{Connect, Version, publish},
    sink::Sink,
    traces::{broker, parent, publish_with},
};

fn publishes(sink: Sink) -> usize {
    sink.all_spans().iter().filter(|span| span["name"] == "publish").count()
}

#[test]
fn flags_of_publishers_do_not_overrun_the_budget() {
    let Some(sink) = Sink::start(&[]) else { return };
    let rules = [("OTEL_TRACES_SAMPLER", "parentbased_always_off"), ("MQTT__Telemetry__Traces__PerSecond", "1")];
    let broker = broker(&sink, &rules);
    let mut publisher = Client::connect(broker.address(), &Connect::v5("publisher"));
    let value = parent("01");
    let begun = std::time::Instant::now();
    for id in 1..=300 {
        publisher.send(&publish_with("a", id, &[("traceparent", &value)]));
        publisher.expect();
    }
    let most = begun.elapsed().as_secs() as usize + 2;
    broker.end();
    let traced = publishes(sink);
    assert!((1..=most).contains(&traced), "{traced} of 300, and {most} are allowed");
}

#[test]
fn what_a_publisher_did_not_record_is_not_traced() {
    let Some(sink) = Sink::start(&[]) else { return };
    let broker = broker(&sink, &[("OTEL_TRACES_SAMPLER", "parentbased_always_on")]);
    let mut publisher = Client::connect(broker.address(), &Connect::v5("publisher"));
    publisher.send(&publish_with("a", 1, &[("traceparent", &parent("00"))]));
    publisher.expect();
    broker.end();
    assert_eq!(publishes(sink), 0);
}

#[test]
fn named_clients_and_topics_are_traced_and_can_be_named_while_it_runs() {
    let Some(sink) = Sink::start(&[]) else { return };
    let folder = Folder::new();
    let file = folder.write("rules.yaml", "Telemetry: {Traces: {Topics: [watched/#]}}\n");
    let broker = Broker::with_file(
        &file,
        &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &sink.grpc()), ("OTEL_TRACES_SAMPLER", "parentbased_always_off")],
    );
    let mut publisher = Client::connect(broker.address(), &Connect::v5("device"));
    publisher.send(&publish(Version::V5, "other", b""));
    publisher.send(&publish(Version::V5, "watched/a", b""));
    publisher.ping();
    assert_eq!(sink.span("publish")["attributes"]["messaging.destination.name"], "watched/a");
    fs::write(&file, "Telemetry: {Traces: {Clients: [device]}}\n").expect("the file can be written");
    broker.signal(Signal::HUP);
    broker.says("configuration loaded again");
    publisher.send(&publish(Version::V5, "anything", b""));
    publisher.ping();
    assert_eq!(sink.span("publish")["attributes"]["messaging.destination.name"], "anything");
    broker.end();
}
