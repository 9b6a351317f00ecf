//! Rows that do not fit the memory: in a temporary file, as runs sorted by key, and merged from there.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use crate::source::Place;

/// Runs that are merged at once: what they are read with takes memory.
const FAN_IN: usize = 32;

/// What a run is read or written with, in bytes.
const BUFFER: usize = 32 << 10;

/// Rows with their keys, in runs. Within a run keys ascend, and each is there once.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// Has no name: whatever ends the process, nothing stays behind.
    file: Option<File>,
    runs: Vec<Range<u64>>,
}

/// Writes a run.
pub(super) struct RunWriter<'a> {
    to: BufWriter<&'a File>,
    written: u64,
}

impl RunWriter<'_> {
    /// The next row. Its key lies behind the one before.
    pub(super) fn push(&mut self, key: &[u8], place: Place) -> io::Result<()> {
        let length = key.len() as u32;
        self.to.write_all(&length.to_le_bytes())?;
        self.to.write_all(key)?;
        self.to.write_all(&place.to_bytes())?;
        self.written += (size_of_val(&length) + key.len() + Place::BYTES) as u64;
        Ok(())
    }
}

impl Runs {
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Adds the run that `write` writes. Returns how many bytes it takes.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut RunWriter<'_>) -> io::Result<()>) -> io::Result<u64> {
        let mut file = match &mut self.file {
            Some(file) => &*file,
            none => none.insert(tempfile::tempfile()?),
        };
        let start = file.seek(SeekFrom::End(0))?;
        let mut writer = RunWriter {
            to: BufWriter::with_capacity(BUFFER, file),
            written: 0,
        };
        write(&mut writer)?;
        writer.to.flush()?;
        self.runs.push(start..start + writer.written);
        Ok(writer.written)
    }

    /// Gives the last row of every key to `take`, in the order of keys. Returns how many bytes were written meanwhile:
    /// many runs are merged in several steps.
    pub(super) fn merge(mut self, mut take: impl FnMut(Place)) -> io::Result<u64> {
        let mut written = 0;
        while self.runs.len() > FAN_IN {
            let mut fewer = Self::default();
            for runs in self.runs.chunks(FAN_IN) {
                written += fewer.add(|writer| merge(self.file.as_ref(), runs, |key, place| writer.push(key, place)))?;
            }
            self = fewer;
        }
        merge(self.file.as_ref(), &self.runs, |_, place| {
            take(place);
            Ok(())
        })?;
        Ok(written)
    }
}

fn merge(
    file: Option<&File>,
    runs: &[Range<u64>],
    mut take: impl FnMut(&[u8], Place) -> io::Result<()>,
) -> io::Result<()> {
    let Some(file) = file else {
        return Ok(());
    };
    let mut heads = BinaryHeap::with_capacity(runs.len());
    for run in runs {
        let mut head = Head::new(file, run.clone());
        if head.advance()? {
            heads.push(Reverse(head));
        }
    }
    let mut key = Vec::new();
    let mut best: Option<Place> = None;
    while let Some(mut first) = heads.peek_mut() {
        let head = &mut first.0;
        match &mut best {
            Some(best) if key == head.key => *best = head.place.max(*best),
            best => {
                if let Some(last) = best.replace(head.place) {
                    take(&key, last)?;
                }
                key.clone_from(&head.key);
            }
        }
        if !head.advance()? {
            PeekMut::pop(first);
        }
    }
    best.map_or(Ok(()), |last| take(&key, last))
}

/// The row of a run whose turn it is.
struct Head<'a> {
    key: Vec<u8>,
    place: Place,
    rest: BufReader<Rest<'a>>,
}

impl<'a> Head<'a> {
    /// Before the first row.
    fn new(file: &'a File, run: Range<u64>) -> Self {
        Self {
            key: Vec::new(),
            place: Place::NONE,
            rest: BufReader::with_capacity(BUFFER, Rest { file, left: run }),
        }
    }

    /// Moves on to the next row, if there is one.
    fn advance(&mut self) -> io::Result<bool> {
        if self.rest.fill_buf()?.is_empty() {
            return Ok(false);
        }
        let mut length = [0; size_of::<u32>()];
        self.rest.read_exact(&mut length)?;
        self.key.resize(u32::from_le_bytes(length) as usize, 0);
        self.rest.read_exact(&mut self.key)?;
        let mut place = [0; Place::BYTES];
        self.rest.read_exact(&mut place)?;
        self.place = Place::from_bytes(&place);
        Ok(true)
    }
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Head<'_> {}

impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

/// What is left of a run. Several are read from one file by turns.
struct Rest<'a> {
    file: &'a File,
    left: Range<u64>,
}

impl Read for Rest<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.left.end - self.left.start).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let mut file = self.file;
        file.seek(SeekFrom::Start(self.left.start))?;
        let read = file.read(&mut buffer[..length])?;
        self.left.start += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::source::RowId;

    #[test]
    fn however_many_runs_there_are_the_last_row_of_every_key_comes_out_in_order() -> io::Result<()> {
        for count in [0, 1, 2, 33, 1100] {
            let mut runs = Runs::default();
            let mut expected: BTreeMap<Vec<u8>, Place> = BTreeMap::new();
            for run in 0..count {
                runs.add(|writer| {
                    for key in (run % 5..40).step_by(1 + run as usize % 7) {
                        let place = Place::new(i64::from(run * 37 % 11), None, RowId::new(run, key));
                        let key = vec![key as u8; key as usize];
                        let best = expected.entry(key.clone()).or_insert(place);
                        *best = place.max(*best);
                        writer.push(&key, place)?;
                    }
                    Ok(())
                })?;
            }
            let mut found = Vec::new();
            let written = runs.merge(|place| found.push(place))?;
            assert_eq!(written > 0, count as usize > FAN_IN);
            // A longer key of higher bytes lies behind a shorter one of lower bytes.
            assert_eq!(found, expected.into_values().collect::<Vec<_>>());
        }
        Ok(())
    }
}
