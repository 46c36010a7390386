//! From CONNECT to CONNACK (3.1.4): checks, authentication, the session.

use super::online::Online;
use super::{Close, Connection, Context, Next, Phase, last_words};
use crate::sessions::Claim;
use crate::slot::ClaimToken;
use crate::{Counter, Limits, Load, Session, Timestamp, Versions, Will, policy};
use mqtt_wire::{
    Auth, ConnAck, Connect, DecodeError, MAX_REMAINING_LENGTH, Packet, Properties, PropertyBuf, PropertyId, ReasonCode,
    TopicName, Value, Version,
};
use std::task::Waker;

/// The protocol's own limit: the largest Remaining Length and its fixed header.
pub(super) const LARGEST_PACKET: u32 = MAX_REMAINING_LENGTH as u32 + 5;

/// A CONNECT that is being answered.
pub(super) struct Opening {
    pub(super) deadline: Timestamp,
    pub(super) version: Version,
    pub(super) client_id: Box<str>,
    pub(super) wishes: Wishes,
    assigned: bool,
    clean_start: bool,
    asks_response_information: bool,
    pub(super) user_name: Option<Box<str>>,
    password: Option<Box<[u8]>>,
    will: Option<Box<Will>>,
    exchange: Option<Exchange>,
    claim: Option<ClaimToken>,
}

/// What a client asks for, as far as it outlives the handshake.
#[derive(Clone, Copy)]
pub(super) struct Wishes {
    pub(super) keep_alive: u16,
    pub(super) session_expiry: u32,
    pub(super) receive_maximum: u16,
    pub(super) maximum_packet_size: u32,
    pub(super) topic_alias_maximum: u16,
    pub(super) problem_information: bool,
}

/// An authentication that goes over AUTH packets (4.12).
struct Exchange {
    method: Box<str>,
    data: Box<[u8]>,
    /// Whether CONNECT was passed on and AUTH packets of the client follow.
    begun: bool,
    /// Whether the client is to speak next.
    clients_turn: bool,
}

/// Who a client says it is.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// Client Identifier, assigned if the client sent none.
    pub client_id: &'a str,
    /// User Name.
    pub user_name: Option<&'a str>,
    /// Password.
    pub password: Option<&'a [u8]>,
}

/// What the authenticator is asked.
#[derive(Clone, Copy, Debug)]
pub enum AuthRequest<'a> {
    /// CONNECT without Authentication Method.
    Connect(Credentials<'a>),
    /// CONNECT with Authentication Method and the first Authentication Data: an exchange begins (4.12).
    Begin {
        /// Who.
        credentials: Credentials<'a>,
        /// Authentication Method.
        method: &'a str,
        /// Authentication Data, empty if there is none.
        data: &'a [u8],
    },
    /// The client's next Authentication Data.
    Continue(&'a [u8]),
}

/// The authenticator's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let in, with the last Authentication Data of an exchange.
    Accept(Option<Vec<u8>>),
    /// AUTH with this Authentication Data goes to the client, whose answer is the next request.
    Continue(Vec<u8>),
    /// Refused with this code.
    Refuse(ReasonCode),
}

impl Wishes {
    fn of(connect: &Connect<'_>, limits: &Limits) -> Wishes {
        let number = |id| connect.properties.number(id);
        Wishes {
            keep_alive: connect.keep_alive,
            session_expiry: policy::session_expiry(connect, limits),
            receive_maximum: number(PropertyId::RECEIVE_MAXIMUM).map_or(u16::MAX, |value| value as u16),
            maximum_packet_size: number(PropertyId::MAXIMUM_PACKET_SIZE)
                .map_or(LARGEST_PACKET, |size| size.min(LARGEST_PACKET)),
            topic_alias_maximum: number(PropertyId::TOPIC_ALIAS_MAXIMUM).unwrap_or(0) as u16,
            problem_information: number(PropertyId::REQUEST_PROBLEM_INFORMATION) != Some(0),
        }
    }
}

impl Opening {
    fn credentials(&self) -> Credentials<'_> {
        Credentials {
            client_id: &self.client_id,
            user_name: self.user_name.as_deref(),
            password: self.password.as_deref(),
        }
    }
}

impl Connection {
    pub(super) fn on_connect(
        &mut self,
        connect: &Connect<'_>,
        deadline: Timestamp,
        versions: Versions,
        cx: &mut Context<'_>,
    ) -> Next {
        let broker = cx.broker;
        let assigned = connect.client_id.is_empty();
        let client_id: Box<str> = match assigned {
            true => broker.assign_client_id().into(),
            false => connect.client_id.into(),
        };
        let method = connect.properties.text(PropertyId::AUTHENTICATION_METHOD);
        let opening = Opening {
            deadline,
            version: connect.version,
            client_id,
            wishes: Wishes::of(connect, &broker.limits()),
            assigned,
            clean_start: connect.clean_start,
            asks_response_information: connect.properties.number(PropertyId::REQUEST_RESPONSE_INFORMATION) == Some(1),
            user_name: connect.user_name.map(Into::into),
            password: connect.password.map(Into::into),
            will: connect.will.as_ref().map(|will| Box::new(Will::new(will))),
            exchange: method.map(|method| Exchange {
                method: method.into(),
                data: connect.properties.bytes(PropertyId::AUTHENTICATION_DATA).unwrap_or_default().into(),
                begun: false,
                clients_turn: false,
            }),
            claim: None,
        };
        self.phase = Phase::Opening(Box::new(opening));
        if !versions.contains(connect.version) {
            let what = "this protocol version may not connect here";
            return self.refuse(ReasonCode::UnsupportedProtocolVersion, what, cx);
        }
        if broker.is_quiet() {
            return self.refuse_newcomer(cx);
        }
        if broker.load.get() >= Load::Refuse {
            broker.counters.count(Counter::OverloadRefused);
            return self.refuse(ReasonCode::ServerBusy, "the server is overloaded, try again later", cx);
        }
        if assigned && !policy::assigns_client_id(connect.version, connect.clean_start) {
            return self.refuse(ReasonCode::ClientIdentifierNotValid, "Client Identifier is empty", cx);
        }
        if connect.client_id.len() > broker.limits().client_id_length {
            broker.counters.count(Counter::ClientIdsRefused);
            return self.refuse(ReasonCode::ClientIdentifierNotValid, "Client Identifier is too long", cx);
        }
        if let Some(will) = &connect.will
            && let Err((reason, what)) = check_will(will, &broker.limits())
        {
            broker.counters.count(Counter::TopicsRefused);
            return self.refuse(reason, what, cx);
        }
        Next::Authenticate
    }

    /// What to ask the authenticator after [`Next::Authenticate`].
    pub fn auth_request(&self) -> Option<AuthRequest<'_>> {
        match &self.phase {
            Phase::Waiting { .. } | Phase::Closed => None,
            Phase::Online(online) => online.auth_request(),
            Phase::Opening(opening) => Some(match &opening.exchange {
                None => AuthRequest::Connect(opening.credentials()),
                Some(Exchange { begun: false, method, data, .. }) => {
                    AuthRequest::Begin { credentials: opening.credentials(), method, data }
                }
                Some(exchange) => AuthRequest::Continue(&exchange.data),
            }),
        }
    }

    /// The authenticator has answered.
    pub fn on_verdict(&mut self, verdict: Verdict, cx: &mut Context<'_>) -> Next {
        match verdict {
            Verdict::Accept(_) => cx.broker.counters.count(Counter::AuthenticationsAccepted),
            Verdict::Refuse(_) => cx.broker.counters.count(Counter::AuthenticationsRefused),
            Verdict::Continue(_) => {}
        }
        match &mut self.phase {
            Phase::Waiting { .. } | Phase::Closed => Next::Go,
            Phase::Online(online) => match online.on_verdict(verdict, cx) {
                Next::Close(close) => {
                    self.shut(close, cx);
                    Next::Close(close)
                }
                next => next,
            },
            Phase::Opening(opening) => match (verdict, &mut opening.exchange) {
                (Verdict::Refuse(reason), _) => self.refuse(reason, reason.name(), cx),
                (Verdict::Accept(data), exchange) => {
                    if let Some(exchange) = exchange {
                        exchange.data = data.unwrap_or_default().into();
                    }
                    opening.claim = Some(cx.broker.sessions.token());
                    Next::Claim
                }
                (Verdict::Continue(data), Some(exchange)) => {
                    (exchange.begun, exchange.clients_turn) = (true, true);
                    let (reason, maximum) = (ReasonCode::ContinueAuthentication, opening.wishes.maximum_packet_size);
                    match put_auth(reason, &exchange.method, &data, maximum, cx) {
                        true => Next::Go, // [MQTT-4.12.0-2]
                        false => self.refuse(ReasonCode::PacketTooLarge, "AUTH exceeds the Maximum Packet Size", cx),
                    }
                }
                (Verdict::Continue(_), None) => {
                    // [MQTT-4.12.0-6]: an authenticator that asks where the client named no method refuses it.
                    self.refuse(ReasonCode::BadAuthenticationMethod, "an Authentication Method is required", cx)
                }
            },
        }
    }

    /// AUTH or DISCONNECT of a client whose exchange is under way; anything else breaks the protocol [MQTT-3.1.2-30].
    pub(super) fn on_packet_while_opening(&mut self, packet: &Packet<'_>, cx: &mut Context<'_>) -> Next {
        let Phase::Opening(opening) = &mut self.phase else { return Next::Go };
        let exchange = opening.exchange.as_mut().filter(|exchange| exchange.clients_turn);
        match (packet, exchange) {
            (Packet::Auth(auth), Some(exchange)) if auth.reason == ReasonCode::ContinueAuthentication => {
                if auth.properties.text(PropertyId::AUTHENTICATION_METHOD) != Some(&*exchange.method) {
                    return self.refuse(ReasonCode::ProtocolError, "Authentication Method differs from CONNECT's", cx);
                }
                exchange.data = auth.properties.bytes(PropertyId::AUTHENTICATION_DATA).unwrap_or_default().into();
                exchange.clients_turn = false;
                Next::Authenticate
            }
            (Packet::Disconnect(_), _) => self.close(ReasonCode::Success, "the client gave up authenticating"),
            _ => self.refuse(ReasonCode::ProtocolError, "only AUTH and DISCONNECT may precede CONNACK", cx),
        }
    }

    /// Claims the session. [`Next::Claim`] means that another connection has to let go first and `waker` will be called.
    pub fn claim(&mut self, waker: &Waker, cx: &mut Context<'_>) -> Next {
        let Phase::Opening(opening) = &mut self.phase else { return Next::Go };
        let Some(token) = opening.claim else { return Next::Go };
        let broker = cx.broker;
        if broker.is_quiet() {
            return self.refuse_newcomer(cx);
        }
        let claimed = broker.sessions.claim(
            &opening.client_id,
            opening.clean_start,
            broker.limits().sessions,
            token,
            waker,
            cx.wakes,
        );
        match claimed {
            Claim::New { session, replaced } => {
                broker.counters.count(Counter::SessionsMade);
                if let Some(replaced) = replaced {
                    broker.end(replaced, cx.now, cx.wakes); // [MQTT-3.1.2-4]
                }
                self.welcome(session, SessionPresent::No, cx)
            }
            Claim::Resumed(session) => self.welcome(session, SessionPresent::Yes, cx),
            Claim::Waiting { asked } => {
                if asked {
                    broker.counters.count(Counter::SessionsTakenOver);
                }
                Next::Claim
            }
            Claim::Displaced => self.close(ReasonCode::SessionTakenOver, "another connection took the session first"),
            Claim::Full => {
                broker.counters.count(Counter::SessionsRefused);
                self.refuse(ReasonCode::QuotaExceeded, "too many sessions", cx)
            }
        }
    }

    fn welcome(&mut self, mut session: Box<Session>, present: SessionPresent, cx: &mut Context<'_>) -> Next {
        let Phase::Opening(opening) = std::mem::replace(&mut self.phase, Phase::Closed) else { return Next::Go };
        let mut opening = *opening;
        let limits = cx.broker.limits();
        let mut answer = PropertyBuf::new();
        if opening.wishes.session_expiry > limits.session_expiry {
            cx.broker.counters.count(Counter::SessionExpiriesCut);
            opening.wishes.session_expiry = limits.session_expiry;
            answer.push(PropertyId::SESSION_EXPIRY_INTERVAL, Value::U32(limits.session_expiry));
        }
        if let Some(most) = limits.keep_alive.filter(|_| policy::knows_server_keep_alive(opening.version))
            && (opening.wishes.keep_alive == 0 || opening.wishes.keep_alive > most)
        {
            cx.broker.counters.count(Counter::KeepAlivesReplaced);
            opening.wishes.keep_alive = most;
            answer.push(PropertyId::SERVER_KEEP_ALIVE, Value::U16(most));
        }
        if opening.version.has_properties() {
            opening.announce(&limits, cx.broker.response_information(), &mut answer);
        }
        cx.broker.counters.shift(Counter::Online, 1);
        session.slot.set_will(opening.will.take()); // a will still waiting of before is not sent [MQTT-3.1.3-9]
        session.expiry = opening.wishes.session_expiry;
        let session_present = present == SessionPresent::Yes;
        let connack = ConnAck { session_present, reason: ReasonCode::Success, properties: answer.as_properties() };
        let fits = put_connack(opening.version, connack, opening.wishes.maximum_packet_size, cx);
        let user_name = opening.user_name;
        let method = opening.exchange.map(|exchange| (exchange.method, user_name));
        let online = Online::new(session, opening.version, &opening.wishes, session_present, method, cx);
        self.phase = Phase::Online(Box::new(online));
        match fits {
            true => Next::Go,
            false => self.close(ReasonCode::PacketTooLarge, "CONNACK exceeds the client's Maximum Packet Size"),
        }
    }

    /// The broker ends and takes nobody in any more; for a client whose CONNECT was read and not answered yet.
    pub fn refuse_newcomer(&mut self, cx: &mut Context<'_>) -> Next {
        self.refuse(cx.broker.farewell_reason(), "the server is ending", cx)
    }

    /// CONNACK with a failure and close, in the client's own format.
    pub(super) fn refuse(&mut self, reason: ReasonCode, what: &'static str, cx: &mut Context<'_>) -> Next {
        if let Phase::Opening(opening) = &self.phase {
            // Codes that CONNACK's list lacks are told as the nearest one on it [MQTT-3.2.2-8].
            let told = match reason {
                ReasonCode::ServerShuttingDown => ReasonCode::ServerUnavailable,
                ReasonCode::SessionTakenOver => ReasonCode::ServerBusy,
                reason => reason,
            };
            let close = Close { reason, what };
            let properties = last_words(close, true, 5, opening.wishes.maximum_packet_size, cx.broker);
            let properties = if opening.version.has_properties() { properties } else { PropertyBuf::new() };
            let connack = ConnAck { session_present: false, reason: told, properties: properties.as_properties() };
            put_connack(opening.version, connack, opening.wishes.maximum_packet_size, cx);
        }
        self.close(reason, what)
    }

    pub(super) fn refuse_malformed_connect(&mut self, error: DecodeError, cx: &mut Context<'_>) -> Next {
        if let Some(version) = error.version
            && policy::tells_malformed_connect(version, error.code)
        {
            let connack = ConnAck { session_present: false, reason: error.code, properties: Properties::NONE };
            put_connack(version, connack, LARGEST_PACKET, cx);
        }
        self.close(error.code, error.what)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SessionPresent {
    No,
    Yes,
}

impl Opening {
    /// What a 5.0 client is told about this server, where it differs from what the client would assume.
    fn announce(&self, limits: &Limits, response_information: &str, answer: &mut PropertyBuf) {
        if limits.receive_maximum < u16::MAX {
            answer.push(PropertyId::RECEIVE_MAXIMUM, Value::U16(limits.receive_maximum));
        }
        if let Ok(size) = u32::try_from(policy::packet_size(self.version, limits)) {
            answer.push(PropertyId::MAXIMUM_PACKET_SIZE, Value::U32(size));
        }
        if limits.topic_alias_maximum > 0 {
            answer.push(PropertyId::TOPIC_ALIAS_MAXIMUM, Value::U16(limits.topic_alias_maximum));
        }
        if self.assigned {
            answer.push(PropertyId::ASSIGNED_CLIENT_IDENTIFIER, Value::Str(&self.client_id)); // [MQTT-3.1.3-7]
        }
        if self.asks_response_information && !response_information.is_empty() {
            let text = format!("{response_information}/{}", self.client_id);
            answer.push(PropertyId::RESPONSE_INFORMATION, Value::Str(&text)); // [MQTT-3.1.2-28]
        }
        if let Some(exchange) = &self.exchange {
            answer.push(PropertyId::AUTHENTICATION_METHOD, Value::Str(&exchange.method)); // [MQTT-4.12.0-5]
            if !exchange.data.is_empty() {
                answer.push(PropertyId::AUTHENTICATION_DATA, Value::Bin(&exchange.data));
            }
        }
    }
}

/// Appends a packet to the lane at work unless it is larger than `maximum`; returns whether it is not [MQTT-3.1.2-24].
pub(super) fn put_within(packet: &Packet<'_>, version: Version, maximum: u32, cx: &mut Context<'_>) -> bool {
    let output = cx.output_of(cx.lane);
    let before = output.small.len();
    packet.encode(version, &mut output.small);
    let size = output.small.len() - before;
    let fits = size <= maximum as usize;
    match fits {
        true => cx.broker.counters.sent(packet.packet_type(), size),
        false => output.small.truncate(before),
    }
    fits
}

fn put_connack(version: Version, connack: ConnAck<'_>, maximum: u32, cx: &mut Context<'_>) -> bool {
    put_within(&Packet::ConnAck(connack), version, maximum, cx)
}

/// AUTH of the server; `false` if it is larger than `maximum`.
pub(super) fn put_auth(reason: ReasonCode, method: &str, data: &[u8], maximum: u32, cx: &mut Context<'_>) -> bool {
    let mut properties = PropertyBuf::new();
    properties.push(PropertyId::AUTHENTICATION_METHOD, Value::Str(method));
    if !data.is_empty() {
        properties.push(PropertyId::AUTHENTICATION_DATA, Value::Bin(data));
    }
    let auth = Auth { reason, properties: properties.as_properties() };
    put_within(&Packet::Auth(auth), policy::NEWEST, maximum, cx)
}

/// The will's topic obeys the rules of PUBLISH.
fn check_will(will: &mqtt_wire::Will<'_>, limits: &Limits) -> Result<(), (ReasonCode, &'static str)> {
    let topic =
        TopicName::parse(will.topic).map_err(|_| (ReasonCode::TopicNameInvalid, "Will Topic is no Topic Name"))?;
    if topic.is_reserved() {
        return Err((ReasonCode::NotAuthorized, "Will Topic begins with $"));
    }
    super::publish::check_topic_limits(topic, limits).map_err(|what| (ReasonCode::TopicNameInvalid, what))?;
    let response = will.properties.text(PropertyId::RESPONSE_TOPIC);
    if response.is_some_and(|topic| TopicName::parse(topic).is_err()) {
        return Err((ReasonCode::ProtocolError, "Response Topic is no Topic Name"));
    }
    Ok(())
}
