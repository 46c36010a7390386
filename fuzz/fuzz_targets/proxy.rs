//! Any bytes as the PROXY header of a connection, against a slow model of the rules.
//!
//! The checks are those of `crates/mqtt-server/tests/checks/proxy.rs`; `cargo test -p mqtt-server` replays the corpus through them.

#![no_main]

#[path = "../../crates/mqtt-server/tests/checks/proxy.rs"]
mod proxy;

libfuzzer_sys::fuzz_target!(|data: &[u8]| proxy::check(data));
