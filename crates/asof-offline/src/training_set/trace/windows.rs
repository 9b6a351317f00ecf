//! A view with windows: the cutoff that answers, and the rows of its windows.

use asof_model::definition::Aggregation;
use asof_model::retrieval::Lookup;
use asof_model::{RowOrder, TimeSpan, Timestamp};

use super::rows::{ALWAYS, History, keep_first, keep_last};
use super::{LookupTrace, RejectedRow, Rejection, TracedAnswer, WindowTrace};
use crate::OfflineError;
use crate::windows::Cutoffs;

/// A window while rows are counted.
struct Counted {
    window: TimeSpan,
    rows: u64,
    first: Option<RowOrder>,
    last: Option<RowOrder>,
}

/// Finds the cutoff that answers at `t`, counts the rows of its windows, and finds the rows just outside.
pub(super) async fn trace(
    history: &History<'_>,
    lookup: &Lookup,
    aggregation: &Aggregation,
    t: Timestamp,
    trace: &mut LookupTrace,
) -> Result<(), OfflineError> {
    let admission = &lookup.view.admission;
    let cutoffs = Cutoffs::new(aggregation, admission, None);
    // The lag holds the cutoff back, not the row.
    let is_known = |event: &RowOrder| {
        let created = event.created_time.filter(|_| admission.visible_from_created);
        created.is_none_or(|created| created <= t)
    };
    let last_event = cutoffs.last_event(t.micros());
    let in_time = |event: &RowOrder| last_event.is_some_and(|last| event.event_time.micros() <= last);
    let mut last_known: Option<RowOrder> = None;
    let newest = |event: RowOrder| {
        if is_known(&event) && in_time(&event) {
            keep_last(&mut last_known, event);
        }
    };
    history.visit(ALWAYS, newest).await?;
    let cutoff = last_known.and_then(|last| cutoffs.answer(t.micros(), last.event_time.micros()));
    let asked = lookup.features.iter().map(|at| aggregation.features[*at].window);
    let mut lengths: Vec<TimeSpan> = asked.collect();
    lengths.sort_unstable();
    lengths.dedup();
    let mut windows: Vec<Counted> = lengths
        .into_iter()
        .map(|window| Counted {
            window,
            rows: 0,
            first: None,
            last: None,
        })
        .collect();
    let longest = aggregation.longest_window();
    let (mut after, mut before) = (None, None);
    let mut rows = 0;
    let count = |event: RowOrder| {
        rows += 1;
        let micros = event.event_time.micros();
        let end = cutoff.or(last_event).unwrap_or(i64::MIN);
        if micros > end || !is_known(&event) {
            keep_first(&mut after, event);
            return;
        }
        if cutoff.is_none_or(|cutoff| i128::from(micros) <= Cutoffs::before_window(cutoff, longest)) {
            keep_last(&mut before, event);
            return;
        }
        for window in &mut windows {
            if i128::from(micros) > Cutoffs::before_window(end, window.window) {
                window.rows += 1;
                keep_first(&mut window.first, event);
                keep_last(&mut window.last, event);
            }
        }
    };
    history.visit(ALWAYS, count).await?;
    let reject = |event: RowOrder, otherwise: Rejection| RejectedRow {
        row: history.locate(event),
        reason: if event.event_time > t {
            Rejection::Future
        } else {
            otherwise
        },
    };
    trace.rows_of_key = rows;
    trace.rejected = after
        .map(|event| reject(event, Rejection::NotYetVisible))
        .into_iter()
        .collect();
    trace
        .rejected
        .extend(before.map(|event| reject(event, Rejection::Expired)));
    trace.answer = TracedAnswer::Cutoff {
        cutoff: cutoff.map(Timestamp::from_micros),
        windows: if cutoff.is_none() {
            Vec::new()
        } else {
            windows
                .into_iter()
                .map(|counted| WindowTrace {
                    window: counted.window,
                    rows: counted.rows,
                    first: counted.first.map(|event| history.locate(event)),
                    last: counted.last.map(|event| history.locate(event)),
                })
                .collect()
        },
    };
    Ok(())
}
