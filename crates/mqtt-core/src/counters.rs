//! What happened how often: one counter for each limit reached and each reason to drop a message.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// A countable event, off the message path unless something goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Counter { $($(#[$doc])* $name,)* }

        impl Counter {
            /// Every counter.
            pub const ALL: &[Counter] = &[$(Counter::$name),*];

            /// The name for logs and metrics, in snake case.
            pub fn name(self) -> &'static str {
                match self { $(Counter::$name => $text,)* }
            }
        }
    };
}

counters! {
    /// A connection was refused at `Limits::connections`.
    ConnectionsRefused = "connections_refused";
    /// A session was refused at `Limits::sessions`.
    SessionsRefused = "sessions_refused";
    /// No CONNECT, or no end of authentication, within `Limits::connect_timeout`.
    ConnectTimeouts = "connect_timeouts";
    /// A TLS, QUIC or WebSocket handshake failed.
    HandshakesFailed = "handshakes_failed";
    /// A packet was larger than `Limits::packet_size` or, as the first one, `Limits::connect_packet_size`.
    PacketsTooLarge = "packets_too_large";
    /// A packet was malformed or broke the protocol.
    PacketsRefused = "packets_refused";
    /// A Client Identifier was longer than `Limits::client_id_length`.
    ClientIdsRefused = "client_ids_refused";
    /// A Topic Name was above `Limits::topic_length` or `Limits::topic_levels`.
    TopicsRefused = "topics_refused";
    /// A Topic Filter was above `Limits::topic_length` or `Limits::topic_levels`.
    FiltersRefused = "filters_refused";
    /// A subscription was refused at `Limits::subscriptions` or `Limits::subscription_bytes`.
    SubscriptionsRefused = "subscriptions_refused";
    /// A client had more QoS 2 messages open than `Limits::receive_maximum`.
    ReceiveMaximumExceeded = "receive_maximum_exceeded";
    /// A delivery waited because `Limits::in_flight` or the client's Receive Maximum was reached.
    InFlightReached = "in_flight_reached";
    /// A client used a Topic Alias of 0, above `Limits::topic_alias_maximum`, or unknown.
    TopicAliasesRefused = "topic_aliases_refused";
    /// A retained message was refused at `Limits::retained_messages` or `Limits::retained_bytes`.
    RetainedRefused = "retained_refused";
    /// A publisher was refused at `Limits::queued_bytes`.
    PublishesRefused = "publishes_refused";
    /// A publish to a `$` topic was refused.
    ReservedTopicsRefused = "reserved_topics_refused";
    /// A session's expiry was cut to `Limits::session_expiry`.
    SessionExpiriesCut = "session_expiries_cut";
    /// A Keep Alive was replaced because of `Limits::keep_alive`.
    KeepAlivesReplaced = "keep_alives_replaced";
    /// A client was silent for one and a half times its Keep Alive.
    KeepAliveTimeouts = "keep_alive_timeouts";
    /// A WebSocket client answered no ping within the endpoint's ping interval.
    PingTimeouts = "ping_timeouts";
    /// A QUIC client was asked to prove its address first, because of many handshakes under way.
    AddressesDoubted = "addresses_doubted";
    /// A QUIC connection without Keep Alive was silent for its idle timeout.
    IdleTimeouts = "idle_timeouts";
    /// A QUIC client said that it waits for a data stream: it has as many as the endpoint allows.
    StreamsAwaited = "streams_awaited";
    /// A QUIC client said that it waits to send: a stream or its connection has as much unread as the endpoint allows.
    WindowsFilled = "windows_filled";
    /// A data stream was refused because its connection has used up its lanes.
    LanesRefused = "lanes_refused";
    /// A socket took nothing for `Limits::write_timeout`.
    SlowConsumers = "slow_consumers";
    /// A connection with a half-received packet was closed at `Limits::partial_bytes`.
    PartialPacketsRefused = "partial_packets_refused";
    /// A message was dropped: `Limits::inbox_messages` or `Limits::inbox_bytes` of its receiver.
    DroppedInboxFull = "dropped_inbox_full";
    /// A message was dropped: `Limits::queued_bytes`.
    DroppedMemory = "dropped_memory";
    /// A QoS 0 message was dropped because its receiver is offline.
    DroppedOffline = "dropped_offline";
    /// A message was dropped because it expired before delivery.
    DroppedExpired = "dropped_expired";
    /// A message was dropped because it exceeds its receiver's Maximum Packet Size.
    DroppedTooLarge = "dropped_too_large";
    /// A message was dropped because its session ended, or the last member of its share group.
    DroppedSessionEnded = "dropped_session_ended";
    /// A session ended because it expired.
    SessionsExpired = "sessions_expired";
    /// A session was taken over by a second connection with its Client Identifier.
    SessionsTakenOver = "sessions_taken_over";
}

/// All counters of a broker.
#[derive(Debug)]
pub struct Counters([AtomicU64; Counter::ALL.len()]);

impl Default for Counters {
    fn default() -> Counters {
        Counters(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Counters {
    /// Adds one.
    pub fn count(&self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Adds `n`.
    pub fn add(&self, counter: Counter, n: u64) {
        self.0[counter as usize].fetch_add(n, Ordering::Relaxed);
    }

    /// The count so far.
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize].load(Ordering::Relaxed)
    }
}
