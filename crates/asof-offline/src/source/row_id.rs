//! Where a row stands among all rows of its source.

/// A row of a source: its part and its number in it. Parts are numbered in the order of the files' paths, and within
/// a file as they stand there, so that ids are ordered like (file path, row number).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RowId(u64);

/// One past the highest number of a part: two bits are left to those who pack an id with something else.
pub(crate) const MAX_PARTS: usize = 1 << 30;

impl RowId {
    pub(crate) fn new(part: u32, row: u32) -> Self {
        Self(u64::from(part) << 32 | u64::from(row))
    }

    /// From [`Self::bits`].
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// As one number; numbers are ordered like the ids.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    pub(crate) fn part(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(crate) fn row(self) -> u32 {
        self.0 as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_by_part_then_row_and_come_apart_again() {
        let (first, second) = (RowId::new(0, u32::MAX), RowId::new(1, 0));
        assert!(first < second && first.bits() < second.bits());
        assert_eq!((first.part(), first.row()), (0, u32::MAX));
        assert_eq!(RowId::from_bits(second.bits()), second);
    }
}
