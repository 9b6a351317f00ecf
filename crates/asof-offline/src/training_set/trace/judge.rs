//! A view of row features: the row that answers, and its neighbours in the order of rows.

use asof_model::retrieval::Lookup;
use asof_model::{RowOrder, Timestamp};

use super::rows::{ALWAYS, History, keep_first, keep_last};
use super::{LookupTrace, RejectedRow, Rejection, TracedAnswer};
use crate::OfflineError;

/// Finds the row that answers at `t` and its neighbours.
pub(super) async fn trace(
    history: &History<'_>,
    lookup: &Lookup,
    t: Timestamp,
    trace: &mut LookupTrace,
) -> Result<(), OfflineError> {
    let admission = &lookup.view.admission;
    let is_visible = |event: &RowOrder| admission.is_visible(event.event_time, event.created_time, t);
    let is_candidate = |event: &RowOrder| is_visible(event) && admission.is_fresh(event.event_time, t);
    let mut winner: Option<RowOrder> = None;
    let near = history.open.bounds(t, t);
    let best = |event: RowOrder| {
        if is_candidate(&event) {
            keep_last(&mut winner, event);
        }
    };
    history.visit(near, best).await?;
    let (mut after, mut before) = (None, None);
    let mut rows = 0;
    let neighbours = |event: RowOrder| {
        rows += 1;
        match winner {
            Some(winner) if event == winner => {}
            Some(winner) if event < winner => keep_last(&mut before, event),
            None if is_visible(&event) => keep_last(&mut before, event),
            _ => keep_first(&mut after, event),
        }
    };
    history.visit(ALWAYS, neighbours).await?;
    let reject = |event: RowOrder| RejectedRow {
        row: history.locate(event),
        reason: match event {
            _ if event.event_time > t => Rejection::Future,
            _ if !is_visible(&event) => Rejection::NotYetVisible,
            _ if !is_candidate(&event) => Rejection::Expired,
            _ => Rejection::Superseded,
        },
    };
    trace.rows_of_key = rows;
    trace.answer = TracedAnswer::Row(winner.map(|winner| history.locate(winner)));
    trace.rejected = [after, before].into_iter().flatten().map(reject).collect();
    Ok(())
}
