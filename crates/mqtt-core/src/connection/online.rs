//! A connection after CONNACK: its session and what lives only as long as the connection.

use super::handshake::{AuthRequest, Verdict, Wishes, put_auth, put_within};
use super::lanes::DataLanes;
use super::{Close, Context, Next, last_words};
use crate::farewell::Signal;
use crate::index::RouteCache;
use crate::{Counter, Session, Timestamp, alias, policy};
use mqtt_wire::{Auth, Disconnect, Packet, PacketId, PropertyId, ReasonCode, Version};
use std::collections::VecDeque;
use std::time::Duration;

const TOO_LARGE: Close =
    Close { reason: ReasonCode::PacketTooLarge, what: "an answer exceeds the client's Maximum Packet Size" };

pub(super) struct Online {
    pub(super) session: Box<Session>,
    pub(super) version: Version,
    pub(super) problem_information: bool,
    pub(super) session_present: bool,
    pub(super) keep_alive: u16,
    /// The client's Receive Maximum, cut to the server's own bound.
    pub(super) quota: u16,
    pub(super) maximum_packet_size: u32,
    heard: Timestamp,
    /// Those of the control lane.
    pub(super) aliases_received: Option<Box<alias::Received>>,
    pub(super) aliases_sent: Option<Box<alias::Sent>>,
    /// Made by the first PUBLISH.
    pub(super) routes: Option<Box<RouteCache>>,
    /// Exchanges of an earlier connection that have not been sent again yet, in order.
    pub(super) resends: Option<Box<VecDeque<PacketId>>>,
    /// Made by the first packet on a data lane.
    pub(super) lanes: Option<Box<DataLanes>>,
    authentication: Option<Box<Authentication>>,
    /// Why the connection ends as soon as the client has what waits for it.
    leaving: Option<Box<Signal>>,
}

/// The enhanced authentication that CONNECT named, which the client may repeat (4.12.1).
struct Authentication {
    method: Box<str>,
    user_name: Option<Box<str>>,
    data: Box<[u8]>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing under way.
    Done,
    /// The client asked to authenticate again; the authenticator is to begin.
    Asked,
    /// The authenticator is to go on.
    Answered,
    /// The client is to go on.
    ClientsTurn,
}

impl Online {
    pub(super) fn new(
        session: Box<Session>,
        version: Version,
        wishes: &Wishes,
        session_present: bool,
        method: Option<(Box<str>, Option<Box<str>>)>,
        cx: &mut Context<'_>,
    ) -> Online {
        let limits = cx.broker.limits();
        let aliases = wishes.topic_alias_maximum;
        let resends: VecDeque<PacketId> = session.window.entries().map(|(id, _)| id).collect();
        Online {
            version,
            problem_information: wishes.problem_information,
            session_present,
            keep_alive: wishes.keep_alive,
            quota: wishes.receive_maximum.min(policy::in_flight(version, &limits)),
            maximum_packet_size: wishes.maximum_packet_size,
            heard: cx.now,
            aliases_received: None,
            aliases_sent: (aliases > 0).then(|| Box::new(alias::Sent::new(aliases, &limits))),
            routes: None,
            resends: (!resends.is_empty()).then(|| Box::new(resends)),
            lanes: None,
            leaving: None,
            authentication: method.map(|(method, user_name)| {
                Box::new(Authentication { method, user_name, data: Box::default(), stage: Stage::Done })
            }),
            session,
        }
    }

    /// Does as if a packet had come.
    pub(super) fn excuse(&mut self, now: Timestamp) {
        self.heard = now;
    }

    /// One and a half times the Keep Alive after the last packet, or when a client that is sent away has had its time.
    pub(super) fn deadline(&self) -> Timestamp {
        let silence = match self.keep_alive {
            0 => Timestamp::NEVER,
            seconds => self.heard + Duration::from_millis(u64::from(seconds) * 1500),
        };
        self.leaving.as_ref().map_or(silence, |signal| silence.min(signal.until))
    }

    /// The connection is to end.
    pub(super) fn on_signal(&mut self, signal: Option<Box<Signal>>) {
        let Some(signal) = signal else { return };
        if self.leaving.as_ref().is_none_or(|earlier| signal.until < earlier.until) {
            self.leaving = Some(signal);
        }
    }

    /// Why the connection ends now, if it does: its time is up, or all is written (`is_through`) and nothing waits for the client.
    pub(super) fn leaving(&self, is_through: bool, now: Timestamp) -> Option<Close> {
        let signal = self.leaving.as_ref()?;
        let is_over = signal.until <= now || is_through && self.has_all();
        is_over.then(|| Close { reason: signal.reason, what: signal.reason.name() })
    }

    /// Whether the client has got, and has acknowledged, all that there is for it. Only then may the connection be closed without a loss:
    /// a client that sends acknowledgements to a closed socket has what it did not read yet taken away by the reset.
    fn has_all(&self) -> bool {
        let session = &self.session;
        self.resends.is_none() && session.replays.is_none() && session.window.open() == 0 && session.slot.queued() == 0
    }

    #[inline]
    pub(super) fn on_packet(&mut self, packet: &Packet<'_>, cx: &mut Context<'_>) -> Next {
        self.heard = cx.now;
        match packet {
            Packet::Publish(publish) => self.on_publish(publish, cx),
            Packet::PubAck(ack) => self.on_puback(ack, cx),
            Packet::PubRec(ack) => self.on_pubrec(ack, cx),
            Packet::PubRel(ack) => self.on_pubrel(ack, cx),
            Packet::PubComp(ack) => self.on_pubcomp(ack),
            Packet::Subscribe(subscribe) => self.on_subscribe(subscribe, cx),
            Packet::Unsubscribe(unsubscribe) => self.on_unsubscribe(unsubscribe, cx),
            Packet::PingReq => self.put(&Packet::PingResp, cx), // [MQTT-3.12.4-1]
            Packet::Disconnect(disconnect) => self.on_disconnect(disconnect, cx),
            Packet::Auth(auth) => self.on_auth(auth, cx),
            Packet::Connect(_) => self.refuse(ReasonCode::ProtocolError, "a second CONNECT", cx), // [MQTT-3.1.0-2]
            Packet::ConnAck(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp => {
                self.refuse(ReasonCode::ProtocolError, "a packet that only servers send", cx)
            }
        }
    }

    /// Appends an answer. A client that cannot take it because of its own Maximum Packet Size cannot be served [MQTT-3.1.2-24].
    #[inline]
    pub(super) fn put(&mut self, packet: &Packet<'_>, cx: &mut Context<'_>) -> Next {
        match put_within(packet, self.version, self.maximum_packet_size, cx) {
            true => Next::Go,
            false => Next::Close(TOO_LARGE),
        }
    }

    /// The client broke the protocol.
    pub(super) fn refuse(&mut self, reason: ReasonCode, what: &'static str, cx: &mut Context<'_>) -> Next {
        cx.broker.counters.count(Counter::PacketsRefused);
        Next::Close(Close { reason, what })
    }

    /// DISCONNECT from the server; a normal end asked for by the client is not answered.
    pub(super) fn put_disconnect(&mut self, close: Close, cx: &mut Context<'_>) {
        if policy::sends_disconnect(self.version) && close.reason.is_failure() {
            let properties = last_words(close, self.problem_information, 3, self.maximum_packet_size, cx.broker);
            let disconnect = Disconnect { reason: close.reason, properties: properties.as_properties() };
            self.put(&Packet::Disconnect(disconnect), cx);
        }
    }

    fn on_disconnect(&mut self, disconnect: &Disconnect<'_>, cx: &mut Context<'_>) -> Next {
        if let Some(seconds) = disconnect.properties.number(PropertyId::SESSION_EXPIRY_INTERVAL) {
            if self.session.expiry == 0 && seconds > 0 {
                let what = "DISCONNECT sets a Session Expiry Interval where CONNECT had none";
                return self.refuse(ReasonCode::ProtocolError, what, cx);
            }
            self.session.expiry = seconds.min(cx.broker.limits().session_expiry);
        }
        if disconnect.reason == ReasonCode::Success {
            self.session.slot.set_will(None); // [MQTT-3.14.4-3]
        }
        // The client's own end is not answered, whatever its code.
        Next::Close(Close { reason: ReasonCode::Success, what: "the client disconnected" })
    }

    /// [MQTT-4.12.1-1]: re-authentication, with the method of CONNECT.
    fn on_auth(&mut self, auth: &Auth<'_>, cx: &mut Context<'_>) -> Next {
        match self.begin_or_continue(auth) {
            Ok(()) => Next::Authenticate,
            Err(what) => self.refuse(ReasonCode::ProtocolError, what, cx),
        }
    }

    fn begin_or_continue(&mut self, auth: &Auth<'_>) -> Result<(), &'static str> {
        let Some(authentication) = &mut self.authentication else {
            return Err("AUTH without Authentication Method in CONNECT"); // [MQTT-4.12.0-7]
        };
        if auth.properties.text(PropertyId::AUTHENTICATION_METHOD) != Some(&*authentication.method) {
            return Err("Authentication Method differs from CONNECT's");
        }
        authentication.stage = match (auth.reason, authentication.stage) {
            (ReasonCode::ReAuthenticate, Stage::Done) => Stage::Asked,
            (ReasonCode::ContinueAuthentication, Stage::ClientsTurn) => Stage::Answered,
            _ => return Err("AUTH out of turn"),
        };
        authentication.data = auth.properties.bytes(PropertyId::AUTHENTICATION_DATA).unwrap_or_default().into();
        Ok(())
    }

    pub(super) fn auth_request(&self) -> Option<AuthRequest<'_>> {
        let authentication = self.authentication.as_ref()?;
        match authentication.stage {
            Stage::Done | Stage::ClientsTurn => None,
            Stage::Answered => Some(AuthRequest::Continue(&authentication.data)),
            Stage::Asked => Some(AuthRequest::Begin {
                credentials: super::Credentials {
                    client_id: self.session.client_id(),
                    user_name: authentication.user_name.as_deref(),
                    password: None,
                },
                method: &authentication.method,
                data: &authentication.data,
            }),
        }
    }

    pub(super) fn on_verdict(&mut self, verdict: Verdict, cx: &mut Context<'_>) -> Next {
        let Some(authentication) = &mut self.authentication else { return Next::Go };
        let (reason, data) = match verdict {
            Verdict::Refuse(reason) => {
                // [MQTT-4.12.1-2]; DISCONNECT has no code for a bad password.
                let reason = match reason {
                    ReasonCode::BadUserNameOrPassword | ReasonCode::Banned => ReasonCode::NotAuthorized,
                    reason => reason,
                };
                return Next::Close(Close { reason, what: "re-authentication failed" });
            }
            Verdict::Accept(data) => {
                authentication.stage = Stage::Done;
                (ReasonCode::Success, data.unwrap_or_default())
            }
            Verdict::Continue(data) => {
                authentication.stage = Stage::ClientsTurn;
                (ReasonCode::ContinueAuthentication, data)
            }
        };
        match put_auth(reason, &authentication.method, &data, self.maximum_packet_size, cx) {
            true => Next::Go,
            false => Next::Close(TOO_LARGE),
        }
    }
}
