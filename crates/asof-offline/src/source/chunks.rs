//! The column chunks of a row group, or only those of their pages that are wanted.

use std::ops::Range;
use std::sync::Arc;

use object_store::ObjectStore;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;

use super::fetch::{FetchedRanges, fetch};
use super::prune::page_locations;
use super::table::OpenFile;
use crate::OfflineError;

/// With more than one wanted run of rows in so many rows, hardly a page is without one, and looking up where pages lie
/// is for nothing.
const ROWS_PER_RUN: usize = 4096;

/// What decoding some columns of a row group takes.
#[derive(Debug)]
pub(crate) struct Chunks {
    pub(crate) fetched: FetchedRanges,
    /// Metadata in which the row group is [`Self::row_group`].
    pub(crate) metadata: ArrowReaderMetadata,
    pub(crate) row_group: usize,
}

/// Makes the columns of a row group that are in `mask` ready to be decoded, or just the pages with the rows selected
/// where these are few and the file tells where its pages lie.
///
/// # Errors
/// When the file cannot be read, or is not the one that was listed.
pub(crate) async fn fetch_chunks(
    store: &Arc<dyn ObjectStore>,
    file: &OpenFile,
    row_group: usize,
    mask: &ProjectionMask,
    selection: Option<&RowSelection>,
) -> Result<Chunks, OfflineError> {
    let chunks = file.metadata.metadata().row_group(row_group).columns();
    let leaves: Vec<usize> = (0..chunks.len()).filter(|leaf| mask.leaf_included(*leaf)).collect();
    if let Some(selection) = selection.filter(|selection| is_sparse(selection))
        && let Some(pages) = page_locations(store, file, row_group, &leaves).await?
        && let Ok(metadata) = with_pages(file, row_group, &leaves, &pages)
    {
        let ranges = leaves.iter().zip(&pages).flat_map(|(leaf, pages)| {
            let (start, _) = chunks[*leaf].byte_range();
            let locations = pages.page_locations();
            // What comes before the first page is the dictionary, which every page may need.
            let first = locations.first().map_or(start, |page| page.offset as u64);
            let mut ranges = selection.scan_ranges(locations);
            ranges.push(start..first);
            ranges
        });
        let ranges: Vec<Range<u64>> = ranges.collect();
        return Ok(Chunks {
            fetched: fetch(store, &file.listed, &ranges).await?,
            metadata,
            row_group: 0,
        });
    }
    let ranges: Vec<Range<u64>> = leaves
        .iter()
        .map(|leaf| {
            let (start, length) = chunks[*leaf].byte_range();
            start..start.saturating_add(length)
        })
        .collect();
    Ok(Chunks {
        fetched: fetch(store, &file.listed, &ranges).await?,
        metadata: file.metadata.clone(),
        row_group,
    })
}

/// Whether rows are so few, or so close together, that pages can be left out.
fn is_sparse(selection: &RowSelection) -> bool {
    // A mask is made of rows that are all but a few wanted.
    if selection.as_mask().is_some() {
        return false;
    }
    let mut rows = 0;
    let mut runs = 0;
    for run in selection.iter() {
        rows += run.row_count;
        runs += usize::from(!run.skip);
    }
    runs.saturating_mul(ROWS_PER_RUN) <= rows
}

/// The metadata of the row group alone, with the pages of some columns.
fn with_pages(
    file: &OpenFile,
    row_group: usize,
    leaves: &[usize],
    pages: &[OffsetIndexMetaData],
) -> Result<ArrowReaderMetadata, ParquetError> {
    let metadata = file.metadata.metadata();
    let group = metadata.row_group(row_group).clone();
    // Columns that are not read need no pages.
    let none = OffsetIndexMetaData {
        page_locations: Vec::new(),
        unencoded_byte_array_data_bytes: None,
    };
    let mut all = vec![none; group.num_columns()];
    for (leaf, pages) in leaves.iter().zip(pages) {
        all[*leaf] = pages.clone();
    }
    let alone = ParquetMetaData::new(metadata.file_metadata().clone(), vec![group]);
    let alone = Arc::new(alone.into_builder().set_offset_index(Some(vec![all])).build());
    let plain = ArrowReaderMetadata::try_new(Arc::clone(&alone), ArrowReaderOptions::new())?;
    if plain.schema() == file.metadata.schema() {
        return Ok(plain);
    }
    let options = ArrowReaderOptions::new().with_schema(Arc::clone(file.metadata.schema()));
    ArrowReaderMetadata::try_new(alone, options)
}
