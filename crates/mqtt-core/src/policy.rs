//! The one place of the core that asks for the protocol version: 3.1.1 is 5.0 with less in it, and this is the less.

use crate::Limits;
use mqtt_wire::{Connect, PropertyId, ReasonCode, TopicError, Version};

/// The version with all features: AUTH exists only there, and a first packet is read as such until it says otherwise.
pub(crate) const NEWEST: Version = Version::V5;

/// What becomes of an empty Client Identifier: a new one is assigned, or the CONNECT is refused with 0x85.
pub(crate) fn assigns_client_id(version: Version, clean_start: bool) -> bool {
    match version {
        Version::V3 => false,         // MQTT31-04
        Version::V311 => clean_start, // [MQTT-3.1.3-8]
        Version::V5 => true,
    }
}

/// Session Expiry Interval that a CONNECT asks for, in seconds, not yet cut to `Limits::session_expiry`.
pub(crate) fn session_expiry(connect: &Connect<'_>, limits: &Limits) -> u32 {
    match connect.version {
        Version::V3 | Version::V311 if connect.clean_start => 0,
        Version::V3 | Version::V311 => limits.session_expiry_v3,
        Version::V5 => connect.properties.number(PropertyId::SESSION_EXPIRY_INTERVAL).unwrap_or(0),
    }
}

/// Largest packet that a client may send, in bytes.
#[inline]
pub(crate) fn packet_size(version: Version, limits: &Limits) -> usize {
    match version {
        Version::V3 | Version::V311 => limits.packet_size,
        Version::V5 => limits.packet_size_v5.unwrap_or(limits.packet_size),
    }
}

/// QoS 1 and 2 messages under way to a client at once.
pub(crate) fn in_flight(version: Version, limits: &Limits) -> u16 {
    match version {
        Version::V3 | Version::V311 => limits.in_flight,
        Version::V5 => limits.in_flight_v5.unwrap_or(limits.in_flight),
    }
}

/// Whether the refusal of a malformed CONNECT is sent, or the connection closed in silence [MQTT-3.1.4-1].
pub(crate) fn tells_malformed_connect(version: Version, reason: ReasonCode) -> bool {
    match version {
        Version::V5 => true,
        Version::V3 | Version::V311 => reason == ReasonCode::UnsupportedProtocolVersion, // [MQTT-3.1.2-2]
    }
}

/// Whether open QoS 2 messages of the client are bounded by our Receive Maximum: only 5.0 clients know it.
pub(crate) fn knows_receive_maximum(version: Version) -> bool {
    version == Version::V5
}

/// Whether a bad Topic Filter ends the connection instead of failing alone in SUBACK.
pub(crate) fn closes_on_filter(version: Version, error: TopicError) -> bool {
    match version {
        Version::V3 => true,                         // SUBACK has no failure code (MQTT31-17)
        Version::V311 => error == TopicError::Empty, // [MQTT-4.7.3-1]
        Version::V5 => false,
    }
}

/// Whether acknowledgements have reason codes, so that a refused publish can be told from an accepted one.
pub(crate) fn tells_publish_reason(version: Version) -> bool {
    version == Version::V5
}

/// Whether a message to an existing subscription may have RETAIN set; in 3.x it never has, though 5.0 made the subscription [MQTT-3.3.1-9].
pub(crate) fn knows_retain_as_published(version: Version) -> bool {
    version == Version::V5
}

/// Whether a Keep Alive can be replaced: a client that is not told would keep to its own and be cut off for it.
pub(crate) fn knows_server_keep_alive(version: Version) -> bool {
    version == Version::V5
}

/// Whether the server may send DISCONNECT and Reason Strings.
pub(crate) fn sends_disconnect(version: Version) -> bool {
    version == Version::V5
}
