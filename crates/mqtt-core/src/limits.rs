//! Every bound of the broker, with its default and its reason.

use std::time::Duration;

/// The bounds. [`Limits::default`] holds the defaults and their reasons.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once, those before CONNECT included. Beyond: 5.0 and 3.x alike are closed on accept.
    pub connections: usize,
    /// Sessions at once, online and offline. Beyond: CONNACK 0x97, or 3 in 3.x.
    pub sessions: usize,
    /// Time from accept to CONNECT and through authentication.
    pub connect_timeout: Duration,
    /// Largest first packet in bytes.
    pub connect_packet_size: usize,
    /// Maximum Packet Size in bytes, fixed header included. Beyond: 0x95.
    pub packet_size: usize,
    /// The same for 5.0 clients, who are told in CONNACK. `None`: as `packet_size`.
    pub packet_size_v5: Option<usize>,
    /// Longest Client Identifier in bytes. Beyond: 0x85.
    pub client_id_length: usize,
    /// Longest Topic Name or Topic Filter in bytes. Beyond: 0x90, for a filter 0x8F.
    pub topic_length: usize,
    /// Most levels of a Topic Name or Topic Filter. Beyond: as for `topic_length`.
    pub topic_levels: usize,
    /// Subscriptions of one session. Beyond: 0x97 for that filter.
    pub subscriptions: usize,
    /// Bytes of the Topic Filters of one session. Beyond: 0x97 for that filter.
    pub subscription_bytes: usize,
    /// Messages waiting for one session. Beyond: the newest is dropped.
    pub inbox_messages: usize,
    /// Bytes waiting for one session. Beyond: the newest is dropped.
    pub inbox_bytes: usize,
    /// Bytes waiting for all sessions together. Beyond: QoS 1 and 2 publishers get 0x97, in 3.x they are closed; further messages are dropped.
    pub queued_bytes: usize,
    /// Bytes of half-received packets of all connections together, the first 64 KiB of each aside. Beyond: a connection that needs more ends
    /// with 0x97.
    pub partial_bytes: usize,
    /// QoS 1 and 2 messages under way to one client, whatever its Receive Maximum.
    pub in_flight: u16,
    /// The same for 5.0 clients. `None`: as `in_flight`.
    pub in_flight_v5: Option<u16>,
    /// Receive Maximum of the server. Beyond: 0x93.
    pub receive_maximum: u16,
    /// Topic Alias Maximum of the server. Beyond: 0x94.
    pub topic_alias_maximum: u16,
    /// Topic Aliases the server gives out on one connection, whatever the client's maximum.
    pub topic_aliases_sent: u16,
    /// Shortest Topic Name in bytes that the server gives a Topic Alias.
    pub topic_alias_length: u16,
    /// Retained messages. Beyond: 0x97.
    pub retained_messages: usize,
    /// Bytes of retained messages. Beyond: 0x97.
    pub retained_bytes: usize,
    /// Largest Session Expiry Interval in seconds; a larger wish is cut, and CONNACK says so.
    pub session_expiry: u32,
    /// Session Expiry Interval of 3.x sessions with Clean Session 0, in seconds.
    pub session_expiry_v3: u32,
    /// Largest Keep Alive of 5.0 clients in seconds; a larger one, or none, is replaced by Server Keep Alive. `None` takes every client's own.
    pub keep_alive: Option<u16>,
    /// Time without progress of a socket write after which the connection is closed as a slow consumer.
    pub write_timeout: Duration,
    /// Topics of which one publisher's matches are remembered. Beyond: they are looked up.
    pub route_cache: usize,
    /// The same for all publishers together.
    pub route_caches: usize,
}

impl Limits {
    /// Lowers the defaults of what is held in memory to shares of `memory` bytes; bounds that differ from their defaults stay.
    pub fn fit(&mut self, memory: u64) {
        let memory = usize::try_from(memory).unwrap_or(usize::MAX);
        let defaults = Limits::default();
        // Half of it for messages that wait or are kept; the rest is for connections, buffers and what is under way.
        let shares = [
            (&mut self.queued_bytes, defaults.queued_bytes, memory / 4),
            (&mut self.retained_bytes, defaults.retained_bytes, memory / 4),
            (&mut self.partial_bytes, defaults.partial_bytes, memory / 8),
            (&mut self.inbox_bytes, defaults.inbox_bytes, memory / 8),
        ];
        for (bound, default, share) in shares {
            if *bound == default {
                *bound = default.min(share);
            }
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            // A process rarely may open more files; the listener also stays below the real limit of open files.
            connections: 1_000_000,
            // As many as connections: an offline session is smaller than an online one.
            sessions: 1_000_000,
            // Long enough for a slow modem's handshake, short enough that silent sockets do not pile up.
            connect_timeout: Duration::from_secs(10),
            // A client identifier, a will of 64 KiB and credentials fit; nobody unauthenticated gets more memory.
            connect_packet_size: 128 * 1024,
            // Firmware images pass; a buffer is grown as bytes arrive, not when they are announced.
            packet_size: 16 * 1024 * 1024,
            packet_size_v5: None,
            // Certificate names and UUIDs in pairs fit.
            client_id_length: 1024,
            // The standard's own limit.
            topic_length: 65_535,
            // Far above real trees; bounds the work of a match.
            topic_levels: 200,
            // A gateway with thousands of devices behind it.
            subscriptions: 20_000,
            // Twenty thousand filters of 200 bytes; the standard's longest filters are no way around that number.
            subscription_bytes: 4 * 1024 * 1024,
            // Ten thousand messages at the typical 200 bytes are 2 MB.
            inbox_messages: 10_000,
            // One largest packet always fits.
            inbox_bytes: 32 * 1024 * 1024,
            // The whole broker's share; a quarter of the smallest machine one would run it on.
            queued_bytes: 1024 * 1024 * 1024,
            // Sixteen of the largest packets at once.
            partial_bytes: 256 * 1024 * 1024,
            // Fills a link of 100 ms at thousands of messages per second; each holds its message.
            in_flight: 256,
            in_flight_v5: None,
            // Inbound identifiers are two bytes each.
            receive_maximum: 1024,
            // One mapping holds a topic: 32 of 64 bytes are 2 KiB, only for who uses them.
            topic_alias_maximum: 32,
            topic_aliases_sent: 16,
            // An alias adds three bytes to every packet and saves the topic from the second one on: with seven bytes of topic that second packet
            // has paid for both. Shorter topics would take one of the few aliases for less.
            topic_alias_length: 7,
            // At 400 bytes a message, 400 MB.
            retained_messages: 1_000_000,
            retained_bytes: 512 * 1024 * 1024,
            // The standard's "never".
            session_expiry: u32::MAX,
            // 3.x knows no expiry; a client that has not come back for a year will not.
            session_expiry_v3: 365 * 24 * 3600,
            keep_alive: None,
            write_timeout: Duration::from_secs(30),
            // About 150 bytes each, only for who publishes to that many topics; a million are 150 MB.
            route_cache: 2048,
            route_caches: 1_000_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_fit_into_small_memory_and_wishes_stay() {
        let mut limits = Limits { retained_bytes: 100_000_000, ..Limits::default() };
        limits.fit(128 << 20);
        assert_eq!(
            (limits.queued_bytes, limits.partial_bytes, limits.retained_bytes),
            (32 << 20, 16 << 20, 100_000_000)
        );
        let mut limits = Limits::default();
        limits.fit(u64::MAX);
        assert_eq!(limits.queued_bytes, Limits::default().queued_bytes);
    }
}
