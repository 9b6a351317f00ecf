//! Sets of rows: cut, kept, and read back.

use std::sync::Arc;

use asof_model::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use roaring::RoaringBitmap;
use xxhash_rust::xxh3::xxh3_64;

use super::*;

const V1: &[u8] = include_bytes!("../../../tests/fixtures/row_set/v1.bin");

fn file(path: &str, e_tag: Option<&str>) -> Arc<SourceFile> {
    Arc::new(SourceFile {
        path: path.to_owned(),
        size: 4096,
        modified: Timestamp::from_micros(-1),
        e_tag: e_tag.map(str::to_owned),
        rows: 200_000,
    })
}

fn group(row_group: u32, rows: impl IntoIterator<Item = u32>) -> GroupRows {
    let mut rows: RoaringBitmap = rows.into_iter().collect();
    rows.optimize();
    GroupRows {
        row_group,
        rows: Arc::new(rows),
    }
}

/// Rows in each of the forms that a bitmap has for them: few, many, and in runs.
fn sample() -> RowSet {
    let many = (0..20_000).filter(|row| row % 3 != row / 7 % 2);
    RowSet {
        files: vec![
            FileRows {
                file: file("data/a.parquet", Some("\"5d41-2a\"")),
                groups: vec![group(0, [7, 70_000]), group(2, many)],
            },
            FileRows {
                file: file("data/ü.parquet", None),
                groups: vec![group(1, 5..150_000)],
            },
        ],
    }
}

#[test]
fn a_set_of_the_first_version_is_read_and_written() {
    assert!(sample().to_bytes() == V1);
    assert_eq!(RowSet::from_bytes(V1), Ok(sample()));
    let none = RowSet { files: Vec::new() };
    assert_eq!(RowSet::from_bytes(&none.to_bytes()), Ok(none));
}

#[test]
fn other_bytes_are_no_sets() {
    let refused = |bytes: &[u8]| {
        let refused = RowSet::from_bytes(bytes).map(|_| String::new());
        refused.unwrap_or_else(|error| error.to_string())
    };
    let later = [&V1[..8], &2_u32.to_le_bytes(), &V1[12..]].concat();
    let twice = RowSet {
        files: [sample().files, sample().files].concat(),
    };
    let mut unsorted = sample();
    unsorted.files[0].groups.reverse();
    let mut empty = sample();
    empty.files[1].groups.clear();
    let said = [
        refused(b""),
        refused(b"PAR1PAR1PAR1"),
        refused(&V1[..11]),
        refused(&later),
        refused(&V1[..V1.len() - 1]),
        refused(&twice.to_bytes()),
        refused(&unsorted.to_bytes()),
        refused(&empty.to_bytes()),
    ];
    insta::assert_snapshot!(said.join("\n"), @r"
    it is no set of rows; it does not begin with `ASOFROWS`
    it is no set of rows; it does not begin with `ASOFROWS`
    the set of rows is damaged: it ends too early
    the set of rows has version 2, of a later Asof; this one reads up to 1
    the set of rows is damaged: it is cut short, or its bytes are not those that were written
    the set of rows is damaged: a file is there twice
    the set of rows is damaged: its row groups are not sorted
    the set of rows is damaged: a file in it has no rows
    ");
}

#[test]
fn no_damage_goes_unnoticed() {
    let bytes = sample().to_bytes();
    for at in (0..bytes.len()).step_by(7).chain(0..120) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(RowSet::from_bytes(&damaged).is_err(), "byte {at}");
    }
}

proptest! {
    /// Somebody who knows how to hash can still do no more than name rows.
    #[test]
    fn bytes_made_up_with_the_right_hash_are_refused_or_a_set(
        changes in vec((0_usize..200, any::<u8>()), 1..6),
        length in 12_usize..200,
    ) {
        let mut bytes = sample().to_bytes()[..length].to_vec();
        for (at, byte) in changes {
            if let Some(changed) = bytes.get_mut(at.max(12)) {
                *changed = byte;
            }
        }
        let hash = xxh3_64(&bytes);
        bytes.extend(hash.to_le_bytes());
        if let Ok(set) = RowSet::from_bytes(&bytes) {
            prop_assert_eq!(RowSet::from_bytes(&set.to_bytes()), Ok(set));
        }
    }

    #[test]
    fn shards_are_the_whole_cut_into_about_equal_parts(
        files in vec(vec(1_u32..60, 1..8), 0..6),
        rows in 0_u64..150,
    ) {
        let files = files.iter().enumerate().map(|(at, groups)| FileRows {
            file: file(&at.to_string(), None),
            groups: groups.iter().zip(0..).map(|(rows, at)| group(at * 2, 0..*rows)).collect(),
        });
        let set = RowSet { files: files.collect() };
        let shards = set.shards(rows);
        prop_assert_eq!(&shards, &set.shards(rows));
        let parts = |set: &RowSet| {
            let groups = set.groups().map(|(file, group)| (file.path.clone(), group.clone()));
            groups.collect::<Vec<_>>()
        };
        prop_assert_eq!(shards.iter().flat_map(parts).collect::<Vec<_>>(), parts(&set));
        prop_assert_eq!(shards.iter().map(RowSet::len).sum::<u64>(), set.len());
        let largest = set.groups().map(|(_, group)| group.rows.len()).max().unwrap_or_default();
        for shard in &shards {
            prop_assert!(!shard.is_empty());
            prop_assert!(shard.len() <= rows.max(1) + largest);
            prop_assert!(shard.files().len() == shard.files.len());
        }
        prop_assert!(shards.len() as u64 <= set.len().div_ceil(rows.max(1)));
    }
}
