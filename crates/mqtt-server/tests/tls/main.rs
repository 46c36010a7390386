//! TLS against programs of others: `openssl s_client`, and rustls as a client, with an echo server behind the acceptor.

#![allow(clippy::panic, clippy::unwrap_used)] // a test fails by panicking

mod certificates;
mod clients;
mod handshakes;
mod replacing;
mod s_client;
mod server;
