//! Lines of a script as words.
//!
//! Words stand apart by blanks. `name=value` is a field. `"..."` holds any text, with `\xNN`, `\u{NNNN}`, `\n`, `\"` and `\\`; a word with quotes
//! is meant as it stands. Without quotes `x*300` is 300 times `x`.

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The name before `=`, if there is one.
    pub key: Option<String>,
    /// What the word says.
    pub value: Vec<u8>,
    /// Whether quotes were used: the word is then no keyword, variable or wildcard.
    pub literal: bool,
}

impl Word {
    /// The bare keyword that the word is.
    pub fn bare(&self) -> Option<&str> {
        if self.literal || self.key.is_some() { None } else { std::str::from_utf8(&self.value).ok() }
    }
}

/// Splits a line into words.
pub fn words(line: &str) -> Result<Vec<Word>, String> {
    let mut rest = line.trim_start();
    let mut words = Vec::new();
    while !rest.is_empty() {
        let (word, after) = word(rest)?;
        words.push(word);
        rest = after.trim_start();
    }
    Ok(words)
}

fn word(text: &str) -> Result<(Word, &str), String> {
    let mut word = Word { key: None, value: Vec::new(), literal: false };
    let mut rest = text;
    while let Some(c) = rest.chars().next().filter(|c| !c.is_whitespace()) {
        let after = &rest[c.len_utf8()..];
        match c {
            '"' => {
                word.literal = true;
                rest = quoted(after, '"', &mut word.value)?;
            }
            '=' if word.key.is_none() && !word.literal && is_name(&word.value) => {
                word.key = Some(String::from_utf8_lossy(&word.value).into_owned());
                word.value.clear();
                rest = after;
            }
            _ => {
                word.value.extend_from_slice(&rest.as_bytes()[..c.len_utf8()]);
                rest = after;
            }
        }
    }
    if let (false, Some((unit, times))) = (word.literal, repeated(&word.value)) {
        word.value = unit.repeat(times);
    }
    Ok((word, rest))
}

fn is_name(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(b))
}

fn repeated(value: &[u8]) -> Option<(&[u8], usize)> {
    let at = value.iter().rposition(|&byte| byte == b'*').filter(|&at| at > 0)?;
    let times = std::str::from_utf8(&value[at + 1..]).ok()?.parse().ok()?;
    Some((&value[..at], times))
}

/// Reads up to the closing quote; returns what stands behind it.
fn quoted<'a>(text: &'a str, quote: char, out: &mut Vec<u8>) -> Result<&'a str, String> {
    let mut rest = text;
    loop {
        let c = rest.chars().next().ok_or("a quote is not closed")?;
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => rest = escaped(rest, out)?,
            _ if c == quote => return Ok(rest),
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn escaped<'a>(text: &'a str, out: &mut Vec<u8>) -> Result<&'a str, String> {
    let c = text.chars().next().ok_or("a line ends with a backslash")?;
    let rest = &text[c.len_utf8()..];
    match c {
        'x' => {
            out.push(hex(rest.get(..2).ok_or("two digits follow \\x")?)?);
            Ok(&rest[2..])
        }
        'u' => {
            let (digits, rest) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).ok_or("\\u{NNNN}")?;
            let number = u32::from_str_radix(digits, 16).map_err(|error| error.to_string())?;
            let c = char::from_u32(number).ok_or("\\u{} names no character")?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            Ok(rest)
        }
        'n' => {
            out.push(b'\n');
            Ok(rest)
        }
        _ => {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            Ok(rest)
        }
    }
}

/// A byte of two hex digits.
pub fn hex(digits: &str) -> Result<u8, String> {
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    u8::from_str_radix(digits, 16).map_err(|_| format!("{digits:?} is no byte in hex"))
}

/// Raw bytes: pairs of hex digits, `"..."` for text, `'...'` for text behind its length in two bytes, each with `*N` for N times.
pub fn raw(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let mut piece = Vec::new();
        match c {
            '"' | '\'' => {
                rest = quoted(&rest[1..], c, &mut piece)?;
                if let Some(times) = rest.strip_prefix('*') {
                    let end = times.find(char::is_whitespace).unwrap_or(times.len());
                    let count = times[..end].parse().map_err(|_| "a number follows *")?;
                    (piece, rest) = (piece.repeat(count), &times[end..]);
                }
                if c == '\'' {
                    let length = u16::try_from(piece.len()).map_err(|_| "'...' holds at most 65535 bytes")?;
                    bytes.extend_from_slice(&length.to_be_bytes());
                }
            }
            _ => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                let (digits, times) = rest[..end].split_once('*').unwrap_or((&rest[..end], "1"));
                if digits.len() % 2 != 0 || !digits.is_ascii() {
                    return Err(format!("{digits:?} is not in pairs of hex digits"));
                }
                for at in (0..digits.len()).step_by(2) {
                    piece.push(hex(&digits[at..at + 2])?);
                }
                piece = piece.repeat(times.parse().map_err(|_| "a number follows *")?);
                rest = &rest[end..];
            }
        }
        bytes.append(&mut piece);
        rest = rest.trim_start();
    }
    Ok(bytes)
}
