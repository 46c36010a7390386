//! Packets as text, for the table.
//!
//! A packet is its type and then words, apart by blanks. Texts and bytes stand in quotes, with `\xNN` for what cannot be typed; `#7` is a Packet
//! Identifier; `0x87` a Reason Code; `name=value` a field; a bare word a flag; `:name=value` a property and `will:name=value` a Will Property, by
//! their names in the standard. A pair is `'name'='value'`, a SUBSCRIBE entry `'filter':qos,option,...`.
//!
//! Everything is leaked: the packets live as long as the test.

use mqtt_wire::{
    Ack, Auth, ConnAck, Connect, Disconnect, Kind, Packet, PacketId, Properties, PropertyBuf, Publish, QoS, ReasonCode,
    RetainHandling, SubAck, Subscribe, SubscribeEntry, SubscriptionOptions, TABLE, UnsubAck, Unsubscribe, Value,
    Version, Will,
};

/// Names of the properties, in the order of [`TABLE`].
const NAMES: [&str; 27] = [
    "payload-format-indicator",
    "message-expiry-interval",
    "content-type",
    "response-topic",
    "correlation-data",
    "subscription-identifier",
    "session-expiry-interval",
    "assigned-client-identifier",
    "server-keep-alive",
    "authentication-method",
    "authentication-data",
    "request-problem-information",
    "will-delay-interval",
    "request-response-information",
    "response-information",
    "server-reference",
    "reason-string",
    "receive-maximum",
    "topic-alias-maximum",
    "topic-alias",
    "maximum-qos",
    "retain-available",
    "user-property",
    "maximum-packet-size",
    "wildcard-subscription-available",
    "subscription-identifier-available",
    "shared-subscription-available",
];

/// The packet that `text` says, in `version`.
pub fn packet(text: &str, version: Version) -> Result<Packet<'static>, String> {
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    let words = Words(words(rest)?);
    let properties = words.properties(":")?;
    let ack = || Ok::<_, String>(Ack { packet_id: words.packet_id()?, reason: words.reason()?, properties });
    Ok(match name {
        "CONNECT" => Packet::Connect(connect(&words, version, properties)?),
        "CONNACK" => {
            let session_present = words.has("present");
            Packet::ConnAck(ConnAck { session_present, reason: words.reason()?, properties })
        }
        "PUBLISH" => Packet::Publish(publish(&words, properties)?),
        "PUBACK" => Packet::PubAck(ack()?),
        "PUBREC" => Packet::PubRec(ack()?),
        "PUBREL" => Packet::PubRel(ack()?),
        "PUBCOMP" => Packet::PubComp(ack()?),
        "SUBSCRIBE" => {
            let entries = words.quoted().map(entry).collect::<Result<Vec<_>, _>>()?;
            let raw = Box::leak(Box::default());
            Packet::Subscribe(Subscribe::new(words.packet_id()?, properties, &entries, version, raw))
        }
        "SUBACK" => Packet::SubAck(SubAck { packet_id: words.packet_id()?, properties, reasons: words.reasons()? }),
        "UNSUBSCRIBE" => {
            let filters = words.quoted().map(text_value).collect::<Result<Vec<_>, _>>()?;
            let raw = Box::leak(Box::default());
            Packet::Unsubscribe(Unsubscribe::new(words.packet_id()?, properties, &filters, raw))
        }
        "UNSUBACK" => {
            Packet::UnsubAck(UnsubAck { packet_id: words.packet_id()?, properties, reasons: words.reasons()? })
        }
        "PINGREQ" => Packet::PingReq,
        "PINGRESP" => Packet::PingResp,
        "DISCONNECT" => Packet::Disconnect(Disconnect { reason: words.reason()?, properties }),
        "AUTH" => Packet::Auth(Auth { reason: words.reason()?, properties }),
        other => return Err(format!("no packet is called {other}")),
    })
}

fn connect(words: &Words, version: Version, properties: Properties<'static>) -> Result<Connect<'static>, String> {
    let will = match words.field("will") {
        None => None,
        Some(how) => Some(Will {
            qos: qos(how.trim_end_matches('r'))?,
            retain: how.ends_with('r'),
            properties: words.properties("will:")?,
            topic: words.text("topic")?,
            payload: words.bytes("payload")?,
        }),
    };
    Ok(Connect {
        version,
        clean_start: words.has("clean"),
        keep_alive: number(words.field("keep").ok_or("no keep=")?)? as u16,
        properties,
        client_id: words.text("id")?,
        will,
        user_name: words.field("user").map(text_value).transpose()?,
        password: words.field("password").map(bytes_value).transpose()?,
    })
}

fn publish(words: &Words, properties: Properties<'static>) -> Result<Publish<'static>, String> {
    let level = words.0[0].strip_prefix('q').ok_or("the first word is not q0, q1 or q2")?;
    Ok(Publish {
        dup: words.has("dup"),
        qos: qos(level)?,
        retain: words.has("retain"),
        topic: words.text("topic")?,
        packet_id: words.packet_id().ok(),
        properties,
        payload: words.bytes("payload")?,
    })
}

fn entry(word: &str) -> Result<SubscribeEntry<'static>, String> {
    let (filter, options) = word.rsplit_once(':').ok_or("an entry without options")?;
    let mut words = options.split(',');
    let level = qos(words.next().unwrap_or_default())?;
    let mut options = SubscriptionOptions { qos: level, ..SubscriptionOptions::default() };
    for word in words {
        match word {
            "no-local" => options.no_local = true,
            "retain-as-published" => options.retain_as_published = true,
            "retain-handling-1" => options.retain_handling = RetainHandling::SendIfNew,
            "retain-handling-2" => options.retain_handling = RetainHandling::DoNotSend,
            other => return Err(format!("option {other}")),
        }
    }
    Ok(SubscribeEntry { filter: text_value(filter)?, options })
}

struct Words(Vec<String>);

impl Words {
    fn has(&self, flag: &str) -> bool {
        self.0.iter().any(|word| word == flag)
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    fn text(&self, name: &str) -> Result<&'static str, String> {
        text_value(self.field(name).ok_or_else(|| format!("no {name}="))?)
    }

    fn bytes(&self, name: &str) -> Result<&'static [u8], String> {
        bytes_value(self.field(name).ok_or_else(|| format!("no {name}="))?)
    }

    fn quoted(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|word| word.starts_with('\''))
    }

    fn packet_id(&self) -> Result<PacketId, String> {
        let word = self.0.iter().find_map(|word| word.strip_prefix('#')).ok_or("no Packet Identifier")?;
        PacketId::new(number(word)? as u16).ok_or("Packet Identifier is 0".to_string())
    }

    fn reason(&self) -> Result<ReasonCode, String> {
        let word = self.0.iter().find_map(|word| word.strip_prefix("0x")).ok_or("no Reason Code")?;
        ReasonCode::from_u8(hex(word)?).ok_or_else(|| format!("Reason Code {word}"))
    }

    /// The codes of SUBACK and UNSUBACK: the word behind the identifier, or none.
    fn reasons(&self) -> Result<&'static [u8], String> {
        let Some(word) = self.0.get(1).filter(|word| !word.starts_with(':')) else { return Ok(&[]) };
        Ok(word.split(',').map(hex).collect::<Result<Vec<_>, _>>()?.leak())
    }

    fn properties(&self, start: &str) -> Result<Properties<'static>, String> {
        let properties: &mut PropertyBuf = Box::leak(Box::default());
        for word in self.0.iter().filter_map(|word| word.strip_prefix(start)) {
            let (name, value) = word.split_once('=').ok_or("a property without a value")?;
            let at = NAMES.iter().position(|known| *known == name).ok_or_else(|| format!("property {name}"))?;
            let value = match TABLE[at].kind {
                Kind::Flag => Value::Byte(number(value)? as u8),
                Kind::U16 => Value::U16(number(value)? as u16),
                Kind::U32 => Value::U32(number(value)?),
                Kind::Varint => Value::Varint(number(value)?),
                Kind::Str => Value::Str(text_value(value)?),
                Kind::Bin => Value::Bin(bytes_value(value)?),
                Kind::Pair => {
                    let (name, value) = value.split_once("'='").ok_or("a pair is 'name'='value'")?;
                    Value::Pair(text_value(&format!("{name}'"))?, text_value(&format!("'{value}"))?)
                }
            };
            properties.push(TABLE[at].id, value);
        }
        Ok(properties.as_properties())
    }
}

/// Splits at blanks outside quotes.
fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        quoted ^= c == '\'';
        match c {
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    if quoted { Err("a quote is open".to_string()) } else { Ok(words) }
}

fn bytes_value(word: &str) -> Result<&'static [u8], String> {
    let inner = word.strip_prefix('\'').and_then(|word| word.strip_suffix('\''));
    let mut rest = inner.ok_or_else(|| format!("{word} is not in quotes"))?;
    let mut bytes = Vec::new();
    while let Some((plain, escaped)) = rest.split_once("\\x") {
        bytes.extend_from_slice(plain.as_bytes());
        bytes.push(hex(&escaped[..2])?);
        rest = &escaped[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes.leak())
}

fn text_value(word: &str) -> Result<&'static str, String> {
    std::str::from_utf8(bytes_value(word)?).map_err(|error| error.to_string())
}

fn qos(digit: &str) -> Result<QoS, String> {
    QoS::from_bits(number(digit)? as u8).ok_or_else(|| format!("QoS {digit}"))
}

fn number(digits: &str) -> Result<u32, String> {
    digits.parse().map_err(|error| format!("{error}: {digits}"))
}

fn hex(digits: &str) -> Result<u8, String> {
    u8::from_str_radix(digits, 16).map_err(|error| format!("{error}: {digits}"))
}
