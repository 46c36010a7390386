//! Any bytes as WebSocket frames of a client, cut anywhere, against a slow model of the rules.
//!
//! The checks are those of `crates/mqtt-server/tests/http/checks/websocket.rs`; `cargo test -p mqtt-server` replays the corpus through them.

#![no_main]

#[path = "../../crates/mqtt-server/tests/http/checks/websocket.rs"]
mod websocket;

libfuzzer_sys::fuzz_target!(|data: &[u8]| websocket::check(data));
