//! Any bytes, arriving one by one: an answer about packet borders stays true when more bytes come.
//!
//! The checks are those of `crates/mqtt-wire/tests/checks/frame.rs`; `cargo test -p mqtt-wire` replays the corpus through them.

#![no_main]

#[path = "../../crates/mqtt-wire/tests/checks/frame.rs"]
mod frame;

libfuzzer_sys::fuzz_target!(|data: &[u8]| frame::check(data));
