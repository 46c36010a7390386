//! Any text as Topic Filter and Topic Name, against a slow model of the rules.
//!
//! The checks are those of `crates/mqtt-wire/tests/checks/topic.rs`; `cargo test -p mqtt-wire` replays the corpus through them.

#![no_main]

#[path = "../../crates/mqtt-wire/tests/checks/topic.rs"]
mod topic;

libfuzzer_sys::fuzz_target!(|data: &[u8]| topic::check(data));
