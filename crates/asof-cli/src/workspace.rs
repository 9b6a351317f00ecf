//! What a command works on: the repository as read, its registry, its online store, its offline engine.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use asof_materialize::Ledger;
use asof_model::definition::{Definitions, StoreConfig};
use asof_model::{ErrorKind, ViewName};
use asof_offline::{OfflineEngine, OfflineOptions, ProgressSink};
use asof_online::OnlineStore;
use asof_registry::{Registry, Snapshot};
use asof_repo::{Coloring, Diagnostic, MAX_FILE_BYTES, Repository, STORE_FILE, Severity, SourceFile};
use asof_transform::SqlChecker;
use walkdir::WalkDir;

use crate::args::{EngineArgs, Global};
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
    /// Whether what is said about them may carry colours.
    coloring: Coloring,
}

impl Workspace {
    /// Reads the repository that `global` names. Problems of its files are kept, not returned.
    ///
    /// # Errors
    /// When the folder is no repository, or a file cannot be read.
    pub(crate) fn open(global: &Global) -> CliResult<Self> {
        let root = global.repo.clone();
        if !root.join(STORE_FILE).is_file() {
            let problem = match fs_err::metadata(&root) {
                Ok(found) if found.is_dir() => format!("has no {STORE_FILE}"),
                Ok(_) => "is not a folder".to_owned(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => "does not exist".to_owned(),
                Err(error) => return Err(error.into()),
            };
            return Err(CliError::refused(format!(
                "`{}` {problem}; name a feature repository with --repo, or make one with `asof init DIR`",
                root.display()
            )));
        }
        let files = read_files(&root)?;
        let env: BTreeMap<String, String> = std::env::vars().collect();
        let repository = Repository::parse(&files, &env, Some(&SqlChecker));
        Ok(Self {
            root,
            files,
            repository,
            coloring: Printer::new(global).coloring(),
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
        registry.current().await?.ok_or_else(nothing_applied)
    }

    /// The version that readers see: the newest one whose changed views are online. Says which one waits, if any.
    ///
    /// # Errors
    /// When nothing was applied yet, or the registry or its ledger cannot be read.
    pub(crate) async fn live(&self, printer: &Printer) -> CliResult<Snapshot> {
        let registry = self.registry()?;
        let live = asof_materialize::live_version(&registry, &Ledger::beside(&registry)).await?;
        let live = live.ok_or_else(nothing_applied)?;
        if let Some(waiting) = live.waiting {
            let views: Vec<&str> = waiting.views.iter().map(ViewName::as_str).collect();
            printer.note(format_args!(
                "note: answered by registry version {}; version {} waits until {} is materialized",
                live.snapshot.version,
                waiting.version,
                views.join(", ")
            ));
        }
        Ok(live.snapshot)
    }

    /// The online store.
    ///
    /// # Errors
    /// When the settings have a problem or the store cannot be opened.
    pub(crate) async fn online_store(&self) -> CliResult<Arc<dyn OnlineStore>> {
        Ok(asof_online::open(&self.settings()?.online_store, &self.root).await?)
    }

    /// The online store, to be written to. Writes bear that it is away for a while; a person should know why nothing
    /// seems to happen.
    ///
    /// # Errors
    /// When the settings have a problem, or the store cannot be opened, or does not let us in.
    pub(crate) async fn store_to_write(&self, printer: &Printer) -> CliResult<Arc<dyn OnlineStore>> {
        let store = self.online_store().await?;
        match store.ping().await {
            Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout) => {
                printer.note(format_args!("note: {error}; trying again for a while"));
            }
            answered => answered?,
        }
        Ok(store)
    }

    /// The offline engine, over the repository's folder. It tells `progress` how far it is.
    ///
    /// # Errors
    /// When the settings have a problem.
    pub(crate) fn offline(&self, progress: Option<ProgressSink>) -> CliResult<OfflineEngine> {
        self.offline_within(&EngineArgs::default(), progress)
    }

    /// An engine that uses as much of the machine as it is told.
    pub(crate) fn offline_within(
        &self,
        engine: &EngineArgs,
        progress: Option<ProgressSink>,
    ) -> CliResult<OfflineEngine> {
        let usual = OfflineOptions::new(&self.root);
        Ok(OfflineEngine::new(OfflineOptions {
            storage: self.settings()?.storage.clone(),
            partitions: engine.threads.map_or(usual.partitions, NonZeroUsize::get),
            memory: engine.memory.unwrap_or(usual.memory),
            progress,
            ..usual
        }))
    }

    /// Checks the definitions against the files of their sources, also where the definitions have errors.
    pub(crate) async fn check_sources(&self) -> CliResult<Vec<Diagnostic>> {
        if self.repository.store.is_none() {
            // Without settings there is no telling how sources are reached.
            return Ok(Vec::new());
        }
        let offline = self.offline(None)?;
        let mut schemas = BTreeMap::new();
        for (name, source) in &self.repository.sources {
            let schema = offline.source_schema(source).await.map_err(|error| {
                let text = error.to_string();
                // The diagnostic names the source by itself.
                let own = format!("source `{name}`: ");
                text.strip_prefix(&own).map(str::to_owned).unwrap_or(text)
            });
            schemas.insert(name.clone(), schema);
        }
        Ok(self.repository.check_sources(&schemas, Some(&SqlChecker)))
    }

    /// Everything that is wrong with the definitions and, with `sources`, with what they say of their sources, by
    /// place.
    pub(crate) async fn diagnostics(&self, sources: bool) -> CliResult<Vec<Diagnostic>> {
        let mut diagnostics = self.repository.diagnostics.clone();
        if sources {
            diagnostics.extend(self.check_sources().await?);
            diagnostics.sort_by(|a, b| {
                let (a, b) = (&a.place, &b.place);
                (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column))
            });
        }
        Ok(diagnostics)
    }

    /// The definitions, when nothing is wrong with them, nor, with `sources`, with what they say of their sources.
    /// Warnings are printed, and stop nothing.
    ///
    /// # Errors
    /// All problems of the repository.
    pub(crate) async fn checked(&self, sources: bool, printer: &Printer) -> CliResult<&Definitions> {
        let diagnostics = self.diagnostics(sources).await?;
        match &self.repository.definitions {
            Some(definitions) if diagnostics.iter().all(|found| found.severity != Severity::Error) => {
                if !diagnostics.is_empty() {
                    printer.note(self.render(&diagnostics).trim_end());
                }
                Ok(definitions)
            }
            _ => Err(self.problems(diagnostics)),
        }
    }

    /// `diagnostics` as an error.
    fn problems(&self, diagnostics: Vec<Diagnostic>) -> CliError {
        let rendered = self.render(&diagnostics);
        CliError::Diagnostics { diagnostics, rendered }
    }

    /// `diagnostics` as text for stderr, with the lines they are about.
    pub(crate) fn render(&self, diagnostics: &[Diagnostic]) -> String {
        asof_repo::render_human(diagnostics, &self.files, self.coloring)
    }
}

/// The YAML files below `root`, sorted by path. Dot-folders and excluded folders are not entered.
fn read_files(root: &Path) -> CliResult<Vec<SourceFile>> {
    let store = SourceFile {
        path: STORE_FILE.to_owned(),
        bytes: read_some(&root.join(STORE_FILE))?,
    };
    let exclude = Repository::excluded(&store);
    let mut files = vec![store];
    let mut folders = WalkDir::new(root).sort_by_file_name().into_iter();
    while let Some(entry) = folders.next() {
        let entry = entry?;
        let path = relative(root, entry.path())?;
        if entry.file_type().is_dir() {
            // A folder counts when a definition file in it would.
            if entry.depth() > 0 && !asof_repo::is_definition_file(&format!("{path}/any.yaml"), &exclude) {
                folders.skip_current_dir();
            }
        } else if path != STORE_FILE && asof_repo::is_definition_file(&path, &exclude) && entry.path().is_file() {
            // Links to files count as files: mounted configuration is made of them.
            files.push(SourceFile {
                path,
                bytes: read_some(entry.path())?,
            });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// `path` as seen from `root`, with `/` between its parts.
fn relative(root: &Path, path: &Path) -> CliResult<String> {
    let parts = path.strip_prefix(root)?.iter().map(|part| part.to_string_lossy());
    Ok(parts.collect::<Vec<_>>().join("/"))
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

/// What a command is refused with that needs a version.
pub(crate) fn nothing_applied() -> CliError {
    CliError::refused("the registry has no version yet; run `asof apply` first")
}
