//! What the tests ask of any MQTT client: one vocabulary for four implementations.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{broker::Broker, mosquitto::Mosquitto, mqttjs, paho, puppet::Puppet, rumqttc};

/// A connected client. Every method panics where the answer does not come within the bound.
pub trait Client {
    /// Publishes, and returns when the handshake of the message's QoS is complete.
    fn publish(&mut self, message: &Message);

    /// The next message that arrived.
    fn receive(&mut self) -> Message;

    /// Waits until the broker has ended the connection. The Reason Code of its DISCONNECT, where the client tells.
    fn closed(&mut self) -> Option<u8>;

    /// Ends with a DISCONNECT.
    fn disconnect(self: Box<Self>);

    /// Ends the connection without a DISCONNECT.
    fn abort(self: Box<Self>);
}

/// What CONNECT and SUBSCRIBE were answered.
pub struct Connected {
    /// The client.
    pub client: Box<dyn Client>,
    /// Session Present, where the client tells.
    pub session_present: Option<bool>,
    /// A Reason Code (or granted QoS) for each subscription.
    pub granted: Vec<u8>,
}

/// A client implementation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// mosquitto_sub and mosquitto_pub.
    Mosquitto,
    /// paho-mqtt, Python.
    Paho,
    /// MQTT.js, node.
    MqttJs,
    /// rumqttc, Rust.
    Rumqttc,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Mosquitto, Self::Paho, Self::MqttJs, Self::Rumqttc];

    /// Whether it speaks this version.
    pub fn speaks(self, version: Version) -> bool {
        !matches!((self, version), (Self::Rumqttc, Version::V31))
    }

    /// Connects and makes the subscriptions of `connect`.
    pub fn open(self, broker: &Broker, connect: &Connect) -> Connected {
        match self {
            Self::Mosquitto => Mosquitto::open(broker, connect),
            Self::Paho => Puppet::open(paho::command(), broker, connect),
            Self::MqttJs => Puppet::open(mqttjs::command(), broker, connect),
            Self::Rumqttc => rumqttc::open(broker, connect),
        }
    }

    /// Connects and makes the subscriptions of `connect`, where the answer is not of interest.
    pub fn client(self, broker: &Broker, connect: &Connect) -> Box<dyn Client> {
        let opened = self.open(broker, connect);
        let asked: Vec<u8> = connect.subscriptions.iter().map(|subscription| subscription.qos).collect();
        assert_eq!(opened.granted, asked, "granted by SUBACK to {self:?}");
        opened.client
    }
}

/// A protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Version {
    /// MQTT 3.1
    #[serde(rename = "3.1")]
    V31,
    /// MQTT 3.1.1
    #[serde(rename = "3.1.1")]
    V311,
    /// MQTT 5.0
    #[serde(rename = "5.0")]
    V5,
}

impl Version {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::V31, Self::V311, Self::V5];
}

/// How to connect, and to what to subscribe.
#[derive(Clone, Debug, Serialize)]
pub struct Connect {
    /// Protocol version.
    pub version: Version,
    /// Client Identifier.
    pub id: String,
    /// Clean Session or Clean Start.
    pub clean: bool,
    /// Will Message.
    pub will: Option<Message>,
    /// Sent in one SUBSCRIBE after CONNACK.
    pub subscriptions: Vec<Subscription>,
}

impl Connect {
    /// Session Expiry Interval, in seconds, of sessions that stay.
    pub const EXPIRY: u32 = 3600;

    /// A clean session without subscriptions.
    pub fn new(version: Version, id: String) -> Self {
        Self { version, id, clean: true, will: None, subscriptions: Vec::new() }
    }

    /// A session that is resumed and stays after the connection.
    pub fn kept(mut self) -> Self {
        self.clean = false;
        self
    }

    /// With a Will Message.
    pub fn will(mut self, will: Message) -> Self {
        self.will = Some(will);
        self
    }

    /// With one more subscription.
    pub fn subscribe(mut self, filter: impl Into<String>, qos: u8) -> Self {
        self.subscriptions.push(Subscription { filter: filter.into(), qos });
        self
    }
}

/// A Topic Filter and its maximum QoS.
#[derive(Clone, Debug, Serialize)]
pub struct Subscription {
    /// Topic Filter.
    pub filter: String,
    /// Maximum QoS.
    pub qos: u8,
}

/// A message as it was sent or received.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Topic Name.
    pub topic: String,
    /// Payload. In JSON, a string of the characters U+0000 to U+00FF.
    #[serde(with = "latin1")]
    pub payload: Vec<u8>,
    /// QoS.
    pub qos: u8,
    /// RETAIN.
    pub retain: bool,
    /// Properties of MQTT 5.0 that a broker forwards unaltered.
    #[serde(default)]
    pub properties: Properties,
}

impl Message {
    /// A QoS 0 message without properties.
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        Self { topic: topic.into(), payload: payload.into(), ..Self::default() }
    }

    /// With this QoS.
    pub fn qos(mut self, qos: u8) -> Self {
        self.qos = qos;
        self
    }

    /// With RETAIN.
    pub fn retained(mut self) -> Self {
        self.retain = true;
        self
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let retain = if self.retain { ", RETAIN" } else { "" };
        write!(f, "\n  {}: \"{}\" (QoS {}{retain})", self.topic, self.payload.escape_ascii(), self.qos)?;
        if self.properties != Properties::default() {
            write!(f, " {:?}", self.properties)?;
        }
        Ok(())
    }
}

/// Properties of a PUBLISH that reach the subscriber as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Properties {
    /// Content Type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Response Topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_topic: Option<String>,
    /// Correlation Data, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_data: Option<String>,
    /// User Properties, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user_properties: Vec<(String, String)>,
}

/// Bytes as the characters U+0000 to U+00FF, which every language's JSON can carry.
mod latin1 {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&bytes.iter().map(|&byte| char::from(byte)).collect::<String>())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.chars().map(|char| u8::try_from(char).map_err(D::Error::custom)).collect()
    }
}
