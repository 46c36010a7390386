//! Real clients against the real binary: mosquitto_pub/mosquitto_sub, paho (Python), MQTT.js (node) and rumqttc.
//!
//! What every client must see is written once, in `scenarios`, and run for each client and each protocol version it
//! speaks; `mixed` crosses the clients, `v5` holds what only MQTT 5.0 has, `process` is about the program itself.
//!
//! Each test starts its own broker on a free port. `LACEWING_TEST_BROKER=host:port` runs the client tests against a
//! broker that already runs; the process tests are then skipped. A client that is not installed skips its tests with a
//! loud line, or fails them where `CI` is set. Nothing here waits a fixed time: a test waits for an event, within `BOUND`.
//!
//! Not here: load, TLS and WebSocket, and half-open connections.

#![cfg(test)]

mod broker;
mod child;
mod client;
mod mixed;
mod mosquitto;
mod mqttjs;
mod paho;
mod process;
mod puppet;
mod raw;
mod rumqttc;
mod scenarios;
mod tools;
mod v5;

/// How long a test waits for something that should happen: far above what a busy machine needs.
const BOUND: std::time::Duration = std::time::Duration::from_secs(30);
