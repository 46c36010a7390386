//! What happened how often: packets and messages by kind, one counter for each limit reached and each reason to drop a message.
//!
//! The counters are a ledger of messages. Every PUBLISH received is routed, matched nobody, repeated one already here, or was refused.
//! Every copy made for a session ([`Counter::CopiesMade`]) is delivered, dropped for one of the `Dropped*` reasons, still queued, or under
//! way.

use crate::cells::Cells;
use mqtt_wire::{PacketType, QoS};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// A countable event.
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
    /// A PUBLISH reached at least one session.
    MessagesRouted = "messages_routed";
    /// A PUBLISH matched no subscription; it may be retained all the same.
    MessagesUnmatched = "messages_unmatched";
    /// A PUBLISH repeated a QoS 2 message that is open already.
    MessagesRepeated = "messages_repeated";
    /// A PUBLISH was refused: its topic, its properties, a bound.
    MessagesRefused = "messages_refused";
    /// The broker itself published: a will, or about itself.
    MessagesBorn = "messages_born";
    /// Bytes of the payloads of PUBLISH packets received.
    PayloadReceived = "payload_received";
    /// Bytes of the payloads of PUBLISH packets sent.
    PayloadSent = "payload_sent";
    /// A copy of a message was made for a session: published, or retained and asked for.
    CopiesMade = "copies_made";
    /// A copy went out with QoS 0.
    DeliveredAtMostOnce = "delivered_at_most_once";
    /// A copy was acknowledged with PUBACK.
    DeliveredAtLeastOnce = "delivered_at_least_once";
    /// A copy was acknowledged with PUBREC.
    DeliveredExactlyOnce = "delivered_exactly_once";
    /// A session was made; a resumed one was made before.
    SessionsMade = "sessions_made";
    /// A client was authenticated.
    AuthenticationsAccepted = "authentications_accepted";
    /// The authenticator refused a client.
    AuthenticationsRefused = "authentications_refused";
    /// Clients online: this one goes up and down.
    Online = "online";
    /// Subscriptions of sessions, shared ones among them: this one goes up and down.
    Subscriptions = "subscriptions";
    /// Shared subscriptions of sessions: this one goes up and down.
    SharedSubscriptions = "shared_subscriptions";
    /// Copies sent with QoS 1 or 2 and not yet acknowledged: this one goes up and down.
    UnderWay = "under_way";
    /// A retained message was removed because it expired.
    RetainedExpired = "retained_expired";
    /// A connection was refused at `Limits::connections`.
    ConnectionsRefused = "connections_refused";
    /// The step of overload protection changed.
    LoadSteps = "load_steps";
    /// A client was refused at `Load::Refuse`.
    OverloadRefused = "overload_refused";
    /// A publisher was not read at `Load::Slow`.
    PublishersHeld = "publishers_held";
    /// A client was disconnected at `Load::Disconnect`.
    SlowestDisconnected = "slowest_disconnected";
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
    /// A QoS 0 message was dropped at `Load::Shed`, its receiver being behind.
    DroppedOverload = "dropped_overload";
    /// A message was dropped because its receiver answered PUBACK or PUBREC with a failure.
    DroppedRejected = "dropped_rejected";
    /// A message was dropped because its session ended, or the last member of its share group.
    DroppedSessionEnded = "dropped_session_ended";
    /// A session ended because it expired.
    SessionsExpired = "sessions_expired";
    /// A session was taken over by a second connection with its Client Identifier.
    SessionsTakenOver = "sessions_taken_over";
}

/// The counters that say why a copy of a message was not delivered.
pub const DROPS: [Counter; 8] = [
    Counter::DroppedInboxFull,
    Counter::DroppedMemory,
    Counter::DroppedOffline,
    Counter::DroppedExpired,
    Counter::DroppedTooLarge,
    Counter::DroppedOverload,
    Counter::DroppedRejected,
    Counter::DroppedSessionEnded,
];

/// Where the cells of packet types begin: packets and bytes received, packets and bytes sent, then PUBLISH by QoS received and sent.
const RECEIVED: usize = Counter::ALL.len();
const RECEIVED_BYTES: usize = RECEIVED + 16;
const SENT: usize = RECEIVED_BYTES + 16;
const SENT_BYTES: usize = SENT + 16;
const PUBLISH_RECEIVED: usize = SENT_BYTES + 16;
const PUBLISH_SENT: usize = PUBLISH_RECEIVED + 3;
const CELLS: usize = PUBLISH_SENT + 3;

/// All counters of a broker.
#[derive(Debug, Default)]
pub struct Counters(Cells<CELLS>);

impl Counters {
    /// Adds one.
    #[inline]
    pub fn count(&self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&self, counter: Counter, n: u64) {
        self.0.add(counter as usize, n);
    }

    /// Adds `n`, or takes away, where a counter goes both ways.
    #[inline]
    pub fn shift(&self, counter: Counter, n: i64) {
        self.0.add(counter as usize, n.cast_unsigned());
    }

    /// The count so far.
    pub fn get(&self, counter: Counter) -> u64 {
        self.0.get(counter as usize)
    }

    /// A packet of `bytes` was received.
    #[inline]
    pub(crate) fn received(&self, first_byte: u8, bytes: usize) {
        let packet = usize::from(first_byte >> 4);
        self.0.add(RECEIVED + packet, 1);
        self.0.add(RECEIVED_BYTES + packet, bytes as u64);
    }

    /// A PUBLISH of `payload` bytes was received.
    #[inline]
    pub(crate) fn publish_received(&self, qos: QoS, payload: usize) {
        self.0.add(PUBLISH_RECEIVED + qos as usize, 1);
        self.add(Counter::PayloadReceived, payload as u64);
    }

    /// A packet of `bytes` was put out.
    #[inline]
    pub(crate) fn sent(&self, packet: PacketType, bytes: usize) {
        self.0.add(SENT + packet as usize, 1);
        self.0.add(SENT_BYTES + packet as usize, bytes as u64);
    }

    /// A PUBLISH of `head` bytes and `payload` bytes was put out.
    #[inline]
    pub(crate) fn publish_sent(&self, qos: QoS, head: usize, payload: usize) {
        self.sent(PacketType::Publish, head + payload);
        self.0.add(PUBLISH_SENT + qos as usize, 1);
        self.add(Counter::PayloadSent, payload as u64);
    }

    /// Packets of a type received and sent.
    pub fn packets(&self, packet: PacketType) -> (u64, u64) {
        (self.0.get(RECEIVED + packet as usize), self.0.get(SENT + packet as usize))
    }

    /// Bytes of packets of a type received and sent, fixed headers included, what carries MQTT aside.
    pub fn bytes(&self, packet: PacketType) -> (u64, u64) {
        (self.0.get(RECEIVED_BYTES + packet as usize), self.0.get(SENT_BYTES + packet as usize))
    }

    /// PUBLISH packets of a QoS received and sent.
    pub fn publishes(&self, qos: QoS) -> (u64, u64) {
        (self.0.get(PUBLISH_RECEIVED + qos as usize), self.0.get(PUBLISH_SENT + qos as usize))
    }
}
