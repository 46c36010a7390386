//! What other programs call things: sections of Net.MQTT's and Kestrel's files that mean one of our keys, and those that mean nothing here.

use super::entry::{Entry, Stated};
use super::error::{ConfigError, Problem};
use super::key::{Key, fold};
use super::origin::Origin;
use super::scalar::{Scalar, Switch, write_span};
use super::tree::Tree;

/// The name under which the certificate of `Kestrel:Certificates:Default` goes. HTTP endpoints prefer it, others prefer `Default`.
pub const KESTREL_DEFAULT: &str = "Kestrel.Default";

/// Root sections of Net.MQTT's files that are about parts which do not exist here, or not under these keys.
const FOREIGN: [&str; 10] = [
    "adminwebui",
    "allowedhosts",
    "authentication",
    "connectionstrings",
    "cosmosdb",
    "dbprovider",
    "detailederrors",
    "metrics",
    "metricscollector",
    "smtp",
];

/// Keys that are taken without effect.
const WITHOUT_EFFECT: [&str; 2] = ["MaxUnflushedBytes", "MQTT5:MaxUnflushedBytes"];

/// Our keys, and Net.MQTT's for the same thing: the more particular one first.
const SAME: [(&str, &[&str]); 8] = [
    ("Limits:ConnectTimeout", &["ConnectTimeoutMilliseconds"]),
    ("Limits:InFlight", &["MaxInFlight"]),
    ("Limits:InFlightV5", &["MQTT5:MaxInFlight"]),
    ("Limits:ReceiveMaximum", &["MQTT5:MaxReceive", "MaxReceive"]),
    ("Limits:PacketSize", &["MaxPacketSize"]),
    ("Limits:PacketSizeV5", &["MQTT5:MaxPacketSize"]),
    ("Limits:TopicAliasMaximum", &["MQTT5:TopicAliasMax", "TopicAliasMax"]),
    ("Limits:TopicAliasLength", &["MQTT5:TopicAliasSizeThreshold", "TopicAliasSizeThreshold"]),
];

/// Brings the settings of a layer below our root: `MQTT:X` is `X`, `Kestrel:Endpoints:X` is `Endpoints:X`, and so on.
pub fn translate(entries: Vec<Entry>, errors: &mut Vec<ConfigError>, notices: &mut Vec<String>) -> Vec<Entry> {
    let mut translated = Vec::with_capacity(entries.len());
    for mut entry in entries {
        let parts: Vec<&str> = entry.key.0.iter().map(String::as_str).collect();
        let folded: Vec<String> = parts.iter().map(|part| fold(part)).collect();
        let folded: Vec<&str> = folded.iter().map(String::as_str).collect();
        let key = match folded[..] {
            ["$schema"] | ["mqtt" | "kestrel" | "kestrelmqtt" | "logging"] => continue,
            ["mqtt", ..] => Some(own(&parts[1..])),
            ["kestrel", "endpoints", ..] => Some(own(&parts[1..])),
            ["kestrel", "certificates", "default", ..] => Some(Key([&["Certificates", KESTREL_DEFAULT], &parts[3..]]
                .concat()
                .into_iter()
                .map(str::to_owned)
                .collect())),
            ["kestrelmqtt", "useendpoints", _] => Some(Key::of("Endpoints").child(parts[2]).child("UseMqtt")),
            ["kestrelmqtt", "websockets", ..] => web_socket(&parts[2..]),
            ["logging", "loglevel", "default"] => Some(Key::of("LogLevel")),
            ["usemqttauthenticationwithidentity"] if identity(&entry.value) => {
                let text = "there is no identity store here: list the users under Users, or set it to false".to_owned();
                let problem = Problem::Contradiction(text);
                errors.push(ConfigError { key: parts[0].to_owned(), origin: entry.origin.text, problem });
                continue;
            }
            ["usemqttauthenticationwithidentity"] => continue,
            ["kestrel" | "kestrelmqtt" | "logging", ..] => None,
            [root, ..] if FOREIGN.contains(&root) => None,
            _ => Some(entry.key.clone()),
        };
        match key {
            Some(key) => {
                entry.key = key;
                translated.push(entry);
            }
            None => {
                let shown: Vec<&str> = parts.iter().take(2).copied().collect();
                note(notices, without_effect(&shown.join(":"), &entry.origin));
            }
        }
    }
    translated
}

fn own(parts: &[&str]) -> Key {
    Key(parts.iter().map(|part| (*part).to_owned()).collect())
}

/// `KestrelMQTT:WebSockets`, for all routes or for the one there is.
fn web_socket(parts: &[&str]) -> Option<Key> {
    let parts = if parts.first() == Some(&"/mqtt") { &parts[1..] } else { parts };
    let (name, rest) = parts.split_first()?;
    let name = match fold(name).as_str() {
        "allowedorigins" => "AllowedOrigins",
        "keepaliveinterval" => "PingInterval",
        _ => return None,
    };
    Some(Key([&["WebSocket", name], rest].concat().into_iter().map(str::to_owned).collect()))
}

fn identity(value: &Stated) -> bool {
    match value {
        Stated::Text(text) | Stated::Number(text) => {
            !matches!(Switch::parse(text), Ok(Switch(false))) && !text.is_empty()
        }
        Stated::Empty => false,
    }
}

/// Moves what Net.MQTT's keys say to ours. The higher layer wins; in one layer `MQTT5` wins over the root, while our key beside theirs with
/// another value is an error.
pub fn settle(tree: &mut Tree, errors: &mut Vec<ConfigError>, notices: &mut Vec<String>) {
    for key in WITHOUT_EFFECT.map(Key::of) {
        if let Some((_, origin)) = tree.remove(&key) {
            note(notices, without_effect(&key.to_string(), &origin));
        }
    }
    for (ours, theirs) in SAME {
        let ours = Key::of(ours);
        // From the least to the most particular: a later one of the same layer wins.
        for theirs in theirs.iter().rev().map(|key| Key::of(key)) {
            let Some((mut text, mut origin)) = tree.remove(&theirs) else { continue };
            if theirs.to_string() == "ConnectTimeoutMilliseconds" {
                text = text.trim().parse().map_or(text, write_span);
            }
            let current = tree.origin(&ours);
            let said_twice =
                current.as_ref().is_some_and(|current| current.layer == origin.layer && !is_moved(current));
            if said_twice && tree.text(&ours) != Some(&text) {
                let problem =
                    Problem::Contradiction(format!("{ours} says the same thing with another value: keep one of them"));
                errors.push(ConfigError { key: theirs.to_string(), origin: origin.text, problem });
            } else if current.is_none_or(|current| current.layer <= origin.layer) {
                origin.text = format!("{}{MOVED}{theirs}", origin.text);
                tree.insert(&ours, text, &origin);
            }
        }
    }
}

/// Stands between an origin and the key that was used there.
const MOVED: &str = " as ";

fn is_moved(origin: &Origin) -> bool {
    SAME.iter().any(|(_, theirs)| theirs.iter().any(|key| origin.text.ends_with(&format!("{MOVED}{key}"))))
}

fn without_effect(key: &str, origin: &Origin) -> String {
    format!("{key} (from {origin}) is a key of Net.MQTT that has no effect here")
}

fn note(notices: &mut Vec<String>, text: String) {
    if !notices.contains(&text) {
        notices.push(text);
    }
}
