//! HTTP/1.1 by hand, one request on a connection.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use crate::BOUND;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub code: u16,
    head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// A header's value, empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        let line = self.head.lines().filter_map(|line| line.split_once(": "));
        line.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next().unwrap_or_default()
    }
}

/// GET.
pub fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, "GET", path, "").unwrap_or_else(|error| panic!("GET {path}: {error}"))
}

/// A request with more header lines.
///
/// # Errors
/// There is no connection, or it ends without an answer.
pub fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(BOUND))?;
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or(std::io::ErrorKind::InvalidData)?;
    Ok(Answer { code, head: head.to_owned(), body: body.to_owned() })
}
