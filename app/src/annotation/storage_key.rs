//! Keys of texts in the browser's storage.

/// FNV-1a with 64 bits (Fowler, Noll & Vo): keys need not be secret.
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
