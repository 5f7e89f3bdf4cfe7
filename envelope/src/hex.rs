//! Bytes as hexadecimal digits: digests, and names that are drawn or derived. Every event makes several.

/// Two lower-case digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        digits.push(char::from(DIGITS[usize::from(byte >> 4)]));
        digits.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    digits
}

/// The bytes that such digits stand for, of either case; `None` where they are none.
pub fn bytes(digits: &str) -> Option<Vec<u8>> {
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| if let [high, low] = *pair { Some(nibble(high)? << 4 | nibble(low)?) } else { None })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(super::hex(&[0x00, 0x0f, 0xa0, 0xff]), "000fa0ff");
        assert_eq!(super::hex(&[]), "");
        assert_eq!(super::bytes("000Fa0ff"), Some(vec![0x00, 0x0f, 0xa0, 0xff]));
        assert_eq!(super::bytes(""), Some(Vec::new()));
        for wrong in ["0", "0g", "+1", "é0", "00 "] {
            assert_eq!(super::bytes(wrong), None, "{wrong}");
        }
    }
}
