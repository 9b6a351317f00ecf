//! Which cutoff answers at a time. Pure arithmetic, in 128 bits so that the ends of time do not wrap.

use asof_model::definition::Aggregation;
use asof_model::{Admission, TimeSpan};

/// The events between two cutoffs that follow each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tile {
    /// The cutoff before, which belongs to the tile before.
    after: i128,
    /// The cutoff at the end, which belongs to this one.
    end: i128,
    /// The first time at which the latter is known; `None` for never.
    pub(crate) known: Option<i64>,
}

impl Tile {
    /// Whether an event lies in it.
    pub(crate) fn has(&self, event: i64) -> bool {
        self.after < i128::from(event) && i128::from(event) <= self.end
    }
}

/// The cutoffs of a view.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cutoffs {
    every: i128,
    longest: i128,
    lag: i128,
    ttl: Option<i128>,
    /// Cutoffs at or before this do not answer.
    after: Option<i64>,
}

impl Cutoffs {
    pub(crate) fn new(aggregation: &Aggregation, admission: &Admission, after: Option<i64>) -> Self {
        let micros = |span: TimeSpan| i128::from(span.micros());
        Self {
            every: micros(aggregation.every),
            longest: micros(aggregation.longest_window()),
            lag: admission.availability_lag.map_or(0, micros),
            ttl: admission.ttl.map(micros),
            after,
        }
    }

    /// The event times of rows that can matter at times between `first` and `last`, both ends included.
    pub(crate) fn reach(&self, first: i64, last: i64) -> (i64, i64) {
        (self.first_event(first), clamp(self.last_cutoff(last)))
    }

    /// The first event time of rows that can matter at `t` or later.
    pub(crate) fn first_event(&self, t: i64) -> i64 {
        // The row must lie in a window, `event > c - longest`, of a cutoff that may answer.
        let fresh = self.ttl.map(|ttl| i128::from(t) - ttl);
        let after = self.after.map(|after| i128::from(after) + 1);
        let first_cutoff = fresh.max(after);
        first_cutoff.map_or(i64::MIN, |cutoff| clamp(cutoff - self.longest + 1))
    }

    /// The tile that an event lies in.
    pub(crate) fn tile(&self, event: i64) -> Tile {
        // The division is in 64 bits: it is done for every row that is not in the tile of the row before.
        let every = i64::try_from(self.every).expect("a time span has 64 bits");
        let since = event.rem_euclid(every);
        let wait = if since == 0 { 0 } else { every - since };
        let end = i128::from(event) + i128::from(wait);
        Tile {
            after: end - self.every,
            end,
            known: i64::try_from(end + self.lag).ok(),
        }
    }

    /// The greatest cutoff known at `t`, whether or not it has rows. It may lie before all time.
    fn last_cutoff(&self, t: i64) -> i128 {
        (i128::from(t) - self.lag).div_euclid(self.every) * self.every
    }

    /// The greatest event time that can lie in a window of a cutoff known at `t`; `None` if there is none.
    pub(crate) fn last_event(&self, t: i64) -> Option<i64> {
        i64::try_from(self.last_cutoff(t)).ok()
    }

    /// The cutoff that answers at `t`, when `last_event` is the last event time not after [`Self::last_event`] among
    /// the rows visible at `t`.
    ///
    /// It is the greatest whose longest window has a row in it, that is, the greatest below `last_event + longest`:
    /// a later one would have to find a row after `last_event`. `None`: it is too old, or not after the bound.
    pub(crate) fn answer(&self, t: i64, last_event: i64) -> Option<i64> {
        let beyond = i128::from(last_event) + self.longest;
        let last_with_rows = (beyond - 1).div_euclid(self.every) * self.every;
        let cutoff = self.last_cutoff(t).min(last_with_rows);
        let fresh = self.ttl.is_none_or(|ttl| cutoff >= i128::from(t) - ttl);
        let after = self.after.is_none_or(|after| cutoff > i128::from(after));
        if fresh && after {
            i64::try_from(cutoff).ok()
        } else {
            None
        }
    }

    /// Whether an event can matter at a time when `last_event` is visible and not after [`Self::last_event`]: the
    /// cutoff that answers then is not before `last_event`, so no window reaches back farther than from there.
    pub(crate) fn is_in_reach(&self, event: i64, last_event: i64) -> bool {
        i128::from(event) > i128::from(last_event) - self.longest
    }

    /// The last event time before the window of this length that ends at `cutoff`; rows after it are in the window.
    pub(crate) fn before_window(cutoff: i64, window: TimeSpan) -> i128 {
        i128::from(cutoff) - i128::from(window.micros())
    }
}

fn clamp(micros: i128) -> i64 {
    micros.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cutoffs(every: i64, longest: i64, lag: i64, ttl: Option<i64>) -> Cutoffs {
        Cutoffs {
            every: every.into(),
            longest: longest.into(),
            lag: lag.into(),
            ttl: ttl.map(Into::into),
            after: None,
        }
    }

    /// The definition, tried cutoff by cutoff.
    fn slow(cutoffs: &Cutoffs, t: i64, events: &[i64]) -> Option<i64> {
        let candidates = (-60..60).map(|k| k * cutoffs.every);
        let answers = candidates.filter(|c| {
            let filled = events
                .iter()
                .any(|e| *c - cutoffs.longest < i128::from(*e) && i128::from(*e) <= *c);
            let fresh = cutoffs.ttl.is_none_or(|ttl| *c >= i128::from(t) - ttl);
            filled && fresh && *c + cutoffs.lag <= i128::from(t)
        });
        answers.max().map(|c| c as i64)
    }

    #[test]
    fn the_answer_is_the_greatest_known_fresh_cutoff_with_a_row_in_its_longest_window() {
        for (every, longest, lag, ttl) in [
            (1, 1, 0, None),
            (4, 4, 0, None),
            (4, 12, 0, None),
            (4, 8, 3, Some(6)),
            (5, 10, 0, Some(1)),
            (3, 9, 7, None),
        ] {
            let cutoffs = cutoffs(every, longest, lag, ttl);
            for t in -20..20 {
                for first in -14..14 {
                    for second in [first, first + 1, first + 5] {
                        let events = [first, second];
                        let last = cutoffs
                            .last_event(t)
                            .and_then(|end| events.into_iter().filter(|e| *e <= end).max());
                        let fast = last.and_then(|last| cutoffs.answer(t, last));
                        assert_eq!(fast, slow(&cutoffs, t, &events), "{cutoffs:?} t={t} {events:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_lies_before_the_reach_of_a_visible_row_is_in_no_window_of_the_answer() {
        for (every, longest) in [(1, 1), (4, 4), (4, 12), (5, 10)] {
            let cutoffs = cutoffs(every, longest, 3, None);
            for t in -20..20 {
                let Some(end) = cutoffs.last_event(t) else { continue };
                for last in end - 30..=end {
                    let cutoff = cutoffs.answer(t, last).expect("nothing is too old");
                    // The first event of the longest window is in reach, and what is not in reach lies before it.
                    assert!(
                        cutoff >= last && cutoffs.is_in_reach(cutoff - longest + 1, last),
                        "t={t} last={last}"
                    );
                    assert!(!cutoffs.is_in_reach(last - longest, last));
                }
            }
        }
    }

    #[test]
    fn an_event_on_a_cutoff_is_in_its_window_and_one_at_the_windows_start_is_not() {
        let cutoffs = cutoffs(10, 10, 0, None);
        assert_eq!(cutoffs.answer(10, 10), Some(10));
        assert_eq!(cutoffs.answer(29, 10), Some(10));
        assert_eq!(cutoffs.answer(29, 11), Some(20));
        assert_eq!(cutoffs.answer(-1, -10), Some(-10));
    }

    #[test]
    fn an_event_is_known_from_the_first_time_whose_last_cutoff_is_not_before_it() {
        for (every, lag) in [(1, 0), (4, 0), (5, 3), (3, 100)] {
            let cutoffs = cutoffs(every, 2 * every, lag, None);
            for event in -20..20 {
                let tile = cutoffs.tile(event);
                assert!(tile.has(event) && !tile.has(event + every) && !tile.has(event - every));
                let known = tile.known.expect("far from the ends of time");
                let sees = |t: i64| cutoffs.last_event(t).is_some_and(|last| last >= event);
                assert!(sees(known) && !sees(known - 1), "every={every} lag={lag} event={event}");
            }
        }
    }

    #[test]
    fn the_ends_of_time_do_not_wrap() {
        let cutoffs = cutoffs(i64::MAX, i64::MAX, i64::MAX, Some(i64::MAX));
        assert_eq!(cutoffs.last_event(i64::MIN), None);
        assert_eq!(cutoffs.last_event(i64::MAX), Some(0));
        assert_eq!(cutoffs.answer(i64::MAX, i64::MIN), None);
        assert_eq!(cutoffs.answer(i64::MAX, 0), Some(0));
        assert_eq!(cutoffs.reach(i64::MIN, i64::MAX), (i64::MIN, 0));
        assert_eq!(cutoffs.tile(1).known, None);
        assert_eq!(cutoffs.tile(0).known, Some(i64::MAX));
        assert!(cutoffs.is_in_reach(i64::MIN, i64::MIN) && !cutoffs.is_in_reach(i64::MIN, i64::MAX));
    }

    #[test]
    fn rows_outside_of_the_reach_never_matter() {
        let mut bounded = cutoffs(5, 10, 3, Some(7));
        bounded.after = Some(-5);
        // Cutoffs from 0 - 7 on are fresh, those from -4 on are after the bound; their rows lie after -14.
        assert_eq!(bounded.reach(0, 20), (-13, 15));
    }
}
