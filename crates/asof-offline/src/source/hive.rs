//! Hive partitions: folders named `key=value`, which stand for a column with one value.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray, UInt32Array, new_null_array};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;

/// How Hive writes a null.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The partitions that a file lies in: names and values, outermost first, percent-decoded. `None` is null.
pub(crate) type Partitions = Vec<(String, Option<String>)>;

/// A column that stands for partitions: of folders integers when every value is one, else texts; of a Delta table what
/// its log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartitionColumn {
    pub(crate) name: String,
    pub(crate) data_type: DataType,
}

/// The partitions of the folders between a source's own folder and a file.
pub(crate) fn partitions_of<'a>(folders: impl Iterator<Item = &'a str>) -> Partitions {
    folders
        .filter_map(|folder| folder.split_once('='))
        .map(|(name, value)| {
            let value = percent_decode(value);
            (percent_decode(name), (value != NULL).then_some(value))
        })
        .collect()
}

/// The columns for the partitions of all files, which must have the same names in the same order.
///
/// # Errors
/// The position of the first file whose partitions differ from those of the first.
pub(crate) fn columns_of(files: &[&Partitions]) -> Result<Vec<PartitionColumn>, usize> {
    let Some(first) = files.first() else {
        return Ok(Vec::new());
    };
    let names = |partitions: &Partitions| partitions.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let expected = names(first);
    if let Some(other) = files.iter().position(|file| names(file) != expected) {
        return Err(other);
    }
    let columns = expected.into_iter().enumerate().map(|(at, name)| {
        let mut values = files.iter().filter_map(|file| file[at].1.as_deref()).peekable();
        let integers = values.peek().is_some() && values.all(|value| value.parse::<i64>().is_ok());
        let data_type = if integers { DataType::Int64 } else { DataType::Utf8 };
        PartitionColumn { name, data_type }
    });
    Ok(columns.collect())
}

impl PartitionColumn {
    /// The column for `rows` rows of a file with this value.
    pub(crate) fn array(&self, value: Option<&str>, rows: usize) -> ArrayRef {
        match (value, &self.data_type) {
            (Some(value), DataType::Int64) => match value.parse::<i64>() {
                Ok(value) => Arc::new(Int64Array::from_value(value, rows)),
                Err(_) => new_null_array(&self.data_type, rows),
            },
            (Some(value), DataType::Utf8) => Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, rows))),
            (Some(value), data_type) => {
                let text = StringArray::from_iter_values([value]);
                let value =
                    cast(&text, data_type).and_then(|value| take(&value, &UInt32Array::from_value(0, rows), None));
                value.unwrap_or_else(|_| new_null_array(data_type, rows))
            }
            (None, data_type) => new_null_array(data_type, rows),
        }
    }
}

/// Replaces `%41` by `A`; what is no such escape, or would not be UTF-8, stays as it is.
pub(super) fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = escape {
            decoded.push(byte);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(path: &str) -> Partitions {
        partitions_of(path.split('/'))
    }

    #[test]
    fn partition_values_are_decoded_and_the_hive_null_is_null() {
        assert_eq!(
            partitions("year=2013/plain/city=New%20York%2c/x=__HIVE_DEFAULT_PARTITION__/bad=%zz%"),
            [
                ("year".to_owned(), Some("2013".to_owned())),
                ("city".to_owned(), Some("New York,".to_owned())),
                ("x".to_owned(), None),
                ("bad".to_owned(), Some("%zz%".to_owned())),
            ]
        );
    }

    #[test]
    fn a_partition_column_is_integer_when_every_value_is() {
        let (a, b, c) = (partitions("k=01"), partitions("k=-2"), partitions("k=x"));
        let null = partitions("k=__HIVE_DEFAULT_PARTITION__");
        let types = |files: &[&Partitions]| columns_of(files).map(|columns| columns[0].data_type.clone());
        assert_eq!(types(&[&a, &b, &null]), Ok(DataType::Int64));
        assert_eq!(types(&[&a, &b, &c]), Ok(DataType::Utf8));
        assert_eq!(types(&[&null]), Ok(DataType::Utf8));
        assert_eq!(types(&[&a, &partitions("j=1")]), Err(1));
        assert_eq!(types(&[&a, &partitions("k=1/j=1")]), Err(1));
    }
}
