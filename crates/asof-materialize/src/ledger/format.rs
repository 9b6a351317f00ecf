//! The JSON of a ledger record.
//!
//! Version 2, a run; version 1 has no `life`:
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
//! Version 3, a step of a release; `stage` is `begun` or `ended`, `deleted` is how many rows went, null in `begun`:
//!
//! ```json
//! {
//!   "format": "asof-ledger",
//!   "version": 3,
//!   "keyspace": "flights/origin_weather@0123456789abcdef",
//!   "registry_version": 5,
//!   "release": {"stage": "ended", "time_micros": 1372939260000000, "deleted": 3}
//! }
//! ```
//!
//! Times are microseconds since the epoch, UTC, as every time that Asof can hold has such a number. `from_micros` and
//! `etag` may be null. Readers refuse another `format` or a later `version`, and ignore keys that they do not know.

use asof_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::{LedgerEntry, LedgerRecord, RecordedFile, Release, ReleaseStage};
use crate::RowCounts;
use crate::life::StoredLife;

const FORMAT: &str = "asof-ledger";
/// The version of runs; those of version 1 are read, too.
const RUN: u32 = 2;
/// The version of releases.
const RELEASE: u32 = 3;

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
    life: Option<StoredLife>,
    files: Vec<File>,
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

#[derive(Serialize, Deserialize)]
struct StoredRelease {
    format: String,
    version: u32,
    keyspace: String,
    registry_version: u64,
    release: Step,
}

#[derive(Serialize, Deserialize)]
struct Step {
    stage: Stage,
    time_micros: i64,
    deleted: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    Begun,
    Ended,
}

/// A run as stored.
pub(super) fn run_to_bytes(entry: &LedgerEntry) -> Vec<u8> {
    let stored = Entry {
        format: FORMAT.to_owned(),
        version: RUN,
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
        life: entry.life.map(StoredLife::of),
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
    to_bytes(&stored)
}

/// A step of a release as stored.
pub(super) fn release_to_bytes(release: &Release) -> Vec<u8> {
    let (stage, deleted) = match release.stage {
        ReleaseStage::Begun => (Stage::Begun, None),
        ReleaseStage::Ended { deleted } => (Stage::Ended, Some(deleted)),
    };
    to_bytes(&StoredRelease {
        format: FORMAT.to_owned(),
        version: RELEASE,
        keyspace: release.keyspace.clone(),
        registry_version: release.registry_version,
        release: Step {
            stage,
            time_micros: release.time.micros(),
            deleted,
        },
    })
}

fn to_bytes(stored: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(stored).expect("texts and numbers are always JSON");
    bytes.push(b'\n');
    bytes
}

/// The record that was stored, or what is wrong with it.
pub(super) fn from_bytes(bytes: &[u8]) -> Result<LedgerRecord, String> {
    let header: Header = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    match (header.format.as_str(), header.version) {
        (FORMAT, 1..=RUN) => run_from_bytes(bytes).map(LedgerRecord::Run),
        (FORMAT, RELEASE) => release_from_bytes(bytes).map(LedgerRecord::Release),
        (format, version) => Err(format!(
            "it is `{format}` version {version}, and this Asof reads `{FORMAT}` up to version {RELEASE}; \
             use a newer Asof"
        )),
    }
}

fn release_from_bytes(bytes: &[u8]) -> Result<Release, String> {
    let stored: StoredRelease = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    Ok(Release {
        keyspace: stored.keyspace,
        registry_version: stored.registry_version,
        time: Timestamp::from_micros(stored.release.time_micros),
        stage: match stored.release.stage {
            Stage::Begun => ReleaseStage::Begun,
            Stage::Ended => ReleaseStage::Ended {
                deleted: stored.release.deleted.unwrap_or_default(),
            },
        },
    })
}

fn run_from_bytes(bytes: &[u8]) -> Result<LedgerEntry, String> {
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
        life: stored.life.as_ref().map(StoredLife::read).transpose()?,
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
    use asof_online::KeyspaceLife;

    use super::*;

    const VERSION_1: &[u8] = include_bytes!("../../tests/fixtures/ledger/v1.json");
    const VERSION_2: &[u8] = include_bytes!("../../tests/fixtures/ledger/v2.json");
    const BEGUN: &[u8] = include_bytes!("../../tests/fixtures/ledger/v3-begun.json");
    const ENDED: &[u8] = include_bytes!("../../tests/fixtures/ledger/v3-ended.json");

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
            String::from_utf8(run_to_bytes(&entry())).unwrap(),
            String::from_utf8_lossy(VERSION_2)
        );
        assert_eq!(from_bytes(VERSION_2), Ok(LedgerRecord::Run(entry())));
    }

    #[test]
    fn version_1_is_read_and_knows_no_life() {
        let former = LedgerEntry { life: None, ..entry() };
        assert_eq!(from_bytes(VERSION_1), Ok(LedgerRecord::Run(former)));
    }

    #[test]
    fn version_3_tells_of_releases() {
        let goldens: [(&[u8], ReleaseStage); 2] = [
            (BEGUN, ReleaseStage::Begun),
            (ENDED, ReleaseStage::Ended { deleted: 26_115 }),
        ];
        for (golden, stage) in goldens {
            let release = Release {
                keyspace: "flights/origin_weather@0123456789abcdef".to_owned(),
                registry_version: 5,
                time: Timestamp::from_micros(1_372_939_260_000_000),
                stage,
            };
            assert_eq!(
                String::from_utf8(release_to_bytes(&release)).unwrap(),
                String::from_utf8_lossy(golden)
            );
            assert_eq!(from_bytes(golden), Ok(LedgerRecord::Release(release)));
        }
    }

    #[test]
    fn other_versions_and_other_files_are_refused() {
        assert_eq!(
            from_bytes(br#"{"format": "asof-ledger", "version": 4, "new": []}"#),
            Err(
                "it is `asof-ledger` version 4, and this Asof reads `asof-ledger` up to version 3; use a newer Asof"
                    .to_owned()
            )
        );
        assert!(from_bytes(b"{}").is_err());
        assert!(from_bytes(&VERSION_2[..VERSION_2.len() / 2]).is_err());
    }
}
