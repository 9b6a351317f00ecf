//! Least and greatest values of windows, by one stack for all windows that end at the same value.
//!
//! A value can be the least of a window only while none behind it is as small. Those that can are kept, ascending;
//! the least of a window is the first of them that lies in it.
//!
//! ```text
//! values   5  3  8  4  6 │          kept: 3 4 6
//!             (──────────┘          least 3
//!                   (────┘          least 4
//! ```

use std::cmp::Reverse;

use super::groups::Spans;
use super::keys::Keys;

/// No value: the span is empty.
pub(super) const NONE: u32 = u32::MAX;

/// The place of the least value of each span, for each window. The windows' spans end at the same places.
pub(super) fn least(keys: &Keys<'_>, windows: &[Spans<'_>]) -> Vec<Vec<u32>> {
    match keys {
        Keys::Words(words) => fold(words, windows, |word| *word),
        Keys::Bytes(bytes) => fold(bytes, windows, |bytes| *bytes),
    }
}

/// The place of the greatest value of each span; see [`least`].
pub(super) fn greatest(keys: &Keys<'_>, windows: &[Spans<'_>]) -> Vec<Vec<u32>> {
    match keys {
        Keys::Words(words) => fold(words, windows, |word| !*word),
        Keys::Bytes(bytes) => fold(bytes, windows, |bytes| Reverse(*bytes)),
    }
}

fn fold<'a, T, K: Ord>(values: &'a [T], windows: &[Spans<'_>], key: impl Fn(&'a T) -> K) -> Vec<Vec<u32>> {
    let groups = windows.first().map_or(0, Spans::groups);
    let mut found: Vec<Vec<u32>> = windows.iter().map(|_| Vec::with_capacity(groups)).collect();
    let mut kept: Vec<(K, u32)> = Vec::new();
    let mut next = 0;
    for group in 0..groups {
        let first = windows.iter().map(|spans| spans.starts[group]).min().unwrap_or(next);
        if first >= next {
            kept.clear();
            next = first;
        }
        let end = windows[0].ends[group];
        for at in next..end {
            let key = key(&values[at as usize]);
            while kept.last().is_some_and(|(last, _)| *last >= key) {
                kept.pop();
            }
            kept.push((key, at));
        }
        next = next.max(end);
        for (spans, found) in windows.iter().zip(&mut found) {
            let start = spans.starts[group];
            let place = kept.partition_point(|(_, at)| *at < start);
            found.push(kept.get(place).map_or(NONE, |(_, at)| *at));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::aggregate::groups::tests::values_and_spans;

    proptest! {
        #[test]
        fn the_stack_finds_the_extremes((values, spans) in values_and_spans(0_u64..9), wider in 0_u32..20) {
            let starts: Vec<u32> = spans.starts.iter().map(|start| start.saturating_sub(wider)).collect();
            let wide = Spans { starts: starts.into(), ends: spans.ends.to_vec().into() };
            let windows = [spans, wide];
            let texts: Vec<[u8; 1]> = values.iter().map(|value| [*value as u8]).collect();
            let keys = Keys::Words(values.clone());
            let bytes = Keys::Bytes(texts.iter().map(<[u8; 1]>::as_slice).collect());
            for keys in [&keys, &bytes] {
                let (least, greatest) = (least(keys, &windows), greatest(keys, &windows));
                for (window, spans) in windows.iter().enumerate() {
                    for (group, (start, end)) in spans.iter().enumerate() {
                        let inside = &values[start as usize..end as usize];
                        let value = |at: u32| (at != NONE).then(|| values[at as usize]);
                        prop_assert_eq!(value(least[window][group]), inside.iter().min().copied());
                        prop_assert_eq!(value(greatest[window][group]), inside.iter().max().copied());
                    }
                }
            }
        }
    }
}
