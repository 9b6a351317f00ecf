//! Which rows make up each group, and which values of a column lie in them.

use std::borrow::Cow;

use arrow::buffer::BooleanBuffer;

/// Groups of rows to fold: for each group, one range of rows per window. All ranges of a group end at the same row.
///
/// ```text
/// rows       · · · · · · · · · · · · · · · · ·
/// group 0      (short)            starts[0] ─ end
///          (   long  )            starts[1] ─ end
/// group 1          (short)
///              (   long  )        no range begins or ends before that of the group before
/// ```
#[derive(Debug, Clone, Default)]
pub struct Groups {
    /// Of each window, the first row of each group.
    starts: Vec<Vec<u32>>,
    /// The row behind the last one of each group.
    ends: Vec<u32>,
}

impl Groups {
    /// No groups yet, of so many windows.
    pub fn new(windows: usize) -> Self {
        Self {
            starts: vec![Vec::new(); windows],
            ends: Vec::new(),
        }
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Adds a group: window `i` has the rows from `starts[i]` up to `end`, itself left out.
    ///
    /// # Panics
    /// When there are not as many `starts` as windows, one lies behind the end, or one of them or the end lies before
    /// that of the group before.
    pub fn push(&mut self, starts: &[u32], end: u32) {
        assert_eq!(starts.len(), self.starts.len(), "a group has one start per window");
        assert!(
            self.ends.last().is_none_or(|last| *last <= end),
            "the ends of groups ascend"
        );
        for (known, start) in self.starts.iter_mut().zip(starts) {
            let ascends = known.last().is_none_or(|last| last <= start);
            assert!(
                ascends && *start <= end,
                "the starts of groups ascend, up to their ends"
            );
            known.push(*start);
        }
        self.ends.push(end);
    }

    /// Whether there is one range per group for each of so many windows.
    pub(super) fn has_windows(&self, windows: usize) -> bool {
        self.starts.len() == windows
    }
}

/// The rows of a column that a call folds.
#[derive(Debug)]
pub(super) enum Selection {
    /// Every one of so many rows.
    All(u32),
    /// Some of them.
    Some {
        /// Their positions, ascending.
        rows: Vec<u32>,
        /// For each row, and for the end, how many of them lie before it.
        before: Vec<u32>,
    },
}

impl Selection {
    /// The rows whose bit is set; all `rows` if there are no bits.
    pub(super) fn new(bits: Option<BooleanBuffer>, rows: usize) -> Self {
        let Some(bits) = bits.filter(|bits| bits.count_set_bits() < rows) else {
            return Self::All(rows as u32);
        };
        let mut before = Vec::with_capacity(rows + 1);
        let mut selected = 0;
        for bit in &bits {
            before.push(selected);
            selected += u32::from(bit);
        }
        before.push(selected);
        Self::Some {
            rows: bits.set_indices_u32().collect(),
            before,
        }
    }

    /// The row of the value at a position among those selected.
    pub(super) fn row(&self, at: u32) -> u32 {
        match self {
            Self::All(_) => at,
            Self::Some { rows, .. } => rows[at as usize],
        }
    }

    /// The values selected, read one by one.
    pub(super) fn map<T>(&self, read: impl Fn(usize) -> T) -> Vec<T> {
        match self {
            Self::All(rows) => (0..*rows as usize).map(read).collect(),
            Self::Some { rows, .. } => rows.iter().map(|row| read(*row as usize)).collect(),
        }
    }

    /// The ranges of one window, counted among the values selected.
    pub(super) fn spans<'a>(&self, groups: &'a Groups, window: usize) -> Spans<'a> {
        let (starts, ends) = (groups.starts[window].as_slice(), groups.ends.as_slice());
        match self {
            Self::All(_) => Spans {
                starts: Cow::Borrowed(starts),
                ends: Cow::Borrowed(ends),
            },
            Self::Some { before, .. } => {
                let moved = |rows: &[u32]| Cow::Owned(rows.iter().map(|row| before[*row as usize]).collect());
                Spans {
                    starts: moved(starts),
                    ends: moved(ends),
                }
            }
        }
    }
}

/// One range of values per group. Starts ascend, and so do ends.
#[derive(Debug)]
pub(super) struct Spans<'a> {
    pub(super) starts: Cow<'a, [u32]>,
    pub(super) ends: Cow<'a, [u32]>,
}

impl Spans<'_> {
    /// How many groups there are.
    pub(super) fn groups(&self) -> usize {
        self.ends.len()
    }

    /// The first value of each group, and the one behind its last.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        self.starts.iter().copied().zip(self.ends.iter().copied())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Ascending ranges over so many values.
    pub(in crate::aggregate) fn spans(values: usize) -> impl Strategy<Value = Spans<'static>> {
        let cut = 0..u32::try_from(values + 1).unwrap();
        prop::collection::vec((cut.clone(), cut), 0..40).prop_map(|cuts| {
            let mut starts: Vec<u32> = cuts.iter().map(|cut| cut.0.min(cut.1)).collect();
            let mut ends: Vec<u32> = cuts.iter().map(|cut| cut.0.max(cut.1)).collect();
            starts.sort_unstable();
            ends.sort_unstable();
            Spans {
                starts: Cow::Owned(starts),
                ends: Cow::Owned(ends),
            }
        })
    }

    /// Values, and ascending ranges over them.
    pub(in crate::aggregate) fn values_and_spans<T: std::fmt::Debug + Clone>(
        value: impl Strategy<Value = T> + Clone,
    ) -> impl Strategy<Value = (Vec<T>, Spans<'static>)> {
        prop::collection::vec(value, 0..60)
            .prop_flat_map(|values| spans(values.len()).prop_map(move |spans| (values.clone(), spans)))
    }

    #[test]
    fn ranges_are_counted_among_the_rows_selected() {
        let mut groups = Groups::new(2);
        groups.push(&[1, 0], 3);
        groups.push(&[3, 2], 5);
        let bits: BooleanBuffer = [true, false, true, true, false].into_iter().collect();
        let some = Selection::new(Some(bits), 5);
        let spans = |window| some.spans(&groups, window).iter().collect::<Vec<_>>();
        assert_eq!(spans(0), [(1, 2), (2, 3)]);
        assert_eq!(spans(1), [(0, 2), (1, 3)]);
        assert_eq!([0, 1, 2].map(|at| some.row(at)), [0, 2, 3]);
        assert_eq!(some.map(|row| row * 10), [0, 20, 30]);
        let all = Selection::new(Some(BooleanBuffer::new_set(5)), 5);
        assert_eq!(all.spans(&groups, 1).iter().collect::<Vec<_>>(), [(0, 3), (2, 5)]);
    }

    #[test]
    #[should_panic(expected = "ascend")]
    fn groups_that_go_back_are_refused() {
        let mut groups = Groups::new(1);
        groups.push(&[2], 3);
        groups.push(&[1], 4);
    }
}
