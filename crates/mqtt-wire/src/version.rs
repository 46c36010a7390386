//! The protocol versions on one port.

/// MQTT protocol version, named by the Protocol Level byte of CONNECT (3.1.2.2, 3.1.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// MQTT 3.1: Protocol Name `MQIsdp`, level 3.
    V3,
    /// MQTT 3.1.1: Protocol Name `MQTT`, level 4.
    V311,
    /// MQTT 5.0: Protocol Name `MQTT`, level 5.
    V5,
}

impl Version {
    /// Every version, oldest first.
    pub const ALL: [Version; 3] = [Version::V3, Version::V311, Version::V5];

    /// The version as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Version::V3 => "3.1",
            Version::V311 => "3.1.1",
            Version::V5 => "5.0",
        }
    }

    /// The Protocol Name that goes with this version in CONNECT.
    pub fn protocol_name(self) -> &'static str {
        match self {
            Version::V3 => "MQIsdp",
            Version::V311 | Version::V5 => "MQTT",
        }
    }

    /// The Protocol Level byte of CONNECT: 3, 4 or 5.
    pub fn level(self) -> u8 {
        match self {
            Version::V3 => 3,
            Version::V311 => 4,
            Version::V5 => 5,
        }
    }

    /// Whether packets of this version carry properties and reason codes.
    pub fn has_properties(self) -> bool {
        self == Version::V5
    }
}
