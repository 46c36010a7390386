//! Any bytes as packets of any version from either side: no panic, and what is read is written so that it reads the same.
//!
//! The checks are those of `crates/mqtt-wire/tests/checks/decode.rs`; `cargo test -p mqtt-wire` replays the corpus through them.

#![no_main]

#[path = "../../crates/mqtt-wire/tests/checks/decode.rs"]
mod decode;

libfuzzer_sys::fuzz_target!(|data: &[u8]| decode::check(data));
