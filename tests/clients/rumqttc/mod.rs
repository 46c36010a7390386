//! rumqttc, Rust: an event loop in a thread of its own for each client.

mod v4;
mod v5;

use std::{
    collections::{HashMap, VecDeque},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use tokio::{runtime, sync::oneshot};

use crate::{
    BOUND,
    broker::Broker,
    client::{Client, Connect, Connected, Kind, Message, Subscription, Version},
    raw,
    scenarios::suite,
};

/// What rumqttc lets through in either direction: all that the protocol can express.
const MAXIMUM_PACKET_SIZE: u32 = raw::LARGEST_PACKET;

suite!(Rumqttc; v3_1_1: V311, v5_0: V5);

#[test]
fn the_largest_packet_that_the_broker_accepts_arrives() {
    let broker = Broker::start();
    let topic = broker.topic("largest");
    let subscriber = Connect::new(Version::V5, broker.client_id("sub")).subscribe(&topic, 1);
    let mut subscriber = Kind::Rumqttc.client(&broker, &subscriber);
    let (mut publisher, connack) = Rumqttc::connect(&broker, &Connect::new(Version::V5, broker.client_id("pub")));

    let packet = connack.maximum_packet_size.unwrap_or(MAXIMUM_PACKET_SIZE) as usize;
    // Fixed header, Topic Name, Packet Identifier, Property Length; the payload is what remains.
    let remaining_length =
        (1..=4).map(|digits| packet - 1 - digits).find(|&length| raw::digits(length) + 1 + length == packet);
    let payload = remaining_length.expect("not a limit between two lengths of the length") - (2 + topic.len()) - 2 - 1;
    let message = Message::new(topic, vec![b'x'; payload]).qos(1);
    publisher.publish(&message);
    // assert_eq would print both.
    assert!(subscriber.receive() == message, "the message arrived as it was sent");
}

#[test]
fn a_larger_packet_than_the_broker_accepts_ends_the_connection() {
    let broker = Broker::start();
    let (_client, connack) = Rumqttc::connect(&broker, &Connect::new(Version::V5, broker.client_id("ask")));
    let Some(limit) = connack.maximum_packet_size else {
        return; // No larger packet can be written down.
    };
    let mut socket = raw::Socket::connect(broker.address(), &broker.client_id("raw"));
    socket.send(&raw::publish_header(limit));
    let disconnect = socket.receive().expect("a DISCONNECT before the end");
    assert_eq!((disconnect.first, disconnect.rest[0]), (0xe0, 0x95), "Packet too large");
}

/// Connects and makes the subscriptions of `connect`.
pub fn open(broker: &Broker, connect: &Connect) -> Connected {
    let (mut client, connack) = Rumqttc::connect(broker, connect);
    let granted = client.subscribe(&connect.subscriptions);
    Connected { client: Box::new(client), session_present: Some(connack.session_present), granted }
}

struct Rumqttc {
    requests: Box<dyn Requests>,
    events: Receiver<Event>,
    /// Arrived and not received yet.
    messages: VecDeque<Message>,
    /// Of QoS 2, before PUBCOMP. A client that ended here would be asked for a handshake that it no longer knows.
    incomplete: HashMap<u16, Message>,
    /// Dropped with the client, which ends the event loop and with it the connection.
    _stop: oneshot::Sender<()>,
}

/// What a client can ask its event loop for: the part of rumqttc that differs by version.
trait Requests {
    fn subscribe(&self, subscriptions: &[Subscription]);
    fn publish(&self, message: &Message);
    fn disconnect(&self);
}

/// What an event loop tells.
#[derive(Debug)]
enum Event {
    Connected(Connack),
    Granted(Vec<u8>),
    /// A QoS 0 message is on its way.
    Sent,
    /// The broker has completed the handshake of a message.
    Acknowledged,
    /// A message, and its Packet Identifier.
    Arrived(u16, Message),
    /// The client has completed the handshake of a QoS 2 message.
    Completed(u16),
    /// The connection has ended, by a DISCONNECT with this Reason Code or without.
    Closed(Option<u8>),
}

#[derive(Clone, Copy, Debug)]
struct Connack {
    session_present: bool,
    maximum_packet_size: Option<u32>,
}

impl Rumqttc {
    fn connect(broker: &Broker, connect: &Connect) -> (Self, Connack) {
        let (sender, events) = channel();
        let (stop, stopped) = oneshot::channel();
        let requests: Box<dyn Requests> = match connect.version {
            Version::V31 => panic!("rumqttc does not speak MQTT 3.1"),
            Version::V311 => {
                let (client, event_loop) = v4::client(broker, connect);
                spawn(v4::run(event_loop, sender), stopped);
                Box::new(client)
            }
            Version::V5 => {
                let (client, event_loop) = v5::client(broker, connect);
                spawn(v5::run(event_loop, sender), stopped);
                Box::new(client)
            }
        };
        let mut client = Self { requests, events, messages: VecDeque::new(), incomplete: HashMap::new(), _stop: stop };
        let connack = client.wait(|event| match event {
            Event::Connected(connack) => Some(*connack),
            _ => None,
        });
        (client, connack)
    }

    fn subscribe(&mut self, subscriptions: &[Subscription]) -> Vec<u8> {
        if subscriptions.is_empty() {
            return Vec::new();
        }
        self.requests.subscribe(subscriptions);
        self.wait(|event| match event {
            Event::Granted(codes) => Some(codes.clone()),
            _ => None,
        })
    }

    /// What `wanted` makes of the next event that it takes. Messages that come before are kept.
    fn wait<T>(&mut self, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        loop {
            let event = self.event();
            if let Some(found) = wanted(&event) {
                return found;
            }
            assert!(!matches!(event, Event::Closed(_)), "the connection ended: {event:?}");
        }
    }

    /// The next event; messages go to `messages`, those of QoS 2 once they are complete.
    fn event(&mut self) -> Event {
        let event = self.events.recv_timeout(BOUND).expect("the event loop tells in time");
        match &event {
            Event::Arrived(packet_id, message) if message.qos == 2 => {
                self.incomplete.insert(*packet_id, message.clone());
            }
            Event::Arrived(_, message) => self.messages.push_back(message.clone()),
            Event::Completed(packet_id) => self.messages.extend(self.incomplete.remove(packet_id)),
            _ => (),
        }
        event
    }

    fn wait_closed(&mut self) -> Option<u8> {
        self.wait(|event| match event {
            Event::Closed(reason) => Some(*reason),
            _ => None,
        })
    }
}

impl Client for Rumqttc {
    fn publish(&mut self, message: &Message) {
        self.requests.publish(message);
        self.wait(|event| match event {
            Event::Sent | Event::Acknowledged => Some(()),
            _ => None,
        });
    }

    fn receive(&mut self) -> Message {
        while self.messages.is_empty() {
            let event = self.event();
            assert!(!matches!(event, Event::Closed(_)), "the connection ended: {event:?}");
        }
        self.messages.pop_front().expect("the loop ended with a message")
    }

    fn closed(&mut self) -> Option<u8> {
        self.wait_closed()
    }

    fn disconnect(mut self: Box<Self>) {
        self.requests.disconnect();
        self.wait_closed();
    }

    fn abort(self: Box<Self>) {
        // Dropping the client ends the event loop, which drops the socket.
    }
}

fn spawn(event_loop: impl Future<Output = ()> + Send + 'static, stopped: oneshot::Receiver<()>) {
    thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
        runtime.block_on(async {
            tokio::select! {
                () = event_loop => (),
                _ = stopped => (),
            }
        });
    });
}

/// Hands an event to the test. A test that has ended no longer listens.
fn tell(events: &Sender<Event>, event: Event) {
    let _ = events.send(event);
}
