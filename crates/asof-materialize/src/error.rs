//! What materialization fails with.

use asof_model::definition::ExpectationAction;
use asof_model::key::KeyError;
use asof_model::row::RowError;
use asof_model::{ErrorKind, Keyspace, Timestamp, ViewName};
use asof_offline::OfflineError;
use asof_online::OnlineError;
use asof_transform::{EvaluationError, ExpressionError};

use crate::{BrokenExpectation, RunId};

/// Why nothing, or not everything, went online. Nothing of the view that is named is recorded as done.
#[derive(Debug, thiserror::Error)]
pub enum MaterializeError {
    /// A view that is not defined.
    #[error("feature view `{view}` is not defined{hint}")]
    UnknownView {
        /// The name asked for.
        view: String,
        /// The nearest known name as a clause, or nothing.
        hint: String,
    },
    /// A view that is computed when it is asked for.
    #[error("`{view}` is an on-demand feature view, which is computed when asked for; name the views it reads")]
    OnDemandView {
        /// The name asked for.
        view: String,
    },
    /// A view that is kept out of the online store.
    #[error("feature view `{view}` has `online: false`; set it to true and apply to bring it online")]
    NotOnline {
        /// The name asked for.
        view: ViewName,
    },
    /// An interval without a point in it.
    #[error("the interval from {from} to {to} is empty; its end must lie after its start")]
    EmptyInterval {
        /// The start, itself outside.
        from: Timestamp,
        /// The end, itself inside.
        to: Timestamp,
    },
    /// An incremental run to a time that is already passed.
    #[error("feature view `{view}` is already online up to {watermark}; ask for that time or a later one, not {to}")]
    BehindWatermark {
        /// The view.
        view: ViewName,
        /// How far it is online.
        watermark: Timestamp,
        /// The time asked for.
        to: Timestamp,
    },
    /// Rows that break an expectation whose action is to fail.
    #[error("feature view `{view}` was not written: {}", describe(broken))]
    ExpectationsFailed {
        /// The view.
        view: ViewName,
        /// The expectations that stopped it; at least one.
        broken: Vec<BrokenExpectation>,
    },
    /// An expectation that does not compile over the view's features.
    #[error("feature view `{view}`: expectation `{expectation}`: {source}")]
    Expectation {
        /// The view.
        view: ViewName,
        /// The expectation.
        expectation: String,
        /// What is wrong with it.
        source: ExpressionError,
    },
    /// An expectation that cannot be computed for some row.
    #[error("feature view `{view}`: expectation {source}")]
    Evaluation {
        /// The view.
        view: ViewName,
        /// Which, and why.
        source: EvaluationError,
    },
    /// A pushed view whose rows are computed from windows of source rows.
    #[error(
        "feature view `{view}` aggregates source rows, so its feature rows cannot be pushed; \
         add the source rows to `{source_name}` and materialize"
    )]
    PushToWindows {
        /// The view.
        view: ViewName,
        /// The name of its source.
        source_name: String,
    },
    /// Pushed rows without a column they need.
    #[error("pushed rows of feature view `{view}` lack the {what} `{column}`; they have {found}")]
    MissingColumn {
        /// The view.
        view: ViewName,
        /// What the column is to the view: join key, feature or event time.
        what: &'static str,
        /// The column, or the two names it may have.
        column: String,
        /// The columns there are.
        found: String,
    },
    /// A pushed column of a type that does not fit.
    #[error("pushed rows of feature view `{view}`: column `{column}`: {problem}")]
    WrongType {
        /// The view.
        view: ViewName,
        /// The column.
        column: String,
        /// Both types.
        problem: String,
    },
    /// A pushed row without a value that every row needs.
    #[error("pushed rows of feature view `{view}`: row {row} has no `{column}`; every row needs one")]
    MissingValue {
        /// The view.
        view: ViewName,
        /// The row's number, counted from 1 over all batches.
        row: usize,
        /// The column.
        column: String,
    },
    /// A pushed row that nobody may see yet.
    #[error(
        "pushed rows of feature view `{view}`: row {row} of {event_time} is not visible at {now}; push it when it is"
    )]
    NotVisibleYet {
        /// The view.
        view: ViewName,
        /// The row's number, counted from 1 over all batches.
        row: usize,
        /// The row's event time.
        event_time: Timestamp,
        /// When it was pushed.
        now: Timestamp,
    },
    /// Feature rows that the codecs refuse.
    #[error("feature view `{view}`: {source}")]
    Key {
        /// The view.
        view: ViewName,
        /// What the codec says.
        source: KeyError,
    },
    /// Feature rows that the codecs refuse.
    #[error("feature view `{view}`: {source}")]
    Row {
        /// The view.
        view: ViewName,
        /// What the codec says.
        source: RowError,
    },
    /// Feature rows that could not be read or computed.
    #[error("feature view `{view}`: {source}")]
    Offline {
        /// The view.
        view: ViewName,
        /// What the engine says.
        source: Box<OfflineError>,
    },
    /// The online store does not do what it is asked.
    #[error("feature view `{view}`: {source}")]
    Online {
        /// The view.
        view: ViewName,
        /// What the store says.
        source: OnlineError,
    },
    /// The store lost what the run had written before it ended.
    #[error(
        "feature view `{view}`: the online store was emptied or set back while `{keyspace}` was being written; \
         materialize again"
    )]
    StoreLost {
        /// The view.
        view: ViewName,
        /// Its keyspace.
        keyspace: Keyspace,
    },
    /// The run was told to stop.
    #[error(
        "feature view `{view}`: stopped before the end; run the same again, or `asof materializations resume {run}`"
    )]
    Stopped {
        /// The view.
        view: ViewName,
        /// The run that goes on.
        run: RunId,
    },
    /// Somebody cancelled the run.
    #[error("feature view `{view}`: the run `{run}` was cancelled; what it had written stays, and is not recorded")]
    Cancelled {
        /// The view.
        view: ViewName,
        /// The run.
        run: RunId,
    },
    /// A keyspace that is being given up.
    #[error(
        "feature view `{view}`: its keyspace `{keyspace}` is being deleted; \
         run `asof online gc` until it says that it is done, then materialize"
    )]
    KeyspaceGoes {
        /// The view.
        view: ViewName,
        /// The keyspace.
        keyspace: Keyspace,
    },
    /// The ledger cannot be read or written.
    #[error("the ledger at `{path}` is out of reach: {source}")]
    Ledger {
        /// The object or folder.
        path: String,
        /// What the store says.
        source: object_store::Error,
    },
    /// A ledger entry that this version does not understand.
    #[error("the ledger entry `{path}` cannot be used: {problem}")]
    BadLedgerEntry {
        /// The object.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl MaterializeError {
    /// The class of the fault.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownView { .. } => ErrorKind::NotFound,
            Self::OnDemandView { .. }
            | Self::NotOnline { .. }
            | Self::EmptyInterval { .. }
            | Self::BehindWatermark { .. }
            | Self::ExpectationsFailed { .. }
            | Self::Expectation { .. }
            | Self::Evaluation { .. }
            | Self::PushToWindows { .. }
            | Self::MissingColumn { .. }
            | Self::WrongType { .. }
            | Self::MissingValue { .. }
            | Self::NotVisibleYet { .. } => ErrorKind::InvalidInput,
            Self::Offline { source, .. } => source.kind(),
            Self::Online { source, .. } => source.kind(),
            Self::Stopped { .. }
            | Self::Cancelled { .. }
            | Self::StoreLost { .. }
            | Self::Ledger { .. }
            | Self::KeyspaceGoes { .. } => ErrorKind::Unavailable,
            Self::Key { .. } | Self::Row { .. } | Self::BadLedgerEntry { .. } => ErrorKind::Internal,
        }
    }
}

fn describe(broken: &[BrokenExpectation]) -> String {
    let failing = broken.iter().filter(|b| b.action == ExpectationAction::Fail);
    failing.map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
