//! What only MQTT 5.0 has, seen by paho.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    BOUND,
    broker::Broker,
    client::Kind,
    paho,
    puppet::{Puppet, codes},
    tools,
};

/// A broker, where paho is installed.
fn broker() -> Option<Broker> {
    tools::installed(Kind::Paho).then(Broker::start)
}

/// A connected client with what `connect` adds to a clean start.
fn client(broker: &Broker, role: &str, connect: Value) -> Puppet {
    let (client, connack) = connected(broker, role, connect);
    assert_eq!(connack["reason"], 0, "{connack}");
    client
}

fn connected(broker: &Broker, role: &str, connect: Value) -> (Puppet, Value) {
    let mut step = json!({ "version": "5.0", "id": broker.client_id(role), "clean": true });
    for (name, value) in connect.as_object().expect("connect arguments are an object") {
        step[name] = value.clone();
    }
    let mut puppet = Puppet::start(paho::command());
    let connack = puppet.connect(broker, step);
    (puppet, connack)
}

impl Puppet {
    fn subscribe(&mut self, filter: &str, options: Value) -> u8 {
        let subscription = json!({ "filter": filter, "qos": 2, "options": options });
        codes(&self.step("subscribe", json!({ "subscriptions": [subscription] })))[0]
    }

    /// Publishes with QoS 1 and gives the Reason Code of PUBACK.
    fn send(&mut self, topic: &str, payload: &str, properties: Value) -> Value {
        let message =
            json!({ "topic": topic, "payload": payload, "qos": 1, "retain": false, "properties": properties });
        self.step("publish", message)["reason"].clone()
    }

    fn retain(&mut self, topic: &str, payload: &str, properties: Value) {
        let message = json!({ "topic": topic, "payload": payload, "qos": 1, "retain": true, "properties": properties });
        self.step("publish", message);
    }

    fn next(&mut self) -> Value {
        self.step("receive", json!({}))
    }

    /// Shows that nothing else arrived on this connection: it publishes a message to itself, which has to be the next.
    fn nothing_more(&mut self, broker: &Broker) {
        let fence = broker.topic("fence/v5");
        self.subscribe(&fence, json!({}));
        self.send(&fence, "fence", json!({}));
        assert_eq!(self.next()["topic"], fence.as_str());
    }
}

#[test]
fn properties_arrive_unaltered_and_user_properties_in_their_order() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic("properties");
    let mut client = client(&broker, "props", json!({}));
    client.subscribe(&topic, json!({}));
    let properties = json!({
        "payload_format_indicator": 1,
        "content_type": "text/plain; charset=utf-8",
        "response_topic": "answers/to/me",
        "correlation_data": "\u{0}\u{1}\u{ff}",
        "user_properties": [["z", "1"], ["a", "2"], ["z", "3"], ["", ""], ["a", "2"], ["ä", "ö"]],
    });
    client.send(&topic, "text", properties.clone());
    assert_eq!(client.next()["properties"], properties);
}

#[test]
fn a_will_has_properties_too() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic("will");
    let properties = json!({ "content_type": "text/plain", "user_properties": [["b", "1"], ["a", "2"]] });
    let will = json!({ "topic": topic, "payload": "gone", "qos": 1, "retain": false, "properties": properties });
    let mut observer = client(&broker, "obs", json!({}));
    observer.subscribe(&topic, json!({}));
    drop(client(&broker, "mortal", json!({ "will": will })));
    assert_eq!(observer.next()["properties"], properties);
}

#[test]
fn message_expiry_counts_down_and_ends_a_message() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic("expiry");
    let mut publisher = client(&broker, "pub", json!({}));
    publisher.retain(&topic, "soon", json!({ "message_expiry_interval": 2 }));
    publisher.retain(&broker.topic("fence"), "fence", json!({ "message_expiry_interval": 1000 }));
    let published = Instant::now();
    let mut subscriber = client(&broker, "sub", json!({}));
    // Each SUBSCRIBE brings the retained messages again: the first only as long as it has not expired.
    while published.elapsed() < BOUND {
        subscriber.subscribe(&topic, json!({}));
        subscriber.subscribe(&broker.topic("fence"), json!({}));
        let first = subscriber.next();
        if first["payload"] == "fence" {
            // A broker may count in whole seconds.
            assert!(published.elapsed() >= Duration::from_secs(1), "expired too early");
            let left = first["properties"]["message_expiry_interval"].as_u64().expect("still expires");
            assert!((1000 - BOUND.as_secs()..1000).contains(&left), "{left} s left after more than one second");
            return;
        }
        assert_eq!(subscriber.next()["payload"], "fence");
    }
    panic!("a message that expires after 2 s was there for {BOUND:?}");
}

#[test]
fn a_topic_alias_stands_for_its_topic() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic("alias");
    let (mut client, connack) = connected(&broker, "alias", json!({}));
    let maximum = connack["properties"]["topic_alias_maximum"].as_u64().expect("the broker takes aliases");
    client.subscribe(&topic, json!({}));
    client.send(&topic, "named", json!({ "topic_alias": maximum }));
    client.send("", "aliased", json!({ "topic_alias": maximum }));
    for payload in ["named", "aliased"] {
        let received = client.next();
        assert_eq!((&received["topic"], &received["payload"]), (&json!(topic), &json!(payload)));
        assert_eq!(received["properties"], json!({}), "an alias is for one connection");
    }
}

#[test]
fn a_topic_alias_over_the_maximum_ends_the_connection() {
    let Some(broker) = broker() else { return };
    let (mut client, connack) = connected(&broker, "alias", json!({}));
    let maximum = connack["properties"]["topic_alias_maximum"].as_u64().unwrap_or(0);
    if maximum == 65_535 {
        return; // There is no larger alias.
    }
    let properties = json!({ "topic_alias": maximum + 1 });
    let message = json!({ "topic": "a", "payload": "", "qos": 0, "retain": false, "properties": properties });
    // The broker may have ended the connection before paho calls the message sent.
    client.step("send_publish", message);
    assert_eq!(client.step("closed", json!({}))["reason"], 0x94, "Topic Alias invalid");
}

#[test]
fn every_matching_subscription_identifier_arrives() {
    let Some(broker) = broker() else { return };
    let mut client = client(&broker, "ids", json!({}));
    for (filter, identifier) in [("ids/+", 1), ("ids/#", 268_435_455), ("other", 3)] {
        client.step(
            "subscribe",
            json!({
                "subscriptions": [{ "filter": broker.topic(filter), "qos": 1 }],
                "properties": { "subscription_identifier": identifier },
            }),
        );
    }
    client.send(&broker.topic("ids/a"), "", json!({}));
    // One PUBLISH with both, or one for each subscription: the standard allows either.
    let mut identifiers = Vec::new();
    while identifiers.len() < 2 {
        let received = client.next();
        identifiers.extend(received["properties"]["subscription_identifiers"].as_array().expect("identifiers").clone());
    }
    identifiers.sort_by_key(Value::as_u64);
    assert_eq!(identifiers, [1, 268_435_455]);
    client.nothing_more(&broker);
}

#[test]
fn no_local_keeps_a_clients_own_messages_away() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic("local");
    let mut one = client(&broker, "one", json!({}));
    let mut two = client(&broker, "two", json!({}));
    for client in [&mut one, &mut two] {
        client.subscribe(&topic, json!({ "noLocal": true }));
    }
    one.send(&topic, "from one", json!({}));
    assert_eq!(two.next()["payload"], "from one");
    one.nothing_more(&broker);
}

#[test]
fn retain_as_published_keeps_the_flag() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic("rap");
    let mut plain = client(&broker, "plain", json!({}));
    let mut kept = client(&broker, "kept", json!({}));
    plain.subscribe(&topic, json!({}));
    kept.subscribe(&topic, json!({ "retainAsPublished": true }));
    plain.retain(&topic, "retained", json!({}));
    assert_eq!(plain.next()["retain"], false);
    assert_eq!(kept.next()["retain"], true);
}

#[test]
fn retain_handling_decides_what_a_subscribe_brings() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic("handling");
    client(&broker, "pub", json!({})).retain(&topic, "retained", json!({}));

    let mut always = client(&broker, "always", json!({}));
    for _ in 0..2 {
        always.subscribe(&topic, json!({ "retainHandling": 0 }));
        assert_eq!(always.next()["payload"], "retained");
    }
    let mut first_time = client(&broker, "new", json!({}));
    first_time.subscribe(&topic, json!({ "retainHandling": 1 }));
    assert_eq!(first_time.next()["payload"], "retained");
    first_time.subscribe(&topic, json!({ "retainHandling": 1 }));
    first_time.nothing_more(&broker);

    let mut never = client(&broker, "never", json!({}));
    never.subscribe(&topic, json!({ "retainHandling": 2 }));
    never.nothing_more(&broker);
}

#[test]
fn a_will_waits_for_its_delay() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic("will");
    let mut observer = client(&broker, "obs", json!({}));
    observer.subscribe(&topic, json!({}));
    let mortal = client(&broker, "mortal", with_will(&topic, WillDelay(1), SessionExpiry(60)));
    let end = Instant::now();
    drop(mortal);
    assert_eq!(observer.next()["payload"], "gone");
    assert!(end.elapsed() >= Duration::from_millis(900), "after {:?}", end.elapsed());
}

#[test]
fn a_client_that_returns_within_the_will_delay_has_no_will_published() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic("will");
    let mut observer = client(&broker, "obs", json!({}));
    observer.subscribe(&topic, json!({}));
    let mut connect = with_will(&topic, WillDelay(1), SessionExpiry(60));
    drop(client(&broker, "mortal", connect.clone()));
    connect["clean"] = json!(false);
    connect["will"] = Value::Null;
    let (_returned, connack) = connected(&broker, "mortal", connect);
    assert_eq!(connack["session_present"], true);
    // Another client's will with the same delay, started later, is the clock.
    drop(client(&broker, "clock", with_will(&broker.topic("clock"), WillDelay(1), SessionExpiry(60))));
    observer.subscribe(&broker.topic("clock"), json!({}));
    assert_eq!(observer.next()["topic"], broker.topic("clock").as_str());
}

#[test]
fn a_will_does_not_outwait_its_session() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic("will");
    let mut observer = client(&broker, "obs", json!({}));
    observer.subscribe(&topic, json!({}));
    drop(client(&broker, "mortal", with_will(&topic, WillDelay(3600), SessionExpiry(0))));
    assert_eq!(observer.next()["payload"], "gone");
}

#[test]
fn a_disconnect_with_will_message_publishes_it() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic("will");
    let mut observer = client(&broker, "obs", json!({}));
    observer.subscribe(&topic, json!({}));
    client(&broker, "mortal", with_will(&topic, WillDelay(0), SessionExpiry(0)))
        .step("disconnect", json!({ "reason": 4 }));
    assert_eq!(observer.next()["payload"], "gone");
}

#[test]
fn acknowledgements_tell_their_reason() {
    let Some(broker) = broker() else { return };
    let mut client = client(&broker, "reasons", json!({}));
    let nobody = client.send(&broker.topic("nobody"), "", json!({}));
    assert!(nobody == 0x10 || nobody == 0, "No matching subscribers, which a server may tell: {nobody}");
    let topic = broker.topic("known");
    assert_eq!(client.subscribe(&topic, json!({})), 2);
    assert_eq!(client.send(&topic, "", json!({})), 0);
    let unsubscribed = client.step("unsubscribe", json!({ "filters": [topic, broker.topic("unknown")] }));
    assert_eq!(codes(&unsubscribed), [0, 0x11], "No subscription existed");
}

#[test]
fn a_client_without_an_identifier_is_given_one() {
    let Some(broker) = broker() else { return };
    let (_client, connack) = connected(&broker, "", json!({ "id": "" }));
    assert_eq!(connack["reason"], 0);
    let assigned = &connack["properties"]["assigned_client_identifier"];
    assert!(assigned.as_str().is_some_and(|id| !id.is_empty()), "{assigned}");
}

#[test]
fn an_unknown_authentication_method_is_refused() {
    let Some(broker) = broker() else { return };
    let properties = json!({ "authentication_method": "no such method" });
    let (_client, connack) = connected(&broker, "auth", json!({ "properties": properties }));
    assert_eq!(connack["reason"], 0x8c, "Bad authentication method");
}

#[test]
fn no_local_on_a_shared_subscription_ends_the_connection() {
    let Some(broker) = broker() else { return };
    let mut client = client(&broker, "shared", json!({}));
    // No SUBACK will come.
    client.step(
        "send_subscribe",
        json!({ "subscriptions": [{ "filter": "$share/g/a", "qos": 0, "options": { "noLocal": true } }] }),
    );
    assert_eq!(client.step("closed", json!({}))["reason"], 0x82, "Protocol Error");
}

#[test]
fn a_session_that_ends_with_its_connection_cannot_be_prolonged_at_its_end() {
    let Some(broker) = broker() else { return };
    let mut one = client(&broker, "short", json!({}));
    one.step("disconnect", json!({ "properties": { "session_expiry_interval": 60 } }));
    let (_two, connack) = connected(&broker, "short", json!({ "clean": false }));
    assert_eq!(connack["session_present"], false);
}

#[test]
fn a_client_gets_no_packet_over_its_maximum() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic("size");
    let mut publisher = client(&broker, "pub", json!({}));
    let mut small = client(&broker, "small", json!({ "properties": { "maximum_packet_size": 200 } }));
    let mut large = client(&broker, "large", json!({}));
    for client in [&mut small, &mut large] {
        client.subscribe(&topic, json!({}));
    }
    publisher.send(&topic, &"x".repeat(300), json!({}));
    publisher.send(&topic, "fits", json!({}));
    assert_eq!(small.next()["payload"], "fits");
    assert_eq!(large.next()["payload"], "x".repeat(300));
    assert_eq!(large.next()["payload"], "fits");
}

/// Will Delay Interval in seconds.
struct WillDelay(u32);

/// Session Expiry Interval in seconds.
struct SessionExpiry(u32);

fn with_will(topic: &str, delay: WillDelay, expiry: SessionExpiry) -> Value {
    json!({
        "properties": { "session_expiry_interval": expiry.0 },
        "will": {
            "topic": topic, "payload": "gone", "qos": 1, "retain": false,
            "properties": { "will_delay_interval": delay.0 },
        },
    })
}
