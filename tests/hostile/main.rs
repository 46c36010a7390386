//! Hostile and odd peers against the real binary, over raw sockets.
//!
//! Each test starts its own broker on a free port of the loopback, does its worst, and ends with [`broker::Broker::end`]: the process is
//! alive, serves a new client, exits with 0 and has written nothing but its start line. Memory is what the kernel says of the process.
//!
//! A test waits for events, within [`BOUND`]; real time passes only where it is the matter: the connect timeout and Keep Alive.
//!
//! Not here: what well-behaved clients see (`clients`), each bound with its counter (the server's own tests), TLS and WebSocket.

#![cfg(test)]

mod broker;
mod client;
mod farewell;
mod garbage;
mod gone;
mod packet;
mod random;
mod size;
mod slow;
mod storm;
mod stuck;
mod takeover;
mod topics;

/// How long a test waits for something that should happen: far above what a busy machine needs.
const BOUND: std::time::Duration = std::time::Duration::from_secs(30);

/// How long something may take that is to be done at once.
const AT_ONCE: std::time::Duration = std::time::Duration::from_secs(5);

const MIB: usize = 1024 * 1024;
