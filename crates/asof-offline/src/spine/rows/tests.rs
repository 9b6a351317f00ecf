//! Ranges of rows, from memory and from files whose row groups have nothing to do with the ranges.

use std::ops::Range;
use std::path::Path;

use arrow::array::{AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::*;

const ROWS: u64 = 100;

fn schema() -> SchemaRef {
    let fields = [
        ("n", DataType::Int64),
        ("text", DataType::Utf8),
        ("twice", DataType::Int64),
    ];
    let fields = fields.map(|(name, data_type)| Field::new(name, data_type, true));
    Arc::new(Schema::new(fields.to_vec()))
}

fn rows(range: Range<u64>) -> RecordBatch {
    let numbers = || range.clone().map(|n| n as i64);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(numbers())),
        Arc::new(StringArray::from_iter_values(numbers().map(|n| format!("row {n}")))),
        Arc::new(Int64Array::from_iter_values(numbers().map(|n| 2 * n))),
    ];
    RecordBatch::try_new(schema(), columns).expect("the columns fit the schema")
}

fn write(path: &Path, range: Range<u64>, group_rows: usize) -> ParquetFile {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group_rows))
        .set_data_page_row_count_limit(3)
        .set_write_batch_size(3)
        .build();
    let file = fs_err::File::create(path).expect("the folder is ours");
    let mut writer = ArrowWriter::try_new(file, schema(), Some(properties)).expect("the schema is plain");
    writer.write(&rows(range)).expect("the rows fit");
    writer.close().expect("the file can be written");
    ParquetFile::open(LocalFile::open(path).expect("it is there")).expect("it is Parquet")
}

/// Sources of the same rows: in memory, in one row group, and in several files of small row groups.
fn sources(folder: &Path) -> Vec<Rows> {
    let cut = [0..1, 1..1, 1..40, 40..100];
    let files = cut.iter().enumerate().map(|(at, range)| {
        let path = folder.join(format!("{at}.parquet"));
        write(&path, range.clone(), 7)
    });
    vec![
        Rows::Memory(cut.iter().map(|range| rows(range.clone())).collect()),
        Rows::Files(vec![write(&folder.join("one.parquet"), 0..ROWS, 1000)].into()),
        Rows::Files(files.collect()),
    ]
}

fn read(source: &Rows, columns: &[usize], range: Range<u64>, batch_rows: usize) -> RecordBatch {
    let schema = Arc::new(schema().project(columns).expect("the columns are there"));
    let batches: Vec<RecordBatch> = source
        .read(&schema, columns, range, batch_rows)
        .collect::<Result<_, _>>()
        .expect("the rows can be read");
    assert!(batches.iter().all(|batch| (1..=batch_rows).contains(&batch.num_rows())));
    concat_batches(&schema, &batches).expect("all batches have the schema")
}

#[test]
fn every_range_of_rows_is_read_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for source in sources(folder.path()) {
        assert_eq!(source.count(), ROWS);
        for start in [0, 1, 2, 6, 7, 39, 40, 41, 99, 100] {
            for length in [0, 1, 8, 60, 100] {
                let range = start..(start + length).min(ROWS);
                for batch_rows in [1, 5, 1000] {
                    for columns in [vec![0, 1, 2], vec![2, 0], vec![1]] {
                        let expected = rows(range.clone()).project(&columns).expect("the columns are there");
                        assert_eq!(
                            read(&source, &columns, range.clone(), batch_rows),
                            expected,
                            "{range:?}"
                        );
                    }
                }
            }
        }
        let schema = Arc::new(Schema::empty());
        let counted: usize = source
            .read(&schema, &[], 3..50, 4)
            .map(|batch| batch.expect("there is nothing to read").num_rows())
            .sum();
        assert_eq!(counted, 47, "rows are counted without columns");
    }
}

#[test]
fn many_threads_read_one_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for source in sources(folder.path()) {
        std::thread::scope(|scope| {
            let reader = |start: u64| {
                let source = &source;
                scope.spawn(move || {
                    let found = read(source, &[2], start..ROWS, 3);
                    let found = found.column(0).as_primitive::<Int64Type>().values().to_vec();
                    let expected: Vec<i64> = (start..ROWS).map(|n| 2 * n as i64).collect();
                    assert_eq!(found, expected);
                })
            };
            let readers: Vec<_> = (0..16).map(|at| reader(at * 6)).collect();
            for reader in readers {
                reader.join().expect("the reader found its rows");
            }
        });
    }
}

#[test]
fn a_file_that_is_written_to_is_noticed_and_one_that_is_replaced_stays() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.parquet");
    let source = Rows::Files(vec![write(&path, 0..ROWS, 7)].into());
    let other = folder.path().join("b.parquet");
    write(&other, 0..10, 7);
    let kept = folder.path().join("kept.parquet");
    fs_err::hard_link(&path, &kept).expect("the folder is ours");
    fs_err::rename(&other, &path).expect("the folder is ours");
    assert_eq!(
        read(&source, &[0], 90..ROWS, 100).num_rows(),
        10,
        "the file that was opened is read"
    );
    let started = source.read(&schema(), &[0, 1, 2], 0..ROWS, 10);
    fs_err::write(&kept, "something else").expect("the folder is ours");
    let mut refused = source.read(&schema(), &[0, 1, 2], 0..ROWS, 10);
    let error = refused.next().expect("an error").expect_err("the file was changed");
    assert!(matches!(error, OfflineError::SpineChanged { .. }), "{error}");
    assert!(
        started.last().expect("an error").is_err(),
        "nor is a reader that had begun at ease"
    );
}
