//! Record batches from literals.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};

/// A record batch in the making: columns in the order added, all of one length, all nullable.
///
/// Values are `T` or `Option<T>`: `Table::new().strings("origin", ["JFK", "LGA"]).floats("temp", [Some(1.5), None])`.
#[derive(Debug, Clone, Default)]
pub struct Table {
    columns: Vec<(String, ArrayRef)>,
}

macro_rules! columns {
    ($($(#[$doc:meta])* $method:ident [$($life:lifetime)?] $value:ty => $array:ty;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $method<$($life,)? V: Into<Option<$value>>>(self, name: &str, values: impl IntoIterator<Item = V>) -> Self {
            let array: $array = values.into_iter().map(Into::into).collect();
            self.column(name, Arc::new(array))
        }
    )*};
}

impl Table {
    /// A table without columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds any array as a column.
    #[must_use]
    pub fn column(mut self, name: &str, array: ArrayRef) -> Self {
        self.columns.push((name.to_owned(), array));
        self
    }

    columns! {
        /// Adds a `Utf8` column.
        strings ['a] &'a str => StringArray;
        /// Adds a `Binary` column.
        binaries ['a] &'a [u8] => BinaryArray;
        /// Adds a `Boolean` column.
        bools [] bool => BooleanArray;
        /// Adds an `Int32` column.
        int32s [] i32 => Int32Array;
        /// Adds an `Int64` column.
        int64s [] i64 => Int64Array;
        /// Adds a `Float32` column.
        float32s [] f32 => Float32Array;
        /// Adds a `Float64` column.
        floats [] f64 => Float64Array;
    }

    /// Adds a `Timestamp(us, "UTC")` column of microseconds since the epoch.
    #[must_use]
    pub fn times<V: Into<Option<i64>>>(self, name: &str, micros: impl IntoIterator<Item = V>) -> Self {
        let array: TimestampMicrosecondArray = micros.into_iter().map(Into::into).collect();
        self.column(name, Arc::new(array.with_timezone("UTC")))
    }

    /// The batch.
    ///
    /// # Panics
    /// When the columns differ in length.
    pub fn batch(self) -> RecordBatch {
        let fields: Vec<Field> = (self.columns.iter())
            .map(|(name, array)| Field::new(name, array.data_type().clone(), true))
            .collect();
        let arrays = self.columns.into_iter().map(|(_, array)| array).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a test's columns have one length")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_become_nullable_columns() {
        let batch = Table::new()
            .strings("k", ["a", "b"])
            .int64s("i", [Some(1), None])
            .floats("f", [0.5, -0.0])
            .times("t", [0_i64, 1])
            .batch();
        assert_eq!((batch.num_rows(), batch.num_columns()), (2, 4));
        assert_eq!(batch.column(1).null_count(), 1);
    }
}
