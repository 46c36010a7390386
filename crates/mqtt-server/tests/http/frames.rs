//! Frames taken apart and put together: the examples of RFC 6455, every rule once, any cut, and the fuzzing corpus.

#[path = "checks/websocket.rs"]
mod websocket;

use crate::peer::{frame, frame_with};
use mqtt_server::http::frame::{CloseCode, Head, Opcode, Violation};
use proptest::collection::vec;
use proptest::prelude::*;
use std::path::Path;
use websocket::{Seen, check, read};

fn seen(stream: &[u8]) -> Seen {
    read([stream].into_iter())
}

fn violation(stream: &[u8]) -> Violation {
    seen(stream).violation.expect("a violation")
}

/// RFC 6455, 5.7, with the opcode of a binary frame where the example is text.
#[test]
fn the_examples_of_the_specification_are_read() {
    let hello = [0x82, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(seen(&hello).payload, b"Hello");
    let ping = [0x89, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(seen(&ping).pings, [b"Hello"]);
    let pong = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(seen(&pong), Seen::default());
    let unmasked = [0x82, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(violation(&unmasked), Violation::NotMasked);
    let text = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(violation(&text), Violation::Text);
}

#[test]
fn the_heads_of_the_specification_are_written() {
    assert_eq!(Head::new(Opcode::Binary, 5).as_slice(), [0x82, 0x05]);
    assert_eq!(Head::new(Opcode::Binary, 125).as_slice(), [0x82, 0x7d]);
    assert_eq!(Head::new(Opcode::Binary, 126).as_slice(), [0x82, 0x7e, 0x00, 0x7e]);
    assert_eq!(Head::new(Opcode::Binary, 256).as_slice(), [0x82, 0x7e, 0x01, 0x00]);
    assert_eq!(Head::new(Opcode::Binary, 65_535).as_slice(), [0x82, 0x7e, 0xff, 0xff]);
    assert_eq!(Head::new(Opcode::Binary, 65_536).as_slice(), [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
    assert_eq!(Head::new(Opcode::Ping, 5).as_slice(), [0x89, 0x05]);
    assert_eq!(Head::new(Opcode::Pong, 0).as_slice(), [0x8a, 0x00]);
    assert_eq!(Head::new(Opcode::Close, 2).as_slice(), [0x88, 0x02]);
}

#[test]
fn every_rule_about_frames_is_kept() {
    assert_eq!(violation(&[0xC2, 0x80]), Violation::ReservedBits);
    assert_eq!(violation(&[0xA2, 0x80]), Violation::ReservedBits);
    assert_eq!(violation(&[0x92, 0x80]), Violation::ReservedBits);
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        assert_eq!(violation(&frame(opcode, b"")), Violation::ReservedOpcode);
    }
    assert_eq!(violation(&frame(0, b"a")), Violation::LoneContinuation);
    let two_beginnings = [frame_with(0x02, b"a"), frame(2, b"b")].concat();
    assert_eq!(violation(&two_beginnings), Violation::UnfinishedMessage);
    assert_eq!(violation(&frame_with(0x09, b"")), Violation::FragmentedControl);
    assert_eq!(violation(&frame(9, &[0; 126])), Violation::LongControl);
    assert_eq!(violation(&[0x82, 0xFE, 0, 125, 0, 0, 0, 0]), Violation::PaddedLength);
    assert_eq!(violation(&[0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0]), Violation::PaddedLength);
    assert_eq!(violation(&[0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Violation::HugeLength);
    assert_eq!(seen(&frame(9, &[7; 125])).pings, [[7; 125]]);
}

#[test]
fn payload_before_a_violation_counts_and_what_follows_does_not() {
    let seen = seen(&[frame(2, b"good"), frame(1, b"bad"), frame(2, b"late")].concat());
    assert_eq!((seen.payload, seen.violation), (b"good".to_vec(), Some(Violation::Text)));
}

#[test]
fn a_message_may_come_in_fragments_with_control_frames_between_them() {
    let stream = [frame_with(0x02, b"He"), frame(9, b"?"), frame_with(0x00, b""), frame_with(0x80, b"llo")].concat();
    let seen = seen(&stream);
    assert_eq!((seen.payload, seen.pings), (b"Hello".to_vec(), vec![b"?".to_vec()]));
}

#[test]
fn close_codes_that_may_travel_are_told_from_those_that_may_not() {
    assert_eq!(seen(&frame(8, b"")).close, Some(None));
    assert_eq!(violation(&frame(8, b"\x03")), Violation::CloseCode);
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999_u16] {
        assert_eq!(seen(&frame(8, &code.to_be_bytes())).close, Some(Some(code)));
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535_u16] {
        assert_eq!(violation(&frame(8, &code.to_be_bytes())), Violation::CloseCode, "{code}");
    }
    assert_eq!(violation(&frame(8, b"\x03\xe8\xce\xba\xe1")), Violation::CloseReason);
    assert_eq!(Violation::CloseReason.code(), CloseCode::InvalidPayload);
    assert_eq!(Violation::Text.code(), CloseCode::UnsupportedData);
    assert_eq!(Violation::NotMasked.code(), CloseCode::ProtocolError);
}

#[test]
fn the_fuzzing_corpus_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/websocket");
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is part of the repository") {
        let path = entry.unwrap().path();
        println!("{}", path.display()); // shown if the check fails
        check(&std::fs::read(&path).unwrap());
        files += 1;
    }
    assert!(files >= 20, "the corpus has only {files} files");
}

/// First byte and payload of frames that are mostly right.
fn frames() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    let first = prop_oneof![
        8 => Just(0x82_u8), 2 => Just(0x02), 2 => Just(0x00), 2 => Just(0x80), 3 => Just(0x89), 1 => Just(0x8A),
        1 => Just(0x88), 1 => any::<u8>()
    ];
    let payload = prop_oneof![8 => vec(any::<u8>(), 0..40), 1 => vec(any::<u8>(), 120..300)];
    vec((first, payload), 0..8)
}

proptest! {
    #[test]
    fn nearly_right_frames_are_read_the_same_wherever_they_are_cut(frames in frames(), choice: u8) {
        let stream: Vec<u8> = frames.iter().flat_map(|(first, payload)| frame_with(*first, payload)).collect();
        check(&[&[choice], &stream[..]].concat());
    }

    #[test]
    fn any_bytes_are_read_the_same_wherever_they_are_cut(data in vec(any::<u8>(), 0..200)) {
        check(&data);
    }

    #[test]
    fn long_payload_is_unmasked_wherever_it_is_cut(payload in vec(any::<u8>(), 65_000..67_000), cut in 1..9000_usize) {
        let stream = frame(2, &payload);
        prop_assert_eq!(read(stream.chunks(cut)).payload, payload);
    }
}
