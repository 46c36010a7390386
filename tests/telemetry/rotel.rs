//! rotel, a collector that others wrote, takes all three signals.

use std::process::Command;

use serde_json::Value;

use crate::{
    broker::Broker,
    child::Process,
    mqtt::Client,
    packet::{Connect, publish},
    sink::{free_port, has},
    tools,
};

#[test]
fn a_collector_that_others_wrote_takes_everything() {
    if !has(&["rotel"]) {
        return;
    }
    for protocol in ["grpc", "http/protobuf"] {
        let (grpc, http) = (free_port(), free_port());
        let mut command = Command::new(agent());
        command.arg("start");
        command.args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")]);
        command.args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")]);
        command.args(["--exporter", "blackhole", "--debug-log-verbosity", "detailed"]);
        for signal in ["traces", "metrics", "logs"] {
            command.args(["--debug-log", signal]);
        }
        let rotel = Process::spawn(command);
        let port = if protocol == "grpc" { grpc } else { http };
        let broker = Broker::start(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{port}")),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("MQTT__LogLevel", "debug"),
        ]);
        let mut missing = vec!["mqtt.server.packets_received", "messaging.destination.name", "client connected"];
        while !missing.is_empty() {
            // Again and again: what was sent before rotel listened may be lost.
            let mut client = Client::connect(broker.address(), &Connect::v5("publisher"));
            client.send(&publish(client.version(), "a/b", b"hello"));
            client.ping();
            for _ in 0..20 {
                let line = rotel.stdout_line().unwrap_or_else(|| panic!("{:?}", rotel.rest_of_stderr()));
                missing.retain(|text| !line.contains(text));
            }
        }
        broker.end();
    }
}

/// The program inside the Python package.
fn agent() -> String {
    let question =
        "import json, pathlib, rotel; print(json.dumps(str(pathlib.Path(rotel.__file__).parent / 'rotel-agent')))";
    let output = Command::new(tools::python()).args(["-c", question]).output().expect("Python is there");
    let path: Value = serde_json::from_slice(&output.stdout).expect("a path");
    path.as_str().expect("a path").to_owned()
}
