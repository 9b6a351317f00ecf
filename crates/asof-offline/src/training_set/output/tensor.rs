//! Features as numbers, one row of them per row, in an Arrow IPC file.
//!
//! ```text
//! the spine's columns | features: FixedSizeList<Float32>[n]      position by position as `asof.features` names them
//! ```
//!
//! Numbers and bools take one position each, an array one per item. There are no nulls: what is missing is what the
//! service imputes, else NaN.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray, Float32Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, Schema, SchemaRef};
use arrow::ipc::writer::FileWriter;
use asof_model::conform::type_name;
use parquet::file::metadata::KeyValue;

use super::pieces::Block;
use crate::WriteError;

/// The column of the numbers.
const COLUMN: &str = "features";

/// Rows that are kept until the lengths of all arrays are known.
const PATIENCE: usize = 1 << 20;

/// A feature in the tensor.
#[derive(Debug, Clone)]
struct Feature {
    name: String,
    /// The position of its column.
    column: usize,
    /// What stands for a missing value.
    missing: f32,
    /// How many positions it takes; `None`: an array of which no value was seen.
    width: Option<usize>,
    is_array: bool,
}

/// An Arrow IPC file in the making.
pub(super) struct TensorEncoder<W: Write> {
    spine: Vec<Field>,
    features: Vec<Feature>,
    metadata: HashMap<String, String>,
    state: State<W>,
    rows: usize,
}

enum State<W: Write> {
    /// Until the lengths of arrays are known, the schema is not.
    Waiting(W, Vec<RecordBatch>),
    Writing(Box<FileWriter<W>>, SchemaRef),
}

/// Checks that every feature of a training set becomes numbers.
///
/// # Errors
/// The first that does not.
pub(super) fn check(schema: &Schema, spine_columns: usize) -> Result<(), WriteError> {
    if let Some(column) = schema.fields()[..spine_columns]
        .iter()
        .find(|field| field.name() == COLUMN)
    {
        return Err(WriteError::TensorColumn {
            column: column.name().clone(),
        });
    }
    for field in &schema.fields()[spine_columns..] {
        let item = match field.data_type() {
            DataType::List(item) => item.data_type(),
            scalar => scalar,
        };
        if !(item.is_numeric() || *item == DataType::Boolean) {
            return Err(WriteError::TensorType {
                feature: field.name().clone(),
                found: type_name(field.data_type()),
            });
        }
    }
    Ok(())
}

impl<W: Write> TensorEncoder<W> {
    /// Begins a file of a training set whose first `spine_columns` columns are the spine's. `impute` has what stands
    /// for missing values, by feature.
    pub(super) fn new(
        to: W,
        schema: &Schema,
        spine_columns: usize,
        impute: &[Option<f64>],
        labels: Vec<KeyValue>,
    ) -> Self {
        let fields = schema.fields();
        let spine = fields[..spine_columns].iter().map(|field| match field.data_type() {
            // A file has one dictionary per column, and batches may have different ones.
            DataType::Dictionary(_, values) => field.as_ref().clone().with_data_type(values.as_ref().clone()),
            _ => field.as_ref().clone(),
        });
        let features = fields[spine_columns..].iter().enumerate().map(|(at, field)| {
            let is_array = matches!(field.data_type(), DataType::List(_));
            Feature {
                name: field.name().clone(),
                column: spine_columns + at,
                missing: impute
                    .get(at)
                    .copied()
                    .flatten()
                    .map_or(f32::NAN, |number| number as f32),
                width: (!is_array).then_some(1),
                is_array,
            }
        });
        let labels = labels.into_iter().filter_map(|entry| Some((entry.key, entry.value?)));
        Self {
            spine: spine.collect(),
            features: features.collect(),
            metadata: labels.collect(),
            state: State::Waiting(to, Vec::new()),
            rows: 0,
        }
    }

    /// Encodes the pieces of a block.
    pub(super) fn encode(mut self, block: &Block) -> Result<Self, WriteError> {
        for piece in &block.pieces {
            for feature in self.features.iter_mut().filter(|feature| feature.width.is_none()) {
                let lists = piece.column(feature.column).as_list::<i32>();
                let first = (0..lists.len()).find(|row| lists.is_valid(*row));
                feature.width = first.map(|row| lists.value_length(row) as usize);
            }
            self.rows += piece.num_rows();
            self.state = match self.state {
                State::Writing(mut writer, schema) => {
                    let first_row = self.rows - piece.num_rows();
                    writer.write(&tensor(piece, first_row, &schema, &self.features)?)?;
                    State::Writing(writer, schema)
                }
                State::Waiting(to, mut pieces) => {
                    pieces.push(piece.clone());
                    State::Waiting(to, pieces)
                }
            };
            let unknown = self.features.iter().find(|feature| feature.width.is_none());
            match unknown {
                None => self = self.begin()?,
                Some(feature) if self.rows > PATIENCE => {
                    return Err(WriteError::TensorLength {
                        feature: feature.name.clone(),
                    });
                }
                Some(_) => {}
            }
        }
        Ok(self)
    }

    /// Writes the schema, and what waits for it. Nothing happens where that is done.
    fn begin(mut self) -> Result<Self, WriteError> {
        let State::Waiting(to, pieces) = self.state else {
            return Ok(self);
        };
        let names: Vec<String> = (self.features.iter())
            .flat_map(|feature| {
                let positions = 0..feature.width.unwrap_or(0);
                positions.map(|at| {
                    if feature.is_array {
                        format!("{}[{at}]", feature.name)
                    } else {
                        feature.name.clone()
                    }
                })
            })
            .collect();
        let item = Arc::new(Field::new("item", DataType::Float32, false));
        let length = i32::try_from(names.len()).map_err(|_| WriteError::TensorLength {
            feature: COLUMN.to_owned(),
        })?;
        let mut fields = self.spine.clone();
        fields.push(Field::new(COLUMN, DataType::FixedSizeList(item, length), false));
        let mut metadata = self.metadata.clone();
        let names = serde_json::Value::from(names);
        metadata.insert("asof.features".to_owned(), names.to_string());
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        let mut writer = Box::new(FileWriter::try_new(to, &schema)?);
        let mut first_row = 0;
        for piece in pieces {
            writer.write(&tensor(&piece, first_row, &schema, &self.features)?)?;
            first_row += piece.num_rows();
        }
        self.state = State::Writing(writer, schema);
        Ok(self)
    }

    /// Ends the file, after its last rows. What it was written to is given back.
    pub(super) fn finish(mut self) -> Result<W, WriteError> {
        if self.rows > 0
            && let Some(feature) = self.features.iter().find(|feature| feature.width.is_none())
        {
            return Err(WriteError::TensorLength {
                feature: feature.name.clone(),
            });
        }
        self = self.begin()?;
        let State::Writing(mut writer, _) = self.state else {
            unreachable!("the file was begun");
        };
        writer.finish()?;
        Ok(writer.into_inner()?)
    }
}

/// The spine's columns, and all features as one.
fn tensor(
    piece: &RecordBatch,
    first_row: usize,
    schema: &SchemaRef,
    features: &[Feature],
) -> Result<RecordBatch, WriteError> {
    let rows = piece.num_rows();
    let length: usize = features.iter().filter_map(|feature| feature.width).sum();
    let mut numbers = vec![0.0_f32; rows * length];
    let mut at = 0;
    for feature in features {
        let width = feature.width.unwrap_or(0);
        let column = piece.column(feature.column);
        if feature.is_array {
            let lists = column.as_list::<i32>();
            let items = as_floats(lists.values())?;
            for row in 0..rows {
                let place = &mut numbers[row * length + at..][..width];
                if lists.is_null(row) {
                    place.fill(feature.missing);
                    continue;
                }
                let found = lists.value_length(row) as usize;
                if found != width {
                    return Err(WriteError::TensorShape {
                        feature: feature.name.clone(),
                        row: (first_row + row) as u64 + 1,
                        found,
                        width,
                    });
                }
                let start = lists.value_offsets()[row] as usize;
                for (item, number) in (start..).zip(place) {
                    *number = if items.is_null(item) {
                        feature.missing
                    } else {
                        items.value(item)
                    };
                }
            }
        } else {
            let values = as_floats(column)?;
            for row in 0..rows {
                numbers[row * length + at] = if values.is_null(row) {
                    feature.missing
                } else {
                    values.value(row)
                };
            }
        }
        at += width;
    }
    let spine_columns = schema.fields().len() - 1;
    let spine = piece.columns()[..spine_columns].iter().zip(schema.fields());
    let as_written = |(column, field): (&ArrayRef, &Arc<Field>)| match column.data_type() {
        same if same == field.data_type() => Ok(Arc::clone(column)),
        _ => cast(column, field.data_type()),
    };
    let mut columns = spine.map(as_written).collect::<Result<Vec<_>, _>>()?;
    let DataType::FixedSizeList(item, width) = schema.field(spine_columns).data_type() else {
        unreachable!("the last column is a list of one length");
    };
    let numbers: ArrayRef = Arc::new(Float32Array::from(numbers));
    let list = FixedSizeListArray::try_new_with_length(Arc::clone(item), *width, numbers, None, rows)?;
    columns.push(Arc::new(list));
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

fn as_floats(column: &ArrayRef) -> Result<Float32Array, WriteError> {
    Ok(cast(column, &DataType::Float32)?.as_primitive::<Float32Type>().clone())
}

#[cfg(test)]
mod tests;
