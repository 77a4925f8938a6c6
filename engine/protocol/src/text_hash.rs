//! A short identifier of a text.

/// Returns the FNV-1a hash with 64 bits (Fowler, Noll & Vo) of a text. Equal texts have equal
/// hashes; a hash does not protect the text.
pub fn text_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::text_hash;

    /// Browsers store hashes, so they must not change. The values are those of the authors.
    #[test]
    fn hashes_are_fnv_1a() {
        assert_eq!(text_hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(text_hash("foobar"), 0x8594_4171_f739_67e8);
    }
}
