//! Buckets: the rows of all long entity keys that have one hash.

/// One entry of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) key: &'a [u8],
    pub(super) row: &'a [u8],
}

/// The bytes are no bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// The entries of a bucket.
pub(super) fn entries(bucket: &[u8]) -> Result<Vec<Entry<'_>>, Broken> {
    let mut rest = bucket;
    let mut entries = Vec::with_capacity(1);
    while !rest.is_empty() {
        let (key, after) = length(rest)?;
        let (row, after) = length(after)?;
        let (key, after) = after.split_at_checked(key).ok_or(Broken)?;
        let (row, after) = after.split_at_checked(row).ok_or(Broken)?;
        entries.push(Entry { key, row });
        rest = after;
    }
    Ok(entries)
}

fn length(bytes: &[u8]) -> Result<(usize, &[u8]), Broken> {
    let (length, rest) = bytes.split_first_chunk().ok_or(Broken)?;
    Ok((u32::from_le_bytes(*length) as usize, rest))
}

/// The row of a key.
pub(super) fn find<'a>(bucket: &'a [u8], key: &[u8]) -> Result<Option<&'a [u8]>, Broken> {
    let entries = entries(bucket)?;
    Ok(entries.iter().find(|entry| entry.key == key).map(|entry| entry.row))
}

/// The bucket with `new` in it, in the place of an entry of the same key where there is one.
pub(super) fn with(bucket: &[u8], new: Entry<'_>) -> Result<Vec<u8>, Broken> {
    let mut changed = Vec::with_capacity(bucket.len() + 8 + new.key.len() + new.row.len());
    let others = entries(bucket)?.into_iter().filter(|entry| entry.key != new.key);
    for entry in others.chain([new]) {
        changed.extend_from_slice(&(entry.key.len() as u32).to_le_bytes());
        changed.extend_from_slice(&(entry.row.len() as u32).to_le_bytes());
        changed.extend_from_slice(entry.key);
        changed.extend_from_slice(entry.row);
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_hash_live_side_by_side() {
        let entry = |key: &'static [u8], row: &'static [u8]| Entry { key, row };
        let one = with(&[], entry(b"one", b"1")).unwrap();
        let two = with(&one, entry(b"two", b"22")).unwrap();
        let two = with(&two, entry(b"one", b"111")).unwrap();
        assert_eq!(find(&two, b"one"), Ok(Some(&b"111"[..])));
        assert_eq!(find(&two, b"two"), Ok(Some(&b"22"[..])));
        assert_eq!(find(&two, b"on"), Ok(None));
        assert_eq!(entries(&two).unwrap().len(), 2);
        for cut in 1..one.len() {
            assert_eq!(find(&one[..cut], b"one"), Err(Broken), "{cut}");
        }
    }
}
