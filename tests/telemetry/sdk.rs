//! A publisher and a subscriber with OpenTelemetry's SDK, of another language: one trace from end to end.

use std::process::Command;

use serde_json::Value;

use crate::{
    child::Process,
    sink::{Sink, has, script},
    tools,
    traces::broker,
};

/// The carrier that the subscriber got, and the spans `send` and `process`.
fn traced(port: u16) -> [Value; 3] {
    let mut command = Command::new(tools::python());
    command.arg(script("traced.py")).arg(port.to_string());
    let mut process = Process::spawn(command);
    let lines = process.rest_of_stdout();
    assert!(process.exit().success(), "{:?}", process.rest_of_stderr());
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let named = |name: &str| lines.iter().find(|line| line["name"] == name).expect("both spans").clone();
    [lines[0]["carrier"].clone(), named("send"), named("process")]
}

#[test]
fn publisher_broker_and_subscriber_are_one_trace() {
    if !has(&["opentelemetry.sdk", "paho.mqtt.client"]) {
        return;
    }
    let Some(sink) = Sink::start(&[]) else { return };
    let rewrite =
        [("MQTT__Telemetry__Traces__Propagation", "Rewrite"), ("MQTT__Telemetry__Traces__RewriteTopics", "traced/#")];
    for (rules, rewritten) in [(&[][..], false), (&rewrite[..], true)] {
        let follow = [("OTEL_TRACES_SAMPLER", "parentbased_always_off")];
        let broker = broker(&sink, &[&follow[..], rules].concat());
        let [carrier, send, process] = traced(broker.address().port());
        let [publish, deliver] = sink.spans(["publish", "deliver"]);
        for span in [&publish, &deliver, &process] {
            assert_eq!(span["trace"], send["trace"], "{span:#}");
        }
        assert_eq!((&publish["parent"], &deliver["parent"]), (&send["span"], &publish["span"]));
        // By default the subscriber is a sibling of the broker, below the publisher; with the broker's own context it is its child.
        let expected = if rewritten { &publish["span"] } else { &send["span"] };
        assert_eq!(process["parent"], *expected);
        assert_eq!(carrier["before"], "1");
        broker.end();
    }
}
