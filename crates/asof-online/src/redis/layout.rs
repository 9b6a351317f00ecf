//! Where rows stand in Redis: keys, fields, and the names of what the store keeps for itself.

use asof_model::Keyspace;
use xxhash_rust::xxh3::xxh3_64;

/// The field of a keyspace in the hashes of its entities: short, because every entity has it.
pub(super) type Field = [u8; 4];

/// What the keys of all that the store keeps for itself match. They are in one slot of a cluster.
pub(super) const CATALOG: &[u8] = b"asof:{catalog}:*";
/// Which keyspace has a field: field → keyspace.
pub(super) const FIELDS: &str = "asof:{catalog}:fields";
/// When keyspaces were made: keyspace → birth, 16 hexadecimal digits.
pub(super) const BIRTHS: &str = "asof:{catalog}:births";
/// How often keyspaces were advanced: keyspace → sequence.
pub(super) const SEQUENCES: &str = "asof:{catalog}:sequences";
/// How many rows were new to keyspaces: keyspace → rows.
pub(super) const ROWS: &str = "asof:{catalog}:rows";

/// The field of a keyspace.
pub(super) fn field(keyspace: &Keyspace) -> Field {
    (xxh3_64(keyspace.to_string().as_bytes()) as u32).to_le_bytes()
}

/// What the keys of all entities begin with whose rows are kept in the same hashes as those of `keyspace`.
///
/// Rows that end are kept apart from rows that stay: Redis lets a whole hash go, so that one row that stays would
/// keep all others.
pub(super) fn prefix(keyspace: &Keyspace) -> Vec<u8> {
    let kind = if keyspace.expires() { 't' } else { 'p' };
    format!("asof:{kind}:{}:", keyspace.project).into_bytes()
}

/// The pattern of all keys with a prefix, in the language of `SCAN`.
pub(super) fn pattern(prefix: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(prefix.len() + 1);
    for byte in prefix {
        if b"*?[]^\\".contains(byte) {
            pattern.push(b'\\');
        }
        pattern.push(*byte);
    }
    pattern.push(b'*');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows that are in Redis are found by these: if they change, every store must be filled anew.
    #[test]
    fn keys_and_fields_stay() {
        let stays: Keyspace = "flights/origin_weather@00000000000000f0".parse().unwrap();
        let ends: Keyspace = "flights/origin_weather@00000000000000f1".parse().unwrap();
        assert_eq!(prefix(&stays), b"asof:p:flights:");
        assert_eq!(prefix(&ends), b"asof:t:flights:");
        assert_eq!(field(&stays), [206, 51, 92, 130]);
        assert_eq!(pattern(b"a*[b]:"), br"a\*\[b\]:*");
    }
}
