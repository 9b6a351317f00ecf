//! Rows of windows in a temporary file, for when memory is short.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use datafusion::execution::memory_pool::MemoryReservation;
use parking_lot::Mutex;

use crate::{OfflineError, memory};

/// The memory that some windows take together, and where their rows go when there is no more.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    reservation: Arc<MemoryReservation>,
    file: Arc<SpillFile>,
}

/// A file without a name: whatever ends the process, nothing stays behind.
#[derive(Debug, Default)]
struct SpillFile(Mutex<Option<File>>);

/// Rows that lie in memory or in the file.
#[derive(Debug)]
pub(super) enum Held {
    Here(RecordBatch),
    /// From this byte on, so many bytes.
    Spilled(u64, usize),
}

impl Memory {
    pub(super) fn new(reservation: MemoryReservation) -> Self {
        Self {
            reservation: Arc::new(reservation),
            file: Arc::default(),
        }
    }

    /// Counts memory that is taken already, whether or not there is so much.
    pub(super) fn grow(&self, bytes: usize) {
        self.reservation.grow(bytes);
    }

    /// Whether there is so much memory more, which then counts as taken.
    pub(super) fn try_grow(&self, bytes: usize) -> bool {
        self.reservation.try_grow(bytes).is_ok()
    }

    /// Counts memory as free again.
    pub(super) fn shrink(&self, bytes: usize) {
        self.reservation.shrink(bytes);
    }

    /// Holds rows, in memory if there is enough.
    pub(super) fn hold(&self, rows: RecordBatch) -> Result<Held, OfflineError> {
        let bytes = memory::of_columns(rows.columns());
        if bytes == 0 || self.try_grow(bytes) {
            Ok(Held::Here(rows))
        } else {
            self.spill(&rows)
        }
    }

    /// Writes rows to the file.
    pub(super) fn spill(&self, rows: &RecordBatch) -> Result<Held, OfflineError> {
        let mut writer = StreamWriter::try_new(Vec::new(), rows.schema_ref()).map_err(OfflineError::spill)?;
        writer.write(rows).map_err(OfflineError::spill)?;
        let bytes = writer.into_inner().map_err(OfflineError::spill)?;
        self.file
            .append(&bytes)
            .map(|start| Held::Spilled(start, bytes.len()))
            .map_err(OfflineError::spill)
    }

    /// Rows that are held.
    pub(super) fn load(&self, held: &Held) -> Result<RecordBatch, OfflineError> {
        match held {
            Held::Here(rows) => Ok(rows.clone()),
            Held::Spilled(start, length) => {
                let bytes = self.file.read(*start, *length).map_err(OfflineError::spill)?;
                let mut reader = StreamReader::try_new(bytes.as_slice(), None).map_err(OfflineError::spill)?;
                let rows = reader.next().ok_or_else(|| OfflineError::spill("it ends too early"))?;
                rows.map_err(OfflineError::spill)
            }
        }
    }
}

impl SpillFile {
    /// Where the bytes now start.
    fn append(&self, bytes: &[u8]) -> std::io::Result<u64> {
        let mut file = self.0.lock();
        if file.is_none() {
            *file = Some(tempfile::tempfile()?);
        }
        let file = file.as_mut().expect("it was made if there was none");
        let start = file.seek(SeekFrom::End(0))?;
        file.write_all(bytes)?;
        Ok(start)
    }

    fn read(&self, start: u64, length: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let mut file = self.0.lock();
        if let Some(file) = file.as_mut() {
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(&mut bytes)?;
        }
        Ok(bytes)
    }
}
