//! The state machine of one connection: bytes, verdicts, wake-ups and deadlines in; packets, and what to do next, out.
//!
//! It never fails on what a client sends: it answers, at worst with [`Next::Close`]. Whatever waits for something outside leaves as another
//! [`Next`] and comes back as an input. What is done in memory, such as routing a message, is done at once through [`Broker`].

mod acknowledge;
mod handshake;
mod lanes;
mod online;
mod outbound;
mod publish;
mod subscribe;
mod watched;

pub use handshake::{AuthRequest, Credentials, Verdict};

use crate::{
    Broker, CONTROL, Counter, Delivery, Lane, Load, Message, Output, Timestamp, Versions, Wakes, lane, policy,
};
use handshake::Opening;
use mqtt_wire::{
    DecodeError, Frame, Packet, PacketType, PropertyBuf, PropertyId, ReasonCode, Sender, Value, Version, decode, frame,
};
use online::Online;
use std::task::Waker;

/// What a connection works with during one batch.
pub struct Context<'a> {
    /// The broker it belongs to.
    pub broker: &'a Broker,
    /// The time of this batch.
    pub now: Timestamp,
    /// The lane whose bytes are handled: 0, the control lane, where a connection has but one stream.
    pub lane: u8,
    /// Takes the packets to send on the control lane.
    pub output: &'a mut Output,
    /// The open data lanes, with the packets to send on them.
    pub lanes: &'a mut [Lane],
    /// Takes the receivers to wake after the batch.
    pub wakes: &'a mut Wakes,
    /// Buffers that live as long as the worker.
    pub scratch: &'a mut Scratch,
}

impl Context<'_> {
    /// The output of a lane, that of the control lane where the lane is closed.
    #[inline]
    pub(crate) fn output_of(&mut self, lane: u8) -> &mut Output {
        if lane == CONTROL {
            return self.output;
        }
        let open = self.lanes.iter_mut().find(|open| open.number == lane);
        open.map_or(&mut *self.output, |open| &mut open.output)
    }

    /// Whether some lane has `budget` bytes to send.
    #[inline]
    pub(crate) fn is_full(&self, budget: usize) -> bool {
        self.output.len() >= budget || self.lanes.iter().any(|lane| lane.output.len() >= budget)
    }
}

/// Buffers of a worker that connections borrow for a batch; empty in between.
#[derive(Default)]
pub struct Scratch {
    /// Publishes since one was shown to the observer as a sample.
    pub(crate) unsampled: u32,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) messages: Vec<Message>,
}

/// What the driver does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Feed more.
    Go,
    /// Ask the authenticator about [`Connection::auth_request`] and feed nothing before [`Connection::on_verdict`].
    Authenticate,
    /// Call [`Connection::claim`], again whenever its waker is called, and feed nothing before it is done.
    Claim,
    /// Write the output, close the socket, call [`Connection::on_closed`].
    Close(Close),
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code that says it best, sent or not.
    pub reason: ReasonCode,
    /// The same in words.
    pub what: &'static str,
}

/// One connection, from accept to close.
pub struct Connection {
    phase: Phase,
}

enum Phase {
    /// No CONNECT yet.
    Waiting { deadline: Timestamp, versions: Versions },
    /// CONNECT was read; authentication or the session is under way.
    Opening(Box<Opening>),
    /// CONNACK was sent.
    Online(Box<Online>),
    /// Over.
    Closed,
}

impl Connection {
    /// A connection accepted at `now` where `versions` may connect.
    pub fn new(broker: &Broker, versions: Versions, now: Timestamp) -> Connection {
        Connection { phase: Phase::Waiting { deadline: now + broker.limits().connect_timeout, versions } }
    }

    /// The Client Identifier, once CONNECT was read.
    pub fn client_id(&self) -> Option<&str> {
        match &self.phase {
            Phase::Waiting { .. } | Phase::Closed => None,
            Phase::Opening(opening) => Some(&opening.client_id),
            Phase::Online(online) => Some(online.session.client_id()),
        }
    }

    /// The protocol version, once CONNECT was read.
    pub fn version(&self) -> Option<Version> {
        match &self.phase {
            Phase::Waiting { .. } | Phase::Closed => None,
            Phase::Opening(opening) => Some(opening.version),
            Phase::Online(online) => Some(online.version),
        }
    }

    /// User Name, while CONNECT is being answered.
    pub fn user_name(&self) -> Option<&str> {
        match &self.phase {
            Phase::Opening(opening) => opening.user_name.as_deref(),
            Phase::Waiting { .. } | Phase::Online(_) | Phase::Closed => None,
        }
    }

    /// Once online: whether the session was there before, and Keep Alive in seconds.
    pub fn greeting(&self) -> Option<(bool, u16)> {
        match &self.phase {
            Phase::Online(online) => Some((online.session_present, online.keep_alive)),
            Phase::Waiting { .. } | Phase::Opening(_) | Phase::Closed => None,
        }
    }

    /// Whether CONNACK with 0x00 was sent.
    pub fn is_online(&self) -> bool {
        matches!(self.phase, Phase::Online(_))
    }

    /// Whether the client is not to be read at this step: it publishes. Its silence meanwhile is not its fault.
    pub fn is_held(&mut self, load: Load, now: Timestamp) -> bool {
        match &mut self.phase {
            Phase::Online(online) if load >= Load::Slow && online.routes.is_some() => {
                online.excuse(now);
                true
            }
            Phase::Online(_) | Phase::Waiting { .. } | Phase::Opening(_) | Phase::Closed => false,
        }
    }

    /// When [`Connection::on_timeout`] is to be called if nothing happens before.
    pub fn deadline(&self) -> Timestamp {
        match &self.phase {
            Phase::Waiting { deadline, .. } => *deadline,
            Phase::Opening(opening) => opening.deadline,
            Phase::Online(online) => online.deadline(),
            Phase::Closed => Timestamp::NEVER,
        }
    }

    /// Handles the whole packets at the start of `bytes`; returns how many bytes they were. The caller keeps the rest until more arrives.
    pub fn on_bytes(&mut self, bytes: &[u8], cx: &mut Context<'_>) -> (usize, Next) {
        let (mut used, limits) = (0, cx.broker.limits());
        loop {
            let rest = &bytes[used..];
            if let (Phase::Waiting { .. }, Some(&first)) = (&self.phase, rest.first())
                && PacketType::from_first_byte(first) != Some(PacketType::Connect)
            {
                // Decided by the first byte: nobody waits for the body of such a packet [MQTT-3.1.0-1].
                cx.broker.counters.count(Counter::PacketsRefused);
                return (bytes.len(), self.close(ReasonCode::ProtocolError, "the first packet is not CONNECT"));
            }
            if let (1.., Some(&first)) = (cx.lane, rest.first())
                && !lane::may_carry(first)
            {
                return (bytes.len(), self.on_malformed(lane::NOT_FOR_DATA, cx));
            }
            let max = match &self.phase {
                Phase::Online(online) => policy::packet_size(online.version, &limits),
                Phase::Waiting { .. } | Phase::Opening(_) | Phase::Closed => limits.connect_packet_size,
            };
            let version = self.version();
            let (body, end) = match frame(rest, max, version) {
                Ok(Frame::Complete { body, end }) => (body, end),
                Ok(Frame::Incomplete { .. }) => return (used, Next::Go),
                Err(error) => return (bytes.len(), self.on_malformed(error, cx)),
            };
            let decoded = decode(rest[0], &rest[body..end], version.unwrap_or(policy::NEWEST), Sender::Client);
            used += end;
            cx.broker.counters.received(rest[0], end);
            let next = match decoded {
                Ok(packet) => self.on_packet(&packet, cx),
                Err(error) => self.on_malformed(error, cx),
            };
            if next != Next::Go {
                return (used, next);
            }
        }
    }

    fn on_packet(&mut self, packet: &Packet<'_>, cx: &mut Context<'_>) -> Next {
        match (&mut self.phase, packet) {
            (Phase::Online(online), packet) => match online.on_packet(packet, cx) {
                Next::Close(close) => {
                    self.shut(close, cx);
                    Next::Close(close)
                }
                next => next,
            },
            (Phase::Waiting { deadline, versions }, Packet::Connect(connect)) => {
                let (deadline, versions) = (*deadline, *versions);
                self.on_connect(connect, deadline, versions, cx)
            }
            (Phase::Opening(_), packet) => self.on_packet_while_opening(packet, cx),
            (Phase::Waiting { .. } | Phase::Closed, _) => {
                self.close(ReasonCode::ProtocolError, "the first packet is not CONNECT")
            }
        }
    }

    /// A packet that could not be decoded [MQTT-4.13.1-1].
    fn on_malformed(&mut self, error: DecodeError, cx: &mut Context<'_>) -> Next {
        cx.broker.counters.count(match error.code {
            ReasonCode::PacketTooLarge => Counter::PacketsTooLarge,
            ReasonCode::TopicAliasInvalid => Counter::TopicAliasesRefused,
            _ => Counter::PacketsRefused,
        });
        match &self.phase {
            Phase::Waiting { .. } => self.refuse_malformed_connect(error, cx),
            Phase::Opening(_) => self.refuse(error.code, error.what, cx),
            Phase::Online(_) => {
                let close = Close { reason: error.code, what: error.what };
                self.shut(close, cx);
                Next::Close(close)
            }
            Phase::Closed => self.close(error.code, error.what),
        }
    }

    /// Tells a client that is online why the connection ends, if its version has a packet for that; on the control lane.
    fn shut(&mut self, close: Close, cx: &mut Context<'_>) {
        cx.lane = CONTROL;
        if let Phase::Online(online) = &mut self.phase {
            online.put_disconnect(close, cx);
        }
    }

    /// The connection ends without a word.
    fn close(&mut self, reason: ReasonCode, what: &'static str) -> Next {
        Next::Close(Close { reason, what })
    }

    /// The server ends the connection, for example to shut down.
    pub fn on_shutdown(&mut self, reason: ReasonCode, what: &'static str, cx: &mut Context<'_>) -> Next {
        match &self.phase {
            Phase::Opening(_) => self.refuse(reason, what, cx),
            Phase::Waiting { .. } | Phase::Online(_) | Phase::Closed => {
                let close = Close { reason, what };
                self.shut(close, cx);
                Next::Close(close)
            }
        }
    }

    /// The time is at or past [`Connection::deadline`].
    pub fn on_timeout(&mut self, cx: &mut Context<'_>) -> Next {
        if cx.now < self.deadline() {
            return Next::Go;
        }
        match &self.phase {
            Phase::Closed => Next::Go,
            Phase::Waiting { .. } => {
                cx.broker.counters.count(Counter::ConnectTimeouts);
                self.close(ReasonCode::UnspecifiedError, "no CONNECT in time")
            }
            Phase::Opening(_) => {
                cx.broker.counters.count(Counter::ConnectTimeouts);
                self.refuse(ReasonCode::UnspecifiedError, "CONNECT was not completed in time", cx)
            }
            Phase::Online(online) => {
                let close = online.leaving(false, cx.now).unwrap_or_else(|| {
                    cx.broker.counters.count(Counter::KeepAliveTimeouts);
                    Close { reason: ReasonCode::KeepAliveTimeout, what: "silent for 1.5 times the Keep Alive" }
                });
                self.shut(close, cx);
                Next::Close(close) // [MQTT-3.1.2-22]
            }
        }
    }

    /// Takes what waits for the client, up to some `budget` bytes of output, and registers `waker` for more. [`Next::Go`] with `true` means that
    /// more could be taken at once.
    pub fn pull(&mut self, budget: usize, waker: &Waker, cx: &mut Context<'_>) -> (bool, Next) {
        let Phase::Online(online) = &mut self.phase else { return (false, Next::Go) };
        let more = online.pull(budget, waker, cx);
        // Asked after the waker is registered: a signal between would be missed.
        online.on_signal(online.session.slot.take_signal());
        let is_through = budget > 0 && !more;
        match online.leaving(is_through, cx.now) {
            None => (more, Next::Go),
            Some(close) => {
                self.shut(close, cx);
                (false, Next::Close(close))
            }
        }
    }

    /// A data lane is closed: what was under way on it goes over the control lane. Returns whether its number may be given to another lane of
    /// this connection: nothing names it any more.
    pub fn on_lane_closed(&mut self, lane: u8) -> bool {
        match &mut self.phase {
            Phase::Online(online) => online.close_lane(lane),
            Phase::Waiting { .. } | Phase::Opening(_) | Phase::Closed => true,
        }
    }

    /// The socket is closed: the session waits or ends, the will goes out unless the client took it back.
    pub fn on_closed(&mut self, cx: &mut Context<'_>) {
        if let Phase::Online(mut online) = std::mem::replace(&mut self.phase, Phase::Closed) {
            if let Some(routes) = &mut online.routes {
                routes.clear(&cx.broker.index);
            }
            online.leave_lanes();
            cx.broker.counters.shift(Counter::Online, -1);
            cx.broker.leave(online.session, cx.now, cx.wakes);
        }
    }
}

/// What a client is told along with the code that ends its connection: where else to go, and why, as far as both stay within `max`.
fn last_words(close: Close, says_why: bool, size: usize, max: u32, broker: &Broker) -> PropertyBuf {
    let farewell = broker.server_reference(close.reason);
    let reference = farewell.as_ref().and_then(|farewell| farewell.server_reference.as_deref());
    // Three bytes of the property's own, and the lengths of properties and packet may grow by a byte each.
    let reference = reference.filter(|reference| size + reference.len() + 5 <= max as usize);
    let size = size + reference.map_or(0, |reference| reference.len() + 3);
    let mut properties = reason_string(close.what, says_why, size, max);
    if let Some(reference) = reference {
        properties.push(PropertyId::SERVER_REFERENCE, Value::Str(reference));
    }
    properties
}

/// A Reason String, if `allowed` and if a packet that is `size` bytes long without it stays within `max` [MQTT-3.14.2-3].
fn reason_string(what: &str, allowed: bool, size: usize, max: u32) -> PropertyBuf {
    let mut properties = PropertyBuf::new();
    // Three bytes of the property's own, and the lengths of properties and packet may grow by a byte each.
    if allowed && size + what.len() + 5 <= max as usize {
        properties.push(PropertyId::REASON_STRING, Value::Str(what));
    }
    properties
}
