//! The file of a training set: Parquet with where it came from, whole or not there.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};
use tempfile::{Builder, NamedTempFile};

use super::manifest::{self, HashedWriter, Manifest, ManifestLabels, OutputFile, OutputRecord};
use super::{JoinReport, TrainingSet};
use crate::progress::Progress;
use crate::{OfflineError, OfflineOptions, WriteError};

/// The version of what a training set's metadata means.
const FORMAT: &str = "1";

/// Rows are written in pieces of this many, whatever the batches, so that the bytes depend on the rows alone.
const PIECE: usize = 8192;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainingSetSelection {
    /// A feature service.
    Service(String),
    /// Features, as written.
    Features(Vec<String>),
}

/// Where a training set comes from, for the file's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingSetLabels {
    /// The project.
    pub project: String,
    /// The registry version of the definitions; `None` when they were never applied.
    pub registry_version: Option<u64>,
    /// What was asked for.
    pub selection: TrainingSetSelection,
    /// What a [manifest](Manifest) beside the file says beside this. `None`: no manifest.
    pub manifest: Option<ManifestLabels>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingSetSummary {
    /// Rows: as many as the spine has.
    pub rows: u64,
    /// Columns of the spine.
    pub spine_columns: usize,
    /// Columns that were added.
    pub feature_columns: usize,
    /// The file's length.
    pub bytes: u64,
    /// See [`TrainingSet::inputs_hash`].
    pub inputs_hash: String,
    /// What happened.
    pub report: JoinReport,
    /// The manifest that was written, if one was asked for.
    pub manifest: Option<Manifest>,
}

impl TrainingSetLabels {
    fn metadata(&self, inputs_hash: &str) -> Vec<KeyValue> {
        let entry = |key: &str, value: String| KeyValue::new(format!("asof.{key}"), value);
        let mut metadata = vec![
            entry("format", FORMAT.to_owned()),
            entry("project", self.project.clone()),
        ];
        if let Some(version) = self.registry_version {
            metadata.push(entry("registry_version", version.to_string()));
        }
        metadata.push(match &self.selection {
            TrainingSetSelection::Service(service) => entry("service", service.clone()),
            TrainingSetSelection::Features(features) => entry("features", features.join(",")),
        });
        metadata.push(entry("inputs_hash", inputs_hash.to_owned()));
        metadata
    }
}

/// Writes `training_set` to `file`: aside first, then renamed.
pub(super) async fn write(
    training_set: TrainingSet,
    as_of: &str,
    file: &Path,
    labels: &TrainingSetLabels,
    options: &OfflineOptions,
) -> Result<TrainingSetSummary, OfflineError> {
    let failed = |error: WriteError| OfflineError::Write {
        file: file.display().to_string(),
        error,
    };
    let schema = Arc::clone(training_set.schema());
    let inputs_hash = training_set.inputs_hash().to_owned();
    let mut aside = file_aside(file).map_err(|error| failed(error.into()))?;
    let properties = WriterProperties::builder()
        .set_created_by("asof".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(Some(labels.metadata(&inputs_hash)))
        .build();
    let to = HashedWriter::new(aside.as_file_mut());
    let mut writer =
        ArrowWriter::try_new(to, Arc::clone(&schema), Some(properties)).map_err(|error| failed(error.into()))?;
    let mut pieces = BatchCoalescer::new(Arc::clone(&schema), PIECE);
    let mut rows = 0;
    let spine_columns = training_set.spine_columns;
    let recorder = training_set.recorder.clone();
    let mut batches = training_set.into_batches();
    let mut write = |piece: &RecordBatch| -> Result<(), OfflineError> {
        writer.write(piece).map_err(|error| failed(error.into()))?;
        rows += piece.num_rows() as u64;
        if let Some(progress) = &options.progress {
            progress.report(Progress::Written {
                rows: piece.num_rows() as u64,
            });
        }
        Ok(())
    };
    while let Some(batch) = batches.next().await {
        pieces.push_batch(batch?)?;
        while let Some(piece) = pieces.next_completed_batch() {
            write(&piece)?;
        }
    }
    pieces.finish_buffered_batch()?;
    while let Some(piece) = pieces.next_completed_batch() {
        write(&piece)?;
    }
    writer.finish().map_err(|error| failed(error.into()))?;
    let hash = writer.inner().hash();
    drop(writer);
    let bytes = make_durable(&aside).map_err(|error| failed(error.into()))?;
    let report = recorder.report();
    let output = OutputRecord {
        rows,
        columns: schema.fields().len() as u64,
        files: vec![OutputFile {
            path: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            bytes,
            rows,
            hash,
        }],
    };
    let manifest = manifest::describe(labels, as_of, &report, output, options).await?;
    manifest::publish_file(aside, file, manifest.as_ref()).map_err(|error| failed(error.into()))?;
    Ok(TrainingSetSummary {
        rows,
        spine_columns,
        feature_columns: schema.fields().len() - spine_columns,
        bytes,
        inputs_hash,
        report,
        manifest,
    })
}

/// An unnamed-looking file in the folder of `file`, which goes away unless it is published.
pub(super) fn file_aside(file: &Path) -> std::io::Result<NamedTempFile> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = Builder::new();
    builder.prefix(".asof-").suffix(".partial");
    // A temporary file is for its owner only; this one becomes a file like any other.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder.unwrap_or(Path::new(".")))
}

/// Brings the file's content to disk. Returns its length.
fn make_durable(aside: &NamedTempFile) -> std::io::Result<u64> {
    aside.as_file().sync_all()?;
    Ok(aside.as_file().metadata()?.len())
}
