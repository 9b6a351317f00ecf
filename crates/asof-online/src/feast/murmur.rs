//! Murmur3 for x86, 32 bits, seed 0: how Feast makes a field of a feature's name.

/// The hash.
pub(super) fn murmur3(bytes: &[u8]) -> u32 {
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = 0_u32;
    for block in blocks {
        hash ^= scrambled(u32::from_le_bytes(*block));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let mut last = [0; 4];
    last[..tail.len()].copy_from_slice(tail);
    hash ^= scrambled(u32::from_le_bytes(last));
    // Longer texts wrap around, as they do where the hash comes from.
    hash ^= bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

fn scrambled(block: u32) -> u32 {
    block
        .wrapping_mul(0xcc9e_2d51)
        .rotate_left(15)
        .wrapping_mul(0x1b87_3593)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the package `mmh3` gives, which Feast uses; the bytes as they stand in Redis.
    #[test]
    fn hashes_are_those_of_feast() {
        let golden: [(&[u8], u32); 12] = [
            (b"", 0x0000_0000),
            (b"a", 0xb269_253c),
            (b"ab", 0x5fd7_bf9b),
            (b"abc", 0xfa93_ddb3),
            (b"abcd", 0x6a67_ed43),
            (b"driver_hourly_stats:conv_rate", 0x6160_e3da),
            (b"driver_stats:trips_today", 0xcd97_675e),
            (b"a:b", 0x4368_44a2),
            (b"__precomputed__svc:vector", 0xf8f8_5c5a),
            (b"dv:val", 0x6566_4625),
            (b"origin_weather:temp_12", 0x2fd1_7513),
            (b"\xff\xfe\xfd\xfc\xfb\xfa\xf9", 0xb06b_1e61),
        ];
        for (text, hash) in golden {
            assert_eq!(murmur3(text).to_le_bytes(), hash.to_be_bytes(), "{text:?}");
        }
    }
}
