//! Any environment: it loads, or everything that is said about it is complete; what loads can be printed.
//!
//! The checks are those of `tests/config/checks/environment.rs`; `cargo test --test config` replays the corpus through them.

#![no_main]

#[path = "../../tests/config/checks/environment.rs"]
mod checks;
#[path = "../../src/config/mod.rs"]
#[allow(dead_code, unused_imports)] // the program uses what the checks do not
mod config;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::check(data));
