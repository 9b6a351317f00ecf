//! One schema for the files of a source, which need not have the same.
//!
//! | in one file | in another | in the source |
//! |---|---|---|
//! | a column | none | the column, null in the other file |
//! | integers, or floats | the same with more bits | the one that holds both |
//! | dates | timestamps | timestamps |
//! | any kind of text, bytes or list | another kind of it | one kind of it |
//! | a struct | a struct | a struct with the fields of both, each by this table |
//! | anything | something else | an error, as soon as the column is used |

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StructArray, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use asof_model::conform::{can_conform, conform, type_name};
use asof_model::{ScalarType, ValueType};

use crate::OfflineError;
use crate::error::ValueError;

/// The schema of all files, and where they do not agree.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) fields: Vec<Field>,
    /// By column: files between which it has types that do not fit together.
    conflicts: HashMap<String, Conflict>,
    /// By column: a file that has it, and the first file that lacks it.
    lacking: HashMap<String, (usize, usize)>,
}

#[derive(Debug)]
struct Conflict {
    file: usize,
    found: DataType,
    first: usize,
    expected: DataType,
}

/// A column while files are merged.
struct Column {
    name: String,
    data_type: DataType,
    /// The first file that has it with a type.
    origin: usize,
    conflict: Option<Conflict>,
}

impl Merged {
    /// The schema of files with these paths and schemas.
    ///
    /// # Errors
    /// When two columns of a file have one name, or columns of two files have names that differ by case only.
    pub(super) fn of(files: &[(&str, &SchemaRef)]) -> Result<Self, OfflineError> {
        // Most files have the schema of an earlier one: each distinct schema is looked at once.
        let mut distinct: Vec<usize> = Vec::new();
        for (at, (_, schema)) in files.iter().enumerate() {
            let known = distinct.iter().rev().any(|known| {
                let known = files[*known].1;
                Arc::ptr_eq(known, schema) || known.fields() == schema.fields()
            });
            if !known {
                distinct.push(at);
            }
        }
        let mut columns: Vec<Column> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for at in &distinct {
            let (path, schema) = files[*at];
            refuse_duplicates(path, schema)?;
            for field in schema.fields() {
                let found = canonical(field.data_type());
                let place = *places.entry(field.name().clone()).or_insert_with(|| {
                    columns.push(Column {
                        name: field.name().clone(),
                        data_type: DataType::Null,
                        origin: *at,
                        conflict: None,
                    });
                    columns.len() - 1
                });
                columns[place].merge(found, field.data_type(), *at);
            }
        }
        let lacking = lacking(files, &distinct, &columns, &places)?;
        Ok(Self {
            fields: columns
                .iter()
                .map(|column| Field::new(&column.name, column.data_type.clone(), true))
                .collect(),
            conflicts: columns
                .into_iter()
                .filter_map(|column| Some((column.name, column.conflict?)))
                .collect(),
            lacking,
        })
    }

    /// Why a column cannot be used, if it cannot.
    pub(super) fn conflict(&self, column: &str, path: impl Fn(usize) -> String) -> Option<OfflineError> {
        let conflict = self.conflicts.get(column)?;
        Some(OfflineError::ColumnType {
            file: path(conflict.file),
            column: column.to_owned(),
            found: type_name(&conflict.found).into(),
            first: path(conflict.first),
            expected: type_name(&conflict.expected).into(),
        })
    }

    /// The error that a file lacks the column, if one does while another has it.
    pub(super) fn missing(&self, column: &str, path: impl Fn(usize) -> String) -> Option<OfflineError> {
        let (having, lacking) = self.lacking.get(column)?;
        Some(OfflineError::MissingColumn {
            file: path(*lacking),
            column: column.to_owned(),
            other: path(*having),
        })
    }
}

impl Column {
    /// Takes in the column of the file `at`, whose type is `written` there.
    fn merge(&mut self, found: DataType, written: &DataType, at: usize) {
        if self.data_type == DataType::Null {
            self.data_type = found;
            self.origin = at;
        } else if let Some(both) = widest(&self.data_type, &found) {
            self.data_type = both;
        } else if self.conflict.is_none() {
            self.conflict = Some(Conflict {
                file: at,
                found: written.clone(),
                first: self.origin,
                expected: self.data_type.clone(),
            });
        }
    }
}

fn refuse_duplicates(path: &str, schema: &Schema) -> Result<(), OfflineError> {
    let mut names = std::collections::HashSet::new();
    match schema.fields().iter().find(|field| !names.insert(field.name())) {
        None => Ok(()),
        Some(twice) => Err(OfflineError::DuplicateColumn {
            file: path.to_owned(),
            column: twice.name().clone(),
        }),
    }
}

/// Which columns some file lacks: a file that has it, and one that does not.
///
/// # Errors
/// When the file that lacks it has one whose name differs by case only: filling in nulls would hide its values.
fn lacking(
    files: &[(&str, &SchemaRef)],
    distinct: &[usize],
    columns: &[Column],
    places: &HashMap<String, usize>,
) -> Result<HashMap<String, (usize, usize)>, OfflineError> {
    let mut lacking = HashMap::new();
    for at in distinct {
        let (path, schema) = files[*at];
        let mut has = vec![false; columns.len()];
        for field in schema.fields() {
            has[places[field.name()]] = true;
        }
        if has.iter().all(|has| *has) {
            continue;
        }
        let folded: HashMap<String, &str> = schema
            .fields()
            .iter()
            .map(|field| (field.name().to_lowercase(), field.name().as_str()))
            .collect();
        for (column, _) in columns.iter().zip(&has).filter(|(_, has)| !**has) {
            if let Some(other) = folded.get(&column.name.to_lowercase()) {
                return Err(OfflineError::ColumnCase {
                    file: path.to_owned(),
                    column: (*other).to_owned(),
                    first: files[column.origin].0.to_owned(),
                    expected: column.name.clone(),
                });
            }
            lacking.entry(column.name.clone()).or_insert((column.origin, *at));
        }
    }
    Ok(lacking)
}

/// The type in which expressions see a column: one kind of text, one of bytes, one of time; all else as it is.
fn canonical(data_type: &DataType) -> DataType {
    use DataType as T;
    match data_type {
        T::Utf8 | T::LargeUtf8 | T::Utf8View => ScalarType::String.arrow(),
        T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => ScalarType::Bytes.arrow(),
        T::Timestamp(_, _) => ScalarType::Timestamp.arrow(),
        T::Dictionary(_, values) => canonical(values),
        T::List(item) | T::LargeList(item) | T::ListView(item) | T::LargeListView(item) | T::FixedSizeList(item, _) => {
            let item = canonical(item.data_type());
            let scalar = ScalarType::ALL.into_iter().find(|scalar| scalar.arrow() == item);
            scalar.map_or_else(|| data_type.clone(), |scalar| ValueType::Array(scalar).arrow())
        }
        T::Struct(fields) => {
            let canonical = fields
                .iter()
                .map(|field| Field::new(field.name(), canonical(field.data_type()), true));
            T::Struct(canonical.collect())
        }
        other => other.clone(),
    }
}

/// The least type that holds the values of both canonical types without loss, if there is one.
fn widest(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType as T;
    if a == b {
        return Some(a.clone());
    }
    match (a, b) {
        (T::Null, other) | (other, T::Null) => Some(other.clone()),
        (T::Struct(a), T::Struct(b)) => Some(T::Struct(widest_fields(a, b)?)),
        (T::List(a), T::List(b)) => {
            let item = widest(a.data_type(), b.data_type())?;
            let scalar = ScalarType::ALL.into_iter().find(|scalar| scalar.arrow() == item)?;
            Some(ValueType::Array(scalar).arrow())
        }
        (T::Decimal128(a, scale), T::Decimal128(b, other)) if scale == other => Some(T::Decimal128(*a.max(b), *scale)),
        _ => {
            let holding = [
                ScalarType::Int32,
                ScalarType::Int64,
                ScalarType::Float32,
                ScalarType::Float64,
                ScalarType::Timestamp,
            ];
            let both = |scalar: &ScalarType| can_conform(a, (*scalar).into()) && can_conform(b, (*scalar).into());
            holding.into_iter().find(both).map(ScalarType::arrow)
        }
    }
}

fn widest_fields(a: &Fields, b: &Fields) -> Option<Fields> {
    let mut fields = Vec::with_capacity(a.len());
    for field in a {
        let data_type = match b.find(field.name()) {
            Some((_, other)) => widest(field.data_type(), other.data_type())?,
            None => field.data_type().clone(),
        };
        fields.push(Field::new(field.name(), data_type, true));
    }
    let new = b.iter().filter(|field| a.find(field.name()).is_none());
    fields.extend(new.map(|field| field.as_ref().clone()));
    Some(fields.into())
}

/// The feature type that is held by exactly this Arrow type.
fn value_type(data_type: &DataType) -> Option<ValueType> {
    let scalars = ScalarType::ALL.into_iter();
    scalars
        .flat_map(|scalar| [ValueType::Scalar(scalar), ValueType::Array(scalar)])
        .find(|value_type| value_type.arrow() == *data_type)
}

/// Brings a column of a file to its type in the schema. A column that the file lacks is
/// [`new_null_array`] of that type.
///
/// # Errors
/// When a value does not fit, such as a time that is too far away.
pub(crate) fn adapt(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ValueError> {
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    if let Some(to) = value_type(to) {
        return Ok(conform(array, to)?);
    }
    match (array.data_type(), to) {
        (DataType::Struct(_), DataType::Struct(fields)) => Ok(Arc::new(adapt_fields(array.as_struct(), fields)?)),
        (DataType::Null, _) => Ok(new_null_array(to, array.len())),
        // What is left is a decimal, or a dictionary of a type that no feature has.
        _ => {
            let options = CastOptions {
                safe: false,
                ..CastOptions::default()
            };
            Ok(cast_with_options(array, to, &options)?)
        }
    }
}

fn adapt_fields(array: &StructArray, fields: &Fields) -> Result<StructArray, ValueError> {
    let column = |field: &Arc<Field>| match array.column_by_name(field.name()) {
        Some(column) => adapt(column, field.data_type()),
        None => Ok(new_null_array(field.data_type(), array.len())),
    };
    let columns = fields.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    Ok(StructArray::new(fields.clone(), columns, array.nulls().cloned()))
}

#[cfg(test)]
mod tests;
