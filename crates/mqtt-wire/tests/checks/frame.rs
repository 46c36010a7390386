//! What must hold wherever the network cuts the bytes: an answer once given stays the same when more bytes arrive.

use mqtt_wire::{DecodeError, Frame, Version, frame};

/// The first byte chooses version and limit, the rest is what was received.
pub fn check(data: &[u8]) {
    let Some((&choice, stream)) = data.split_first() else { return };
    let version = [None, Some(Version::V3), Some(Version::V311), Some(Version::V5)][usize::from(choice & 3)];
    let max = if choice & 4 == 0 { usize::MAX } else { usize::from(choice) };
    let mut before = Ok(Frame::Incomplete { total: None });
    for end in 0..=stream.len() {
        let now = frame(&stream[..end], max, version);
        check_answer(now, end, max);
        check_step(before, now);
        before = now;
    }
}

fn check_answer(answer: Result<Frame, DecodeError>, have: usize, max: usize) {
    match answer {
        Ok(Frame::Complete { body, end }) => {
            assert!((2..=5).contains(&body) && body <= end && end <= have && end <= max);
        }
        Ok(Frame::Incomplete { total: Some(total) }) => assert!(total > have && total <= max),
        Ok(Frame::Incomplete { total: None }) => assert!(have < 5),
        Err(error) => assert!(error.code.is_failure()),
    }
}

fn check_step(before: Result<Frame, DecodeError>, now: Result<Frame, DecodeError>) {
    match (before, now) {
        (Ok(Frame::Incomplete { total: None }), _) => {}
        (Ok(Frame::Incomplete { total: Some(total) }), Ok(Frame::Complete { end, .. })) => assert_eq!(total, end),
        // A padded CONNECT shows its version only once it is whole.
        (Ok(Frame::Incomplete { total: Some(_) }), Err(error)) => assert_eq!(error.version, Some(Version::V5)),
        (before, now) => assert_eq!(before, now),
    }
}
