//! The one total order of feature rows, and the rules that say which of them may be seen at a time.

use crate::{TimeSpan, Timestamp};

/// The place of a feature row among the rows of its entity: the last one wins.
///
/// Compared field by field in the order written here; a missing created time is lower than any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowOrder {
    /// When the fact became true.
    pub event_time: Timestamp,
    /// When the row was written, if the source says so.
    pub created_time: Option<Timestamp>,
    /// The file's rank among the source's files sorted by path.
    pub file: u32,
    /// The row's number in its file.
    pub row: u64,
}

/// The part of [`RowOrder`] that an online store keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredOrder {
    /// When the fact became true.
    pub event_time: Timestamp,
    /// When the row was written, if the source says so.
    pub created_time: Option<Timestamp>,
}

impl StoredOrder {
    /// Whether a row of this order may take the place of a stored one.
    ///
    /// An equal row may: replaying the same data changes nothing, and a correction with the same times lands.
    pub fn replaces(self, stored: Self) -> bool {
        self >= stored
    }
}

impl From<RowOrder> for StoredOrder {
    fn from(order: RowOrder) -> Self {
        Self {
            event_time: order.event_time,
            created_time: order.created_time,
        }
    }
}

/// Which rows of a view may answer at a time: the view's `ttl`, `availability_lag` and `visible_from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Admission {
    /// The age, in event time, past which a row no longer answers. `None`: never.
    pub ttl: Option<TimeSpan>,
    /// How long after its event time a row becomes known. `None`: at once.
    pub availability_lag: Option<TimeSpan>,
    /// Whether a row is known only from its created time on (`visible_from: created_time`).
    pub visible_from_created: bool,
}

impl Admission {
    /// Whether a row is known at `t`: `event_time + lag <= t`, and `created_time <= t` where that is asked.
    ///
    /// Where created time is asked and missing, the row is known from its event time on.
    pub fn is_visible(&self, event_time: Timestamp, created_time: Option<Timestamp>, t: Timestamp) -> bool {
        let lag = self.availability_lag.map_or(0, |lag| i128::from(lag.micros()));
        let known = i128::from(event_time.micros()) + lag <= i128::from(t.micros());
        known && (!self.visible_from_created || created_time.is_none_or(|created| created <= t))
    }

    /// Whether a row is young enough at `t`: `event_time >= t - ttl`, both ends included.
    pub fn is_fresh(&self, event_time: Timestamp, t: Timestamp) -> bool {
        // Where the subtraction would leave the times there are, every row is young enough, and so it comes out.
        self.ttl.is_none_or(|ttl| event_time >= t.saturating_sub(ttl))
    }

    /// The last event time that can be visible at `t`, whatever the created time: `t - lag`.
    /// `None` when every possible time lies after it.
    pub fn last_visible(&self, t: Timestamp) -> Option<Timestamp> {
        match self.availability_lag {
            None => Some(t),
            Some(lag) => t.micros().checked_sub(lag.micros()).map(Timestamp::from_micros),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn both_ends_of_the_window_are_inclusive() {
        let span = TimeSpan::from_micros(10).ok();
        let admission = Admission {
            ttl: span,
            availability_lag: span,
            visible_from_created: true,
        };
        assert!(admission.is_visible(at(90), Some(at(100)), at(100)));
        assert!(!admission.is_visible(at(91), Some(at(100)), at(100)));
        assert!(!admission.is_visible(at(90), Some(at(101)), at(100)));
        assert!(admission.is_fresh(at(90), at(100)));
        assert!(!admission.is_fresh(at(89), at(100)));
    }

    #[test]
    fn the_ends_of_time_do_not_wrap() {
        let span = TimeSpan::from_micros(i64::MAX).ok();
        let admission = Admission {
            ttl: span,
            availability_lag: span,
            visible_from_created: false,
        };
        assert!(!admission.is_visible(at(1), None, at(i64::MAX)));
        assert!(admission.is_visible(at(0), None, at(i64::MAX)));
        assert!(!admission.is_visible(at(i64::MIN), None, at(i64::MIN)));
        assert!(admission.is_fresh(at(i64::MIN), at(-1)));
        assert_eq!(admission.last_visible(at(-2)), None);
        assert_eq!(admission.last_visible(at(-1)), Some(at(i64::MIN)));
    }

    #[test]
    fn a_missing_created_time_is_lowest_and_an_equal_row_replaces() {
        let stored = |event, created: Option<i64>| StoredOrder {
            event_time: at(event),
            created_time: created.map(Timestamp::from_micros),
        };
        assert!(stored(1, Some(i64::MIN)).replaces(stored(1, None)));
        assert!(!stored(1, None).replaces(stored(1, Some(i64::MIN))));
        assert!(stored(1, None).replaces(stored(1, None)));
        assert!(stored(2, None).replaces(stored(1, Some(9))));
    }
}
