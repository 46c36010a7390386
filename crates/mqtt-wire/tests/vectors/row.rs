//! A row of the table: `id | versions | sender | bytes | packet or error | statements covered`.

use mqtt_wire::{Sender, Version};

const TABLE: &str = include_str!("table.txt");

/// What becomes of the bytes.
#[derive(Debug)]
pub enum Outcome {
    /// They are this packet, and the packet is written as these bytes.
    Packet(String),
    /// They are this packet, but it is written in other bytes.
    Rewritten(String),
    /// They are refused with this code, for a reason that holds this text.
    Error(u8, String),
}

pub struct Row {
    pub id: String,
    pub versions: Vec<Version>,
    pub senders: Vec<Sender>,
    pub bytes: Vec<u8>,
    pub outcome: Outcome,
}

/// The rows of the table; one that cannot be read fails the test that asks.
pub fn all() -> impl Iterator<Item = Row> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| parse(line).unwrap_or_else(|why| panic!("{why} in row: {line}")))
}

impl Row {
    /// The version that the packet is of: a CONNECT brings its own.
    pub fn version(&self, connection: Version) -> Version {
        if self.bytes[0] >> 4 == 1 { self.versions[0] } else { connection }
    }
}

fn parse(line: &str) -> Result<Row, String> {
    let columns: Vec<&str> = line.split('|').map(str::trim).collect();
    let [id, versions, sender, bytes, outcome, covered] = columns[..] else {
        return Err(format!("{} columns", columns.len()));
    };
    covered.split(' ').try_for_each(check_statement)?;
    let senders = match sender {
        "C" => vec![Sender::Client],
        "S" => vec![Sender::Server],
        "B" => vec![Sender::Client, Sender::Server],
        other => return Err(format!("sender {other}")),
    };
    Ok(Row {
        id: id.to_string(),
        versions: versions.chars().map(version).collect::<Result<_, _>>()?,
        senders,
        bytes: hex(bytes)?,
        outcome: parse_outcome(outcome)?,
    })
}

fn parse_outcome(text: &str) -> Result<Outcome, String> {
    if let Some(error) = text.strip_prefix("! ") {
        let (code, what) = error.split_once(' ').ok_or("an error without a reason")?;
        return Ok(Outcome::Error(hex(code)?[0], what.to_string()));
    }
    Ok(match text.strip_prefix("~ ") {
        Some(packet) => Outcome::Rewritten(packet.to_string()),
        None => Outcome::Packet(text.to_string()),
    })
}

/// `5:MQTT-...`, `4:MQTT-...`, `MQTT31-nn`, or nothing.
fn check_statement(id: &str) -> Result<(), String> {
    let known = ["5:MQTT-", "4:MQTT-", "MQTT31-"].iter().any(|start| id.starts_with(start));
    if known || id.is_empty() { Ok(()) } else { Err(format!("statement {id}")) }
}

fn version(digit: char) -> Result<Version, String> {
    match digit {
        '3' => Ok(Version::V3),
        '4' => Ok(Version::V311),
        '5' => Ok(Version::V5),
        other => Err(format!("version {other}")),
    }
}

fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).map_err(|error| error.to_string())?;
        u8::from_str_radix(pair, 16).map_err(|error| format!("{error} in {pair}"))
    };
    digits.chunks(2).map(byte).collect()
}
