//! MQTT over QUIC against other people's programs: quinn as a client in this process, and Python's aioquic.

#![allow(clippy::panic, clippy::unwrap_used)] // a test fails by panicking

mod certificates;
mod client;
mod connections;
mod early_data;
mod packets;
mod programs;
mod relay;
mod server;
mod streams;
mod tools;
