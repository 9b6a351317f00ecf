//! Where a training set goes and in which form: nowhere that something else would be lost, or read as a source.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};

use asof_model::definition::{Impute, Source};
use asof_model::retrieval::RetrievalPlan;
use asof_offline::{ParquetCompression, ParquetOptions, TensorOptions, TrainingSetOutput};
use clap::{Args, ValueEnum};

use crate::error::{CliError, CliResult};
use crate::workspace::Workspace;

/// The types of numbers in tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TensorType {
    // Without a doc comment, so that help stays in short lines.
    F32,
}

/// Options of what is written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// The training set: a Parquet file, or with --partition-rows a folder. It is there whole, or not at all.
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
    /// How Parquet is compressed: zstd (with a level: zstd:3), snappy, lz4 or none.
    #[arg(long, value_name = "CODEC", default_value = "zstd")]
    compression: ParquetCompression,
    /// Rows of a row group.
    #[arg(long, value_name = "N", default_value = "1048576")]
    row_group_rows: NonZeroUsize,
    /// Write features as rows of numbers of this type, in an Arrow IPC file (.arrow).
    #[arg(long, value_name = "TYPE", conflicts_with_all = ["compression", "row_group_rows", "partition_rows"])]
    as_tensor: Option<TensorType>,
    /// Write a folder of files of so many rows each: part-00000.parquet and so on.
    #[arg(long, value_name = "N")]
    partition_rows: Option<NonZeroU64>,
}

impl OutputArgs {
    /// A file, made the usual way.
    pub(crate) fn file(out: PathBuf) -> Self {
        let usual = ParquetOptions::default();
        Self {
            out,
            compression: usual.compression,
            row_group_rows: NonZeroUsize::new(usual.row_group_rows).unwrap_or(NonZeroUsize::MIN),
            as_tensor: None,
            partition_rows: None,
        }
    }

    /// Whether Parquet is written.
    pub(super) fn is_parquet(&self) -> bool {
        self.as_tensor.is_none()
    }

    /// The same for another place.
    pub(super) fn at(self, out: PathBuf) -> Self {
        Self { out, ..self }
    }

    /// What is to be written: the features of `plan`, with what a service imputes.
    pub(super) fn output(&self, plan: &RetrievalPlan, impute: &Impute) -> TrainingSetOutput {
        let imputed = || {
            let outputs = plan.outputs.iter();
            outputs
                .map(|output| impute.value(&output.view, &output.feature))
                .collect()
        };
        TrainingSetOutput {
            tensor: self
                .as_tensor
                .map(|TensorType::F32| TensorOptions { impute: imputed() }),
            path: self.out.clone(),
            parquet: ParquetOptions {
                compression: self.compression,
                row_group_rows: self.row_group_rows.get(),
            },
            partition_rows: self.partition_rows.map(NonZeroU64::get),
        }
    }

    /// Refuses a place that cannot be written, or that must not be: a spine, or a file of a source.
    ///
    /// # Errors
    /// Why, and what to do.
    pub(super) fn check<'a>(
        &self,
        spine: Option<&Path>,
        sources: impl IntoIterator<Item = &'a Source>,
        workspace: &Workspace,
    ) -> CliResult {
        let out = self.out.as_path();
        let is_folder = self.partition_rows.is_some();
        let kind = if is_folder { "folder" } else { "file" };
        let shown = out.display();
        let refused = |problem: String| Err(CliError::refused(problem));
        let place = resolved(out);
        let spine = spine.and_then(|spine| fs_err::canonicalize(spine).ok());
        if let (Some(place), Some(spine)) = (&place, &spine)
            && (place == spine || is_folder && spine.starts_with(place))
        {
            let relation = if place == spine {
                "is the spine"
            } else {
                "has the spine in it"
            };
            return refused(format!(
                "`{shown}` {relation}, which the training set would replace; name another {kind}"
            ));
        }
        let ending = out.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        match (ending.as_deref(), self.as_tensor) {
            (Some("parquet"), Some(_)) => {
                return refused(format!(
                    "`{shown}` would not be Parquet: tensors are Arrow IPC; name a file that ends in .arrow"
                ));
            }
            (Some(ending @ ("csv" | "json" | "tsv")), _) => {
                return refused(format!(
                    "`{shown}` would not be {}: training sets are Parquet; name a file that ends in .parquet",
                    ending.to_uppercase()
                ));
            }
            (Some("arrow"), None) => {
                return refused(format!(
                    "`{shown}` would not be Arrow IPC: training sets are Parquet unless --as-tensor is given; \
                     name a file that ends in .parquet"
                ));
            }
            _ => {}
        }
        if !is_folder && out.is_dir() {
            return refused(format!("`{shown}` is a folder; name a file in it"));
        }
        if is_folder && out.is_file() {
            return refused(format!(
                "`{shown}` is a file; with --partition-rows a training set is a folder: name another place"
            ));
        }
        let Some(place) = place else {
            return refused(format!("the folder of `{shown}` does not exist; make it first"));
        };
        for source in sources {
            if holds(source, &place, is_folder, workspace)? {
                return refused(format!(
                    "`{shown}` lies in the source `{}`, which would be changed by it; name another {kind}",
                    source.name
                ));
            }
        }
        Ok(())
    }
}

/// The file itself, through links; `None` when its folder does not exist.
fn resolved(out: &Path) -> Option<PathBuf> {
    if let Ok(file) = fs_err::canonicalize(out) {
        return Some(file);
    }
    let folder = match out.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    Some(fs_err::canonicalize(folder).ok()?.join(out.file_name()?))
}

/// Whether what is written at `place` is, or would become, a file of `source`, or would replace one.
fn holds(source: &Source, place: &Path, is_folder: bool, workspace: &Workspace) -> CliResult<bool> {
    let root = fs_err::canonicalize(&workspace.root)?;
    let location = asof_storage::resolve(&source.path, &root, &workspace.settings()?.storage)?;
    let Some(path) = location.local else {
        return Ok(false);
    };
    let part = place.join("part-00000.parquet");
    let file = if is_folder { part.as_path() } else { place };
    if let Ok(path) = fs_err::canonicalize(&path) {
        let is_parquet = file.extension().is_some_and(|ending| ending == "parquet");
        let lies_in_it = file == path || is_parquet && path.is_dir() && file.starts_with(&path);
        return Ok(lies_in_it || is_folder && path.starts_with(place));
    }
    let pattern = path.to_string_lossy();
    Ok(glob::Pattern::new(&pattern).is_ok_and(|pattern| pattern.matches_path(file)))
}
