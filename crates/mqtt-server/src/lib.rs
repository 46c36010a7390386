//! The body of an MQTT broker: what moves bytes between sockets and [`mqtt_core`].
//!
//! A [`Server`] binds its endpoints first and serves afterwards, so that whoever embeds it knows the addresses and learns of errors before
//! the first client does. It runs on the tokio runtime it is started on, reads no environment variable and writes no log.

mod admin;
pub mod auth;
mod clock;
mod defer_accept;
mod doors;
mod drain;
mod driver;
mod endings;
pub mod endpoint;
mod entrance;
#[doc(hidden)]
pub mod fuzzing;
mod health;
pub mod http;
mod hub;
mod inherited;
mod input;
mod lanes;
mod listener;
pub mod metrics;
mod observer;
mod overload;
mod pending;
mod proxy;
mod quic;
mod server;
mod socket;
mod sys_topics;
mod tcp;
mod timers;
pub mod tls;
mod unix;
pub mod watch;
mod web;
mod worker;

pub use doors::{Cause, Changes, EndpointError};
pub use drain::{Shutdown, Wills};
pub use health::Check;
pub use inherited::Inherited;
pub use metrics::Source as MetricsSource;
pub use mqtt_core::{
    Counter, Counters, Event, Follow, Limits, Load, Message, Observer as MessageObserver, Propagation, Publishing,
    Source, Switch, Trace,
};
pub use observer::{ConnectionEvent, Happening, Observer, Peer, Side};
pub use overload::{Gauge, Memory};
pub use server::{Handle, Options, Server};
pub use socket::Socket;
