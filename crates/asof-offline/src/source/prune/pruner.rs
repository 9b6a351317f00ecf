//! Which parts of a source, and which rows of them, are worth reading.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::Array;
use parquet::arrow::arrow_reader::RowSelection;
use parquet::bloom_filter::Sbbf;
use parquet::file::reader::ChunkReader;

use super::TimeBounds;
use super::pages::{self, Pages};
use super::probe::{KeyProbe, Ranges};
use super::statistics::{FlatColumn, time_ranges};
use crate::OfflineError;
use crate::source::fetch::fetch;
use crate::source::table::{OpenFile, Part, SourceTable};

/// The page index of a key is read if fewer values than this per thousand rows may be in a row group: with more,
/// hardly a page is without one.
const VALUES_PER_THOUSAND_ROWS: usize = 1;

/// The rows that are asked for, as far as files tell without being read.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The event times that are worth reading.
    pub(crate) bounds: TimeBounds,
    /// The last created time that is worth reading. `None`: all are. Rows without one are, too.
    pub(crate) created_until: Option<i64>,
    /// For some of the join keys, the values that are asked for.
    pub(crate) keys: Vec<KeyProbe>,
}

/// Whether a part is worth reading, by the statistics in its file's footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may have rows that are asked for.
    Read,
    /// None of its rows has an event time and created time that count.
    NotItsTime,
    /// None of its rows has a key that is asked for.
    NotItsKeys,
}

/// The rows of a part that are worth reading, by its page index and filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PartRows {
    /// All of them.
    All,
    /// Some of them.
    Some(RowSelection),
    /// None: no page has them.
    None,
    /// None: by the filter of a join key, no key that is asked for is there.
    Filtered,
}

/// What looking closer at a part brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Narrowed {
    /// The rows that are worth reading.
    pub(crate) rows: PartRows,
    /// Pages that were looked at, in all columns with an index.
    pub(crate) pages: u64,
    /// How many of them hold nothing that is asked for.
    pub(crate) pages_skipped: u64,
    /// Whether join keys alone rule all rows out, when there are none.
    pub(crate) by_key: bool,
    /// The bytes of the indexes and filters that were read.
    pub(crate) bytes: u64,
}

/// Tells what of a source is worth reading.
#[derive(Debug)]
pub(crate) struct Pruner {
    table: Arc<SourceTable>,
    wanted: Wanted,
    event_column: Option<String>,
    /// By part: the least and the greatest event time, where they are known.
    times: Vec<(Option<i64>, Option<i64>)>,
    verdicts: Vec<Verdict>,
    /// By part and key: how many of the values may be there.
    values: Vec<Vec<usize>>,
}

impl Pruner {
    /// For the rows `wanted` of a source whose times are the columns given, where they are columns.
    pub(crate) fn new(
        table: &Arc<SourceTable>,
        event_column: Option<&str>,
        created_column: Option<&str>,
        wanted: Wanted,
    ) -> Self {
        let parts = table.parts.len();
        let mut pruner = Self {
            table: Arc::clone(table),
            wanted,
            event_column: event_column.map(str::to_owned),
            times: Vec::with_capacity(parts),
            verdicts: Vec::with_capacity(parts),
            values: Vec::with_capacity(parts),
        };
        for (at, file) in table.files.iter().enumerate() {
            pruner.look_at(at, file, created_column);
        }
        pruner
    }

    /// Whether a part is worth reading.
    pub(crate) fn verdict(&self, part: u32) -> Verdict {
        self.verdicts[part as usize]
    }

    fn look_at(&mut self, at: usize, file: &OpenFile, created_column: Option<&str>) {
        let count = file.metadata.metadata().num_row_groups();
        let times = self.event_times(at, file).unwrap_or_else(|| vec![(None, None); count]);
        let created = self
            .wanted
            .created_until
            .and(created_column)
            .and_then(|column| first_created(file, column));
        let keys: Vec<FileKeys> = self
            .wanted
            .keys
            .iter()
            .map(|probe| self.file_keys(probe, at, file))
            .collect();
        for row_group in 0..count {
            let values = self.wanted.keys.iter().zip(&keys);
            let values: Vec<usize> = values.map(|(probe, keys)| keys.count(probe, row_group)).collect();
            let bounds = self.wanted.bounds;
            let (first, last) = times[row_group];
            let too_late = first.is_some_and(|first| first > bounds.last);
            let too_early = last.is_some_and(|last| last < bounds.first);
            let unseen = created.as_ref().is_some_and(|created| {
                created[row_group].is_some_and(|first| self.wanted.created_until.is_some_and(|until| first > until))
            });
            self.verdicts
                .push(if bounds.first > bounds.last || too_late || too_early || unseen {
                    Verdict::NotItsTime
                } else if values.contains(&0) {
                    Verdict::NotItsKeys
                } else {
                    Verdict::Read
                });
            self.times.push((first, last));
            self.values.push(values);
        }
    }

    /// The range of event times of each row group of a file.
    fn event_times(&self, at: usize, file: &OpenFile) -> Option<Vec<(Option<i64>, Option<i64>)>> {
        if let Some(times) = &self.table.partition_times {
            // A file without an event time has no row that counts: any range that is never asked for will do.
            let time = times[at].map_or((Some(i64::MAX), Some(i64::MIN)), |time| (Some(time), Some(time)));
            return Some(vec![time; file.metadata.metadata().num_row_groups()]);
        }
        let column = FlatColumn::of(file, self.event_column.as_deref()?)?;
        let (mins, maxes) = column.ranges(file)?;
        time_ranges(&mins, &maxes)
    }

    fn file_keys(&self, probe: &KeyProbe, at: usize, file: &OpenFile) -> FileKeys {
        let partitions = self.table.partition_columns.iter();
        if let Some((index, column)) = partitions.enumerate().find(|(_, column)| column.name == probe.column) {
            let value = self.table.files[at].listed.partitions[index].1.as_deref();
            let value = column.array(value, 1);
            return match probe.ranges(&value, &value) {
                // A null key is nobody's.
                _ if value.is_null(0) => FileKeys::Same(0),
                Some(range) => FileKeys::Same(probe.count(&range, 0)),
                None => FileKeys::Unknown,
            };
        }
        let ranges = FlatColumn::of(file, &probe.column)
            .and_then(|column| column.ranges(file))
            .and_then(|(mins, maxes)| probe.ranges(&mins, &maxes));
        ranges.map_or(FileKeys::Unknown, FileKeys::ByRowGroup)
    }

    /// Looks closer at a part that is worth reading: at its page index where the bounds cut through its times or few
    /// keys are asked for, and at the filters of its keys.
    ///
    /// # Errors
    /// When the file cannot be read, or changed.
    pub(crate) async fn narrow(&self, part: u32) -> Result<Narrowed, OfflineError> {
        let Part {
            file, row_group, rows, ..
        } = self.table.parts[part as usize];
        let file = &self.table.files[file];
        let mut all = Narrowed {
            rows: PartRows::All,
            pages: 0,
            pages_skipped: 0,
            by_key: false,
            bytes: 0,
        };
        let indexes = self.indexes(part, file, row_group, rows);
        let filters = self.filters(file, row_group);
        if indexes.is_empty() && filters.is_empty() {
            return Ok(all);
        }
        let ranges: Vec<Range<u64>> = indexes
            .iter()
            .flat_map(|(_, _, ranges)| ranges.iter().cloned())
            .chain(filters.iter().map(|(_, _, range)| range.clone()))
            .collect();
        let fetched = fetch(&self.table.store, &file.listed, &ranges).await?;
        all.bytes = fetched.bytes();
        for (probe, column, range) in &filters {
            let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
            let filter = fetched
                .get_bytes(range.start, length)
                .and_then(|bytes| Sbbf::from_bytes(&bytes));
            // A filter that makes no sense only saves no work.
            if let Ok(filter) = filter
                && !probe.may_be_in(&filter, column.physical, column.field.data_type())
            {
                return Ok(Narrowed {
                    rows: PartRows::Filtered,
                    ..all
                });
            }
        }
        let mut selected: Option<RowSelection> = None;
        for (probe, column, ranges) in &indexes {
            let Some(pages) = Pages::decode(file, row_group, column, ranges, &fetched) else {
                continue;
            };
            let Some(keep) = self.keep(*probe, &pages) else {
                continue;
            };
            let skipped = keep.iter().filter(|keep| !**keep).count() as u64;
            all.pages += pages.len() as u64;
            all.pages_skipped += skipped;
            all.by_key |= probe.is_some() && skipped == keep.len() as u64;
            if skipped > 0 {
                let selection = pages.selection(&keep);
                selected = Some(match selected {
                    Some(others) => others.intersection(&selection),
                    None => selection,
                });
            }
        }
        fetched.verify()?;
        all.rows = match selected {
            None => PartRows::All,
            Some(rows) if rows.selects_any() => PartRows::Some(rows),
            Some(_) => PartRows::None,
        };
        Ok(all)
    }

    /// The page indexes to look at: that of event time (no probe), and those of keys.
    fn indexes<'a>(&'a self, part: u32, file: &'a OpenFile, row_group: usize, rows: u32) -> Vec<PageIndex<'a>> {
        let mut indexes = Vec::new();
        let mut add = |probe: Option<&'a KeyProbe>, name: &str| {
            if let Some(column) = FlatColumn::of(file, name)
                && let Some(ranges) = pages::ranges(file, row_group, column.leaf)
            {
                indexes.push((probe, column, ranges));
            }
        };
        let bounds = self.wanted.bounds;
        let (first, last) = self.times[part as usize];
        let is_cut = first.is_none_or(|first| first < bounds.first) || last.is_none_or(|last| last > bounds.last);
        if is_cut && let Some(column) = &self.event_column {
            add(None, column);
        }
        for (probe, values) in self.wanted.keys.iter().zip(&self.values[part as usize]) {
            if values.saturating_mul(1000) <= rows as usize * VALUES_PER_THOUSAND_ROWS {
                add(Some(probe), &probe.column);
            }
        }
        indexes
    }

    /// The filters to look at.
    fn filters<'a>(&'a self, file: &'a OpenFile, row_group: usize) -> Vec<(&'a KeyProbe, FlatColumn<'a>, Range<u64>)> {
        let probes = self.wanted.keys.iter().filter(|probe| probe.is_worth_a_filter());
        let filters = probes.filter_map(|probe| {
            let column = FlatColumn::of(file, &probe.column)?;
            let chunk = file.metadata.metadata().row_group(row_group).column(column.leaf);
            let start = u64::try_from(chunk.bloom_filter_offset()?).ok()?;
            let end = start.checked_add(u64::try_from(chunk.bloom_filter_length()?).ok()?)?;
            (end <= file.listed.meta.size).then_some((probe, column, start..end))
        });
        filters.collect()
    }

    /// Which pages may have what is asked for.
    fn keep(&self, probe: Option<&KeyProbe>, pages: &Pages) -> Option<Vec<bool>> {
        let Some(probe) = probe else {
            let bounds = self.wanted.bounds;
            let times = time_ranges(&pages.mins, &pages.maxes)?;
            let keep = times.iter().map(|(first, last)| {
                first.is_none_or(|first| first <= bounds.last) && last.is_none_or(|last| last >= bounds.first)
            });
            return Some(keep.collect());
        };
        let ranges = probe.ranges(&pages.mins, &pages.maxes)?;
        Some((0..pages.len()).map(|page| probe.count(&ranges, page) > 0).collect())
    }
}

/// A page index to look at: whether for event times (`None`) or for a key, its column, and where it lies.
type PageIndex<'a> = (Option<&'a KeyProbe>, FlatColumn<'a>, [Range<u64>; 2]);

/// What is known of a key's values in a file.
enum FileKeys {
    Unknown,
    /// The file is a partition of the key: that many of the values are in all its rows.
    Same(usize),
    ByRowGroup(Ranges),
}

impl FileKeys {
    fn count(&self, probe: &KeyProbe, row_group: usize) -> usize {
        match self {
            Self::Unknown => usize::MAX,
            Self::Same(values) => *values,
            Self::ByRowGroup(ranges) => probe.count(ranges, row_group),
        }
    }
}

/// The first created time of each row group in which every row has one.
fn first_created(file: &OpenFile, column: &str) -> Option<Vec<Option<i64>>> {
    let column = FlatColumn::of(file, column)?;
    let (mins, maxes) = column.ranges(file)?;
    let times = time_ranges(&mins, &maxes)?;
    let known = times.iter().zip(column.nulls(file));
    Some(
        known
            .map(|((first, _), nulls)| first.filter(|_| nulls == Some(0)))
            .collect(),
    )
}
