//! MQTT 5.0.

use std::sync::mpsc::Sender;

use rumqttc::{
    Outgoing,
    v5::{
        AsyncClient, ConnectionError, Event as Happened, EventLoop, MqttOptions, StateError,
        mqttbytes::{
            qos,
            v5::{Filter, LastWill, Packet, PublishProperties, SubscribeReasonCode},
        },
    },
};

use super::{Connack, Event, MAXIMUM_PACKET_SIZE, Requests, tell};
use crate::{
    broker::Broker,
    client::{Connect, Message, Properties, Subscription},
};

pub fn client(broker: &Broker, connect: &Connect) -> (AsyncClient, EventLoop) {
    let address = broker.address();
    let mut options = MqttOptions::new(&connect.id, address.ip().to_string(), address.port());
    options.set_clean_start(connect.clean);
    options.set_session_expiry_interval((!connect.clean).then_some(Connect::EXPIRY));
    options.set_max_packet_size(Some(MAXIMUM_PACKET_SIZE));
    if let Some(will) = &connect.will {
        let qos = qos(will.qos).expect("tests use QoS 0 to 2");
        options.set_last_will(LastWill::new(&will.topic, will.payload.clone(), qos, will.retain, None));
    }
    AsyncClient::new(options, 10)
}

pub async fn run(mut event_loop: EventLoop, events: Sender<Event>) {
    let reason = loop {
        match event_loop.poll().await {
            Ok(happened) => report(happened, &events),
            Err(ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. })) => {
                break Some(reason_code as u8);
            }
            Err(_) => break None,
        }
    };
    // What came in the same read as the end has not been polled yet.
    for happened in event_loop.state.events.drain(..) {
        report(happened, &events);
    }
    tell(&events, Event::Closed(reason));
}

fn report(happened: Happened, events: &Sender<Event>) {
    let event = match happened {
        Happened::Incoming(Packet::ConnAck(connack)) => Event::Connected(Connack {
            session_present: connack.session_present,
            maximum_packet_size: connack.properties.and_then(|properties| properties.max_packet_size),
        }),
        Happened::Incoming(Packet::SubAck(suback)) => Event::Granted(suback.return_codes.iter().map(code).collect()),
        Happened::Incoming(Packet::PubAck(_) | Packet::PubComp(_)) => Event::Acknowledged,
        Happened::Incoming(Packet::Publish(publish)) => Event::Arrived(
            publish.pkid,
            Message {
                topic: String::from_utf8(publish.topic.to_vec()).expect("a Topic Name is UTF-8"),
                payload: publish.payload.to_vec(),
                qos: publish.qos as u8,
                retain: publish.retain,
                properties: publish.properties.map(received).unwrap_or_default(),
            },
        ),
        Happened::Outgoing(Outgoing::PubComp(packet_id)) => Event::Completed(packet_id),
        // rumqttc gives QoS 0 the Packet Identifier 0.
        Happened::Outgoing(Outgoing::Publish(0)) => Event::Sent,
        _ => return,
    };
    tell(events, event);
}

fn code(code: &SubscribeReasonCode) -> u8 {
    match code {
        SubscribeReasonCode::Success(qos) => *qos as u8,
        _ => 0x80,
    }
}

fn received(properties: PublishProperties) -> Properties {
    Properties {
        content_type: properties.content_type,
        response_topic: properties.response_topic,
        correlation_data: properties
            .correlation_data
            .map(|data| String::from_utf8(data.to_vec()).expect("tests correlate by text")),
        user_properties: properties.user_properties,
    }
}

fn sent(properties: &Properties) -> PublishProperties {
    PublishProperties {
        content_type: properties.content_type.clone(),
        response_topic: properties.response_topic.clone(),
        correlation_data: properties.correlation_data.clone().map(Into::into),
        user_properties: properties.user_properties.clone(),
        ..PublishProperties::default()
    }
}

impl Requests for AsyncClient {
    fn subscribe(&self, subscriptions: &[Subscription]) {
        let filters = subscriptions.iter().map(|subscription| {
            Filter::new(subscription.filter.clone(), qos(subscription.qos).expect("tests use QoS 0 to 2"))
        });
        self.try_subscribe_many(filters).expect("the event loop runs");
    }

    fn publish(&self, message: &Message) {
        let qos = qos(message.qos).expect("tests use QoS 0 to 2");
        let properties = sent(&message.properties);
        self.try_publish_with_properties(&message.topic, qos, message.retain, message.payload.clone(), properties)
            .expect("the event loop runs");
    }

    fn disconnect(&self) {
        self.try_disconnect().expect("the event loop runs");
    }
}
