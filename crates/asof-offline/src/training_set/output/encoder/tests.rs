//! What comes out is what went in, in the same bytes on any number of threads.

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, ListArray, StringArray, StructArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float32Type, Schema};
use bytes::Bytes;
use futures::StreamExt;
use futures::executor::block_on;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Encoding;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use xxhash_rust::xxh3::xxh3_64;

use super::super::options::ParquetCompression;
use super::super::pieces::Blocks;
use super::*;

fn rows(count: u64) -> RecordBatch {
    let mixed = |at: u64, salt: u64| xxh3_64(&(at ^ (salt << 40)).to_le_bytes());
    let with_nulls = |at: u64| !mixed(at, 1).is_multiple_of(9);
    let floats: Float64Array = (0..count)
        .map(|at| with_nulls(at).then_some(mixed(at, 2) as f64))
        .collect();
    let few: Float32Array = (0..count)
        .map(|at| with_nulls(at).then_some((mixed(at, 3) % 100) as f32))
        .collect();
    let words: StringArray = (0..count)
        .map(|at| with_nulls(at).then(|| format!("w{}", mixed(at, 4) % 9_000)))
        .collect();
    let texts: StringArray = (0..count).map(|at| Some(format!("{:x}", mixed(at, 5)))).collect();
    let flags: BooleanArray = (0..count)
        .map(|at| with_nulls(at).then_some(mixed(at, 6) % 2 == 0))
        .collect();
    let lists = (0..count).map(|at| with_nulls(at).then(|| vec![Some(mixed(at, 7) as f32); (at % 4) as usize]));
    let lists = ListArray::from_iter_primitive::<Float32Type, _, _>(lists);
    let nested = StructArray::try_from(vec![
        ("few", Arc::new(few.clone()) as ArrayRef),
        ("words", Arc::new(words.clone()) as _),
    ]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "n",
            Arc::new(Int64Array::from_iter_values((0..count).map(|at| at as i64))),
        ),
        ("floats", Arc::new(floats)),
        ("few", Arc::new(few)),
        ("words", Arc::new(words)),
        ("texts", Arc::new(texts)),
        ("flags", Arc::new(flags)),
        ("lists", Arc::new(lists)),
        ("nested", Arc::new(nested.expect("two columns of one length"))),
    ];
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

fn encode(rows: &RecordBatch, options: ParquetOptions, threads: usize, batch_rows: usize) -> Bytes {
    let batches: Vec<_> = (0..rows.num_rows())
        .step_by(batch_rows)
        .map(|at| Ok(rows.slice(at, batch_rows.min(rows.num_rows() - at))))
        .collect();
    let batches = futures::stream::iter(batches).boxed();
    let mut blocks = Blocks::new(batches, &rows.schema(), options.row_group_rows as u64, u64::MAX);
    let metadata = vec![KeyValue::new("a".to_owned(), "b".to_owned())];
    let encoder = Encoder::new(Vec::new(), rows.schema(), &options, metadata, threads);
    let mut encoder = encoder.expect("the schema is plain");
    loop {
        let block = block_on(blocks.next()).expect("no batch is an error");
        encoder.encode(&block).expect("the rows fit the schema");
        if block.is_last {
            return encoder.finish().expect("memory takes everything").into();
        }
    }
}

fn decode(file: &Bytes) -> (RecordBatch, Arc<ParquetMetaData>) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).expect("it is Parquet");
    let metadata = Arc::clone(reader.metadata());
    let schema = Arc::new(Schema::new(reader.schema().fields().clone()));
    let batches = reader.build().expect("it can be read").collect::<Result<Vec<_>, _>>();
    (
        concat_batches(&schema, &batches.expect("it can be read")).expect("one schema"),
        metadata,
    )
}

#[test]
fn threads_and_batches_do_not_change_a_byte_and_rows_come_back_as_they_went() {
    let options = ParquetOptions {
        row_group_rows: 70_001,
        ..ParquetOptions::default()
    };
    let rows = rows(150_000);
    let expected = encode(&rows, options, 1, 8192);
    for (threads, batch_rows) in [(2, 8192), (3, 1_000), (16, 150_000), (4, 9_999)] {
        assert!(
            encode(&rows, options, threads, batch_rows) == expected,
            "{threads} threads, {batch_rows} rows"
        );
    }
    let (found, metadata) = decode(&expected);
    assert_eq!(found, rows);
    let groups: Vec<_> = metadata.row_groups().iter().map(RowGroupMetaData::num_rows).collect();
    assert_eq!(groups, [70_001, 70_001, 9_998]);
}

#[test]
fn only_columns_that_gain_from_it_have_a_dictionary() {
    let file = encode(&rows(100_000), ParquetOptions::default(), 2, 8192);
    let (_, metadata) = decode(&file);
    let group = metadata.row_group(0);
    let with_dictionary: Vec<_> = (group.columns().iter())
        .filter(|column| column.encodings().any(|encoding| encoding == Encoding::RLE_DICTIONARY))
        .map(|column| column.column_path().string())
        .collect();
    assert_eq!(with_dictionary, ["few", "words", "nested.few", "nested.words"]);
    assert!(group.columns().iter().all(|column| column.statistics().is_some()));
}

#[test]
fn a_file_is_about_as_small_as_one_of_the_plain_writer() {
    let rows = rows(100_000);
    let file = encode(&rows, ParquetOptions::default(), 2, 8192);
    let mut plain = Vec::new();
    let properties = properties(&ParquetOptions::default()).build();
    let mut writer = ArrowWriter::try_new(&mut plain, rows.schema(), Some(properties)).expect("the schema is plain");
    writer.write(&rows).expect("the rows fit");
    writer.close().expect("memory takes everything");
    assert!(
        file.len() * 100 <= plain.len() * 102,
        "{} against {}",
        file.len(),
        plain.len()
    );
}

#[test]
fn a_file_without_rows_has_its_columns() {
    let rows = rows(0);
    let options = ParquetOptions {
        compression: ParquetCompression::Snappy,
        ..ParquetOptions::default()
    };
    let (found, metadata) = decode(&encode(&rows, options, 2, 1));
    assert_eq!((found.num_rows(), metadata.num_row_groups()), (0, 0));
    assert_eq!(found.schema(), rows.schema());
}
