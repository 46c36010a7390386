//! The mind of an MQTT broker, without I/O: connection state machine, sessions, subscriptions, retained messages.
//!
//! Bytes and time come in as arguments; packets, receivers to wake, and what to do next come out. [`Connection`] is one client's side,
//! [`Broker`] is what all connections share. Nothing here waits, reads a clock or writes a log.

mod alias;
mod broker;
mod budget;
mod cells;
mod connection;
mod counters;
mod delivery;
mod farewell;
mod histogram;
mod index;
mod lane;
mod limits;
mod load;
mod message;
mod observer;
mod output;
mod policy;
mod received;
mod retained;
mod session;
mod sessions;
mod slot;
mod timestamp;
mod versions;
mod wakes;
mod will;
mod window;

pub use broker::Broker;
pub use budget::Budget;
pub use cells::Cells;
pub use connection::{AuthRequest, Close, Connection, Context, Credentials, Next, Scratch, Verdict};
pub use counters::{Counter, Counters, DROPS};
pub use delivery::{Delivery, Origin};
pub use farewell::Farewell;
pub use histogram::{Buckets, Histogram};
pub use index::{Group, Index};
pub use lane::{CONTROL, Lane};
pub use limits::Limits;
pub use load::{Load, LoadGauge};
pub use message::{Content, Message};
pub use observer::{
    Event, Follow, Observer, Propagation, Publishing, SAMPLE, Source, Switch, TRACEPARENT, Trace, Watch,
};
pub use output::Output;
pub use retained::{Full, Position, Retained};
pub use session::Session;
pub use sessions::Sessions;
pub use slot::{Backlog, Slot};
pub use timestamp::Timestamp;
pub use versions::Versions;
pub use wakes::Wakes;
pub use will::Will;
