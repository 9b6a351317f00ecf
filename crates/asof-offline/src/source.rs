//! Sources: the Parquet files behind a [`Source`](asof_model::definition::Source), as one table of numbered rows.
//!
//! ```text
//! location   path, folder, glob or URL  ->  files, sorted by path
//! delta      the log of a Delta table   ->  the files that are in it
//! hive       key=value folders          ->  partition columns
//! fetch      ranges of a file           ->  bytes to decode, or an error if the file changed
//! footer     the end of a file          ->  its row groups and columns, or what is wrong with the file
//! schema     the columns of each file   ->  one schema, or an error that names the file that differs
//! table      footers                    ->  all there is to know of a source before its rows are read
//! chunks     columns of a row group     ->  what decoding them, or some of their rows, takes
//! part       a row group                ->  batches of some of its columns
//! damage     what cannot be decoded     ->  the file, row group and column that is to blame
//! program    what a view reads          ->  expressions bound to the columns they need
//! prune      what files tell of values  ->  the row groups and pages that need not be read
//! scan       row groups                 ->  batches of keys, times and row ids
//! batch      a batch                    ->  its columns by what they are
//! place      times and a row id         ->  the total order of rows
//! rows       the rows that win          ->  their features
//! chosen     rows that are known        ->  their keys, times and features
//! report     reading                    ->  what it cost
//! ```

mod batch;
mod chosen;
mod chunks;
mod damage;
mod delta;
mod fetch;
mod footer;
mod hive;
mod location;
mod part;
mod place;
mod program;
mod prune;
mod report;
mod row_id;
mod rows;
mod scan;
mod schema;
mod table;

use asof_model::Timestamp;

pub(crate) use batch::{Scanned, batch_of};
pub(crate) use chosen::ChosenProgram;
pub(crate) use hive::{PartitionColumn, Partitions, columns_of};
pub(crate) use location::{ListedFile, list};
pub(crate) use part::{Columns, PartBatches, open_part};
pub(crate) use place::Place;
pub(crate) use program::{FeatureProgram, PlaceProgram, selected};
pub(crate) use prune::{KeyProbe, TimeBounds};
pub(crate) use row_id::RowId;
pub(crate) use rows::{SourceRows, batch_rows, is_dense, selection};
pub(crate) use scan::{FeatureScanExec, PARTS_AHEAD, ScanRequest};
pub(crate) use table::SourceTable;

/// A Parquet file of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path: relative to the repository when it lies in it, else absolute; in an object store the URL. The order
    /// of rows goes by this text.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// When it was written last, as its store says.
    pub modified: Timestamp,
    /// The store's name for this content, if it has one.
    pub e_tag: Option<String>,
    /// How many rows it has.
    pub rows: u64,
}
