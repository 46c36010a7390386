//! The body of an MQTT broker: what moves bytes between sockets and [`mqtt_core`].
//!
//! A [`Server`] binds its endpoints first and serves afterwards, so that whoever embeds it knows the addresses and learns of errors before
//! the first client does. It runs on the tokio runtime it is started on, reads no environment variable and writes no log.

pub mod auth;
mod clock;
mod defer_accept;
mod driver;
mod hub;
mod pending;
mod server;
mod socket;
mod tcp;
mod timers;
mod worker;

pub use mqtt_core::{Counter, Counters, Limits};
pub use server::{BindError, Handle, Options, Server};
pub use socket::Socket;
