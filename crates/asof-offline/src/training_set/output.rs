//! The files of a training set: Parquet with where it came from, whole or not there.

mod dictionary;
mod encoder;
mod options;
mod pieces;
mod target;
mod tensor;

use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use parquet::file::metadata::KeyValue;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::manifest::{self, HashedWriter, Manifest, ManifestLabels, OutputFile, OutputRecord};
use super::{JoinReport, TrainingSet};
use crate::progress::Progress;
use crate::{OfflineError, OfflineOptions, WriteError};
use encoder::Encoder;
use pieces::{Block, Blocks};
use target::Target;
use tensor::TensorEncoder;

pub use options::{ParquetCompression, ParquetOptions, TensorOptions, TrainingSetOutput, UnknownCompression};
pub(super) use target::file_aside;

/// The version of what a training set's metadata means.
const FORMAT: &str = "1";

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
    /// The length of the file, or of all files of the folder.
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

/// Writes `training_set`: aside first, then renamed.
pub(super) async fn write(
    training_set: TrainingSet,
    as_of: &str,
    output: &TrainingSetOutput,
    labels: &TrainingSetLabels,
    options: &OfflineOptions,
) -> Result<TrainingSetSummary, OfflineError> {
    let failed = |error: WriteError| OfflineError::Write {
        file: output.path.display().to_string(),
        error,
    };
    let schema = Arc::clone(training_set.schema());
    let inputs_hash = training_set.inputs_hash().to_owned();
    let spine_columns = training_set.spine_columns;
    let recorder = training_set.recorder.clone();
    if output.tensor.is_some() {
        tensor::check(&schema, spine_columns).map_err(failed)?;
    }
    let mut target = Target::create(output).map_err(failed)?;
    let parts = output.partition_rows.filter(|_| output.tensor.is_none());
    let file_rows = parts.unwrap_or(u64::MAX).max(1);
    let parquet = ParquetOptions {
        row_group_rows: output
            .parquet
            .row_group_rows
            .clamp(1, file_rows.try_into().unwrap_or(usize::MAX)),
        ..output.parquet
    };
    let group_rows = parquet.row_group_rows as u64;
    let mut blocks = Blocks::new(training_set.into_batches(), &schema, group_rows, file_rows);
    let mut files: Vec<OutputFile> = Vec::new();
    let mut open: Option<OpenFile> = None;
    let mut encoding: Option<JoinHandle<Result<Encoded, WriteError>>> = None;
    loop {
        // While a block is encoded, the next is made, unless one thread is all there is.
        if options.partitions <= 1 {
            settle(&mut encoding, &mut open, &mut files).await.map_err(failed)?;
        }
        let block = blocks.next().await?;
        settle(&mut encoding, &mut open, &mut files).await.map_err(failed)?;
        if let Some(progress) = &options.progress {
            let rows = block.pieces.iter().map(RecordBatch::num_rows).sum::<usize>();
            progress.report(Progress::Written { rows: rows as u64 });
        }
        let is_last = block.is_last;
        if block.pieces.is_empty() && open.is_none() && !files.is_empty() {
            break;
        }
        let file = if let Some(file) = open.take() {
            file
        } else {
            let (to, name) = target.next_file().map_err(|error| failed(error.into()))?;
            let (to, metadata) = (HashedWriter::new(to), labels.metadata(&inputs_hash));
            let encoder = if let Some(options) = &output.tensor {
                let (schema, impute) = (schema.as_ref(), &options.impute);
                FileEncoder::Tensor(TensorEncoder::new(to, schema, spine_columns, impute, metadata))
            } else {
                let encoder = Encoder::new(to, Arc::clone(&schema), &parquet, metadata, options.partitions);
                FileEncoder::Parquet(encoder.map_err(|error| failed(error.into()))?)
            };
            OpenFile { encoder, name, rows: 0 }
        };
        encoding = Some(tokio::task::spawn_blocking(move || {
            let file = file.take(&block)?;
            if block.ends_file {
                return Ok(Encoded::Whole(file.finish()?));
            }
            Ok(Encoded::More(Box::new(file)))
        }));
        if is_last {
            settle(&mut encoding, &mut open, &mut files).await.map_err(failed)?;
            break;
        }
    }
    let report = recorder.report();
    let record = OutputRecord {
        rows: files.iter().map(|file| file.rows).sum(),
        columns: schema.fields().len() as u64,
        files,
    };
    let (rows, bytes) = (record.rows, record.files.iter().map(|file| file.bytes).sum());
    let manifest = manifest::describe(labels, as_of, &report, record);
    target.publish(manifest.as_ref()).map_err(failed)?;
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

/// Waits for the block that is being encoded, if there is one, and takes back its file.
async fn settle(
    encoding: &mut Option<JoinHandle<Result<Encoded, WriteError>>>,
    open: &mut Option<OpenFile>,
    files: &mut Vec<OutputFile>,
) -> Result<(), WriteError> {
    if let Some(encoding) = encoding.take() {
        match encoding.await.map_err(std::io::Error::from)?? {
            Encoded::More(file) => *open = Some(*file),
            Encoded::Whole(file) => files.push(file),
        }
    }
    Ok(())
}

/// What makes a file of rows.
enum FileEncoder {
    Parquet(Encoder<HashedWriter<File>>),
    Tensor(TensorEncoder<HashedWriter<File>>),
}

/// A file that is being written.
struct OpenFile {
    encoder: FileEncoder,
    name: String,
    rows: u64,
}

/// A file after a block was encoded.
enum Encoded {
    /// It takes more.
    More(Box<OpenFile>),
    /// It is whole, and on disk.
    Whole(OutputFile),
}

impl OpenFile {
    fn take(mut self, block: &Block) -> Result<Self, WriteError> {
        self.rows += block.pieces.iter().map(RecordBatch::num_rows).sum::<usize>() as u64;
        self.encoder = match self.encoder {
            FileEncoder::Parquet(mut encoder) => {
                encoder.encode(block)?;
                FileEncoder::Parquet(encoder)
            }
            FileEncoder::Tensor(encoder) => FileEncoder::Tensor(encoder.encode(block)?),
        };
        Ok(self)
    }

    /// Ends the file and brings it to disk.
    fn finish(self) -> Result<OutputFile, WriteError> {
        let hashed = match self.encoder {
            FileEncoder::Parquet(encoder) => encoder.finish()?,
            FileEncoder::Tensor(encoder) => encoder.finish()?,
        };
        let hash = hashed.hash();
        let file = hashed.into_inner();
        file.sync_all()?;
        Ok(OutputFile {
            path: self.name,
            bytes: file.metadata()?.len(),
            rows: self.rows,
            hash,
        })
    }
}
