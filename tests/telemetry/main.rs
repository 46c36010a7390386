//! Telemetry of the real program, seen by a collector: over gRPC and HTTP, with TLS, through outages; what is traced and what is not; the log.
//!
//! Collectors are `scripts/sink.py` and rotel; a publisher and a subscriber with OpenTelemetry's Python SDK are in `scripts/traced.py`. A tool that
//! is not installed skips its tests with a loud line, or fails them where `CI` is set. A test waits for an event, within `BOUND`.

#![cfg(test)]

#[path = "../transports/certificates.rs"]
#[allow(dead_code)] // written for more than these tests
mod certificates;
#[path = "../clients/child.rs"]
#[allow(dead_code)] // written for more than these tests
mod child;
#[path = "../transports/folder.rs"]
#[allow(dead_code)] // written for more than these tests
mod folder;
#[path = "../hostile/client.rs"]
#[allow(dead_code)] // written for more than these tests
mod mqtt;
#[path = "../hostile/packet.rs"]
#[allow(dead_code)] // written for more than these tests
mod packet;
#[path = "../clients/tools.rs"]
#[allow(dead_code)] // written for more than these tests
mod tools;

mod broker;
mod exports;
mod log;
mod outages;
mod rotel;
mod sampling;
mod sdk;
mod sink;
mod traces;

/// Clients that `tools` knows.
#[allow(dead_code)] // written for more than these tests
mod client {
    /// A client implementation.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub enum Kind {
        /// mosquitto_sub and mosquitto_pub.
        Mosquitto,
        /// paho-mqtt, Python.
        Paho,
        /// MQTT.js, node.
        MqttJs,
        /// rumqttc, Rust.
        Rumqttc,
    }
}

/// How long a test waits for something that should happen: far above what a busy machine needs.
const BOUND: std::time::Duration = std::time::Duration::from_secs(30);
