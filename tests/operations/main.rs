//! How the program is run: probes, metrics, drain, systemd, `lacewing healthcheck`.
//!
//! Each test starts its own program on free ports and ends it. A tool that is not installed skips its tests with a loud line, or fails them
//! where `CI` is set. A test waits for an event, within `BOUND`.

#![cfg(test)]

mod admin;
#[path = "../transports/certificates.rs"]
#[allow(dead_code)] // written for more than these tests
mod certificates;
#[path = "../clients/child.rs"]
#[allow(dead_code)] // written for more than these tests
mod child;
mod drain;
#[path = "../transports/folder.rs"]
mod folder;
mod healthcheck;
mod http;
#[path = "../transports/mqtt.rs"]
#[allow(dead_code)] // written for more than these tests
mod mqtt;
mod probes;
#[path = "../transports/program.rs"]
#[allow(dead_code)] // written for more than these tests
mod program;
mod scrape;
#[path = "../transports/script.rs"]
#[allow(dead_code)] // written for more than these tests
mod script;
mod sys;
mod systemd;
#[path = "../clients/tools.rs"]
#[allow(dead_code)] // written for more than these tests
mod tools;

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

/// Waits for what is to become true without being told.
#[track_caller]
fn until(mut holds: impl FnMut() -> bool, what: &str) {
    let end = std::time::Instant::now() + BOUND;
    while !holds() {
        assert!(std::time::Instant::now() < end, "{what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
