//! Reason Codes (5.0, 2.4) and what 3.x says in their place.

use crate::Version;
use std::fmt;

macro_rules! reason_codes {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $text:literal;)*) => {
        /// A 5.0 Reason Code (2.4). 0x80 and above are failures.
        ///
        /// One value may bear several names in the standard (0x00 is Success, Normal disconnection and Granted QoS 0); here it has one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum ReasonCode { $($(#[$doc])* #[doc = $text] $name = $value,)* }

        impl ReasonCode {
            /// Every code of the standard, in order of value.
            pub const ALL: &[ReasonCode] = &[$(ReasonCode::$name),*];

            /// The code of a wire value; `None` where the standard defines none.
            pub fn from_u8(value: u8) -> Option<ReasonCode> {
                match value { $($value => Some(ReasonCode::$name),)* _ => None }
            }

            /// The standard's name of the code.
            pub fn name(self) -> &'static str {
                match self { $(ReasonCode::$name => $text,)* }
            }
        }
    };
}

reason_codes! {
    Success = 0x00, "Success";
    GrantedQoS1 = 0x01, "Granted QoS 1";
    GrantedQoS2 = 0x02, "Granted QoS 2";
    DisconnectWithWill = 0x04, "Disconnect with Will Message";
    NoMatchingSubscribers = 0x10, "No matching subscribers";
    NoSubscriptionExisted = 0x11, "No subscription existed";
    ContinueAuthentication = 0x18, "Continue authentication";
    ReAuthenticate = 0x19, "Re-authenticate";
    UnspecifiedError = 0x80, "Unspecified error";
    MalformedPacket = 0x81, "Malformed Packet";
    ProtocolError = 0x82, "Protocol Error";
    ImplementationSpecificError = 0x83, "Implementation specific error";
    UnsupportedProtocolVersion = 0x84, "Unsupported Protocol Version";
    ClientIdentifierNotValid = 0x85, "Client Identifier not valid";
    BadUserNameOrPassword = 0x86, "Bad User Name or Password";
    NotAuthorized = 0x87, "Not authorized";
    ServerUnavailable = 0x88, "Server unavailable";
    ServerBusy = 0x89, "Server busy";
    Banned = 0x8A, "Banned";
    ServerShuttingDown = 0x8B, "Server shutting down";
    BadAuthenticationMethod = 0x8C, "Bad authentication method";
    KeepAliveTimeout = 0x8D, "Keep Alive timeout";
    SessionTakenOver = 0x8E, "Session taken over";
    TopicFilterInvalid = 0x8F, "Topic Filter invalid";
    TopicNameInvalid = 0x90, "Topic Name invalid";
    PacketIdentifierInUse = 0x91, "Packet Identifier in use";
    PacketIdentifierNotFound = 0x92, "Packet Identifier not found";
    ReceiveMaximumExceeded = 0x93, "Receive Maximum exceeded";
    TopicAliasInvalid = 0x94, "Topic Alias invalid";
    PacketTooLarge = 0x95, "Packet too large";
    MessageRateTooHigh = 0x96, "Message rate too high";
    QuotaExceeded = 0x97, "Quota exceeded";
    AdministrativeAction = 0x98, "Administrative action";
    PayloadFormatInvalid = 0x99, "Payload format invalid";
    RetainNotSupported = 0x9A, "Retain not supported";
    QoSNotSupported = 0x9B, "QoS not supported";
    UseAnotherServer = 0x9C, "Use another server";
    ServerMoved = 0x9D, "Server moved";
    SharedSubscriptionsNotSupported = 0x9E, "Shared Subscriptions not supported";
    ConnectionRateExceeded = 0x9F, "Connection rate exceeded";
    MaximumConnectTime = 0xA0, "Maximum connect time";
    SubscriptionIdentifiersNotSupported = 0xA1, "Subscription Identifiers not supported";
    WildcardSubscriptionsNotSupported = 0xA2, "Wildcard Subscriptions not supported";
}

impl ReasonCode {
    /// Whether the code reports a failure (0x80 and above).
    pub fn is_failure(self) -> bool {
        self as u8 >= 0x80
    }

    /// The Connect Return code of 3.1 and 3.1.1 that says the same (3.2.2.3), or `None` where no listed code fits and the connection is closed
    /// without CONNACK [MQTT-3.2.2-6].
    pub fn connect_return_code(self) -> Option<u8> {
        match self {
            ReasonCode::Success => Some(0),
            ReasonCode::UnsupportedProtocolVersion => Some(1),
            ReasonCode::ClientIdentifierNotValid => Some(2),
            ReasonCode::ServerUnavailable
            | ReasonCode::ServerBusy
            | ReasonCode::ServerShuttingDown
            | ReasonCode::UseAnotherServer
            | ReasonCode::ServerMoved
            | ReasonCode::QuotaExceeded
            | ReasonCode::ConnectionRateExceeded => Some(3),
            ReasonCode::BadUserNameOrPassword | ReasonCode::BadAuthenticationMethod => Some(4),
            ReasonCode::NotAuthorized | ReasonCode::Banned => Some(5),
            _ => None,
        }
    }

    /// The SUBACK byte for `version`: 3.1.1 knows one failure, 3.1 none, so a refused filter reads there as granted QoS 0 (MQTT31-17).
    pub fn suback_byte(self, version: Version) -> u8 {
        match version {
            Version::V5 => self as u8,
            Version::V311 if self.is_failure() => 0x80,
            Version::V3 if self.is_failure() => 0x00,
            Version::V311 | Version::V3 => self as u8,
        }
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02X} {}", *self as u8, self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_they_are_written() {
        assert_eq!(ReasonCode::ALL.len(), 43);
        assert!(ReasonCode::ALL.is_sorted_by_key(|code| *code as u8));
        for value in 0..=u8::MAX {
            let listed = ReasonCode::ALL.iter().copied().find(|code| *code as u8 == value);
            assert_eq!(ReasonCode::from_u8(value), listed);
        }
        assert!(ReasonCode::ALL.iter().all(|code| code.is_failure() == (*code as u8 > 0x19)));
    }

    /// MQTT31-07 and 3.2.2.3 of 3.1.1: six codes, and the refusals that have none are a close without CONNACK.
    #[test]
    fn refusals_of_3x_use_the_six_return_codes() {
        let of = |code: ReasonCode| code.connect_return_code();
        assert_eq!(of(ReasonCode::Success), Some(0));
        assert_eq!(of(ReasonCode::UnsupportedProtocolVersion), Some(1));
        assert_eq!(of(ReasonCode::ClientIdentifierNotValid), Some(2));
        assert_eq!(of(ReasonCode::ServerBusy), Some(3));
        assert_eq!(of(ReasonCode::BadUserNameOrPassword), Some(4));
        assert_eq!(of(ReasonCode::NotAuthorized), Some(5));
        assert_eq!(of(ReasonCode::MalformedPacket), None);
        let success = |code: &&ReasonCode| of(**code) == Some(0);
        assert_eq!(ReasonCode::ALL.iter().filter(success).count(), 1, "no failure reads as accepted");
    }

    #[test]
    fn a_refused_filter_reads_in_each_version_as_it_can() {
        assert_eq!(ReasonCode::NotAuthorized.suback_byte(Version::V5), 0x87);
        assert_eq!(ReasonCode::NotAuthorized.suback_byte(Version::V311), 0x80);
        assert_eq!(ReasonCode::NotAuthorized.suback_byte(Version::V3), 0x00);
        for version in [Version::V3, Version::V311, Version::V5] {
            assert_eq!(ReasonCode::GrantedQoS2.suback_byte(version), 2);
        }
    }

    #[test]
    fn a_code_shows_its_number_and_name() {
        assert_eq!(ReasonCode::ServerMoved.to_string(), "0x9D Server moved");
    }
}
