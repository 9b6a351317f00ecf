//! The measured phases, each in a process of its own: writing all rows, and reading some.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use anyhow::ensure;
use serde::Deserialize;
use serde::Serialize;

use crate::data;
use crate::data::Random;
use crate::meter;
use crate::stores::Kind;
use crate::stores::Store;

/// Rows that are written and made to last together.
pub(crate) const BATCH: u64 = 8192;

/// Keys that are read in one snapshot.
pub(crate) const KEYS: usize = 100;

/// Requests that are measured.
pub(crate) const REQUESTS: usize = 2000;

/// What writing all rows took.
#[derive(Serialize, Deserialize)]
pub(crate) struct Writing {
    /// From opening to closing, making the rows aside, in seconds.
    pub(crate) wall: f64,
    /// The processor time of all threads, making the rows aside, in seconds.
    pub(crate) cpu: f64,
    /// The most memory at any time, in bytes.
    pub(crate) peak: u64,
    /// The most memory of its own after any batch, in bytes.
    pub(crate) own: u64,
    /// What the files take after closing, in bytes.
    pub(crate) disk: u64,
}

/// What reading took; times are per request of [`KEYS`] keys, in microseconds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Reading {
    /// The median of the wall time.
    pub(crate) wall_p50: f64,
    /// What 1 in 100 requests passes in wall time.
    pub(crate) wall_p99: f64,
    /// The median of the thread's processor time.
    pub(crate) cpu_p50: f64,
    /// What 1 in 100 requests passes in processor time.
    pub(crate) cpu_p99: f64,
    /// The most memory at any time, in bytes.
    pub(crate) peak: u64,
    /// The memory of its own after all requests, in bytes.
    pub(crate) own: u64,
}

/// Writes all rows to a new store.
pub(crate) fn write(kind: Kind, folder: &Path, rows: u64) -> Result<Writing> {
    let (mut making_wall, mut making_cpu, mut own) = (0.0, 0.0, 0);
    let (wall, cpu) = (Instant::now(), meter::process_cpu());
    let mut store = kind.open(folder)?;
    for start in (0..rows).step_by(BATCH as usize) {
        let (wall, cpu) = (Instant::now(), meter::thread_cpu());
        let batch = data::batch(start..rows.min(start + BATCH));
        own = own.max(meter::own_memory()?);
        making_cpu += meter::thread_cpu() - cpu;
        making_wall += wall.elapsed().as_secs_f64();
        store.write(&batch)?;
    }
    own = own.max(meter::own_memory()?);
    drop(store);
    Ok(Writing {
        wall: wall.elapsed().as_secs_f64() - making_wall,
        cpu: meter::process_cpu() - cpu - making_cpu,
        peak: meter::peak_memory()?,
        own,
        disk: meter::disk(folder)?,
    })
}

/// Reads random keys from a store that holds all rows, after every row was read once.
pub(crate) fn read(kind: Kind, folder: &Path, rows: u64) -> Result<Reading> {
    let mut store = kind.open(folder)?;
    if !kind.lasts() {
        for start in (0..rows).step_by(BATCH as usize) {
            store.write(&data::batch(start..rows.min(start + BATCH)))?;
        }
    }
    let mut values = Vec::new();
    for start in (0..rows).step_by(KEYS) {
        let wanted = (start..rows.min(start + KEYS as u64)).collect::<Vec<_>>();
        request(store.as_ref(), &wanted, &mut values)?;
    }
    let mut random = Random::new(rows);
    let (mut walls, mut cpus) = (Vec::new(), Vec::new());
    for _ in 0..REQUESTS {
        let wanted = (0..KEYS).map(|_| random.below(rows)).collect::<Vec<_>>();
        let (wall, cpu) = request(store.as_ref(), &wanted, &mut values)?;
        walls.push(wall * 1e6);
        cpus.push(cpu * 1e6);
    }
    Ok(Reading {
        wall_p50: meter::quantile(&mut walls, 0.5),
        wall_p99: meter::quantile(&mut walls, 0.99),
        cpu_p50: meter::quantile(&mut cpus, 0.5),
        cpu_p99: meter::quantile(&mut cpus, 0.99),
        peak: meter::peak_memory()?,
        own: meter::own_memory()?,
    })
}

/// Reads rows, checks that they are what was written, and gives the wall and processor time of reading, in seconds.
pub(crate) fn request(store: &dyn Store, rows: &[u64], values: &mut Vec<u8>) -> Result<(f64, f64)> {
    let keys = rows.iter().map(|row| data::key(*row)).collect::<Vec<_>>();
    values.clear();
    let (wall, cpu) = (Instant::now(), meter::thread_cpu());
    store.read(&keys, values)?;
    let times = (wall.elapsed().as_secs_f64(), meter::thread_cpu() - cpu);
    let expected = rows.iter().flat_map(|row| data::value(*row));
    ensure!(
        expected.eq(values.iter().copied()),
        "what was read is not what was written"
    );
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_gives_back_what_was_written() {
        for kind in Kind::ALL {
            let folder = tempfile::tempdir().unwrap();
            if kind.lasts() {
                let writing = write(kind, folder.path(), 10_000).unwrap();
                assert!(writing.disk >= 10_000 * data::ROW);
            }
            if kind.finds() {
                read(kind, folder.path(), 10_000).unwrap();
            }
        }
    }
}
