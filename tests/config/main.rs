//! The configuration as a black box: sources in; settings, errors, pages out.

#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

#[path = "../../src/config/mod.rs"]
#[allow(dead_code, unused_imports)] // the program uses what these tests do not
mod config;

mod access;
mod certificates;
mod changes;
mod checks;
mod endpoints;
mod errors;
mod files;
mod layers;
mod limits;
mod net_mqtt;
mod pages;
mod printed;
mod properties;
mod shutdown;
mod sources;
mod telemetry;
mod watch;
