//! What every client must see, whatever its implementation and protocol version.
//!
//! That nothing more arrives is shown by a fence: a message sent afterwards on another topic, which has to be the next.

use crate::{
    broker::Broker,
    client::{Client, Connect, Kind, Message, Version},
    tools,
};

/// The scenarios as tests of one client: `suite!(Paho; v3_1: V31, v5_0: V5);`.
macro_rules! suite {
    ($kind:ident; $($module:ident: $version:ident),+) => {
        $(mod $module {
            $crate::scenarios::suite! { @tests $kind $version
                every_qos_arrives_as_the_lower_of_both
                a_retained_message_is_kept_replaced_and_cleared
                a_will_is_published_unless_the_client_disconnects
                a_shared_subscription_gets_every_message_once
                messages_keep_their_order
                a_large_payload_arrives_whole
                a_kept_session_gets_what_it_missed
                a_clean_session_forgets_the_kept_one
                a_second_connection_takes_the_session_over
            }
        })+
    };
    (@tests $kind:ident $version:ident $($scenario:ident)+) => {
        $(#[test]
        fn $scenario() {
            $crate::scenarios::run($crate::scenarios::$scenario, $crate::client::Kind::$kind, $crate::client::Version::$version);
        })+
    };
}
pub(crate) use suite;

/// Runs a scenario where its client is installed.
pub fn run(scenario: fn(Kind, Version), kind: Kind, version: Version) {
    if tools::installed(kind) {
        scenario(kind, version);
    }
}

pub fn every_qos_arrives_as_the_lower_of_both(kind: Kind, version: Version) {
    let broker = Broker::start();
    let mut publisher = kind.client(&broker, &Connect::new(version, broker.client_id("pub")));
    for maximum in 0..=2 {
        let topic = broker.topic(&format!("küche 1/{maximum}"));
        let subscriber = Connect::new(version, broker.client_id(&format!("sub{maximum}"))).subscribe(&topic, maximum);
        let mut subscriber = kind.client(&broker, &subscriber);
        for qos in 0..=2 {
            for payload in [Vec::new(), (0..=255).collect()] {
                let sent = Message::new(&topic, payload).qos(qos);
                publisher.publish(&sent);
                assert_eq!(subscriber.receive(), sent.qos(qos.min(maximum)));
            }
        }
        subscriber.disconnect();
    }
    publisher.disconnect();
}

pub fn a_retained_message_is_kept_replaced_and_cleared(kind: Kind, version: Version) {
    let broker = Broker::start();
    let topic = broker.topic("retained");
    let fence = Message::new(broker.topic("fence"), "fence").qos(1);
    let subscribe =
        |role| Connect::new(version, broker.client_id(role)).subscribe(&topic, 1).subscribe(&fence.topic, 1);
    let message = |text: &str| Message::new(&topic, text).qos(1);
    let mut publisher = kind.client(&broker, &Connect::new(version, broker.client_id("pub")));

    publisher.publish(&message("first").retained());
    let mut early = kind.client(&broker, &subscribe("early"));
    assert_eq!(early.receive(), message("first").retained());

    publisher.publish(&message("second").retained());
    assert_eq!(early.receive(), message("second"), "RETAIN is not set for who was subscribed already");
    let mut late = kind.client(&broker, &subscribe("late"));
    assert_eq!(late.receive(), message("second").retained());

    publisher.publish(&message("").retained());
    assert_eq!(early.receive(), message(""));
    assert_eq!(late.receive(), message(""));
    let mut latest = kind.client(&broker, &subscribe("latest"));
    publisher.publish(&fence);
    assert_eq!(latest.receive(), fence);
}

pub fn a_will_is_published_unless_the_client_disconnects(kind: Kind, version: Version) {
    let broker = Broker::start();
    let topic = broker.topic("will");
    let fence = Message::new(broker.topic("fence"), "fence").qos(1);
    let observer = Connect::new(version, broker.client_id("obs")).subscribe(&topic, 1).subscribe(&fence.topic, 1);
    let mut observer = kind.client(&broker, &observer);
    let will = Message::new(&topic, "gone").qos(1);
    let mortal = Connect::new(version, broker.client_id("mortal")).will(will.clone());

    // With MQTT 5.0 mosquitto_sub ends by Disconnect with Will Message.
    if (kind, version) != (Kind::Mosquitto, Version::V5) {
        kind.client(&broker, &mortal).disconnect();
    }
    // The CONNACK of the next connection tells that the broker is done with the one before.
    let client = kind.client(&broker, &mortal);
    observer.publish(&fence);
    assert_eq!(observer.receive(), fence, "no will after DISCONNECT");

    client.abort();
    assert_eq!(observer.receive(), will);
}

pub fn a_shared_subscription_gets_every_message_once(kind: Kind, version: Version) {
    const MESSAGES: usize = 30;
    let broker = Broker::start();
    let topic = broker.topic("shared");
    let fence = Message::new(broker.topic("fence"), "fence").qos(1);
    let mut members = ["one", "two"].map(|role| {
        let member = Connect::new(version, broker.client_id(role));
        kind.client(&broker, &member.subscribe(format!("$share/group/{topic}"), 1).subscribe(&fence.topic, 1))
    });
    let mut publisher = kind.client(&broker, &Connect::new(version, broker.client_id("pub")));
    for number in 0..MESSAGES {
        publisher.publish(&Message::new(&topic, number.to_string()).qos(1));
    }
    publisher.publish(&fence);

    let [one, two] = members.each_mut().map(|member| until(&fence, member.as_mut()));
    assert!(!one.is_empty() && !two.is_empty(), "both have work: {} and {}", one.len(), two.len());
    let mut numbers: Vec<usize> = [one, two]
        .concat()
        .iter()
        .map(|message| String::from_utf8_lossy(&message.payload).parse().expect("payloads are numbers"))
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>());
}

pub fn messages_keep_their_order(kind: Kind, version: Version) {
    const MESSAGES: usize = 30;
    let broker = Broker::start();
    let topic = broker.topic("order");
    let subscriber = Connect::new(version, broker.client_id("sub")).subscribe(broker.topic("#"), 2);
    let mut subscriber = kind.client(&broker, &subscriber);
    let mut publisher = kind.client(&broker, &Connect::new(version, broker.client_id("pub")));
    // Not QoS 0: mosquitto_pub connects anew for each message and would wait for none to be processed.
    for qos in [1, 2] {
        let sent: Vec<Message> =
            (0..MESSAGES).map(|number| Message::new(&topic, number.to_string()).qos(qos)).collect();
        sent.iter().for_each(|message| publisher.publish(message));
        let received: Vec<Message> = sent.iter().map(|_| subscriber.receive()).collect();
        assert_eq!(received, sent);
    }
}

pub fn a_large_payload_arrives_whole(kind: Kind, version: Version) {
    let broker = Broker::start();
    let topic = broker.topic("large");
    let subscriber = Connect::new(version, broker.client_id("sub")).subscribe(&topic, 2);
    let mut subscriber = kind.client(&broker, &subscriber);
    let mut publisher = kind.client(&broker, &Connect::new(version, broker.client_id("pub")));
    // No period that divides a buffer's size, so that a lost or doubled part shows.
    let payload: Vec<u8> = (0..1_000_000_u32).map(|index| (index % 251) as u8).collect();
    for qos in 0..=2 {
        let message = Message::new(&topic, payload.clone()).qos(qos);
        publisher.publish(&message);
        // assert_eq would print both.
        assert!(subscriber.receive() == message, "QoS {qos}: the message arrived as it was sent");
    }
}

pub fn a_kept_session_gets_what_it_missed(kind: Kind, version: Version) {
    let broker = Broker::start();
    let topic = broker.topic("kept");
    let id = broker.client_id("kept");
    let mut publisher = kind.client(&broker, &Connect::new(version, broker.client_id("pub")));
    let first = kind.open(&broker, &Connect::new(version, id.clone()).kept().subscribe(&topic, 2));
    assert_ne!(first.session_present, Some(true));
    assert_eq!(first.granted, [2]);

    let endings: [fn(Box<dyn Client>); 2] = [|client| client.disconnect(), |client| client.abort()];
    let mut client = first.client;
    for (round, end) in endings.into_iter().enumerate() {
        end(client);
        let missed = [("one", 1), ("two", 2), ("three", 1), ("four", 2)]
            .map(|(text, qos)| Message::new(&topic, format!("{text} of round {round}")).qos(qos));
        missed.iter().for_each(|message| publisher.publish(message));

        let resumed = kind.open(&broker, &Connect::new(version, id.clone()).kept());
        // MQTT 3.1 has no Session Present.
        if version != Version::V31 {
            assert_ne!(resumed.session_present, Some(false));
        }
        client = resumed.client;
        let received = missed.each_ref().map(|_| client.receive());
        assert_eq!(by_qos(received), by_qos(missed));
        // The first acknowledgement comes behind every PUBREL; by the second one the PUBCOMPs are in: the next end is no redelivery.
        (0..2).for_each(|_| client.publish(&Message::new(broker.topic("nobody"), "").qos(1)));
    }
}

pub fn a_clean_session_forgets_the_kept_one(kind: Kind, version: Version) {
    let broker = Broker::start();
    let topic = broker.topic("forgotten");
    let fence = Message::new(broker.topic("fence"), "fence").qos(1);
    let connect = Connect::new(version, broker.client_id("sub"));
    let mut publisher = kind.client(&broker, &Connect::new(version, broker.client_id("pub")));

    kind.client(&broker, &connect.clone().kept().subscribe(&topic, 1)).disconnect();
    publisher.publish(&Message::new(&topic, "missed").qos(1));
    let clean = kind.open(&broker, &connect);
    assert_ne!(clean.session_present, Some(true));
    clean.client.disconnect();

    let mut client = kind.client(&broker, &connect.kept().subscribe(&fence.topic, 1));
    publisher.publish(&Message::new(&topic, "nobody subscribes to this").qos(1));
    publisher.publish(&fence);
    assert_eq!(client.receive(), fence);
}

pub fn a_second_connection_takes_the_session_over(kind: Kind, version: Version) {
    if kind == Kind::Mosquitto && version != Version::V5 {
        return; // mosquitto_sub shows a lost connection only by taking the session back.
    }
    let broker = Broker::start();
    let message = Message::new(broker.topic("takeover"), "for the second").qos(1);
    let connect = Connect::new(version, broker.client_id("twin")).kept();
    let mut first = kind.client(&broker, &connect.clone().subscribe(&message.topic, 1));
    let second = kind.open(&broker, &connect);
    let reason = first.closed();
    drop(first);
    if version == Version::V5 {
        assert_eq!(reason, Some(0x8e), "Session taken over");
    }
    if version != Version::V31 {
        assert_ne!(second.session_present, Some(false));
    }
    let mut second = second.client;
    second.publish(&message);
    assert_eq!(second.receive(), message);
}

/// Each QoS has an order of its own: some clients hand out a QoS 2 message at PUBLISH and some at PUBREL.
pub fn by_qos<const N: usize>(mut messages: [Message; N]) -> [Message; N] {
    messages.sort_by_key(|message| message.qos);
    messages
}

/// What arrives before `fence`.
fn until(fence: &Message, client: &mut dyn Client) -> Vec<Message> {
    std::iter::from_fn(|| Some(client.receive()).filter(|message| message != fence)).collect()
}
