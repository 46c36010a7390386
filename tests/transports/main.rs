//! Every way into the program, and its configuration, with real clients: TLS, WebSocket, QUIC, Unix sockets, PROXY protocol, reload.
//!
//! Each test starts its own program on free ports and ends it. Certificates are made by the test. A tool that is not installed skips its tests
//! with a loud line, or fails them where `CI` is set. A test waits for an event, within `BOUND`.
//!
//! Not here: what MQTT means (`tests/clients`), and what clients do wrong (`tests/hostile`).

#![cfg(test)]

#[path = "../clients/child.rs"]
#[allow(dead_code)] // written for more than these tests
mod child;
#[path = "../clients/tools.rs"]
#[allow(dead_code)] // written for more than these tests
mod tools;

mod access;
mod browser;
mod certificates;
mod client_certificates;
mod endpoints;
mod failures;
mod folder;
mod healing;
mod mosquitto;
mod mounted;
mod mqtt;
mod net_mqtt;
mod openssl;
#[allow(dead_code)] // written for more than these tests
mod program;
mod proxy;
mod quic;
mod rotation;
mod script;
mod secrets;
mod silent;
mod unix;
mod web_socket;

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
