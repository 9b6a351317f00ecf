//! What must be read to bring a view up to a time, given what is online already.
//!
//! Say that everything visible at the watermark `w` is online, and that the files read then are as they were. The last
//! row of an entity among all rows visible at `to` is then the online one, or is among
//!
//! 1. the **fresh** rows: those that became visible after `w`, in any file. Without created-time visibility they are
//!    exactly the rows with `event_time > w - availability_lag`, so the engine skips what lies before;
//! 2. the **late** rows: those of new files that would have been visible at `w`. They matter where they are later in
//!    the order than the online row, which the store's guard decides. Two cases are *in doubt* and must be decided
//!    from all files: a row with the online row's times and another content, as then the file's path decides; and the
//!    rows of windows, as a late event changes a sum of which only a part is new.
//!
//! Every fresh row lies after every late one, so the two never compete with equal times.

use asof_model::Timestamp;
use asof_model::definition::FeatureView;

use crate::{FileChanges, Scope};

/// What to read, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reads {
    /// Rows of all files.
    pub(crate) fresh: Option<Fresh>,
    /// Rows of new files.
    pub(crate) late: Option<Late>,
}

/// Rows of all files that are visible at the scope's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fresh {
    /// Only those with a later event time.
    pub(crate) after: Option<Timestamp>,
}

/// Rows of some files that are visible at the former watermark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Late {
    /// The former watermark.
    pub(crate) at: Timestamp,
    /// The files.
    pub(crate) files: Vec<String>,
}

impl Reads {
    /// Plans the reads for a scope of `view`, whose source's files changed so since the last complete run.
    pub(crate) fn plan(view: &FeatureView, scope: &Scope, changes: &FileChanges) -> Self {
        let everything = |after| Self {
            fresh: Some(Fresh { after }),
            late: None,
        };
        let (to, done) = match scope {
            Scope::Interval { from, .. } => return everything(Some(*from)),
            Scope::UpTo { done: None, .. } => return everything(None),
            Scope::UpTo { to, done: Some(done) } => (*to, done.to),
        };
        let nothing_new = to == done && changes.added.is_empty();
        if !changes.only_grew() {
            return everything(None);
        }
        if view.admission.visible_from_created && !nothing_new {
            // A row may become visible however old its event is.
            return everything(None);
        }
        let Some(seen) = view.admission.last_visible(done) else {
            // Nothing at all could be visible then.
            return everything(None);
        };
        Self {
            fresh: (to > done).then_some(Fresh { after: Some(seen) }),
            late: (!changes.added.is_empty()).then(|| Late {
                at: done,
                files: changes.added.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
