//! `deploy/`: what is there for Prometheus, Grafana and the OpenTelemetry collector fits the program.
//!
//! Files are checked by the programs that read them, where those can be had; the dashboard's queries are put to a Prometheus that has scraped a
//! broker with clients. A program that is not installed skips its tests with a loud line, or fails them where `CI` is set.
//!
//! Not here: Grafana and the collector themselves, which no package brings.

#![cfg(test)]

mod broker;
#[path = "../transports/certificates.rs"]
#[allow(dead_code)] // written for more than these tests
mod certificates;
#[path = "../clients/child.rs"]
#[allow(dead_code)] // written for more than these tests
mod child;
mod collector;
mod dashboard;
#[path = "../transports/folder.rs"]
mod folder;
mod live;
#[path = "../transports/program.rs"]
#[allow(dead_code)] // written for more than these tests
mod program;
mod prometheus;
mod rules;
mod selector;
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

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// How long a test waits for something that should happen: far above what a busy machine needs.
const BOUND: std::time::Duration = std::time::Duration::from_secs(60);

/// A file of `deploy/`.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

/// What a file of `deploy/` says.
fn read(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A file of YAML in `deploy/`.
fn yaml(name: &str) -> serde_json::Value {
    let source = config::File::from(file(name)).format(config::FileFormat::Yaml);
    let read = config::Config::builder().add_source(source).build();
    read.and_then(config::Config::try_deserialize).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A program of Prometheus; where it is not there, says so.
fn program_of_prometheus(name: &str) -> Option<PathBuf> {
    let unpacked = tools::tool_folder("LACEWING_TEST_PROMETHEUS", "prometheus").join("usr/bin").join(name);
    let program = if unpacked.is_file() { unpacked } else { name.into() };
    let there = Command::new(&program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        tools::skip(&format!("{name} is not installed (LACEWING_TEST_PROMETHEUS)"));
    }
    there.then_some(program)
}
