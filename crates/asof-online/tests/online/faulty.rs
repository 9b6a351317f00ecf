//! The suite itself: a store in memory passes it, and fails it with each of the faults a store may have.

use std::collections::BTreeMap;
use std::sync::Arc;

use asof_model::key::EncodedKeys;
use asof_model::row::{EncodedRows, stored_order};
use asof_model::{Keyspace, TimeSpan};
use asof_online::{
    KeyspaceInfo, KeyspaceLife, OnlineError, OnlineStore, ReadRequest, StoredRow, WriteSummary, conformance,
};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    AnyRowReplaces,
    EqualRowsAreKept,
    CreatedTimeIsIgnored,
    FirstOfAWriteWins,
    BadRowsAreFoundLate,
    FingerprintsAreIgnored,
    LongKeysAreCut,
    AnswersAreSorted,
    DuplicatesAreAnsweredOnce,
    RemovedRowsStay,
    ScansMissLongKeys,
    RowsAreForgotten,
    SummariesAreWrong,
    BirthsAreNotKept,
    SequencesStandStill,
    OnlyWritesMakeKeyspaces,
}

const FAULTS: [Fault; 16] = [
    Fault::AnyRowReplaces,
    Fault::EqualRowsAreKept,
    Fault::CreatedTimeIsIgnored,
    Fault::FirstOfAWriteWins,
    Fault::BadRowsAreFoundLate,
    Fault::FingerprintsAreIgnored,
    Fault::LongKeysAreCut,
    Fault::AnswersAreSorted,
    Fault::DuplicatesAreAnsweredOnce,
    Fault::RemovedRowsStay,
    Fault::ScansMissLongKeys,
    Fault::RowsAreForgotten,
    Fault::SummariesAreWrong,
    Fault::BirthsAreNotKept,
    Fault::SequencesStandStill,
    Fault::OnlyWritesMakeKeyspaces,
];

/// The rows of a keyspace, and its life.
#[derive(Debug, Clone)]
struct Rows {
    rows: BTreeMap<Bytes, Bytes>,
    life: KeyspaceLife,
}

impl Default for Rows {
    fn default() -> Self {
        Self {
            rows: BTreeMap::default(),
            life: KeyspaceLife {
                birth: fastrand::u64(..),
                sequence: 0,
            },
        }
    }
}

#[derive(Debug)]
struct Memory {
    fault: Fault,
    keyspaces: Arc<Mutex<BTreeMap<String, Rows>>>,
}

impl Memory {
    fn name(&self, keyspace: &Keyspace) -> String {
        let mut keyspace = keyspace.clone();
        if self.fault == Fault::FingerprintsAreIgnored {
            keyspace.fingerprint = 0;
        }
        keyspace.to_string()
    }

    fn key(&self, key: &[u8]) -> Bytes {
        let cut = self.fault == Fault::LongKeysAreCut;
        Bytes::copy_from_slice(&key[..if cut { key.len().min(511) } else { key.len() }])
    }

    fn replaces(&self, row: &[u8], stored: &[u8]) -> bool {
        let (row, stored) = (stored_order(row).unwrap(), stored_order(stored).unwrap());
        match self.fault {
            Fault::AnyRowReplaces => true,
            Fault::EqualRowsAreKept => row > stored,
            Fault::CreatedTimeIsIgnored => row.event_time >= stored.event_time,
            _ => row.replaces(stored),
        }
    }
}

#[async_trait]
impl OnlineStore for Memory {
    async fn read(&self, requests: &[ReadRequest<'_>]) -> Result<Vec<Vec<Option<Bytes>>>, OnlineError> {
        let keyspaces = self.keyspaces.lock();
        let answer = |request: &ReadRequest<'_>| {
            let rows = keyspaces.get(&self.name(request.keyspace));
            let mut keys: Vec<_> = request.keys.iter().collect();
            if self.fault == Fault::AnswersAreSorted {
                keys.sort_unstable();
            }
            if self.fault == Fault::DuplicatesAreAnsweredOnce {
                keys.dedup();
            }
            keys.into_iter()
                .map(|key| rows.and_then(|rows| rows.rows.get(&self.key(key?)).cloned()))
                .collect()
        };
        Ok(requests.iter().map(answer).collect())
    }

    async fn write(
        &self,
        keyspace: &Keyspace,
        keys: &EncodedKeys,
        rows: &EncodedRows,
        _ttl: Option<TimeSpan>,
    ) -> Result<WriteSummary, OnlineError> {
        if keys.len() != rows.len() {
            return Err(OnlineError::Lengths {
                keys: keys.len(),
                rows: rows.len(),
            });
        }
        let check = |row: usize| stored_order(rows.get(row)).map_err(|source| OnlineError::InvalidRow { row, source });
        if self.fault != Fault::BadRowsAreFoundLate {
            (0..rows.len()).try_for_each(|row| check(row).map(|_| ()))?;
        }
        let mut keyspaces = self.keyspaces.lock();
        let mut summary = WriteSummary::default();
        let mut last = BTreeMap::<Bytes, &[u8]>::new();
        for (number, (key, row)) in keys.iter().zip(rows.iter()).enumerate() {
            let Some(key) = key.map(|key| self.key(key)) else {
                summary.without_key += 1;
                continue;
            };
            check(number).inspect_err(|_| {
                let stored = keyspaces.entry(self.name(keyspace)).or_default();
                stored
                    .rows
                    .extend(last.iter().map(|(key, row)| (key.clone(), Bytes::copy_from_slice(row))));
            })?;
            let other = last.get(&key).copied();
            summary.kept += u64::from(other.is_some());
            let wins = other.is_none_or(|other| self.replaces(row, other) && self.fault != Fault::FirstOfAWriteWins);
            if wins {
                last.insert(key, row);
            }
        }
        if last.is_empty() {
            return Ok(summary);
        }
        let stored = &mut keyspaces.entry(self.name(keyspace)).or_default().rows;
        for (key, row) in last {
            if stored.get(&key).is_none_or(|stored| self.replaces(row, stored)) {
                summary.written += 1;
                stored.insert(key, Bytes::copy_from_slice(row));
            } else {
                summary.kept += 1;
            }
        }
        if self.fault == Fault::SummariesAreWrong {
            summary.written += summary.kept;
        }
        Ok(summary)
    }

    async fn advance(&self, keyspace: &Keyspace) -> Result<KeyspaceLife, OnlineError> {
        let mut keyspaces = self.keyspaces.lock();
        let name = self.name(keyspace);
        if self.fault == Fault::OnlyWritesMakeKeyspaces && !keyspaces.contains_key(&name) {
            return Ok(Rows::default().life);
        }
        let life = &mut keyspaces.entry(name).or_default().life;
        if self.fault != Fault::SequencesStandStill {
            life.sequence += 1;
        }
        if self.fault == Fault::BirthsAreNotKept {
            life.birth += 1;
        }
        Ok(*life)
    }

    async fn delete_keyspace(&self, keyspace: &Keyspace) -> Result<u64, OnlineError> {
        let mut keyspaces = self.keyspaces.lock();
        let name = self.name(keyspace);
        let removed = if self.fault == Fault::RemovedRowsStay {
            keyspaces.get(&name).cloned()
        } else {
            keyspaces.remove(&name)
        };
        Ok(removed.map_or(0, |rows| rows.rows.len() as u64))
    }

    async fn keyspaces(&self) -> Result<Vec<KeyspaceInfo>, OnlineError> {
        let info = |(name, rows): (&String, &Rows)| KeyspaceInfo {
            keyspace: name.parse().unwrap(),
            rows: rows.rows.len() as u64,
            life: rows.life,
        };
        Ok(self.keyspaces.lock().iter().map(info).collect())
    }

    async fn scan(&self, keyspace: &Keyspace) -> Result<Vec<StoredRow>, OnlineError> {
        let keyspaces = self.keyspaces.lock();
        let rows = keyspaces.get(&self.name(keyspace)).map(|rows| &rows.rows);
        let all = rows.into_iter().flatten().map(|(key, row)| StoredRow {
            key: key.clone(),
            row: row.clone(),
        });
        let misses = self.fault == Fault::ScansMissLongKeys;
        Ok(all.filter(|row| !misses || row.key.len() < 511).collect())
    }

    async fn ping(&self) -> Result<(), OnlineError> {
        Ok(())
    }
}

async fn check(fault: Fault) -> Result<(), conformance::Violation> {
    let kept = Arc::default();
    conformance::check_all(async || {
        let forgets = fault == Fault::RowsAreForgotten;
        Ok(Arc::new(Memory {
            fault,
            keyspaces: if forgets { Arc::default() } else { Arc::clone(&kept) },
        }) as Arc<dyn OnlineStore>)
    })
    .await
}

#[tokio::test]
async fn the_suite_passes_a_store_without_faults() {
    let outcome = check(Fault::None).await;
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}

#[tokio::test]
async fn the_suite_finds_every_fault() {
    for fault in FAULTS {
        assert!(check(fault).await.is_err(), "{fault:?} was not found");
    }
}
