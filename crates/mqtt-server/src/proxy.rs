//! The PROXY protocol (HAProxy, proxy-protocol.txt): a header in front of a connection says where it really comes from.
//!
//! Both versions, read byte by byte so that nothing behind the header is touched, and strictly: a header that is not exactly right ends the
//! connection, since guessing an address is worse than having none.
//!
//! v1 is a line of text, at most 107 bytes: `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n`, also TCP6 and UNKNOWN.
//! v2 is twelve fixed bytes, a version and command byte, a family byte, two bytes of length, then addresses and TLVs of that length.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What v2 begins with; the first byte is in no v1 header and in no MQTT packet.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The longest v1 header, CR LF included.
const LONGEST_LINE: usize = 107;

/// The most that a v2 header may announce: addresses and TLVs of certificates fit.
const LONGEST_BODY: usize = 4096;

/// Reads the header; the address is `None` where the proxy speaks for itself (LOCAL, UNKNOWN) or of something without one.
///
/// # Errors
/// `InvalidData` for anything that is no such header, and the stream's own.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let mut header = [0; 16];
    stream.read_exact(&mut header[..1]).await?;
    match header[0] {
        b'P' => {
            let mut line = vec![b'P'];
            while line.last() != Some(&b'\n') {
                if line.len() == LONGEST_LINE {
                    return Err(invalid("PROXY line is longer than 107 bytes"));
                }
                line.push(stream.read_u8().await?);
            }
            parse_line(&line).map_err(invalid)
        }
        b'\r' => {
            stream.read_exact(&mut header[1..]).await?;
            let length = check_header(&header).map_err(invalid)?;
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await?;
            parse_body(&header, &body).map_err(invalid)
        }
        _ => Err(invalid("connection does not begin with a PROXY header")),
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A whole v1 header.
fn parse_line(line: &[u8]) -> Result<Option<SocketAddr>, &'static str> {
    let line = line.strip_suffix(b"\r\n").ok_or("PROXY line does not end with CR LF")?;
    let text = std::str::from_utf8(line).map_err(|_| "PROXY line is not ASCII")?;
    let mut words = text.split(' ');
    if words.next() != Some("PROXY") {
        return Err("PROXY line does not begin with PROXY");
    }
    let family = words.next();
    if family == Some("UNKNOWN") {
        return Ok(None); // what follows is to be ignored
    }
    let (Some(source), Some(target), Some(port), Some(target_port), None) =
        (words.next(), words.next(), words.next(), words.next(), words.next())
    else {
        return Err("PROXY line has not six words");
    };
    let address = |text: &str| match family {
        Some("TCP4") => text.parse::<Ipv4Addr>().map(IpAddr::V4).map_err(|_| "PROXY line has a bad IPv4 address"),
        Some("TCP6") => text.parse::<Ipv6Addr>().map(IpAddr::V6).map_err(|_| "PROXY line has a bad IPv6 address"),
        _ => Err("PROXY line is of an unknown family"),
    };
    let number = |text: &str| match text.as_bytes() {
        [b'0'] => Ok(0),
        [b'1'..=b'9', ..] => text.parse::<u16>().map_err(|_| "PROXY line has a bad port"),
        _ => Err("PROXY line has a bad port"),
    };
    address(target)?;
    number(target_port)?;
    Ok(Some(SocketAddr::new(address(source)?, number(port)?)))
}

/// The fixed part of v2; returns the length of what follows.
fn check_header(header: &[u8; 16]) -> Result<usize, &'static str> {
    if header[..12] != SIGNATURE {
        return Err("connection does not begin with a PROXY header");
    }
    if !matches!(header[12], 0x20 | 0x21) {
        return Err("PROXY header has an unknown version or command");
    }
    let length = usize::from(u16::from_be_bytes([header[14], header[15]]));
    if length > LONGEST_BODY { Err("PROXY header is too long") } else { Ok(length) }
}

/// Addresses and TLVs of v2.
fn parse_body(header: &[u8; 16], body: &[u8]) -> Result<Option<SocketAddr>, &'static str> {
    if header[12] == 0x20 {
        return Ok(None); // LOCAL: the proxy itself, for example a health check
    }
    let port = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
    match header[13] {
        0x11 => {
            let addresses = body.first_chunk::<12>().ok_or("PROXY header is too short for IPv4")?;
            check_tlvs(&body[12..])?;
            let [a, b, c, d, ..] = *addresses;
            Ok(Some(SocketAddr::from((Ipv4Addr::new(a, b, c, d), port(8)))))
        }
        0x21 => {
            let source =
                body.first_chunk::<16>().filter(|_| body.len() >= 36).ok_or("PROXY header is too short for IPv6")?;
            check_tlvs(&body[36..])?;
            Ok(Some(SocketAddr::from((Ipv6Addr::from(*source), port(32)))))
        }
        // Unspecified, Unix sockets and datagrams: nothing that has an address for us.
        0x00 | 0x12 | 0x22 | 0x31 | 0x32 => Ok(None),
        _ => Err("PROXY header is of an unknown family"),
    }
}

/// Type, two bytes of length, value, until the end.
fn check_tlvs(mut rest: &[u8]) -> Result<(), &'static str> {
    while !rest.is_empty() {
        let [_, high, low, tail @ ..] = rest else { return Err("PROXY header ends inside a TLV") };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        rest = tail.get(length..).ok_or("PROXY header ends inside a TLV")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(bytes: &[u8]) -> io::Result<Option<SocketAddr>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut stream = bytes;
        let parsed = runtime.block_on(read(&mut stream));
        if parsed.is_ok() {
            assert_eq!(stream, b"\x10 behind", "the header alone is taken");
        }
        parsed
    }

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u16).to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, body, b"\x10 behind"].concat()
    }

    #[test]
    fn headers_of_both_versions_tell_the_source() {
        let of = |text: &str| Some(text.parse::<SocketAddr>().unwrap());
        let line = |text: &str| parse(&[text.as_bytes(), b"\r\n\x10 behind"].concat()).unwrap();
        assert_eq!(line("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443"), of("192.0.2.1:56324"));
        assert_eq!(line("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535"), of("[2001:db8::1]:1"));
        assert_eq!(line("PROXY UNKNOWN"), None);
        assert_eq!(line("PROXY UNKNOWN ffff::1 what ever"), None);
        let four = [192, 0, 2, 1, 198, 51, 100, 1, 0xDC, 0x04, 1, 0xBB];
        assert_eq!(parse(&v2(0x21, 0x11, &four)).unwrap(), of("192.0.2.1:56324"));
        assert_eq!(parse(&v2(0x20, 0x00, &[])).unwrap(), None);
        let mut six = [0; 36];
        (six[0], six[15], six[33]) = (0x20, 1, 7);
        assert_eq!(parse(&v2(0x21, 0x21, &six)).unwrap(), of("[2000::1]:7"));
        assert_eq!(parse(&v2(0x21, 0x11, &[&four[..], &[4, 0, 1, 9]].concat())).unwrap(), of("192.0.2.1:56324"));
    }

    #[test]
    fn anything_else_is_refused() {
        let four = [192, 0, 2, 1, 198, 51, 100, 1, 0xDC, 0x04, 1, 0xBB];
        let long = [&b"PROXY UNKNOWN "[..], &[b'x'; 200]].concat();
        let bad: [Vec<u8>; 15] = [
            b"\x10\x0C\0\x04MQTT".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n\x10 behind".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n\x10 behind".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 056 443\r\n\x10 behind".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 70000 443\r\n\x10 behind".to_vec(),
            b"PROXY TCP4 ::1 ::1 1 2\r\n\x10 behind".to_vec(),
            b"PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n\x10 behind".to_vec(),
            b"PROXX\r\n\x10 behind".to_vec(),
            long,
            v2(0x11, 0x11, &four),
            v2(0x22, 0x11, &four),
            v2(0x21, 0x11, &four[..11]),
            v2(0x21, 0x41, &four),
            v2(0x21, 0x11, &[&four[..], &[4, 0]].concat()),
            v2(0x21, 0x11, &[0; 5000]),
        ];
        for bytes in bad {
            assert_eq!(
                parse(&bytes).unwrap_err().kind(),
                io::ErrorKind::InvalidData,
                "{:?}",
                String::from_utf8_lossy(&bytes)
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), command in 0x1Fu8..0x23, family in any::<u8>()) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _ = runtime.block_on(read(&mut &bytes[..]));
            let _ = runtime.block_on(read(&mut &v2(command, family, &bytes)[..]));
            let _ = runtime.block_on(read(&mut &[b"PROXY ", &bytes[..], b"\r\n"].concat()[..]));
        }
    }
}
