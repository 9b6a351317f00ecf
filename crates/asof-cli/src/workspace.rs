//! What a command works on: the repository as read, its registry, its online store, its offline engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use asof_model::definition::{Definitions, StoreConfig};
use asof_offline::{OfflineEngine, OfflineOptions, ProgressSink};
use asof_online::OnlineStore;
use asof_registry::{Registry, Snapshot};
use asof_repo::{Coloring, Diagnostic, MAX_FILE_BYTES, Repository, STORE_FILE, Severity, SourceFile};
use asof_transform::SqlChecker;
use walkdir::WalkDir;

use crate::args::Global;
use crate::error::{CliError, CliResult};
use crate::printer::Printer;

/// A feature repository that was read.
pub(crate) struct Workspace {
    /// The folder of `feature_store.yaml`.
    pub(crate) root: PathBuf,
    /// The files that were read.
    files: Vec<SourceFile>,
    /// What they mean, and what is wrong with them.
    pub(crate) repository: Repository,
}

impl Workspace {
    /// Reads the repository that `global` names. Problems of its files are kept, not returned.
    ///
    /// # Errors
    /// When the folder is no repository, or a file cannot be read.
    pub(crate) fn open(global: &Global) -> CliResult<Self> {
        let root = global.repo.clone();
        if !root.join(STORE_FILE).is_file() {
            return Err(CliError::refused(format!(
                "`{}` has no {STORE_FILE}; name a feature repository with --repo, or make one with `asof init DIR`",
                root.display()
            )));
        }
        let files = read_files(&root)?;
        let env: BTreeMap<String, String> = std::env::vars().collect();
        let repository = Repository::parse(&files, &env, Some(&SqlChecker::default()));
        Ok(Self {
            root,
            files,
            repository,
        })
    }

    /// The settings of `feature_store.yaml`.
    ///
    /// # Errors
    /// The problems of the repository, when they have one.
    pub(crate) fn settings(&self) -> CliResult<&StoreConfig> {
        self.repository
            .store
            .as_ref()
            .ok_or_else(|| self.problems(self.repository.diagnostics.clone()))
    }

    /// The definitions, when nothing is wrong with them.
    ///
    /// # Errors
    /// All problems of the repository.
    pub(crate) fn definitions(&self) -> CliResult<&Definitions> {
        self.repository
            .definitions
            .as_ref()
            .ok_or_else(|| self.problems(self.repository.diagnostics.clone()))
    }

    /// The registry.
    ///
    /// # Errors
    /// When the settings have a problem or the registry cannot be opened.
    pub(crate) fn registry(&self) -> CliResult<Registry> {
        let settings = self.settings()?;
        Ok(Registry::open(&settings.registry, &self.root, &settings.storage)?)
    }

    /// The registry's current version.
    ///
    /// # Errors
    /// When nothing was applied yet, or the registry cannot be read.
    pub(crate) async fn applied(&self) -> CliResult<Snapshot> {
        let registry = self.registry()?;
        registry
            .current()
            .await?
            .ok_or_else(|| CliError::refused("the registry has no version yet; run `asof apply` first"))
    }

    /// The online store.
    ///
    /// # Errors
    /// When the settings have a problem or the store cannot be opened.
    pub(crate) async fn online_store(&self) -> CliResult<Arc<dyn OnlineStore>> {
        Ok(asof_online::open(&self.settings()?.online_store, &self.root).await?)
    }

    /// The offline engine, over the repository's folder. It tells `progress` how far it is.
    ///
    /// # Errors
    /// When the settings have a problem.
    pub(crate) fn offline(&self, progress: Option<ProgressSink>) -> CliResult<OfflineEngine> {
        let storage = self.settings()?.storage.clone();
        Ok(OfflineEngine::new(OfflineOptions {
            storage,
            progress,
            ..OfflineOptions::new(&self.root)
        }))
    }

    /// Checks the definitions against the files of their sources.
    pub(crate) async fn check_sources(&self) -> CliResult<Vec<Diagnostic>> {
        let Some(definitions) = &self.repository.definitions else {
            return Ok(Vec::new());
        };
        let offline = self.offline(None)?;
        let mut schemas = BTreeMap::new();
        for (name, source) in &definitions.sources {
            let schema = offline.source_schema(source).await.map_err(|error| error.to_string());
            schemas.insert(name.clone(), schema);
        }
        Ok(self.repository.check_sources(&schemas, Some(&SqlChecker::default())))
    }

    /// `diagnostics` as an error.
    pub(crate) fn problems(&self, diagnostics: Vec<Diagnostic>) -> CliError {
        let rendered = self.render(&diagnostics, Coloring::Plain);
        CliError::Diagnostics { diagnostics, rendered }
    }

    /// `diagnostics` as text, with the lines they are about.
    pub(crate) fn render(&self, diagnostics: &[Diagnostic], coloring: Coloring) -> String {
        asof_repo::render_human(diagnostics, &self.files, coloring)
    }

    /// Prints warnings, which stop nothing.
    pub(crate) fn warn(&self, printer: &Printer) {
        let warnings: Vec<Diagnostic> = self
            .repository
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Warning)
            .cloned()
            .collect();
        if !warnings.is_empty() {
            printer.note(self.render(&warnings, Coloring::Plain).trim_end());
        }
    }
}

/// The YAML files below `root`, sorted by path. Dot-folders are not entered.
fn read_files(root: &Path) -> CliResult<Vec<SourceFile>> {
    let visible =
        |entry: &walkdir::DirEntry| entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.');
    let mut files = Vec::new();
    for entry in WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(visible) {
        let entry = entry?;
        let relative = entry.path().strip_prefix(root)?;
        let parts: Vec<String> = relative
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        let path = parts.join("/");
        if entry.file_type().is_file() && asof_repo::is_definition_file(&path, &[]) {
            files.push(SourceFile {
                path,
                bytes: read_some(entry.path())?,
            });
        }
    }
    Ok(files)
}

/// The file's bytes, but no more of a huge one than shows that it is too large.
fn read_some(path: &Path) -> CliResult<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    fs_err::File::open(path)?
        .take(MAX_FILE_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
