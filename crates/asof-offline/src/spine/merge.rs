//! Several Parquet files as one spine.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use asof_model::conform::type_name;

use super::location::SpineFile;
use super::rows::{Origin, ParquetFile};
use crate::OfflineError;
use crate::source::columns_of;

/// Opens files as the parts of one spine. The first decides which columns there are, in which order; the others need
/// the same, by name. Numbers of one kind get the widest type, and `key=value` folders become columns at the end.
pub(super) fn open(files: Vec<SpineFile>) -> Result<(SchemaRef, Vec<ParquetFile>), OfflineError> {
    let partitions: Vec<_> = files.iter().map(|file| &file.partitions).collect();
    let partition_columns = columns_of(&partitions).map_err(|other| OfflineError::Partitions {
        file: files[other].file.name().to_owned(),
        first: files[0].file.name().to_owned(),
    })?;
    let mut opened = Vec::new();
    let mut fields: Vec<Field> = Vec::new();
    for file in &files {
        let mut parquet = ParquetFile::open(file.file.clone())?;
        let found = Arc::clone(parquet.metadata.schema());
        if opened.is_empty() {
            fields = found.fields().iter().map(|field| field.as_ref().clone()).collect();
        }
        let differs = |column: &str, problem: String| OfflineError::SpineFilesDiffer {
            file: file.file.name().to_owned(),
            first: files[0].file.name().to_owned(),
            column: column.to_owned(),
            problem,
        };
        let mut columns = Vec::new();
        for field in &mut fields {
            let Some((at, there)) = found.column_with_name(field.name()) else {
                return Err(differs(field.name(), "is missing".to_owned()));
            };
            let Some(common) = common(field.data_type(), there.data_type()) else {
                let types = (type_name(there.data_type()), type_name(field.data_type()));
                return Err(differs(field.name(), format!("has type {}, not {}", types.0, types.1)));
            };
            columns.push(Origin::Column(at));
            let nullable = field.is_nullable() || there.is_nullable();
            *field = field.clone().with_data_type(common).with_nullable(nullable);
        }
        if let Some(more) = found
            .fields()
            .iter()
            .find(|there| !fields.iter().any(|field| field.name() == there.name()))
        {
            return Err(differs(more.name(), "is there and not in the first".to_owned()));
        }
        let values = partition_columns.iter().zip(&file.partitions);
        columns.extend(values.map(|(column, (_, value))| Origin::Partition(column.clone(), value.clone())));
        parquet.columns = columns;
        opened.push(parquet);
    }
    let partitions = partition_columns.into_iter();
    fields.extend(partitions.map(|column| Field::new(column.name, column.data_type, true)));
    Ok((Arc::new(Schema::new(fields)), opened))
}

/// The type that holds every value of both types as it is, if there is one.
fn common(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType as T;
    const SIGNED: [DataType; 4] = [T::Int8, T::Int16, T::Int32, T::Int64];
    const UNSIGNED: [DataType; 4] = [T::UInt8, T::UInt16, T::UInt32, T::UInt64];
    const FLOATS: [DataType; 3] = [T::Float16, T::Float32, T::Float64];
    const TEXTS: [DataType; 3] = [T::Utf8View, T::Utf8, T::LargeUtf8];
    const BYTES: [DataType; 3] = [T::BinaryView, T::Binary, T::LargeBinary];
    match (a, b) {
        _ if a == b => Some(a.clone()),
        (T::Null, other) | (other, T::Null) => Some(other.clone()),
        (T::Dictionary(_, values), other) | (other, T::Dictionary(_, values)) => common(values, other),
        _ => {
            let kinds: [&[DataType]; 5] = [&SIGNED, &UNSIGNED, &FLOATS, &TEXTS, &BYTES];
            kinds.into_iter().find_map(|kind| {
                let place = |of: &DataType| kind.iter().position(|known| known == of);
                Some(kind[place(a)?.max(place(b)?)].clone())
            })
        }
    }
}
