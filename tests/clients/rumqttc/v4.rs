//! MQTT 3.1.1.

use std::sync::mpsc::Sender;

use rumqttc::{
    AsyncClient, Event as Happened, EventLoop, LastWill, MqttOptions, Outgoing, Packet, SubscribeFilter,
    SubscribeReasonCode, mqttbytes::qos,
};

use super::{Connack, Event, MAXIMUM_PACKET_SIZE, Requests, tell};
use crate::{
    broker::Broker,
    client::{Connect, Message, Properties, Subscription},
};

pub fn client(broker: &Broker, connect: &Connect) -> (AsyncClient, EventLoop) {
    let address = broker.address();
    let mut options = MqttOptions::new(&connect.id, address.ip().to_string(), address.port());
    options.set_clean_session(connect.clean);
    options.set_max_packet_size(MAXIMUM_PACKET_SIZE as usize, MAXIMUM_PACKET_SIZE as usize);
    if let Some(will) = &connect.will {
        let qos = qos(will.qos).expect("tests use QoS 0 to 2");
        options.set_last_will(LastWill::new(&will.topic, will.payload.clone(), qos, will.retain));
    }
    AsyncClient::new(options, 10)
}

pub async fn run(mut event_loop: EventLoop, events: Sender<Event>) {
    while let Ok(happened) = event_loop.poll().await {
        report(happened, &events);
    }
    // What came in the same read as the end has not been polled yet.
    for happened in event_loop.state.events.drain(..) {
        report(happened, &events);
    }
    tell(&events, Event::Closed(None));
}

fn report(happened: Happened, events: &Sender<Event>) {
    let event = match happened {
        Happened::Incoming(Packet::ConnAck(connack)) => {
            Event::Connected(Connack { session_present: connack.session_present, maximum_packet_size: None })
        }
        Happened::Incoming(Packet::SubAck(suback)) => Event::Granted(suback.return_codes.iter().map(code).collect()),
        Happened::Incoming(Packet::PubAck(_) | Packet::PubComp(_)) => Event::Acknowledged,
        Happened::Incoming(Packet::Publish(publish)) => Event::Arrived(
            publish.pkid,
            Message {
                topic: publish.topic,
                payload: publish.payload.to_vec(),
                qos: publish.qos as u8,
                retain: publish.retain,
                properties: Properties::default(),
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
        SubscribeReasonCode::Failure => 0x80,
    }
}

impl Requests for AsyncClient {
    fn subscribe(&self, subscriptions: &[Subscription]) {
        let filters = subscriptions.iter().map(|subscription| {
            SubscribeFilter::new(subscription.filter.clone(), qos(subscription.qos).expect("tests use QoS 0 to 2"))
        });
        self.try_subscribe_many(filters).expect("the event loop runs");
    }

    fn publish(&self, message: &Message) {
        let qos = qos(message.qos).expect("tests use QoS 0 to 2");
        self.try_publish(&message.topic, qos, message.retain, message.payload.clone()).expect("the event loop runs");
    }

    fn disconnect(&self) {
        self.try_disconnect().expect("the event loop runs");
    }
}
