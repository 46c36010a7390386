//! HTTP endpoints from outside: frames, byte streams, handshakes and other people's programs.

#![allow(clippy::panic, clippy::unwrap_used)] // a test fails by panicking

mod frames;
mod handshake;
mod http2;
mod peer;
mod programs;
mod server;
mod stream;
mod tools;
