//! PUBLISH from a client (3.3, 4.3).

use super::online::Online;
use super::watched::Watched;
use super::{Close, Context, Next, reason_string};
use crate::message::Content;
use crate::{Broker, Counter, Limits, Message, alias, policy};
use mqtt_wire::{Ack, Packet, PacketId, PropertyId, Publish, QoS, ReasonCode, TopicName};

/// The topic is within the broker's bounds.
pub(super) fn check_topic_limits(topic: TopicName<'_>, limits: &Limits) -> Result<(), &'static str> {
    let text = topic.as_str();
    if text.len() > limits.topic_length {
        return Err("Topic Name is too long");
    }
    if memchr::memchr_iter(b'/', text.as_bytes()).count() >= limits.topic_levels {
        return Err("Topic Name has too many levels");
    }
    Ok(())
}

/// Why a PUBLISH ends the connection.
type Broken = (ReasonCode, &'static str);

impl Online {
    pub(super) fn on_publish(&mut self, publish: &Publish<'_>, cx: &mut Context<'_>) -> Next {
        cx.broker.counters.publish_received(publish.qos, publish.payload.len());
        if cx.broker.is_quiet() {
            // Without an answer the client keeps it and sends it again, here or elsewhere.
            cx.broker.counters.count(Counter::MessagesRefused);
            return Next::Go;
        }
        let mut aliases = self.aliases_received(cx.lane).take();
        let result = match resolve(publish, &mut aliases, cx.broker) {
            Ok(topic) => self.accept(topic, publish, cx),
            Err((reason, what)) => {
                cx.broker.counters.count(Counter::TopicAliasesRefused);
                cx.broker.counters.count(Counter::MessagesRefused);
                Next::Close(Close { reason, what })
            }
        };
        *self.aliases_received(cx.lane) = aliases;
        result
    }

    fn accept(&mut self, topic: &str, publish: &Publish<'_>, cx: &mut Context<'_>) -> Next {
        if let (QoS::ExactlyOnce, Some(id)) = (publish.qos, publish.packet_id)
            && let Some(next) = self.on_known_or_excess(id, cx)
        {
            return next;
        }
        match self.take_over(topic, publish, cx) {
            Ok(reason) => {
                cx.broker.counters.count(match reason {
                    ReasonCode::Success => Counter::MessagesRouted,
                    ReasonCode::NoMatchingSubscribers => Counter::MessagesUnmatched,
                    _ => Counter::MessagesRefused,
                });
                self.acknowledge(publish, reason, cx)
            }
            Err((reason, what)) => {
                cx.broker.counters.count(Counter::MessagesRefused);
                self.refuse(reason, what, cx)
            }
        }
    }

    /// [MQTT-4.3.3-10]: a QoS 2 message that is open already only gets its PUBREC again. [MQTT-3.3.4-7]: or one too many.
    fn on_known_or_excess(&mut self, id: PacketId, cx: &mut Context<'_>) -> Option<Next> {
        if self.received(cx.lane).contains(id) {
            cx.broker.counters.count(Counter::MessagesRepeated);
            return Some(self.put(&Packet::PubRec(Ack::new(id, ReasonCode::Success)), cx));
        }
        let maximum = usize::from(cx.broker.limits().receive_maximum);
        if policy::knows_receive_maximum(self.version) && self.open_received() >= maximum {
            cx.broker.counters.count(Counter::ReceiveMaximumExceeded);
            cx.broker.counters.count(Counter::MessagesRefused);
            return Some(self.refuse(
                ReasonCode::ReceiveMaximumExceeded,
                "more QoS 2 messages than Receive Maximum",
                cx,
            ));
        }
        None
    }

    /// Takes the message over: keeps it if it is retained and delivers it. Returns the code to acknowledge with.
    fn take_over(&mut self, topic: &str, publish: &Publish<'_>, cx: &mut Context<'_>) -> Result<ReasonCode, Broken> {
        let broker = cx.broker;
        if let Some(response) = publish.properties.text(PropertyId::RESPONSE_TOPIC)
            && TopicName::parse(response).is_err()
        {
            return Err((ReasonCode::ProtocolError, "Response Topic is no Topic Name")); // [MQTT-3.3.2-14]
        }
        if publish.qos > QoS::AtMostOnce && broker.budget().is_exhausted() {
            broker.counters.count(Counter::PublishesRefused);
            return match policy::tells_publish_reason(self.version) {
                true => Ok(ReasonCode::QuotaExceeded),
                // An acknowledgement would be a lie: the client keeps the message and comes back [MQTT-4.8.0-2].
                false => Err((ReasonCode::QuotaExceeded, "no memory left for messages")),
            };
        }
        let cache = self.routes.get_or_insert_default();
        let hash = broker.index.hash(topic.as_bytes());
        let place = match cache.known(&broker.index, hash, topic.as_bytes()) {
            Some(place) => place, // its topic has been checked before
            None => {
                if let Some(reason) = check_topic(topic, cx)? {
                    return Ok(reason);
                }
                cache.look_up(&broker.index, hash, topic.as_bytes(), &broker.limits())
            }
        };
        let routes = cache.routes(place);
        let watched = Watched::new(self.session.client_id(), self.version, topic, publish, broker, cx.scratch);
        let follow = watched.follow();
        if routes.is_empty() && !publish.retain {
            let trace = follow.as_ref().map(|follow| &*follow.trace);
            return Ok(watched.tell(trace, 0, ReasonCode::NoMatchingSubscribers));
        }
        let content = Content {
            topic,
            qos: publish.qos,
            retain: publish.retain,
            properties: publish.properties,
            payload: publish.payload,
        };
        let message = Message::followed(&content, follow, cx.now);
        if publish.retain && broker.retained.set(&message, &broker.limits()).is_err() {
            broker.counters.count(Counter::RetainedRefused);
            // Who cannot be told still reaches those who listen now.
            if publish.qos > QoS::AtMostOnce && policy::tells_publish_reason(self.version) {
                return Ok(watched.tell(message.trace(), 0, ReasonCode::QuotaExceeded));
            }
        }
        match broker.deliver(&message, routes, Some(&self.session.slot), cx.wakes) {
            0 => Ok(watched.tell(message.trace(), 0, ReasonCode::NoMatchingSubscribers)),
            copies => Ok(watched.tell(message.trace(), copies, ReasonCode::Success)),
        }
    }

    /// The answer by QoS [MQTT-3.3.4-1].
    fn acknowledge(&mut self, publish: &Publish<'_>, reason: ReasonCode, cx: &mut Context<'_>) -> Next {
        let Some(packet_id) = publish.packet_id else { return Next::Go };
        let reason = if policy::tells_publish_reason(self.version) { reason } else { ReasonCode::Success };
        let allowed = self.problem_information && reason.is_failure();
        let properties = reason_string(reason.name(), allowed, 5, self.maximum_packet_size);
        let ack = Ack { packet_id, reason, properties: properties.as_properties() };
        match publish.qos {
            QoS::AtMostOnce => Next::Go,
            QoS::AtLeastOnce => self.put(&Packet::PubAck(ack), cx),
            QoS::ExactlyOnce => {
                if !reason.is_failure() {
                    self.received(cx.lane).insert(packet_id);
                }
                self.put(&Packet::PubRec(ack), cx)
            }
        }
    }
}

/// The topic of a PUBLISH, from the packet or by its alias (3.3.2.3.4).
fn resolve<'a>(
    publish: &Publish<'a>,
    aliases: &'a mut Option<Box<alias::Received>>,
    broker: &Broker,
) -> Result<&'a str, Broken> {
    if publish.properties.is_empty() {
        return Ok(publish.topic);
    }
    let Some(alias) = publish.properties.number(PropertyId::TOPIC_ALIAS) else { return Ok(publish.topic) };
    let alias = alias as u16;
    if alias == 0 || alias > broker.limits().topic_alias_maximum {
        return Err((ReasonCode::TopicAliasInvalid, "Topic Alias is above the maximum")); // [MQTT-3.3.2-9]
    }
    if publish.topic.is_empty() {
        let known = aliases.as_ref().and_then(|aliases| aliases.get(alias));
        return known.ok_or((ReasonCode::ProtocolError, "Topic Alias is unknown on this connection")); // [MQTT-3.3.2-7]
    }
    aliases.get_or_insert_default().set(alias, publish.topic);
    Ok(publish.topic)
}

/// Checks a topic; a well-formed one that is refused has a code to acknowledge with.
fn check_topic(topic: &str, cx: &Context<'_>) -> Result<Option<ReasonCode>, Broken> {
    let counters = &cx.broker.counters;
    // [MQTT-3.3.2-2]
    let topic = TopicName::parse(topic).map_err(|_| (ReasonCode::MalformedPacket, "Topic Name holds a wildcard"))?;
    if topic.is_reserved() {
        counters.count(Counter::ReservedTopicsRefused);
        return Ok(Some(ReasonCode::NotAuthorized));
    }
    if check_topic_limits(topic, &cx.broker.limits()).is_err() {
        counters.count(Counter::TopicsRefused);
        return Ok(Some(ReasonCode::TopicNameInvalid));
    }
    Ok(None)
}
