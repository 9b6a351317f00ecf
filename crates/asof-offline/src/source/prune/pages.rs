//! The pages of a column chunk: where they lie, and the least and greatest value of each.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::ArrayRef;
use bytes::Bytes;
use object_store::ObjectStore;
use parquet::DecodeResult;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    FileMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder, RowGroupMetaData,
};
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::reader::ChunkReader;
use parquet::schema::types::{SchemaDescriptor, Type};

use super::statistics::FlatColumn;
use crate::OfflineError;
use crate::source::fetch::{FetchedRanges, fetch};
use crate::source::table::OpenFile;

/// Where the page index of some columns of a row group lies.
pub(super) fn ranges(file: &OpenFile, row_group: usize, leaf: usize) -> Option<[Range<u64>; 2]> {
    let chunk = file.metadata.metadata().row_group(row_group).column(leaf);
    let columns = range_of(file, chunk.column_index_offset(), chunk.column_index_length())?;
    Some([columns, offset_range(file, row_group, leaf)?])
}

fn offset_range(file: &OpenFile, row_group: usize, leaf: usize) -> Option<Range<u64>> {
    let chunk = file.metadata.metadata().row_group(row_group).column(leaf);
    range_of(file, chunk.offset_index_offset(), chunk.offset_index_length())
}

fn range_of(file: &OpenFile, offset: Option<i64>, length: Option<i32>) -> Option<Range<u64>> {
    let (offset, length) = (u64::try_from(offset?).ok()?, u64::try_from(length?).ok()?);
    let end = offset.checked_add(length)?;
    (end <= file.listed.meta.size).then_some(offset..end)
}

/// Where the pages of some column chunks of a row group lie, if the file tells it of all of them.
///
/// # Errors
/// When the file cannot be read, or is not the one that was listed.
pub(crate) async fn page_locations(
    store: &Arc<dyn ObjectStore>,
    file: &OpenFile,
    row_group: usize,
    leaves: &[usize],
) -> Result<Option<Vec<OffsetIndexMetaData>>, OfflineError> {
    let places = leaves.iter().map(|leaf| offset_range(file, row_group, *leaf));
    let Some(places) = places.collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let fetched = fetch(store, &file.listed, &places).await?;
    let pages = leaves.iter().zip(&places).map(|(leaf, range)| {
        let metadata = read(
            file,
            row_group,
            *leaf,
            range,
            &fetched,
            PageIndexPolicy::Skip,
            PageIndexPolicy::Optional,
        )?;
        metadata.offset_index()?.first()?.first().cloned()
    });
    let pages = pages.collect();
    fetched.verify()?;
    Ok(pages)
}

/// The pages of a column chunk.
#[derive(Debug)]
pub(super) struct Pages {
    /// How many rows each has.
    rows: Vec<usize>,
    /// The least and the greatest value of each, null where they are not known.
    pub(super) mins: ArrayRef,
    pub(super) maxes: ArrayRef,
}

impl Pages {
    /// Decodes the page index at the [`ranges`] of a column. Nothing if it makes no sense: it only saves work.
    pub(super) fn decode(
        file: &OpenFile,
        row_group: usize,
        column: &FlatColumn<'_>,
        ranges: &[Range<u64>; 2],
        fetched: &FetchedRanges,
    ) -> Option<Self> {
        let index = |range, columns, offsets| read(file, row_group, column.leaf, range, fetched, columns, offsets);
        let (skip, optional) = (PageIndexPolicy::Skip, PageIndexPolicy::Optional);
        let with_columns = index(&ranges[0], optional, skip)?;
        let with_offsets = index(&ranges[1], skip, optional)?;
        let (columns, offsets) = (with_columns.column_index()?, with_offsets.offset_index()?);
        let locations = offsets.first()?.first()?.page_locations();
        if columns.first()?.first()?.num_pages() != locations.len() as u64 {
            return None;
        }
        let total = file.metadata.metadata().row_group(row_group).num_rows();
        let starts = locations.iter().map(|page| page.first_row_index).chain([total]);
        let starts: Vec<i64> = starts.collect();
        if starts.first() != Some(&0) {
            return None;
        }
        let rows = starts.windows(2).map(|pair| usize::try_from(pair[1] - pair[0]).ok());
        let schema = with_columns.file_metadata().schema_descr();
        let converter = StatisticsConverter::from_column_index(0, column.field, schema).ok()?;
        Some(Self {
            rows: rows.collect::<Option<_>>()?,
            mins: converter.data_page_mins(columns, offsets, &[0]).ok()?,
            maxes: converter.data_page_maxes(columns, offsets, &[0]).ok()?,
        })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows of the pages that are kept.
    pub(super) fn selection(&self, keep: &[bool]) -> RowSelection {
        let selectors = self.rows.iter().zip(keep).map(|(rows, keep)| {
            if *keep {
                RowSelector::select(*rows)
            } else {
                RowSelector::skip(*rows)
            }
        });
        selectors.collect::<Vec<_>>().into()
    }
}

/// The metadata of one column chunk with a part of its page index that was fetched. Nothing if that makes no sense.
fn read(
    file: &OpenFile,
    row_group: usize,
    leaf: usize,
    range: &Range<u64>,
    fetched: &FetchedRanges,
    columns: PageIndexPolicy,
    offsets: PageIndexPolicy,
) -> Option<ParquetMetaData> {
    let length = usize::try_from(range.end - range.start).ok()?;
    let bytes = fetched.get_bytes(range.start, length).ok()?;
    decode(
        alone(file, row_group, leaf).ok()?,
        range.clone(),
        bytes,
        columns,
        offsets,
    )
    .ok()
}

/// The metadata of one column chunk alone. The decoder of page indexes takes all or nothing of what it is given.
fn alone(file: &OpenFile, row_group: usize, leaf: usize) -> Result<ParquetMetaData, ParquetError> {
    let metadata = file.metadata.metadata();
    let column = metadata.file_metadata().schema_descr().column(leaf);
    let root = Type::group_type_builder("schema")
        .with_fields(vec![Arc::new(column.self_type().clone())])
        .build()?;
    let schema = Arc::new(SchemaDescriptor::new(Arc::new(root)));
    let group = metadata.row_group(row_group);
    let alone = RowGroupMetaData::builder(Arc::clone(&schema))
        .set_num_rows(group.num_rows())
        .set_total_byte_size(group.total_byte_size())
        .set_column_metadata(vec![group.column(leaf).clone()])
        .build()?;
    let file = FileMetaData::new(
        metadata.file_metadata().version(),
        group.num_rows(),
        None,
        None,
        schema,
        None,
    );
    Ok(ParquetMetaData::new(file, vec![alone]))
}

fn decode(
    metadata: ParquetMetaData,
    range: Range<u64>,
    bytes: Bytes,
    columns: PageIndexPolicy,
    offsets: PageIndexPolicy,
) -> Result<ParquetMetaData, ParquetError> {
    let mut decoder = ParquetMetaDataPushDecoder::try_new_with_metadata(range.end, metadata)?
        .with_column_index_policy(columns)
        .with_offset_index_policy(offsets);
    decoder.push_range(range, bytes)?;
    match decoder.try_decode()? {
        DecodeResult::Data(metadata) => Ok(metadata),
        DecodeResult::NeedsData(_) | DecodeResult::Finished => Err(ParquetError::General(
            "the page index is not where the footer says".to_owned(),
        )),
    }
}
