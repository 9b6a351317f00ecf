//! A manifest, and what it takes to make its training set again.

use std::path::{Path, PathBuf};

use asof_offline::{Manifest, manifest_path};
use asof_registry::{RegistryVersion, Snapshot};
use clap::Parser;

use crate::args::{Cli, Command};
use crate::commands::get_historical_features::HistoricalArgs;
use crate::error::{CliError, CliResult};
use crate::workspace::Workspace;

/// A manifest that was read, with the version of the registry that it names.
pub(super) struct Opened {
    pub(super) manifest: Manifest,
    /// The folder that the paths of its output start at.
    folder: PathBuf,
    pub(super) snapshot: Snapshot,
}

impl Opened {
    /// Reads the manifest at `path`, or that of the training set at `path`.
    ///
    /// # Errors
    /// When there is none, or it is of another project or of a version that the registry does not have.
    pub(super) async fn read(path: &Path, workspace: &Workspace) -> CliResult<Self> {
        let beside = manifest_path(path, path.is_dir());
        let path = if beside.is_file() { beside } else { path.to_owned() };
        let name = path.display().to_string();
        // A training set without a manifest is no text.
        let text = String::from_utf8_lossy(&fs_err::read(&path)?).into_owned();
        let manifest = Manifest::decode(&name, &text)?;
        let Some(version) = manifest.registry_version else {
            return Err(CliError::refused(format!(
                "`{name}` names no registry version: its definitions were never applied"
            )));
        };
        let snapshot = workspace.registry()?.get(RegistryVersion(version)).await?;
        let project = &snapshot.definitions.project;
        if manifest.project != project.as_str() {
            return Err(CliError::refused(format!(
                "`{name}` is of the project `{}`, this repository of `{project}`; name the other with --repo",
                manifest.project
            )));
        }
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self {
            manifest,
            folder,
            snapshot,
        })
    }

    /// The options of the command that made the training set.
    ///
    /// # Errors
    /// When this Asof does not understand it.
    pub(super) fn arguments(&self) -> CliResult<HistoricalArgs> {
        let command = std::iter::once("asof").chain(self.manifest.command.iter().map(String::as_str));
        match Cli::try_parse_from(command) {
            Ok(Cli {
                command: Command::GetHistoricalFeatures(args),
                ..
            }) => Ok(args),
            other => {
                let why = other.err().map(|error| error.to_string()).unwrap_or_default();
                let why = why.lines().next().unwrap_or_default().trim_start_matches("error: ");
                Err(CliError::refused(format!(
                    "the manifest's command `{}` cannot be run by this Asof ({}), it was made by {}: {why}",
                    self.manifest.command.join(" "),
                    env!("CARGO_PKG_VERSION"),
                    self.manifest.asof_version,
                )))
            }
        }
    }

    /// The files of the training set, in the order of their rows, as far as the manifest says.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let files = self.manifest.output.files.iter();
        files.map(|file| self.folder.join(&file.path)).collect()
    }
}
