//! Variable Byte Integers (1.5.5): seven bits a byte, least significant first, four bytes at most.

/// The largest Remaining Length, 268,435,455 (2.1.4).
pub const MAX_REMAINING_LENGTH: usize = 268_435_455;

/// Bytes that `value` takes as a Variable Byte Integer, 1 to 4.
pub fn varint_len(value: usize) -> usize {
    match value {
        0..=127 => 1,
        128..=16_383 => 2,
        16_384..=2_097_151 => 3,
        _ => 4,
    }
}

/// Appends `value`, which is at most [`MAX_REMAINING_LENGTH`].
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: usize) {
    debug_assert!(value <= MAX_REMAINING_LENGTH);
    while value > 127 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// What the start of a buffer says of a Variable Byte Integer.
pub(crate) enum Varint {
    /// The value and the bytes it took.
    Value(usize, usize),
    /// The value and the bytes it took, more than it needs.
    Padded(usize, usize),
    /// The buffer ends inside the integer.
    Incomplete,
    /// The fourth byte asks for a fifth.
    TooLong,
}

pub(crate) fn get_varint(buf: &[u8]) -> Varint {
    let mut value = 0usize;
    for (i, &byte) in buf.iter().take(4).enumerate() {
        value |= ((byte & 0x7F) as usize) << (7 * i);
        if byte < 0x80 {
            return if byte == 0 && i > 0 { Varint::Padded(value, i + 1) } else { Varint::Value(value, i + 1) };
        }
    }
    if buf.len() >= 4 { Varint::TooLong } else { Varint::Incomplete }
}
