//! The place of a row in the total order of its view's rows, in three words.

use asof_model::{StoredOrder, Timestamp};

use super::RowId;

/// The place of a row in the order `(event time, created time, file path, row number)`, a missing created time lowest;
/// or no row at all, which is lower than every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    event_time: i64,
    /// Ordered like the created time; zero for none.
    created: u64,
    /// Tells a created time at the beginning of all time from none, then the id above zero.
    row: u64,
}

const HAS_CREATED: u64 = 1 << 63;
const SIGN: u64 = 1 << 63;

impl Place {
    /// How many bytes one takes.
    pub(crate) const BYTES: usize = 24;

    /// No row.
    pub(crate) const NONE: Self = Self {
        event_time: i64::MIN,
        created: 0,
        row: 0,
    };

    pub(crate) fn new(event_time: i64, created_time: Option<i64>, id: RowId) -> Self {
        let (created, flag) = created_time.map_or((0, 0), |micros| (micros as u64 ^ SIGN, HAS_CREATED));
        Self {
            event_time,
            created,
            row: flag | (id.bits() + 1),
        }
    }

    pub(crate) fn is_row(&self) -> bool {
        self.row != 0
    }

    /// The event time, in microseconds.
    pub(crate) fn event_time(&self) -> i64 {
        self.event_time
    }

    /// The created time, in microseconds.
    pub(crate) fn created_time(&self) -> Option<i64> {
        (self.row & HAS_CREATED != 0).then_some((self.created ^ SIGN) as i64)
    }

    /// Which row it is, if it is one.
    pub(crate) fn id(&self) -> Option<RowId> {
        self.is_row().then(|| RowId::from_bits((self.row & !HAS_CREATED) - 1))
    }

    /// As bytes, which are not ordered like the places.
    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let words = [self.event_time as u64, self.created, self.row];
        for (word, to) in words.iter().zip(bytes.chunks_exact_mut(8)) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// From [`Self::to_bytes`].
    pub(crate) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let word = |at: usize| {
            let bytes = bytes[at * 8..].first_chunk().expect("there are three words");
            u64::from_le_bytes(*bytes)
        };
        Self {
            event_time: word(0) as i64,
            created: word(1),
            row: word(2),
        }
    }

    /// The part of the order that an online store keeps.
    pub(crate) fn stored(&self) -> StoredOrder {
        StoredOrder {
            event_time: Timestamp::from_micros(self.event_time),
            created_time: self.created_time().map(Timestamp::from_micros),
        }
    }
}

#[cfg(test)]
mod tests {
    use asof_model::RowOrder;

    use super::*;

    #[test]
    fn places_are_ordered_like_the_rows_they_stand_for() {
        let times = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX];
        let created: Vec<Option<i64>> = std::iter::once(None).chain(times.map(Some)).collect();
        let ids = [(0, 0), (0, u32::MAX), (1, 0), ((1 << 30) - 1, u32::MAX)];
        let mut rows = Vec::new();
        for event_time in times {
            for created_time in &created {
                for (part, row) in ids {
                    let order = RowOrder {
                        event_time: Timestamp::from_micros(event_time),
                        created_time: created_time.map(Timestamp::from_micros),
                        file: part,
                        row: row.into(),
                    };
                    rows.push((order, Place::new(event_time, *created_time, RowId::new(part, row))));
                }
            }
        }
        for (order, place) in &rows {
            assert!(*place > Place::NONE);
            assert_eq!(place.stored(), StoredOrder::from(*order));
            assert_eq!(place.id(), Some(RowId::new(order.file, order.row as u32)));
            assert_eq!(Place::from_bytes(&place.to_bytes()), *place);
            for (other_order, other_place) in &rows {
                assert_eq!(order.cmp(other_order), place.cmp(other_place));
            }
        }
        assert_eq!(Place::NONE.id(), None);
    }
}
