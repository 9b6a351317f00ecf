//! Encoded rows, side by side.

use std::sync::Arc;

use crate::packed::Packed;

/// Many encoded rows in one buffer. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedRows {
    pub(super) packed: Arc<Packed>,
}

impl EncodedRows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.packed.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of a row.
    ///
    /// # Panics
    /// When there is no such row, as slices do.
    pub fn get(&self, row: usize) -> &[u8] {
        self.packed.get(row)
    }

    /// The rows in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|row| self.get(row))
    }
}

impl<'a> FromIterator<&'a [u8]> for EncodedRows {
    /// Collects rows that are encoded already.
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(rows: I) -> Self {
        let mut packed = Packed::new();
        rows.into_iter().for_each(|row| packed.push(row));
        Self {
            packed: Arc::new(packed),
        }
    }
}
