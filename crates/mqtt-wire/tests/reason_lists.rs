//! Which Reason Codes each packet may carry (5.0, table 2-6): all 256 bytes for each packet and sender.

use mqtt_wire::{ReasonCode, Sender, Version, decode};
use std::ops::RangeInclusive;

/// Codes of `list` and no others pass where `body` puts them.
fn check(first: u8, version: Version, sender: Sender, list: &[RangeInclusive<u8>], body: impl Fn(u8) -> Vec<u8>) {
    for code in 0..=u8::MAX {
        let body = body(code);
        let read = decode(first, &body, version, sender).map_err(|error| error.code);
        let listed = list.iter().any(|codes| codes.contains(&code));
        assert_eq!(read.is_ok(), listed, "0x{code:02X} in {first:#04x} of {version:?} from {sender:?}");
        assert!(listed || read == Err(ReasonCode::ProtocolError), "0x{code:02X} in {first:#04x}");
    }
}

#[test]
fn acknowledgements() {
    for sender in [Sender::Client, Sender::Server] {
        let ack = |code| vec![0, 1, code, 0];
        let publish =
            [0..=0, 0x10..=0x10, 0x80..=0x80, 0x83..=0x83, 0x87..=0x87, 0x90..=0x91, 0x97..=0x97, 0x99..=0x99];
        check(0x40, Version::V5, sender, &publish, ack);
        check(0x50, Version::V5, sender, &publish, ack);
        check(0x62, Version::V5, sender, &[0..=0, 0x92..=0x92], ack);
        check(0x70, Version::V5, sender, &[0..=0, 0x92..=0x92], ack);
    }
}

#[test]
fn connack() {
    let list = [0..=0, 0x80..=0x8A, 0x8C..=0x8C, 0x90..=0x90, 0x95..=0x95, 0x97..=0x97, 0x99..=0x9D, 0x9F..=0x9F];
    check(0x20, Version::V5, Sender::Server, &list, |code| vec![0, code, 0]);
    check(0x20, Version::V311, Sender::Server, &[0..=5], |code| vec![0, code]);
    check(0x20, Version::V3, Sender::Server, &[0..=5], |code| vec![0, code]);
}

#[test]
fn suback_and_unsuback() {
    let own = [0..=2, 0x80..=0x80, 0x83..=0x83, 0x87..=0x87, 0x8F..=0x8F, 0x91..=0x91, 0x97..=0x97, 0x9E..=0x9E];
    let list = [&own[..], &[0xA1..=0xA2]].concat();
    check(0x90, Version::V5, Sender::Server, &list, |code| vec![0, 1, 0, 0, code]);
    check(0x90, Version::V311, Sender::Server, &[0..=2, 0x80..=0x80], |code| vec![0, 1, 0, code]);
    check(0x90, Version::V3, Sender::Server, &[0..=2], |code| vec![0, 1, 0, code]);
    let list = [0..=0, 0x11..=0x11, 0x80..=0x80, 0x83..=0x83, 0x87..=0x87, 0x8F..=0x8F, 0x91..=0x91];
    check(0xB0, Version::V5, Sender::Server, &list, |code| vec![0, 1, 0, 0, code]);
}

#[test]
fn disconnect() {
    let client = [0..=0, 4..=4, 0x80..=0x83, 0x90..=0x90, 0x93..=0x99];
    check(0xE0, Version::V5, Sender::Client, &client, |code| vec![code]);
    let server = [0..=0, 0x80..=0x83, 0x87..=0x87, 0x89..=0x89, 0x8B..=0x90, 0x93..=0xA2];
    check(0xE0, Version::V5, Sender::Server, &server, |code| vec![code, 0]);
}

#[test]
fn auth() {
    let auth = |code| vec![code, 4, 0x15, 0, 1, b'm'];
    check(0xF0, Version::V5, Sender::Client, &[0x18..=0x19], auth);
    check(0xF0, Version::V5, Sender::Server, &[0..=0, 0x18..=0x18], auth);
}
