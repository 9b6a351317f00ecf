//! A store that is written to and read from all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use asof_model::definition::RedisConfig;
use asof_model::key::EncodedKeys;
use asof_model::row::stored_order;
use asof_model::{Keyspace, TimeSpan};
use asof_online::{OnlineError, OnlineStore, ReadRequest};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::{open, wait_until};
use crate::sample::{keys, keyspace, rows};

/// One task that writes the same keys with ever later rows, and one that reads them.
pub(super) struct Busy {
    work: Arc<Work>,
    state: Arc<State>,
    writer: JoinHandle<()>,
    reader: JoinHandle<()>,
}

/// What is written and read, and where.
struct Work {
    store: Arc<dyn OnlineStore>,
    keyspace: Keyspace,
    keys: EncodedKeys,
    ttl: Option<TimeSpan>,
}

impl Work {
    async fn write(&self, event_time: i64) -> Result<(), OnlineError> {
        let rows = rows(self.keys.len() as i64, event_time);
        self.store
            .write(&self.keyspace, &self.keys, &rows, self.ttl)
            .await
            .map(|_| ())
    }

    async fn event_times(&self) -> Result<Vec<Option<i64>>, OnlineError> {
        let request = ReadRequest {
            keyspace: &self.keyspace,
            keys: &self.keys,
        };
        let answers = self.store.read(&[request]).await?.remove(0);
        let time = |row: Bytes| stored_order(&row).unwrap().event_time.micros();
        Ok(answers.into_iter().map(|row| row.map(time)).collect())
    }
}

#[derive(Default)]
struct State {
    is_over: AtomicBool,
    /// The event time of the last rows that were written.
    written: AtomicI64,
    reads: AtomicU64,
    failed: Mutex<Vec<String>>,
}

impl Busy {
    /// How many keys there are.
    pub(super) const KEYS: i64 = 100;

    /// Starts both, on the keys from 0 on.
    pub(super) fn start(config: &RedisConfig) -> Self {
        Self::start_on(config, keyspace(), keys(Self::KEYS), None)
    }

    /// Starts both.
    pub(super) fn start_on(config: &RedisConfig, keyspace: Keyspace, keys: EncodedKeys, ttl: Option<TimeSpan>) -> Self {
        let work = Arc::new(Work {
            store: open(config).unwrap(),
            keyspace,
            keys,
            ttl,
        });
        let state = Arc::new(State::default());
        Self {
            writer: tokio::spawn(writing(Arc::clone(&work), Arc::clone(&state))),
            reader: tokio::spawn(reading(Arc::clone(&work), Arc::clone(&state))),
            work,
            state,
        }
    }

    /// Rows of this event time or a later one are stored.
    pub(super) fn written(&self) -> i64 {
        self.state.written.load(Ordering::SeqCst)
    }

    /// The errors of reads.
    pub(super) fn failed(&self) -> Vec<String> {
        self.state.failed.lock().clone()
    }

    /// Waits until so many more writes and reads have begun and come to their ends.
    pub(super) async fn rounds(&self, count: u64) {
        // The one that is under way may have begun before.
        let (writes, reads) = (self.written(), self.state.reads.load(Ordering::SeqCst));
        wait_until(|| {
            assert!(!self.writer.is_finished(), "a write has failed");
            self.written() > writes + count as i64 && self.state.reads.load(Ordering::SeqCst) > reads + count
        })
        .await;
    }

    /// Ends both, and sees that what was written last is stored.
    pub(super) async fn stop(self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        self.writer.await.unwrap();
        self.reader.await.unwrap();
        let last = self.state.written.load(Ordering::SeqCst);
        let times = self.work.event_times().await.unwrap();
        assert!(times.iter().all(|time| *time == Some(last)), "{times:?}, not {last}");
    }
}

async fn writing(work: Arc<Work>, state: Arc<State>) {
    while !state.is_over.load(Ordering::SeqCst) {
        let next = state.written.load(Ordering::SeqCst) + 1;
        work.write(next).await.unwrap();
        state.written.store(next, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn reading(work: Arc<Work>, state: Arc<State>) {
    while !state.is_over.load(Ordering::SeqCst) {
        match work.event_times().await {
            Ok(_) => {
                state.reads.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) => state.failed.lock().push(error.to_string()),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
