//! Rows of a source's files, chosen to be read later, or by somebody else.

mod format;

use std::sync::Arc;

use roaring::RoaringBitmap;

pub use format::RowSetError;

use crate::source::{SourceFile, SourceTable};

/// A set of rows of a source, each by its file, row group and number. Cheap to clone.
///
/// It knows the files as they were: their rows are not read if a file has changed since.
#[derive(Debug, Clone, PartialEq)]
pub struct RowSet {
    files: Vec<FileRows>,
}

/// The rows of one file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FileRows {
    pub(super) file: Arc<SourceFile>,
    /// The row groups with rows, ascending.
    pub(super) groups: Vec<GroupRows>,
}

/// The rows of one row group; at least one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GroupRows {
    pub(super) row_group: u32,
    pub(super) rows: Arc<RoaringBitmap>,
}

impl RowSet {
    /// The rows of each part of `table`.
    pub(super) fn of(table: &SourceTable, parts: impl Iterator<Item = RoaringBitmap>) -> Self {
        let known = table.source_files();
        let mut files: Vec<(usize, FileRows)> = Vec::new();
        for (part, rows) in table.parts.iter().zip(parts) {
            if rows.is_empty() {
                continue;
            }
            if files.last().is_none_or(|(file, _)| *file != part.file) {
                let file = FileRows {
                    file: Arc::new(known[part.file].clone()),
                    groups: Vec::new(),
                };
                files.push((part.file, file));
            }
            if let Some((_, file)) = files.last_mut() {
                file.groups.push(GroupRows {
                    row_group: part.row_group as u32,
                    rows: Arc::new(rows),
                });
            }
        }
        Self {
            files: files.into_iter().map(|(_, file)| file).collect(),
        }
    }

    /// How many rows it has.
    pub fn len(&self) -> u64 {
        self.groups().map(|(_, group)| group.rows.len()).sum()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The files with rows in the set, in the order of the source's rows.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &SourceFile> {
        self.files.iter().map(|rows| rows.file.as_ref())
    }

    /// Cuts the set between row groups into about equal parts, each of about `rows` rows; more where a row group has
    /// more. None is empty. The parts follow from the set and `rows` alone.
    pub fn shards(&self, rows: u64) -> Vec<Self> {
        let total = u128::from(self.len());
        let count = total.div_ceil(u128::from(rows.max(1)));
        let mut shards: Vec<Self> = Vec::new();
        let (mut before, mut last) = (0, None);
        for (file, group) in self.groups() {
            let rows = u128::from(group.rows.len());
            // A row group belongs where its middle lies.
            let shard = (2 * before + rows) * count / (2 * total);
            before += rows;
            if last.replace(shard) != Some(shard) {
                shards.push(Self { files: Vec::new() });
            }
            if let Some(shard) = shards.last_mut() {
                shard.push(file, group.clone());
            }
        }
        shards
    }

    /// The row groups with rows, in the order of the source's rows.
    fn groups(&self) -> impl Iterator<Item = (&Arc<SourceFile>, &GroupRows)> {
        let files = self.files.iter();
        files.flat_map(|rows| rows.groups.iter().map(|group| (&rows.file, group)))
    }

    /// The rows of each file.
    pub(super) fn by_file(&self) -> &[FileRows] {
        &self.files
    }

    /// Adds a row group that lies behind all others.
    fn push(&mut self, file: &Arc<SourceFile>, group: GroupRows) {
        match self.files.last_mut() {
            Some(last) if Arc::ptr_eq(&last.file, file) => last.groups.push(group),
            _ => self.files.push(FileRows {
                file: Arc::clone(file),
                groups: vec![group],
            }),
        }
    }
}

#[cfg(test)]
mod tests;
