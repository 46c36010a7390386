//! mosquitto_sub and mosquitto_pub: one subscriber that stays, one publisher a message.
//!
//! mosquitto_sub cannot connect without subscribing; without subscriptions of the test it subscribes to a topic of its own.

use std::{collections::VecDeque, process::Command};

use rustix::process::Signal;

use crate::{
    broker::Broker,
    child::Process,
    client::{Client, Connect, Connected, Message, Properties, Version},
    scenarios::suite,
};

/// One line for each message: QoS, RETAIN, payload in hex, properties, topic.
const FORMAT: &str = "MESSAGE %q %r [%x] <%C|%R|%D|%P> %t";

suite!(Mosquitto; v3_1: V31, v3_1_1: V311, v5_0: V5);

/// A running mosquitto_sub, and what it takes to start mosquitto_pub.
pub struct Mosquitto {
    address: [String; 4],
    version: Version,
    subscriber: Process,
    /// Arrived before SUBACK.
    messages: VecDeque<Message>,
}

impl Mosquitto {
    /// Starts mosquitto_sub and waits for SUBACK. It does not tell Session Present.
    pub fn open(broker: &Broker, connect: &Connect) -> Connected {
        let address =
            ["-h".into(), broker.address().ip().to_string(), "-p".into(), broker.address().port().to_string()];
        let subscriber = Process::spawn(subscribe_command(broker, &address, connect));
        let mut client = Self { address, version: connect.version, subscriber, messages: VecDeque::new() };
        let mut granted = client.granted();
        if connect.subscriptions.is_empty() {
            granted.clear();
        }
        Connected { client: Box::new(client), session_present: None, granted }
    }

    /// The codes of `Subscribed (mid: 1): 0, 1`.
    fn granted(&mut self) -> Vec<u8> {
        loop {
            let line = self.line();
            if let Some(message) = message(&line) {
                self.messages.push_back(message);
            } else if let Some((_, codes)) = line.strip_prefix("Subscribed").and_then(|rest| rest.split_once("): ")) {
                return codes.split(", ").map(|code| code.parse().expect("mosquitto_sub prints numbers")).collect();
            }
        }
    }

    fn line(&self) -> String {
        self.subscriber.stdout_line().expect("mosquitto_sub runs until it is told to end")
    }
}

impl Client for Mosquitto {
    fn publish(&mut self, message: &Message) {
        let mut publisher = Process::spawn(publish_command(&self.address, self.version, message));
        if !message.payload.is_empty() {
            publisher.write_all(&message.payload);
        }
        assert!(publisher.exit().success(), "mosquitto_pub: {:?}", publisher.rest_of_stderr());
    }

    fn receive(&mut self) -> Message {
        if let Some(message) = self.messages.pop_front() {
            return message;
        }
        loop {
            if let Some(message) = message(&self.line()) {
                return message;
            }
        }
    }

    /// Without a DISCONNECT from the broker, all that mosquitto_sub shows is that it connects again.
    fn closed(&mut self) -> Option<u8> {
        loop {
            let line = self.line();
            if let Some(code) = line.strip_prefix("Received DISCONNECT (") {
                return code.trim_end_matches(')').parse().ok();
            }
            if line.ends_with("sending CONNECT") {
                return None;
            }
        }
    }

    fn disconnect(mut self: Box<Self>) {
        self.subscriber.signal(Signal::TERM);
        self.subscriber.exit();
    }

    fn abort(mut self: Box<Self>) {
        self.subscriber.signal(Signal::KILL);
        self.subscriber.exit();
    }
}

fn subscribe_command(broker: &Broker, address: &[String], connect: &Connect) -> Command {
    // mosquitto_sub leaves its lines in the buffer of a pipe until a message comes; stdbuf replaces itself by it.
    let mut command = Command::new("stdbuf");
    command.args(["-oL", "mosquitto_sub"]).args(address).args([
        "-d",
        "-V",
        version(connect.version),
        "-i",
        &connect.id,
        "-F",
        FORMAT,
    ]);
    if !connect.clean {
        command.arg("-c");
        if connect.version == Version::V5 {
            command.args(["-x", &Connect::EXPIRY.to_string()]);
        }
    }
    if let Some(will) = &connect.will {
        let payload = String::from_utf8(will.payload.clone()).expect("the tests' wills are text");
        command.args(["--will-topic", &will.topic, "--will-payload", &payload, "--will-qos", &will.qos.to_string()]);
        if will.retain {
            command.arg("--will-retain");
        }
    }
    // One QoS holds for all filters.
    let qos = connect.subscriptions.iter().map(|subscription| subscription.qos).max().unwrap_or(0);
    command.args(["-q", &qos.to_string()]);
    for subscription in &connect.subscriptions {
        command.args(["-t", &subscription.filter]);
    }
    if connect.subscriptions.is_empty() {
        command.args(["-t", &broker.topic("mosquitto_sub")]);
    }
    command
}

fn publish_command(address: &[String], version_: Version, message: &Message) -> Command {
    let mut command = Command::new("mosquitto_pub");
    command.args(address).args(["-V", version(version_), "-q", &message.qos.to_string(), "-t", &message.topic]);
    // The payload from standard input, which must not be empty, or none.
    command.arg(if message.payload.is_empty() { "-n" } else { "-s" });
    if message.retain {
        command.arg("-r");
    }
    if version_ == Version::V5 {
        let Properties { content_type, response_topic, correlation_data, user_properties } = &message.properties;
        let named = [
            ("content-type", content_type),
            ("response-topic", response_topic),
            ("correlation-data", correlation_data),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                command.args(["-D", "publish", name, value]);
            }
        }
        for (name, value) in user_properties {
            command.args(["-D", "publish", "user-property", name, value]);
        }
    }
    command
}

fn version(version: Version) -> &'static str {
    match version {
        Version::V31 => "mqttv31",
        Version::V311 => "mqttv311",
        Version::V5 => "mqttv5",
    }
}

/// Reads a line of `FORMAT`; `None` for any other line.
fn message(line: &str) -> Option<Message> {
    let (head, rest) = line.strip_prefix("MESSAGE ")?.split_once(" [")?;
    let (hex, rest) = rest.split_once("] <")?;
    let (properties, topic) = rest.split_once("> ")?;
    let (qos, retain) = head.split_once(' ')?;
    let payload = hex.as_bytes().chunks(2).map(|pair| {
        let digits = std::str::from_utf8(pair).expect("hex is ASCII");
        u8::from_str_radix(digits, 16).expect("%x prints hex")
    });
    Some(Message {
        topic: topic.to_owned(),
        payload: payload.collect(),
        qos: qos.parse().ok()?,
        retain: retain == "1",
        properties: message_properties(properties),
    })
}

/// Reads `content type|response topic|correlation data|name:value name:value`.
fn message_properties(text: &str) -> Properties {
    let fields: Vec<&str> = text.split('|').collect();
    let field = |index: usize| fields.get(index).filter(|field| !field.is_empty()).map(|field| (*field).to_owned());
    let user = field(3).unwrap_or_default();
    Properties {
        content_type: field(0),
        response_topic: field(1),
        correlation_data: field(2),
        user_properties: user
            .split_whitespace()
            .filter_map(|pair| pair.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    }
}
