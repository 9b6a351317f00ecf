//! Bytes as tests write them down.

/// The bytes of a text of hexadecimal digits.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("it is written out in a test") as u8;
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        panic!("{text} has a digit too many");
    };
    pairs
        .iter()
        .map(|[high, low]| digit(*high) << 4 | digit(*low))
        .collect()
}
