//! The JSON of a ledger entry, version 2.
//!
//! ```json
//! {
//!   "format": "asof-ledger",
//!   "version": 2,
//!   "keyspace": "flights/origin_weather@0123456789abcdef",
//!   "registry_version": 3,
//!   "from_micros": null,
//!   "to_micros": 1372939200000000,
//!   "finished_micros": 1372939260000000,
//!   "rows": {"read": 3, "written": 3, "kept": 0},
//!   "life": {"birth": "00112233aabbccdd", "sequence": 2},
//!   "files": [{"path": "data/weather/2013.parquet", "size": 1024, "etag": "…", "modified_micros": 0, "rows": 26115}]
//! }
//! ```
//!
//! Times are microseconds since the epoch, UTC, as every time that Asof can hold has such a number. `from_micros` and
//! `etag` may be null. Version 1 has no `life`. Readers refuse another `format` or a later `version`, and ignore keys that they do not
//! know.

use asof_model::Timestamp;
use asof_online::KeyspaceLife;
use serde::{Deserialize, Serialize};

use super::{LedgerEntry, RecordedFile};
use crate::RowCounts;

const FORMAT: &str = "asof-ledger";
const VERSION: u32 = 2;

/// What every version of the format has.
#[derive(Deserialize)]
struct Header {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    format: String,
    version: u32,
    keyspace: String,
    registry_version: u64,
    from_micros: Option<i64>,
    to_micros: i64,
    finished_micros: i64,
    rows: Rows,
    #[serde(default)]
    life: Option<Life>,
    files: Vec<File>,
}

#[derive(Serialize, Deserialize)]
struct Life {
    /// 16 hexadecimal digits: JSON's numbers are not of 64 bits everywhere.
    birth: String,
    sequence: u64,
}

impl Life {
    fn of(life: KeyspaceLife) -> Self {
        Self {
            birth: format!("{:016x}", life.birth),
            sequence: life.sequence,
        }
    }

    fn read(&self) -> Result<KeyspaceLife, String> {
        let birth = u64::from_str_radix(&self.birth, 16);
        Ok(KeyspaceLife {
            birth: birth.map_err(|error| format!("`birth` is no number: {error}"))?,
            sequence: self.sequence,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Rows {
    read: u64,
    written: u64,
    kept: u64,
}

#[derive(Serialize, Deserialize)]
struct File {
    path: String,
    size: u64,
    etag: Option<String>,
    modified_micros: i64,
    rows: u64,
}

/// The entry as stored.
pub(super) fn to_bytes(entry: &LedgerEntry) -> Vec<u8> {
    let stored = Entry {
        format: FORMAT.to_owned(),
        version: VERSION,
        keyspace: entry.keyspace.clone(),
        registry_version: entry.registry_version,
        from_micros: entry.from.map(Timestamp::micros),
        to_micros: entry.to.micros(),
        finished_micros: entry.finished.micros(),
        rows: Rows {
            read: entry.rows.read,
            written: entry.rows.written,
            kept: entry.rows.kept,
        },
        life: entry.life.map(Life::of),
        files: (entry.files.iter().cloned())
            .map(|file| File {
                path: file.path,
                size: file.size,
                etag: file.etag,
                modified_micros: file.modified_micros,
                rows: file.rows,
            })
            .collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&stored).expect("texts and numbers are always JSON");
    bytes.push(b'\n');
    bytes
}

/// The entry that was stored, or what is wrong with it.
pub(super) fn from_bytes(bytes: &[u8]) -> Result<LedgerEntry, String> {
    let header: Header = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if header.format != FORMAT || !(1..=VERSION).contains(&header.version) {
        return Err(format!(
            "it is `{}` version {}, and this Asof reads `{FORMAT}` up to version {VERSION}; use a newer Asof",
            header.format, header.version
        ));
    }
    let stored: Entry = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    Ok(LedgerEntry {
        keyspace: stored.keyspace,
        registry_version: stored.registry_version,
        from: stored.from_micros.map(Timestamp::from_micros),
        to: Timestamp::from_micros(stored.to_micros),
        finished: Timestamp::from_micros(stored.finished_micros),
        rows: RowCounts {
            read: stored.rows.read,
            written: stored.rows.written,
            kept: stored.rows.kept,
        },
        life: stored.life.as_ref().map(Life::read).transpose()?,
        files: (stored.files.into_iter())
            .map(|file| RecordedFile {
                path: file.path,
                size: file.size,
                etag: file.etag,
                modified_micros: file.modified_micros,
                rows: file.rows,
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION_1: &[u8] = include_bytes!("../../tests/fixtures/ledger/v1.json");
    const VERSION_2: &[u8] = include_bytes!("../../tests/fixtures/ledger/v2.json");

    fn entry() -> LedgerEntry {
        LedgerEntry {
            keyspace: "flights/origin_weather@0123456789abcdef".to_owned(),
            registry_version: 3,
            from: None,
            to: Timestamp::from_micros(1_372_939_200_000_000),
            finished: Timestamp::from_micros(1_372_939_260_000_000),
            rows: RowCounts {
                read: 3,
                written: 2,
                kept: 1,
            },
            life: Some(KeyspaceLife {
                birth: 0x0011_2233_aabb_ccdd,
                sequence: 2,
            }),
            files: vec![
                RecordedFile {
                    path: "data/weather/01.parquet".to_owned(),
                    size: 1024,
                    etag: Some("1a-2b".to_owned()),
                    modified_micros: 1_372_000_000_000_000,
                    rows: 26_115,
                },
                RecordedFile {
                    path: "data/weather/02.parquet".to_owned(),
                    size: 7,
                    etag: None,
                    modified_micros: -1,
                    rows: 0,
                },
            ],
        }
    }

    #[test]
    fn version_2_is_written_and_read_as_it_always_was() {
        assert_eq!(
            String::from_utf8(to_bytes(&entry())).unwrap(),
            String::from_utf8_lossy(VERSION_2)
        );
        assert_eq!(from_bytes(VERSION_2), Ok(entry()));
    }

    #[test]
    fn version_1_is_read_and_knows_no_life() {
        let former = LedgerEntry { life: None, ..entry() };
        assert_eq!(from_bytes(VERSION_1), Ok(former));
    }

    #[test]
    fn other_versions_and_other_files_are_refused() {
        assert_eq!(
            from_bytes(br#"{"format": "asof-ledger", "version": 3, "new": []}"#),
            Err(
                "it is `asof-ledger` version 3, and this Asof reads `asof-ledger` up to version 2; use a newer Asof"
                    .to_owned()
            )
        );
        assert!(from_bytes(b"{}").is_err());
        assert!(from_bytes(&VERSION_2[..VERSION_2.len() / 2]).is_err());
    }
}
