//! The keys of the broker's bounds: one for each field of [`Limits`], which holds the defaults.

use super::key::Key;
use super::scalar::{OptionalSpan, Size, Span, Whole, write_size, write_span};
use mqtt_server::Limits;
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// How a field of [`Limits`] is written as a key's value.
trait Written<T>: Sized {
    /// The field's value.
    fn field(&self) -> T;

    /// The text of a field's value; `None` where that is to leave the key out.
    fn text(field: T) -> Option<String>;
}

/// Most seconds of a Session Expiry Interval, in milliseconds: the standard's "never".
const NEVER: u64 = u32::MAX as u64 * 1000;

impl<const MIN: u64, const MAX: u64> Written<usize> for Whole<MIN, MAX> {
    fn field(&self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    fn text(field: usize) -> Option<String> {
        Some(field.to_string())
    }
}

impl<const MIN: u64, const MAX: u64> Written<u16> for Whole<MIN, MAX> {
    fn field(&self) -> u16 {
        u16::try_from(self.0).unwrap_or(u16::MAX)
    }

    fn text(field: u16) -> Option<String> {
        Some(field.to_string())
    }
}

impl<const MIN: u64, const MAX: u64> Written<usize> for Size<MIN, MAX> {
    fn field(&self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    fn text(field: usize) -> Option<String> {
        Some(write_size(field as u64))
    }
}

impl<const MIN: u64, const MAX: u64> Written<Duration> for Span<MIN, MAX> {
    fn field(&self) -> Duration {
        self.0
    }

    fn text(field: Duration) -> Option<String> {
        Some(write_span(u64::try_from(field.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// A bound that holds only if it is set.
impl<const MIN: u64, const MAX: u64> Written<Option<u16>> for Whole<MIN, MAX> {
    fn field(&self) -> Option<u16> {
        Some(Written::<u16>::field(self))
    }

    fn text(field: Option<u16>) -> Option<String> {
        <Self as Written<u16>>::text(field?)
    }
}

/// A bound that holds only if it is set.
impl<const MIN: u64, const MAX: u64> Written<Option<usize>> for Size<MIN, MAX> {
    fn field(&self) -> Option<usize> {
        Some(Written::<usize>::field(self))
    }

    fn text(field: Option<usize>) -> Option<String> {
        <Self as Written<usize>>::text(field?)
    }
}

/// Seconds; `none` and `never` are the most there can be.
impl Written<u32> for OptionalSpan<0, NEVER> {
    fn field(&self) -> u32 {
        self.0.map_or(u32::MAX, |span| u32::try_from(span.as_secs()).unwrap_or(u32::MAX))
    }

    fn text(field: u32) -> Option<String> {
        Some(if field == u32::MAX { "never".to_owned() } else { write_span(u64::from(field) * 1000) })
    }
}

/// Seconds; `none` is none.
impl Written<Option<u16>> for OptionalSpan<1000, 65_535_000> {
    fn field(&self) -> Option<u16> {
        self.0.map(|span| u16::try_from(span.as_secs()).unwrap_or(u16::MAX))
    }

    fn text(field: Option<u16>) -> Option<String> {
        Some(field.map_or_else(|| "none".to_owned(), |seconds| write_span(u64::from(seconds) * 1000)))
    }
}

/// Makes keys, defaults and reader from one table, so that no field of [`Limits`] can be missing from any.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ty),+ $(,)?) => {
        /// Bounds of what clients may use. What goes beyond is refused, dropped or closed as each says, and counted.
        #[derive(Debug, Default, Deserialize, JsonSchema)]
        #[serde(rename_all = "PascalCase", default)]
        pub struct LimitKeys {
            $($(#[doc = $doc])+ pub $name: Option<$kind>,)+
        }

        impl LimitKeys {
            /// The bounds, where a key is missing with their defaults.
            pub fn limits(&self) -> Limits {
                let Limits { $($name),+ } = Limits::default();
                Limits { $($name: self.$name.as_ref().map_or($name, Written::field)),+ }
            }

            /// Keys and texts of the defaults.
            pub fn defaults() -> Vec<(Key, String)> {
                let Limits { $($name),+ } = Limits::default();
                let texts = [$((stringify!($name), <$kind as Written<_>>::text($name))),+];
                texts.into_iter().filter_map(|(name, text)| Some((Key::of("Limits").child(pascal(name)), text?))).collect()
            }
        }
    };
}

limits! {
    /// Connections at once, those before CONNECT included; further ones are closed on accept. The number of files that the process may open is a bound as well.
    connections: Whole<1, { u64::MAX }>,
    /// Sessions at once, online and offline. Beyond: CONNACK 0x97, or 3 in 3.x.
    sessions: Whole<1, { u64::MAX }>,
    /// Time from accept to CONNECT, handshakes included, and through authentication. A TCP client that sends nothing at all is accepted a second late, so it stays that much longer.
    connect_timeout: Span<50, 86_400_000>,
    /// Largest first packet.
    connect_packet_size: Size<128, 268_435_460>,
    /// Maximum Packet Size, fixed header included. Beyond: 0x95.
    packet_size: Size<128, { u64::MAX }>,
    /// The same for 5.0 clients, who are told in CONNACK; unset, as `PacketSize`.
    packet_size_v5: Size<128, { u64::MAX }>,
    /// Longest Client Identifier in bytes. Beyond: 0x85.
    client_id_length: Whole<23, 65_535>,
    /// Longest Topic Name or Topic Filter in bytes. Beyond: 0x90, for a filter 0x8F.
    topic_length: Whole<1, 65_535>,
    /// Most levels of a Topic Name or Topic Filter. Beyond: as for `TopicLength`.
    topic_levels: Whole<1, 65_535>,
    /// Subscriptions of one session. Beyond: 0x97 for that filter.
    subscriptions: Whole<1, { u64::MAX }>,
    /// Bytes of the Topic Filters of one session. Beyond: 0x97 for that filter.
    subscription_bytes: Size<1, { u64::MAX }>,
    /// Messages waiting for one session. Beyond: the newest is dropped.
    inbox_messages: Whole<1, { u64::MAX }>,
    /// Bytes waiting for one session. Beyond: the newest is dropped.
    inbox_bytes: Size<1, { u64::MAX }>,
    /// Bytes waiting for all sessions together. Beyond: QoS 1 and 2 publishers get 0x97, in 3.x they are closed; further messages are dropped.
    queued_bytes: Size<1, { u64::MAX }>,
    /// Bytes of half-received packets of all connections together, the first 64 KiB of each aside. Beyond: a connection that needs more ends with 0x97.
    partial_bytes: Size<1, { u64::MAX }>,
    /// QoS 1 and 2 messages under way to one client, whatever its Receive Maximum.
    in_flight: Whole<1, 65_535>,
    /// The same for 5.0 clients; unset, as `InFlight`.
    in_flight_v5: Whole<1, 65_535>,
    /// Receive Maximum of the server. Beyond: 0x93.
    receive_maximum: Whole<1, 65_535>,
    /// Topic Alias Maximum of the server. Beyond: 0x94.
    topic_alias_maximum: Whole<0, 65_535>,
    /// Topic Aliases the server gives out on one connection, whatever the client's maximum.
    topic_aliases_sent: Whole<0, 65_535>,
    /// Shortest Topic Name in bytes that the server gives a Topic Alias.
    topic_alias_length: Whole<1, 65_535>,
    /// Retained messages. Beyond: 0x97.
    retained_messages: Whole<0, { u64::MAX }>,
    /// Bytes of retained messages. Beyond: 0x97.
    retained_bytes: Size<0, { u64::MAX }>,
    /// Largest Session Expiry Interval, in whole seconds or `never`; a larger wish is cut, and CONNACK says so.
    session_expiry: OptionalSpan<0, { u32::MAX as u64 * 1000 }>,
    /// Session Expiry Interval of 3.x sessions with Clean Session 0, in whole seconds or `never`.
    session_expiry_v3: OptionalSpan<0, { u32::MAX as u64 * 1000 }>,
    /// Largest Keep Alive of 5.0 clients, in whole seconds; a larger one, or none, is replaced by Server Keep Alive. `none` takes every client's own.
    keep_alive: OptionalSpan<1000, 65_535_000>,
    /// Time without progress of a socket write after which the connection is closed as a slow consumer.
    write_timeout: Span<100, 86_400_000>,
    /// Topics of which one publisher's matches are remembered. Beyond: they are looked up.
    route_cache: Whole<0, { u64::MAX }>,
    /// The same for all publishers together.
    route_caches: Whole<0, { u64::MAX }>,
}

/// `snake_case` as serde's `PascalCase` writes it.
fn pascal(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}
