//! Rows to columns. The type of a column is looked at once, not once per value; no bytes make this panic, or
//! allocate more than they hold.

mod column;

use std::sync::Arc;

use arrow::array::ArrayRef;

use super::layout::{FINGERPRINT_AT, Layout, WIDE_FLAG, body_at, needs_wide};
use super::{RowError, stored_order};
use crate::StoredOrder;
use crate::packed::{bit, spare_bits_are_clear, take_u32};

/// Rows turned into columns.
#[derive(Debug, Clone)]
pub struct DecodedRows {
    /// One column per feature asked for, in the order asked; null where there is no row too.
    pub columns: Vec<ArrayRef>,
    /// The times of each row; `None` where there is no row.
    pub orders: Vec<Option<StoredOrder>>,
}

/// Collects rows, to turn them into columns of some of their features. Borrows the rows' bytes until then.
#[derive(Debug)]
pub struct RowDecoder<'r> {
    layout: Arc<Layout>,
    features: Vec<usize>,
    rows: Vec<Option<Body<'r>>>,
    orders: Vec<Option<StoredOrder>>,
}

impl<'r> RowDecoder<'r> {
    pub(super) fn new(layout: Arc<Layout>, features: &[usize]) -> Self {
        Self {
            layout,
            features: features.to_vec(),
            rows: Vec::new(),
            orders: Vec::new(),
        }
    }

    /// How many rows were pushed.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row was pushed.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a row; `None` for one that is not there, which is null in all columns.
    ///
    /// # Errors
    /// When the bytes are no row of the codec's features. The row is not added then.
    pub fn push(&mut self, row: Option<&'r [u8]>) -> Result<(), RowError> {
        let checked = row.map(|row| check(&self.layout, row)).transpose()?;
        let (body, order) = checked.unzip();
        self.rows.push(body);
        self.orders.push(order);
        Ok(())
    }

    /// The columns, with one row per row pushed.
    ///
    /// # Errors
    /// When the bytes of a value are no value of its type, a feature was asked for that the rows do not have, or
    /// the texts, bytes or items of one feature are too many for one column (2 GiB, 2^31 items).
    pub fn finish(self) -> Result<DecodedRows, RowError> {
        let columns = self
            .features
            .iter()
            .map(|&position| {
                let column = column::Column::new(&self.layout, position)?;
                column.decode(&self.rows)
            })
            .collect::<Result<_, _>>()?;
        Ok(DecodedRows {
            columns,
            orders: self.orders,
        })
    }
}

/// What follows the header of a checked row.
#[derive(Debug, Clone, Copy)]
struct Body<'r> {
    bytes: &'r [u8],
    /// Whether its ends are wide.
    wide: bool,
}

impl Body<'_> {
    /// Whether a feature is not null.
    fn is_present(&self, position: usize) -> bool {
        bit(self.bytes, position)
    }
}

/// Checks all of a row that can be checked without looking at its values.
fn check<'r>(layout: &Layout, row: &'r [u8]) -> Result<(Body<'r>, StoredOrder), RowError> {
    let order = stored_order(row)?;
    let truncated = || RowError::Truncated { length: row.len() };
    let fingerprint = take_u32(&row[FINGERPRINT_AT..]).ok_or_else(truncated)? as u32;
    if fingerprint != layout.fingerprint {
        return Err(RowError::Fingerprint {
            expected: layout.fingerprint,
            found: fingerprint,
        });
    }
    let (flags, features) = (row[1], layout.features.len());
    let body = Body {
        bytes: row.get(body_at(flags)..).ok_or_else(truncated)?,
        wide: flags & WIDE_FLAG != 0,
    };
    let shape = layout.shape(body.wide);
    let rest = body.bytes.len().checked_sub(shape.rest).ok_or_else(truncated)?;
    if !spare_bits_are_clear(&body.bytes[..features.div_ceil(8)], features) {
        return Err(RowError::Damaged("a feature is present that it does not have"));
    }
    match shape.last.map_or(Some(0), |slot| shape.end(body.bytes, slot)) {
        Some(end) if end < rest => Err(RowError::Damaged("it is longer than its last value")),
        Some(end) if end > rest => Err(truncated()),
        Some(_) if body.wide && !needs_wide(rest) => Err(RowError::Damaged("its ends are wider than its values need")),
        Some(_) => Ok((body, order)),
        None => Err(truncated()),
    }
}
