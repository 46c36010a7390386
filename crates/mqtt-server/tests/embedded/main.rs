//! The server as a library, over real sockets: each bound that it enforces itself, reached with small `Limits` and read from its counter;
//! authenticators of every kind; the end.
//!
//! Each test runs a server of its own on a free port of the loopback. Time is real and short: a timeout under test lasts some hundred
//! milliseconds; everything else waits for events, within [`BOUND`].
//!
//! Not here: what the core decides alone (its scripts), the program, and load.

#![cfg(test)]

mod authenticator;
mod connections;
mod conserving;
mod moving;
mod partial;
mod peer;
mod queues;
mod running;
mod scram;
mod seeing;
mod shutdown;
mod timeouts;
mod web_socket;

/// How long a test waits for something that should happen: far above what a busy machine needs.
const BOUND: std::time::Duration = std::time::Duration::from_secs(30);
