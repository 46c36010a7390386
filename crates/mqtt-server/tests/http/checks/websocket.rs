//! What must hold of WebSocket frames from a client, whatever they are and wherever the network cuts them: the same payload, the same
//! control frames and the same verdict as from a slow reader that has everything at once.

use mqtt_server::http::frame::{Control, Deframer, Violation, Window};

/// What came of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub payload: Vec<u8>,
    pub pings: Vec<Vec<u8>>,
    pub close: Option<Option<u16>>,
    pub violation: Option<Violation>,
}

/// The first byte chooses where the stream is cut, the rest is what the client sent.
pub fn check(data: &[u8]) {
    let Some((&choice, stream)) = data.split_first() else { return };
    let expected = model(stream);
    assert_eq!(read(stream.chunks(usize::MAX)), expected, "at once");
    assert_eq!(read(stream.chunks(1)), expected, "byte by byte");
    let (first, rest) = stream.split_at(usize::from(choice).min(stream.len()));
    assert_eq!(read([first, rest].into_iter()), expected, "cut after {} bytes", first.len());
    assert_eq!(read(stream.chunks(usize::from(choice % 31) + 2)), expected, "in pieces");
}

/// Through the deframer, piece by piece.
pub fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Seen {
    let (mut deframer, mut seen) = (Deframer::new(), Seen::default());
    for piece in pieces {
        let mut bytes = piece.to_vec();
        let mut window = Window::new(&mut bytes);
        loop {
            match deframer.next(&mut window) {
                Ok(None) => break,
                Ok(Some(Control::Ping(payload))) => seen.pings.push(payload.as_slice().to_vec()),
                Ok(Some(Control::Pong)) => {}
                Ok(Some(Control::Close(code))) => seen.close = Some(code),
                Err(violation) => seen.violation = Some(violation),
            }
            if seen.close.is_some() || seen.violation.is_some() {
                break;
            }
        }
        let written = window.written();
        seen.payload.extend_from_slice(&bytes[..written]);
        if seen.close.is_some() || seen.violation.is_some() {
            break;
        }
    }
    seen
}

/// RFC 6455, section 5, read slowly.
fn model(mut stream: &[u8]) -> Seen {
    let (mut seen, mut unfinished) = (Seen::default(), false);
    while stream.len() >= 2 && seen.close.is_none() {
        match frame(stream, &mut unfinished, &mut seen) {
            Ok(0) => break,
            Ok(used) => stream = &stream[used..],
            Err(violation) => {
                seen.violation = Some(violation);
                break;
            }
        }
    }
    seen
}

/// Reads one frame; returns its length, or 0 if its end is not there.
fn frame(stream: &[u8], unfinished: &mut bool, seen: &mut Seen) -> Result<usize, Violation> {
    let (fin, opcode, short) = (stream[0] >= 0x80, stream[0] % 16, usize::from(stream[1] % 128));
    if stream[0] & 0x70 != 0 {
        return Err(Violation::ReservedBits);
    } else if stream[1] < 0x80 {
        return Err(Violation::NotMasked);
    } else if opcode >= 8 && !fin {
        return Err(Violation::FragmentedControl);
    } else if opcode >= 8 && short >= 126 {
        return Err(Violation::LongControl);
    }
    match opcode {
        0 if !*unfinished => return Err(Violation::LoneContinuation),
        1 => return Err(Violation::Text),
        2 if *unfinished => return Err(Violation::UnfinishedMessage),
        3..=7 | 11.. => return Err(Violation::ReservedOpcode),
        0 | 2 => *unfinished = !fin,
        _ => {}
    }
    let wide = [0, 2, 8][usize::from(short >= 126) + usize::from(short == 127)];
    if stream.len() < 6 + wide {
        return Ok(0);
    }
    let long = stream[2..2 + wide].iter().fold(0_u128, |sum, byte| sum * 256 + u128::from(*byte));
    let length = match wide {
        0 => short as u128,
        2 if long < 126 => return Err(Violation::PaddedLength),
        8 if long < 65_536 => return Err(Violation::PaddedLength),
        8 if long >= 1 << 63 => return Err(Violation::HugeLength),
        _ => long,
    };
    let key = &stream[2 + wide..6 + wide];
    let there = &stream[6 + wide..];
    let there = &there[..there.len().min(usize::try_from(length).unwrap_or(usize::MAX))];
    let plain: Vec<u8> = there.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]).collect();
    let whole = plain.len() as u128 == length;
    match opcode {
        0 | 2 => seen.payload.extend_from_slice(&plain),
        8 if whole => seen.close = Some(close(&plain)?),
        9 if whole => seen.pings.push(plain),
        _ => {}
    }
    Ok(if whole { 6 + wide + there.len() } else { 0 })
}

fn close(payload: &[u8]) -> Result<Option<u16>, Violation> {
    if payload.is_empty() {
        return Ok(None);
    }
    let code = payload.get(..2).map_or(0, |code| u16::from(code[0]) * 256 + u16::from(code[1]));
    let may_travel = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
    if !may_travel.contains(&code) && !(3000..5000).contains(&code) {
        return Err(Violation::CloseCode);
    }
    match String::from_utf8(payload[2..].to_vec()) {
        Ok(_) => Ok(Some(code)),
        Err(_) => Err(Violation::CloseReason),
    }
}
