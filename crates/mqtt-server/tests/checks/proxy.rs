//! What must hold of a PROXY header, whatever bytes a stranger sends: the same verdict as from a slow reader that has everything at once,
//! nothing taken from what follows, and no verdict before the header is whole.

use mqtt_server::fuzzing::proxy_header;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

const LONGEST_LINE: usize = 107;
const LONGEST_BODY: usize = 4096;
const BEHIND: &[u8] = b"\x10\x0c\0\x04MQTT";

/// A header: its length, and the address in it.
type Header = (usize, Option<SocketAddr>);

pub fn check(data: &[u8]) {
    let (outcome, taken) = proxy_header(data);
    let outcome = outcome.map(|address| (taken, address)).map_err(|error| error.kind());
    assert_eq!(outcome, model(data), "{:?}", String::from_utf8_lossy(data));
    match outcome {
        Ok((length, address)) => {
            let (again, taken) = proxy_header(&[&data[..length], BEHIND].concat());
            assert_eq!((again.unwrap(), taken), (address, length), "with something else behind");
            for end in 0..length {
                let (cut, _) = proxy_header(&data[..end]);
                assert_eq!(cut.unwrap_err().kind(), ErrorKind::UnexpectedEof, "cut after {end} bytes");
            }
        }
        Err(ErrorKind::InvalidData) => {
            let (again, _) = proxy_header(&[data, BEHIND].concat());
            assert_eq!(again.unwrap_err().kind(), ErrorKind::InvalidData, "with more behind");
        }
        Err(_) => {}
    }
}

/// The PROXY protocol, sections 2.1 and 2.2, read slowly.
fn model(data: &[u8]) -> Result<Header, ErrorKind> {
    match data.first() {
        None => Err(ErrorKind::UnexpectedEof),
        Some(b'P') => line(data),
        Some(b'\r') => binary(data),
        Some(_) => Err(ErrorKind::InvalidData),
    }
}

fn line(data: &[u8]) -> Result<Header, ErrorKind> {
    let window = &data[..data.len().min(LONGEST_LINE)];
    let Some(end) = window.iter().position(|&byte| byte == b'\n') else {
        // A line that is as long as it may be needs no further byte to be wrong.
        return Err(if window.len() == LONGEST_LINE { ErrorKind::InvalidData } else { ErrorKind::UnexpectedEof });
    };
    let address = std::str::from_utf8(&data[..=end]).ok().and_then(words);
    Ok((end + 1, address.ok_or(ErrorKind::InvalidData)?))
}

fn words(line: &str) -> Option<Option<SocketAddr>> {
    let words: Vec<_> = line.strip_suffix("\r\n")?.split(' ').collect();
    match words[..] {
        ["PROXY", "UNKNOWN", ..] => Some(None),
        ["PROXY", family, source, target, port, target_port] => {
            let of_family = |text: &str| {
                let address: IpAddr = text.parse().ok()?;
                (family == if address.is_ipv4() { "TCP4" } else { "TCP6" }).then_some(address)
            };
            // Written back, a number that is as it has to be is the same.
            let number = |text: &str| text.parse().ok().filter(|number: &u16| number.to_string() == text);
            of_family(target)?;
            number(target_port)?;
            Some(Some(SocketAddr::new(of_family(source)?, number(port)?)))
        }
        _ => None,
    }
}

fn binary(data: &[u8]) -> Result<Header, ErrorKind> {
    if data.len() < 16 {
        return Err(ErrorKind::UnexpectedEof);
    }
    let (command, family) = (data[12], data[13]);
    let length = usize::from(data[14]) * 256 + usize::from(data[15]);
    if !data.starts_with(b"\r\n\r\n\0\r\nQUIT\n") || command / 2 != 0x10 || length > LONGEST_BODY {
        return Err(ErrorKind::InvalidData);
    }
    let body = data.get(16..16 + length).ok_or(ErrorKind::UnexpectedEof)?;
    let port = |at: usize| u16::from(body[at]) * 256 + u16::from(body[at + 1]);
    let (addresses, address) = match (command, family) {
        (0x20, _) | (_, 0x00 | 0x12 | 0x22 | 0x31 | 0x32) => return Ok((16 + length, None)),
        (_, 0x11) if length >= 12 => (12, SocketAddr::from(([body[0], body[1], body[2], body[3]], port(8)))),
        (_, 0x21) if length >= 36 => {
            let mut source = [0; 16];
            source.copy_from_slice(&body[..16]);
            (36, SocketAddr::from((Ipv6Addr::from(source), port(32))))
        }
        _ => return Err(ErrorKind::InvalidData),
    };
    let mut at = addresses;
    while at < length {
        if at + 3 > length {
            return Err(ErrorKind::InvalidData);
        }
        at += 3 + usize::from(body[at + 1]) * 256 + usize::from(body[at + 2]);
    }
    if at == length { Ok((16 + length, Some(address))) } else { Err(ErrorKind::InvalidData) }
}
