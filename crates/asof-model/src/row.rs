//! The one codec of feature rows as online stores keep them.
//!
//! A row carries its event time and created time at fixed places, so that a store can compare two rows without
//! knowing their features, and a fingerprint of the features' names and types, so that rows of another definition
//! are never misread. Any feature is found without reading those before it. Floats keep every bit.
//!
//! # Layout, version 2
//!
//! All numbers are little-endian. `n` is the number of features.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, `2` |
//! | 1 | flags: bit 0, there is a created time; bit 1, ends take 4 bytes; the others are 0 |
//! | 4 | fingerprint of the features ([`RowCodec::fingerprint`]) |
//! | 8 | event time, microseconds since the epoch, UTC |
//! | 0 or 8 | created time likewise, if bit 0 says so |
//! | ⌈n/8⌉ | presence: bit `i % 8` of byte `i / 8` is 1 where feature `i` is not null; spare bits are 0 |
//! | per feature | its slot |
//! | rest | the values of features whose width is not fixed, in order, without gaps |
//!
//! | type | slot | value |
//! |---|---|---|
//! | bool | 1 | `0` or `1` |
//! | int32, float32 | 4 | the number |
//! | int64, float64, timestamp | 8 | the number |
//! | string, bytes | 2 or 4 | where its bytes end in the rest; they start where those before it end |
//! | array | 2 or 4 | likewise |
//!
//! Ends take 4 bytes in rows whose rest is longer than 65,535 bytes, and 2 in all others.
//! The slot of a null is 0, or the end of what stands before it. An array's bytes are: 4 bytes, the number of items
//! `m`; ⌈m/8⌉ bytes, which of them are not null, as above; then the items: numbers and bools one after the other (0
//! for a null), or for strings and bytes `m` times 4 bytes, where each ends in what follows, and then what follows.

mod decode;
mod encode;
mod encoded;
mod error;
mod layout;
mod list;

use std::sync::Arc;

use arrow::array::{ArrayRef, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;

pub use decode::{DecodedRows, RowDecoder};
pub use encoded::EncodedRows;
pub use error::RowError;
use layout::{CREATED_AT, CREATED_FLAG, EVENT_AT, Layout, VERSION, WIDE_FLAG};

use crate::definition::Feature;
use crate::packed::Fixed;
use crate::{StoredOrder, Timestamp};

/// Encodes and decodes the rows of one list of features. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RowCodec {
    layout: Arc<Layout>,
}

impl RowCodec {
    /// The codec for rows of these features, in this order.
    pub fn new(features: &[Feature]) -> Self {
        Self {
            layout: Arc::new(Layout::new(features)),
        }
    }

    /// The features, in the order of the row.
    pub fn features(&self) -> &[Feature] {
        &self.layout.features
    }

    /// What stands in each row for the features: a hash of their names and types, in their order.
    pub fn fingerprint(&self) -> u32 {
        self.layout.fingerprint
    }

    /// Encodes one row per event time, from one column per feature.
    ///
    /// Event times may not be null. `created_times`: `None`, or null in a row, where the source knows none. The
    /// zones of both are not looked at: they are microseconds since the epoch.
    ///
    /// # Errors
    /// When columns are missing or too many, have another length or another type than the feature's Arrow type
    /// ([`crate::conform::conform`] brings them to it), an event time is null, or one row holds more than 4 GiB.
    pub fn encode(
        &self,
        columns: &[ArrayRef],
        event_times: &TimestampMicrosecondArray,
        created_times: Option<&TimestampMicrosecondArray>,
    ) -> Result<EncodedRows, RowError> {
        encode::encode(&self.layout, columns, event_times, created_times)
    }

    /// A decoder that turns rows into columns of the features at these positions, in the order given.
    pub fn decoder<'r>(&self, features: &[usize]) -> RowDecoder<'r> {
        RowDecoder::new(Arc::clone(&self.layout), features)
    }
}

/// The place of an encoded row in the order of its entity's rows. Stores guard their writes with it; the features
/// need not be known.
///
/// # Errors
/// When the bytes are no row: too short, or of an unknown version or flags.
pub fn stored_order(row: &[u8]) -> Result<StoredOrder, RowError> {
    let truncated = RowError::Truncated { length: row.len() };
    // The version comes first, so that a row of another layout is not called truncated.
    let &version = row.first().ok_or(truncated.clone())?;
    if version != VERSION {
        return Err(RowError::Version(version));
    }
    let &flags = row.get(1).ok_or(truncated.clone())?;
    if flags & !(CREATED_FLAG | WIDE_FLAG) != 0 {
        return Err(RowError::Flags(flags));
    }
    let time = |at: usize| {
        let time = row.get(at..).and_then(Int64Type::take);
        time.map(Timestamp::from_micros).ok_or(truncated.clone())
    };
    Ok(StoredOrder {
        event_time: time(EVENT_AT)?,
        created_time: (flags & CREATED_FLAG != 0).then(|| time(CREATED_AT)).transpose()?,
    })
}
