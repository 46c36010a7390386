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

#[cfg(test)]
mod tests {
    use super::*;

    const BORDERS: [(usize, &[u8]); 8] = [
        (0, &[0x00]),
        (127, &[0x7F]),
        (128, &[0x80, 0x01]),
        (16_383, &[0xFF, 0x7F]),
        (16_384, &[0x80, 0x80, 0x01]),
        (2_097_151, &[0xFF, 0xFF, 0x7F]),
        (2_097_152, &[0x80, 0x80, 0x80, 0x01]),
        (MAX_REMAINING_LENGTH, &[0xFF, 0xFF, 0xFF, 0x7F]),
    ];

    #[test]
    fn borders_take_the_bytes_of_table_1_1() {
        for (value, bytes) in BORDERS {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(out, bytes);
            assert_eq!(varint_len(value), bytes.len());
            assert!(matches!(get_varint(bytes), Varint::Value(read, size) if (read, size) == (value, bytes.len())));
            for cut in 0..bytes.len() {
                assert!(matches!(get_varint(&bytes[..cut]), Varint::Incomplete));
            }
        }
    }

    #[test]
    fn padding_is_told_from_the_shortest_form() {
        for (bytes, value) in [(&[0x80, 0x00][..], 0), (&[0xFF, 0x00], 127), (&[0x80, 0x81, 0x80, 0x00], 128)] {
            assert!(matches!(get_varint(bytes), Varint::Padded(read, size) if (read, size) == (value, bytes.len())));
        }
    }

    #[test]
    fn a_fifth_byte_is_never_waited_for() {
        assert!(matches!(get_varint(&[0x80; 4]), Varint::TooLong));
        assert!(matches!(get_varint(&[0xFF, 0xFF, 0xFF, 0xFF, 0x01]), Varint::TooLong));
        assert!(matches!(get_varint(&[0xFF; 3]), Varint::Incomplete));
    }
}
