//! The value pass: rows that were found, in full.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use asof_model::definition::ViewBody;
use futures::{StreamExt, TryStreamExt};
use roaring::RoaringBitmap;

use super::row_set::{FileRows, RowSet};
use crate::progress::Progress;
use crate::source::{
    ChosenProgram, PARTS_AHEAD, PartBatches, SourceFile, SourceTable, batch_rows, is_dense, open_part, selection,
};
use crate::{FeatureBatch, FeatureStream, OfflineEngine, OfflineError, RowsRequest};

/// Reads rows of a view's source that were found by [`OfflineEngine::find_latest`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RowReader {
    source: Arc<ChosenRows>,
}

/// What reading the rows needs.
struct ChosenRows {
    engine: OfflineEngine,
    table: Arc<SourceTable>,
    program: ChosenProgram,
    /// What is known of each file of the table.
    files: Vec<SourceFile>,
    /// Their positions, by path.
    positions: HashMap<String, usize>,
}

impl OfflineEngine {
    /// Opens the source of a view whose rows are rows of its source, to read rows that were found before: by this
    /// engine, or by another whose source is the same. Of `request` only the view and its source matter.
    ///
    /// # Errors
    /// When the view is aggregated, the source cannot be read, or an expression does not fit it.
    pub async fn row_reader(&self, request: &RowsRequest) -> Result<RowReader, OfflineError> {
        let view = &request.view;
        if let ViewBody::Windows(_) = view.body {
            return Err(OfflineError::NotSourceRows {
                view: view.name.clone(),
            });
        }
        let table = Arc::new(self.open(&request.source).await?);
        let program = ChosenProgram::compile(&table.schema, view, &request.source)?;
        table.check_columns(&program.columns().positions, &[])?;
        let files = table.source_files();
        let positions = files.iter().enumerate().map(|(at, file)| (file.path.clone(), at));
        Ok(RowReader {
            source: Arc::new(ChosenRows {
                engine: self.clone(),
                positions: positions.collect(),
                files,
                table,
                program,
            }),
        })
    }
}

impl RowReader {
    /// The rows of a set, in the order of the source's rows: file by file, as they stand there. Where they are few, only
    /// the pages that they lie in are read. Memory is that of some batches; from an object store, also what is read of
    /// a few row groups.
    ///
    /// # Errors
    /// When a file is not what it was when the rows were found. The stream fails when a file changes while it is read,
    /// cannot be read, or an expression cannot be computed.
    pub fn read(&self, rows: &RowSet) -> Result<FeatureStream, OfflineError> {
        let parts = rows.by_file().iter().map(|rows| self.source.parts(rows));
        let parts = parts.collect::<Result<Vec<_>, _>>()?.concat();
        let source = Arc::clone(&self.source);
        let batches = futures::stream::iter(parts)
            .map(move |(part, rows)| Arc::clone(&source).open(part, rows))
            .buffered(PARTS_AHEAD)
            .map_ok(futures::stream::iter)
            .try_flatten();
        Ok(batches.boxed())
    }
}

impl fmt::Debug for ChosenRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let view = self.program.view();
        f.debug_struct("ChosenRows")
            .field("view", &view)
            .finish_non_exhaustive()
    }
}

impl ChosenRows {
    /// The parts with rows of a file, if it is still what it was.
    fn parts(&self, rows: &FileRows) -> Result<Vec<(u32, Arc<RoaringBitmap>)>, OfflineError> {
        let known = &rows.file;
        let changed = |change: String| OfflineError::RowsChanged {
            file: known.path.clone(),
            change,
        };
        let at = self.positions.get(&known.path);
        let at = *at.ok_or_else(|| changed("it is gone".to_owned()))?;
        if let Some(change) = change(known, &self.files[at]) {
            return Err(changed(change));
        }
        let parts = self.table.parts_of(at);
        let part_of = |row_group: u32| {
            let part = parts.start.checked_add(row_group)?;
            parts.contains(&part).then_some(part)
        };
        let found = rows.groups.iter().map(|group| {
            let part = part_of(group.row_group)
                .filter(|part| group.rows.max() < Some(self.table.parts[*part as usize].rows))
                .ok_or_else(|| changed("it has not all the rows that were chosen".to_owned()))?;
            Ok((part, Arc::clone(&group.rows)))
        });
        found.collect()
    }

    /// Fetches some rows of a part; they are decoded as they are asked for.
    async fn open(self: Arc<Self>, part: u32, rows: Arc<RoaringBitmap>) -> Result<Reading, OfflineError> {
        let total = self.table.parts[part as usize].rows as usize;
        let wanted = rows.len() as usize;
        let most = self.engine.options.batch_size.max(1);
        let at_once = if is_dense(wanted, total) {
            most.min(batch_rows(wanted, total))
        } else {
            most
        };
        let selection = (wanted < total).then(|| selection(&rows.iter().collect::<Vec<_>>(), total));
        let batches = open_part(&self.table, self.program.columns(), part, selection, at_once).await?;
        Ok(Reading {
            source: self,
            part,
            rows: wanted as u64,
            batches: Some(batches),
        })
    }
}

/// How a file differs from what it was.
fn change(known: &SourceFile, found: &SourceFile) -> Option<String> {
    if known.size != found.size {
        return Some(format!("it had {} bytes and has {}", known.size, found.size));
    }
    match (&known.e_tag, &found.e_tag) {
        (Some(before), Some(now)) => (before != now).then(|| format!("its entity tag was {before} and is {now}")),
        _ if known.modified != found.modified => Some(format!(
            "it was last modified at {} and now at {}",
            known.modified, found.modified
        )),
        _ => None,
    }
}

/// Rows of a part that are being read.
struct Reading {
    source: Arc<ChosenRows>,
    part: u32,
    rows: u64,
    /// What is still to be decoded.
    batches: Option<PartBatches>,
}

impl Iterator for Reading {
    type Item = Result<FeatureBatch, OfflineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batches = self.batches.as_mut()?;
        let Some(batch) = batches.next() else {
            let bytes = batches.bytes();
            self.batches = None;
            self.report(bytes);
            return None;
        };
        let rows = batch.and_then(|batch| self.source.program.apply(&batch)?.ok_or_else(|| self.incomplete()));
        if rows.is_err() {
            self.batches = None;
        }
        Some(rows)
    }
}

impl Reading {
    fn report(&self, bytes: u64) {
        if let Some(progress) = &self.source.engine.options.progress {
            progress.report(Progress::Fetched {
                view: self.source.program.view(),
                rows: self.rows,
                bytes,
            });
        }
    }

    fn incomplete(&self) -> OfflineError {
        let file = self.source.table.parts[self.part as usize].file;
        OfflineError::RowsChanged {
            file: self.source.files[file].path.clone(),
            change: "a chosen row has no key or no event time".to_owned(),
        }
    }
}
