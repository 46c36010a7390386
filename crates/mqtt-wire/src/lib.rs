//! MQTT 3.1, 3.1.1 and 5.0: bytes to packets and back, without I/O.
//!
//! One packet model serves all three versions: a 3.x packet is a 5.0 packet with no properties and fewer reason codes. Decoding borrows from
//! the caller's buffer and copies nothing; every text in a decoded packet is checked UTF-8 without U+0000. The length limit is applied to the
//! fixed header alone, before a single byte of the body is waited for.
//!
//! Not here: sockets, buffers that grow, time, and every rule that needs to know what was sent before.

mod connect;
mod decode;
mod encode;
mod error;
mod frame;
mod packet;
mod packet_id;
mod properties;
mod property;
mod property_buf;
mod publish;
mod qos;
mod reader;
mod reason;
mod subscribe;
mod topic;
mod varint;
mod version;

pub use connect::{Connect, Will};
pub use decode::{Sender, decode};
pub use error::DecodeError;
pub use frame::{Frame, frame};
pub use packet::{Ack, Auth, ConnAck, Disconnect, Packet, PacketType, SubAck, UnsubAck};
pub use packet_id::PacketId;
pub use properties::Properties;
pub use property::{Kind, Property, PropertyId, Rule, TABLE, Value};
pub use property_buf::PropertyBuf;
pub use publish::{Outgoing, Publish};
pub use qos::QoS;
pub use reason::ReasonCode;
pub use subscribe::{RetainHandling, Subscribe, SubscribeEntry, SubscriptionOptions, Unsubscribe};
pub use topic::{FilterTarget, ShareName, TopicError, TopicFilter, TopicName};
pub use varint::{MAX_REMAINING_LENGTH, varint_len};
pub use version::Version;
