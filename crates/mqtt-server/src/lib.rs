//! The body of an MQTT broker: what moves bytes between sockets and [`mqtt_core`].
//!
//! A [`Server`] binds its endpoints first and serves afterwards, so that whoever embeds it knows the addresses and learns of errors before
//! the first client does. It runs on the tokio runtime it is started on, reads no environment variable and writes no log.

pub mod auth;
mod clock;
mod defer_accept;
mod doors;
mod driver;
pub mod endpoint;
mod entrance;
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
mod hub;
mod input;
mod lanes;
mod listener;
mod pending;
mod proxy;
mod quic;
mod server;
mod socket;
mod tcp;
mod timers;
pub mod tls;
mod unix;
mod web;
mod worker;

pub use doors::{Cause, Changes, EndpointError};
pub use mqtt_core::{Counter, Counters, Limits};
pub use server::{Handle, Options, Server};
pub use socket::Socket;
