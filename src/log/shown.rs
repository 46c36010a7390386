//! Texts of clients in the log: cut, and without anything that would look like another line or move a terminal's cursor.
//!
//! Percent-encoded and not with backslashes, which the forms of the log would double.

use std::borrow::Cow;
use std::fmt::Write;

/// Most bytes of a text.
const LENGTH: usize = 256;

/// A text of a client's, as the log may show it.
pub fn shown(text: &str) -> Cow<'_, str> {
    let cut = &text[..text.floor_char_boundary(LENGTH)];
    if cut.len() == text.len() && !cut.contains(is_hidden) {
        return Cow::Borrowed(cut);
    }
    let mut shown = String::with_capacity(cut.len() + 16);
    for c in cut.chars() {
        match is_hidden(c) {
            false => shown.push(c),
            // Writing to a string cannot fail.
            true => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| {
                let _ = write!(shown, "%{byte:02X}");
            }),
        }
    }
    if cut.len() < text.len() {
        shown.push('…');
    }
    Cow::Owned(shown)
}

/// Control characters, separators of lines and paragraphs, what changes the direction of writing, and the percent sign.
fn is_hidden(c: char) -> bool {
    let unseen = matches!(c, '\u{2028}'..='\u{202e}' | '\u{200b}'..='\u{200f}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    c.is_control() || unseen || c == '%'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_line_and_no_more() {
        let text = "a\nERROR forged\r\u{1b}[2J\u{9b}x\u{2028}y\u{202e}z%0A";
        assert_eq!(shown(text), "a%0AERROR forged%0D%1B[2J%C2%9Bx%E2%80%A8y%E2%80%AEz%250A");
        assert_eq!(shown("Grüße \"x\" = {1}"), "Grüße \"x\" = {1}");
    }

    #[test]
    fn a_text_is_cut() {
        assert_eq!(shown(&"ü".repeat(300)), format!("{}…", "ü".repeat(128)));
        assert_eq!(shown(&"a".repeat(256)), "a".repeat(256));
    }
}
