//! Spines in CSV: declared columns by their types, the others as they look.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::csv::ReaderBuilder;
use arrow::csv::reader::Format;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use asof_model::{ScalarType, Timestamp, ValueType};

use super::READ_ROWS;
use super::file::{FileFrom, LocalFile};
use crate::OfflineError;

/// Reads a CSV file batch by batch; the columns in `declared` get the types given there.
pub(super) fn read(
    file: &LocalFile,
    declared: &[(String, ValueType)],
) -> Result<
    (
        SchemaRef,
        impl Iterator<Item = Result<RecordBatch, OfflineError>> + use<>,
    ),
    OfflineError,
> {
    let name = file.name().to_owned();
    let unreadable = move |error| OfflineError::Csv {
        file: name.clone(),
        error,
    };
    let format = Format::default().with_header(true);
    let (inferred, _) = format.infer_schema(start(file)?, None).map_err(&unreadable)?;
    let codes = codes(start(file)?, &format, &inferred).map_err(&unreadable)?;
    let declared_type = |field: &Field| declared.iter().find(|(name, _)| name == field.name()).map(|(_, t)| *t);
    // Declared columns are read as text, because only we know all of their forms.
    let texts: Vec<Field> = inferred
        .fields()
        .iter()
        .enumerate()
        .map(|(at, field)| {
            let stays_text =
                declared_type(field).is_some() || codes.contains(&at) || *field.data_type() == DataType::Null;
            if stays_text {
                Field::new(field.name(), DataType::Utf8, true)
            } else {
                field.as_ref().clone().with_nullable(true)
            }
        })
        .collect();
    let types: Vec<Option<ValueType>> = inferred.fields().iter().map(|field| declared_type(field)).collect();
    let fields = texts.iter().zip(&types).map(|(field, declared)| match declared {
        Some(value_type) => Field::new(field.name(), value_type.arrow(), true),
        None => field.clone(),
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let reader = ReaderBuilder::new(Arc::new(Schema::new(texts)))
        .with_format(format)
        .with_batch_size(READ_ROWS)
        .build(start(file)?)
        .map_err(&unreadable)?;
    let (mut rows, out) = (0, Arc::clone(&schema));
    let batches = reader.map(move |batch| {
        let batch = batch.map_err(&unreadable)?;
        let cells = batch.columns().iter().zip(out.fields()).zip(&types);
        let columns = cells.map(|((column, field), declared)| match declared {
            None => Ok(Arc::clone(column)),
            Some(value_type) => parse(column.as_string(), *value_type).map_err(|row| OfflineError::Cell {
                column: field.name().clone(),
                row: rows + row as u64 + 1,
                text: column.as_string::<i32>().value(row).to_owned(),
                expected: value_type.to_string(),
            }),
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        rows += batch.num_rows() as u64;
        Ok(RecordBatch::try_new(Arc::clone(&out), columns)?)
    });
    Ok((schema, batches))
}

/// The text of a file from its start. Spreadsheets put a byte order mark before UTF-8; it is no part of the first
/// column's name.
fn start(file: &LocalFile) -> Result<FileFrom, OfflineError> {
    let mut mark = Vec::new();
    let read = file.from(0).take(3).read_to_end(&mut mark);
    read.map_err(|error| OfflineError::File { error })?;
    Ok(file.from(if mark == b"\xef\xbb\xbf" { 3 } else { 0 }))
}

/// The positions of columns that look like numbers and are codes, as a column with `007` in it: as numbers they would
/// lose their zeros, and a spine's columns come out as they are.
fn codes(file: FileFrom, format: &Format, inferred: &Schema) -> Result<BTreeSet<usize>, ArrowError> {
    let fields = inferred.fields().iter();
    let numbers: Vec<usize> = (fields.clone().enumerate())
        .filter(|(_, field)| field.data_type().is_numeric())
        .map(|(at, _)| at)
        .collect();
    let mut codes = BTreeSet::new();
    if numbers.is_empty() {
        return Ok(codes);
    }
    let texts: Vec<Field> = fields
        .map(|field| Field::new(field.name(), DataType::Utf8, true))
        .collect();
    let reader = ReaderBuilder::new(Arc::new(Schema::new(texts)))
        .with_format(format.clone())
        .with_projection(numbers.clone())
        .with_batch_size(READ_ROWS)
        .build(file)?;
    let is_code = |cell: &str| {
        let digits = cell.trim_start_matches('-');
        digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit()
    };
    for batch in reader {
        for (column, at) in batch?.columns().iter().zip(&numbers) {
            if column.as_string::<i32>().iter().flatten().any(is_code) {
                codes.insert(*at);
            }
        }
    }
    Ok(codes)
}

/// Parses every cell of a column, or says in which row the first is that cannot be.
fn parse(cells: &StringArray, to: ValueType) -> Result<ArrayRef, usize> {
    let ValueType::Scalar(scalar) = to else {
        // A list has no form in a cell; only empty ones, which are null, can be taken.
        return match (0..cells.len()).find(|row| cells.is_valid(*row)) {
            Some(row) => Err(row),
            None => Ok(arrow::array::new_null_array(&to.arrow(), cells.len())),
        };
    };
    fn each<T, A: FromIterator<Option<T>>>(cells: &StringArray, parse: impl Fn(&str) -> Option<T>) -> Result<A, usize> {
        let cell = |(row, cell): (usize, Option<&str>)| cell.map(|cell| parse(cell).ok_or(row)).transpose();
        cells.iter().enumerate().map(cell).collect()
    }
    Ok(match scalar {
        ScalarType::String => Arc::new(cells.clone()),
        ScalarType::Bytes => Arc::new(
            cells
                .iter()
                .map(|cell| cell.map(str::as_bytes))
                .collect::<BinaryArray>(),
        ),
        ScalarType::Bool => Arc::new(each::<bool, BooleanArray>(cells, |cell| {
            match cell.to_ascii_lowercase().as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            }
        })?),
        ScalarType::Int32 => Arc::new(each::<i32, Int32Array>(cells, |cell| cell.parse().ok())?),
        ScalarType::Int64 => Arc::new(each::<i64, Int64Array>(cells, |cell| cell.parse().ok())?),
        ScalarType::Float32 => Arc::new(each::<f32, Float32Array>(cells, |cell| cell.parse().ok())?),
        ScalarType::Float64 => Arc::new(each::<f64, Float64Array>(cells, |cell| cell.parse().ok())?),
        ScalarType::Timestamp => {
            let micros = |cell: &str| cell.parse::<Timestamp>().ok().map(Timestamp::micros);
            let times: TimestampMicrosecondArray = each(cells, micros)?;
            Arc::new(times.with_timezone("UTC"))
        }
    })
}
