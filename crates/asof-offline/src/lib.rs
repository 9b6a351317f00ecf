//! The offline engine: sources, the point-in-time join, window aggregations, training sets, and the rows to
//! materialize.
//!
//! Everything that answers "which row counts at this time?" goes through one operator, whose contract is the head
//! comment of `asof_join`: training sets ask it about the rows of a spine, materialization about every entity there is
//! at one time. Beside it stands [`OfflineEngine::find_latest`], which answers the latter by the same rules in bounded
//! memory, for views without windows.
//!
//! In reading order: [`OfflineEngine`], [`Spine`], [`TrainingSet`], `asof_join`, `windows`, [`RowsRequest`], `source`.

mod asof_join;
mod engine;
mod error;
mod keys;
mod latest;
mod memory;
mod parallel;
mod progress;
mod source;
mod spine;
mod training_set;
mod windows;

pub use engine::{OfflineEngine, OfflineOptions};
pub use error::{OfflineError, ReadError, ValueError, WriteError};
pub use keys::{KeyFilter, KeySet};
pub use latest::{FeatureBatch, FeatureStream, LatestFound, LatestReport, RowReader, RowSet, RowSetError, RowsRequest};
pub use progress::{Progress, ProgressSink};
pub use source::SourceFile;
pub use spine::{EntitySpine, Spine};
pub use training_set::{
    ContentRecord, DefinitionRecord, FileRecord, IndexReport, JoinReport, LookupRecord, LookupReport, LookupTrace,
    MANIFEST_FORMAT_VERSION, Manifest, ManifestLabels, OutputFile, OutputRecord, ParquetCompression, ParquetOptions,
    PartReport, RejectedRow, Rejection, RowTrace, SourceRecord, SourceReport, SpineRecord, SpineReport, StepTrace,
    TensorOptions, TracedAnswer, TracedRow, TracedValue, TrainingSet, TrainingSetLabels, TrainingSetOutput,
    TrainingSetSelection, TrainingSetSummary, UnknownCompression, ViewRecord, ViewReport, WindowTrace, hash_file,
    manifest_path,
};
