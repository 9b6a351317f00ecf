//! Where things stand in a row of given features.

use crate::definition::Feature;
use crate::keyspace::Fingerprint;
use crate::{ScalarType, ValueType};

pub(super) const VERSION: u8 = 1;
/// The flag of rows with a created time.
pub(super) const CREATED_FLAG: u8 = 1;
pub(super) const FINGERPRINT_AT: usize = 2;
pub(super) const EVENT_AT: usize = 10;
pub(super) const CREATED_AT: usize = 18;
/// Where the presence bits start.
pub(super) const HEADER_LEN: usize = 26;

/// Bytes of a slot that says where a value ends.
const END_WIDTH: usize = 4;

/// A feature's place in the row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    /// Where its slot starts, from the start of the row.
    pub(super) at: usize,
    /// Where the slot stands that says where its bytes start: that of the feature of variable width before it.
    /// `None`: they start at 0.
    pub(super) previous: Option<usize>,
}

/// Where things stand in a row of given features.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) features: Vec<Feature>,
    pub(super) fingerprint: u64,
    pub(super) slots: Vec<Slot>,
    /// Where the rest starts, with the values of variable width.
    pub(super) rest: usize,
    /// The slot that says where the rest ends.
    pub(super) last: Option<usize>,
}

impl Layout {
    pub(super) fn new(features: &[Feature]) -> Self {
        let mut hash = Fingerprint::new("asof row 1");
        let mut at = HEADER_LEN + features.len().div_ceil(8);
        let mut last = None;
        let mut slots = Vec::with_capacity(features.len());
        for feature in features {
            hash.add(feature.name.as_str()).add(&feature.value_type.to_string());
            slots.push(Slot { at, previous: last });
            let width = fixed_width(feature.value_type);
            if width.is_none() {
                last = Some(at);
            }
            at += width.unwrap_or(END_WIDTH);
        }
        Self {
            features: features.to_vec(),
            fingerprint: hash.finish(),
            slots,
            rest: at,
            last,
        }
    }
}

/// Bytes of a value; `None` where they differ from value to value.
pub(super) fn fixed_width(value_type: ValueType) -> Option<usize> {
    match value_type {
        ValueType::Scalar(scalar) => scalar_width(scalar),
        ValueType::Array(_) => None,
    }
}

/// Bytes of a value without parts; `None` where they differ from value to value.
pub(super) fn scalar_width(scalar: ScalarType) -> Option<usize> {
    match scalar {
        ScalarType::Bool => Some(1),
        ScalarType::Int32 | ScalarType::Float32 => Some(4),
        ScalarType::Int64 | ScalarType::Float64 | ScalarType::Timestamp => Some(8),
        ScalarType::String | ScalarType::Bytes => None,
    }
}
