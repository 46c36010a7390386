//! Different clients with different protocol versions at one broker.

use crate::{
    broker::Broker,
    client::{Client, Connect, Kind, Message, Properties, Version},
    scenarios::by_qos,
    tools,
};

struct Member {
    name: String,
    version: Version,
    client: Box<dyn Client>,
}

#[test]
fn every_client_and_version_hears_every_other() {
    let broker = Broker::start();
    let mut members = members(&broker);
    let mut published = Vec::new();
    for member in &mut members {
        for qos in 0..=2 {
            let mut message =
                Message::new(broker.topic(&format!("matrix/{}", member.name)), format!("QoS {qos}")).qos(qos);
            message.properties = properties(member.version);
            member.client.publish(&message);
            published.push((member.version, message));
        }
    }
    for member in &mut members {
        let mut received: Vec<Message> = published.iter().map(|_| member.client.receive()).collect();
        let mut expected: Vec<Message> =
            published.iter().map(|(from, sent)| seen(sent, *from, member.version)).collect();
        // Messages of different publishers have no order, nor have those of different QoS.
        for messages in [&mut received, &mut expected] {
            messages.sort_by(|a, b| (&a.topic, &a.payload).cmp(&(&b.topic, &b.payload)));
        }
        assert_eq!(received, expected, "received by {}", member.name);
    }
}

#[test]
fn a_session_begun_with_3_1_1_goes_on_with_5_0_and_back() {
    let broker = Broker::start();
    let topic = broker.topic("session");
    let id = broker.client_id("moving");
    let kind = Kind::Rumqttc;
    let mut publisher = kind.client(&broker, &Connect::new(Version::V5, broker.client_id("pub")));
    kind.client(&broker, &Connect::new(Version::V311, id.clone()).kept().subscribe(&topic, 2)).disconnect();
    for version in [Version::V5, Version::V311, Version::V5] {
        let missed = [1, 2].map(|qos| Message::new(&topic, format!("QoS {qos}")).qos(qos));
        missed.iter().for_each(|message| publisher.publish(message));
        let resumed = kind.open(&broker, &Connect::new(version, id.clone()).kept());
        assert_eq!(resumed.session_present, Some(true));
        let mut client = resumed.client;
        assert_eq!(by_qos(missed.each_ref().map(|_| client.receive())), missed);
        client.disconnect();
    }
}

#[test]
fn wills_and_retained_messages_cross_versions() {
    let broker = Broker::start();
    let kind = Kind::Rumqttc;
    for (from, to) in [(Version::V311, Version::V5), (Version::V5, Version::V311)] {
        let will = Message::new(broker.topic(&format!("{from:?}")), "gone").qos(1).retained();
        let subscribe = |role| Connect::new(to, broker.client_id(role)).subscribe(&will.topic, 1);
        let mut observer = kind.client(&broker, &subscribe("obs"));
        kind.client(&broker, &Connect::new(from, broker.client_id("mortal")).will(will.clone())).abort();
        assert_eq!(observer.receive(), Message { retain: false, ..will.clone() });
        assert_eq!(kind.client(&broker, &subscribe("late")).receive(), will);
    }
}

/// Every installed client in every version that it speaks, subscribed to the messages of all.
fn members(broker: &Broker) -> Vec<Member> {
    let mut members = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| tools::installed(*kind)) {
        for version in Version::ALL.into_iter().filter(|version| kind.speaks(*version)) {
            let id = broker.client_id(&format!("m{}", members.len()));
            let client = kind.client(broker, &Connect::new(version, id).subscribe(broker.topic("matrix/+"), 2));
            members.push(Member { name: format!("{kind:?}-{version:?}"), version, client });
        }
    }
    members
}

fn properties(version: Version) -> Properties {
    if version != Version::V5 {
        return Properties::default();
    }
    Properties {
        content_type: Some("text/plain".into()),
        response_topic: Some("answers".into()),
        correlation_data: Some("42".into()),
        user_properties: vec![("unit".into(), "mm".into())],
    }
}

/// A message of `from` as `to` sees it: properties reach MQTT 5.0 alone.
fn seen(sent: &Message, from: Version, to: Version) -> Message {
    let properties = if to == Version::V5 { properties(from) } else { Properties::default() };
    Message { properties, ..sent.clone() }
}
