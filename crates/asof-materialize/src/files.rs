//! The files of a source, as the ledger records them.

use asof_model::ViewName;
use asof_model::definition::Source;
use asof_offline::OfflineEngine;

use crate::{MaterializeError, RecordedFile};

/// The files that the source of `view` has now, in order.
pub(crate) async fn source_files(
    engine: &OfflineEngine,
    view: &ViewName,
    source: &Source,
) -> Result<Vec<RecordedFile>, MaterializeError> {
    let files = engine.source_files(source).await;
    let files = files.map_err(|source| MaterializeError::Offline {
        view: view.clone(),
        source: Box::new(source),
    })?;
    let recorded = files.into_iter().map(|file| RecordedFile {
        path: file.path,
        size: file.size,
        etag: file.e_tag,
        modified_micros: file.modified.micros(),
        rows: file.rows,
    });
    Ok(recorded.collect())
}
