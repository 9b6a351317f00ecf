//! The pages of a column chunk: where they lie, and the least and greatest value of each.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::ArrayRef;
use bytes::Bytes;
use parquet::DecodeResult;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    FileMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder, RowGroupMetaData,
};
use parquet::schema::types::{SchemaDescriptor, Type};

use super::statistics::FlatColumn;
use crate::source::fetch::FetchedRanges;
use crate::source::table::OpenFile;

/// Where the page index of some columns of a row group lies.
pub(super) fn ranges(file: &OpenFile, row_group: usize, leaf: usize) -> Option<[Range<u64>; 2]> {
    let chunk = file.metadata.metadata().row_group(row_group).column(leaf);
    let range = |offset: Option<i64>, length: Option<i32>| {
        let (offset, length) = (u64::try_from(offset?).ok()?, u64::try_from(length?).ok()?);
        let end = offset.checked_add(length)?;
        (end <= file.listed.meta.size).then_some(offset..end)
    };
    Some([
        range(chunk.column_index_offset(), chunk.column_index_length())?,
        range(chunk.offset_index_offset(), chunk.offset_index_length())?,
    ])
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
        let index = |range: &Range<u64>, columns, offsets| {
            let bytes = parquet::file::reader::ChunkReader::get_bytes(
                fetched,
                range.start,
                usize::try_from(range.end - range.start).ok()?,
            );
            decode(
                alone(file, row_group, column.leaf).ok()?,
                range.clone(),
                bytes.ok()?,
                columns,
                offsets,
            )
            .ok()
        };
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
