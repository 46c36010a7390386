//! Every row of `table.txt`, read by the decoder and written by the encoder.

#![allow(clippy::panic, clippy::unwrap_used)] // a test fails by panicking

mod notation;
mod row;

use mqtt_wire::{DecodeError, Frame, Packet, Sender, Version, decode, frame};
use row::{Outcome, Row};
use std::collections::HashSet;

const VERSIONS: [Version; 3] = [Version::V3, Version::V311, Version::V5];

/// The first packet of `bytes`, which is all there is.
fn read(bytes: &[u8], version: Version, sender: Sender) -> Result<Packet<'_>, DecodeError> {
    let connect = bytes[0] >> 4 == 1;
    match frame(bytes, usize::MAX, (!connect).then_some(version))? {
        Frame::Complete { body, end } if end == bytes.len() => decode(bytes[0], &bytes[body..], version, sender),
        other => panic!("the row is not one packet: {other:?}"),
    }
}

fn written(packet: &Packet<'_>, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    packet.encode(version, &mut out);
    out
}

/// The versions of the connection under which `row` is read: CONNECT is read the same under all.
fn connection_versions(row: &Row) -> &[Version] {
    if row.bytes[0] >> 4 == 1 { &VERSIONS } else { &row.versions }
}

fn check_decoded(row: &Row, version: Version, sender: Sender) -> Result<(), String> {
    match (&row.outcome, read(&row.bytes, version, sender)) {
        (Outcome::Packet(text) | Outcome::Rewritten(text), Ok(packet)) => {
            let expected = notation::packet(text, row.version(version))?;
            // Equal packets are also written equal, whatever the bytes were that they came in.
            let same = packet == expected && written(&packet, version) == written(&expected, version);
            if same { Ok(()) } else { Err(format!("read {packet:?}\nnot  {expected:?}")) }
        }
        (Outcome::Error(code, what), Err(error)) => match error.code as u8 == *code && error.what.contains(what) {
            true => Ok(()),
            false => Err(format!("refused with {error}, not with 0x{code:02X} {what}")),
        },
        (_, got) => Err(format!("gave {got:?}, not {:?}", row.outcome)),
    }
}

#[test]
fn bytes_are_read_as_the_table_says() {
    let mut failed = Vec::new();
    for row in row::all() {
        for &version in connection_versions(&row) {
            for &sender in &row.senders {
                if let Err(why) = check_decoded(&row, version, sender) {
                    failed.push(format!("{} ({version:?}, {sender:?}): {why}", row.id));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{} failures\n{}", failed.len(), failed.join("\n"));
}

fn check_encoded(row: &Row, text: &str, version: Version) -> Result<(), String> {
    let mut out = vec![0xAA]; // what stands in the buffer stays
    notation::packet(text, version)?.encode(version, &mut out);
    let rewritten = matches!(row.outcome, Outcome::Rewritten(_));
    if out[0] != 0xAA || (out[1..] == row.bytes[..]) == rewritten {
        return Err(format!("written as {:02x?}", &out[1..]));
    }
    let again = read(&out[1..], version, row.senders[0]).map_err(|error| format!("written, then refused: {error}"))?;
    match again == notation::packet(text, version)? {
        true => Ok(()),
        false => Err(format!("written, then read as {again:?}")),
    }
}

#[test]
fn packets_are_written_as_the_table_says() {
    let mut failed = Vec::new();
    for row in row::all() {
        let (Outcome::Packet(text) | Outcome::Rewritten(text)) = &row.outcome else { continue };
        for &version in &row.versions {
            if let Err(why) = check_encoded(&row, text, version) {
                failed.push(format!("{} ({version:?}): {why}", row.id));
            }
        }
    }
    assert!(failed.is_empty(), "{} failures\n{}", failed.len(), failed.join("\n"));
}

/// A body that ends early is an error or another packet, never a panic or a read past the end.
#[test]
fn no_row_cut_anywhere_panics() {
    for row in row::all() {
        let bytes = &row.bytes;
        let Ok(Frame::Complete { body, .. }) = frame(bytes, usize::MAX, None) else { continue };
        for end in body..bytes.len() {
            for version in VERSIONS {
                for &sender in &row.senders {
                    let _ = decode(bytes[0], &bytes[body..end], version, sender);
                }
            }
        }
    }
}

#[test]
fn the_table_is_whole() {
    let rows: Vec<Row> = row::all().collect();
    assert!(rows.len() > 600, "rows are missing: {}", rows.len());
    let mut ids = HashSet::new();
    rows.iter().for_each(|row| assert!(ids.insert(&row.id), "{} stands twice", row.id));
    for version in VERSIONS {
        let read_in = |row: &&Row| row.versions.contains(&version) && !matches!(row.outcome, Outcome::Error(..));
        let types: HashSet<u8> = rows.iter().filter(read_in).map(|row| row.bytes[0] >> 4).collect();
        assert_eq!(types.len(), if version == Version::V5 { 15 } else { 14 }, "packet types in {version:?}");
    }
}
