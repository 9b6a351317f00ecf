//! Where things stand in a row of given features.

use crate::definition::Feature;
use crate::keyspace::Fingerprint;
use crate::packed::{take_u16, take_u32};
use crate::{ScalarType, ValueType};

pub(super) const VERSION: u8 = 2;
/// The flag of rows with a created time.
pub(super) const CREATED_FLAG: u8 = 1;
/// The flag of rows whose values end beyond what 16 bits can say.
pub(super) const WIDE_FLAG: u8 = 2;
pub(super) const FINGERPRINT_AT: usize = 2;
pub(super) const EVENT_AT: usize = 6;
/// Where the created time stands, if there is one.
pub(super) const CREATED_AT: usize = 14;
/// Bytes before the body of a row without created time.
pub(super) const HEADER_LEN: usize = 14;

/// Where the body of a row with these flags starts: the presence bits, slots and values.
pub(super) fn body_at(flags: u8) -> usize {
    HEADER_LEN + if flags & CREATED_FLAG == 0 { 0 } else { 8 }
}

/// A feature's place in the body of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    /// Where its slot starts.
    pub(super) at: usize,
    /// Where the slot stands that says where its bytes start: that of the feature of variable width before it.
    /// `None`: they start at 0.
    pub(super) previous: Option<usize>,
}

/// Where things stand in the body of a row whose ends have one width.
#[derive(Debug)]
pub(super) struct Shape {
    wide: bool,
    pub(super) slots: Vec<Slot>,
    /// Where the rest starts, with the values of variable width.
    pub(super) rest: usize,
    /// The slot that says where the rest ends.
    pub(super) last: Option<usize>,
}

impl Shape {
    fn new(features: &[Feature], wide: bool) -> Self {
        let mut at = features.len().div_ceil(8);
        let mut last = None;
        let mut slots = Vec::with_capacity(features.len());
        for feature in features {
            slots.push(Slot { at, previous: last });
            at += fixed_width(feature.value_type).unwrap_or_else(|| {
                last = Some(at);
                if wide { 4 } else { 2 }
            });
        }
        Self {
            wide,
            slots,
            rest: at,
            last,
        }
    }

    /// The end that stands in a slot of a body; `None` where the body does not reach.
    pub(super) fn end(&self, body: &[u8], slot: usize) -> Option<usize> {
        let slot = body.get(slot..)?;
        if self.wide { take_u32(slot) } else { take_u16(slot) }
    }

    /// Writes an end, which fits.
    pub(super) fn put_end(&self, end: u32, slot: &mut [u8]) {
        if self.wide {
            slot[..4].copy_from_slice(&end.to_le_bytes());
        } else {
            slot[..2].copy_from_slice(&(end as u16).to_le_bytes());
        }
    }
}

/// Where things stand in a row of given features.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) features: Vec<Feature>,
    pub(super) fingerprint: u32,
    narrow: Shape,
    wide: Shape,
}

impl Layout {
    pub(super) fn new(features: &[Feature]) -> Self {
        let mut hash = Fingerprint::new("asof row 2");
        for feature in features {
            hash.add(feature.name.as_str()).add(&feature.value_type.to_string());
        }
        Self {
            features: features.to_vec(),
            fingerprint: hash.finish() as u32,
            narrow: Shape::new(features, false),
            wide: Shape::new(features, true),
        }
    }

    /// The shape of a body.
    pub(super) fn shape(&self, wide: bool) -> &Shape {
        if wide { &self.wide } else { &self.narrow }
    }
}

/// Whether values of so many bytes need wide ends.
pub(super) fn needs_wide(values: usize) -> bool {
    values > u16::MAX as usize
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
