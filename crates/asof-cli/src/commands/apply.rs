//! `asof apply`: makes the repository, or a saved plan, the registry's next version.

use std::path::PathBuf;

use asof_model::Timestamp;
use asof_registry::{ApplyInfo, RegistryError, RegistryVersion, git_state};
use asof_repo::plan::{PlanFile, render};
use clap::Args;

use crate::args::Global;
use crate::error::{CliError, CliResult};
use crate::printer::Printer;
use crate::workspace::Workspace;

/// Options of `asof apply`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asof apply -m \"Weather by the hour\"\n  asof apply change.plan")]
pub(crate) struct ApplyArgs {
    /// A plan saved by `asof plan --out`; without one, the repository as it is.
    file: Option<PathBuf>,
    #[command(flatten)]
    note: NoteArgs,
    /// Do not check the definitions against the sources' files.
    #[arg(long, conflicts_with = "file")]
    no_sources: bool,
}

/// What is written beside a new version.
#[derive(Debug, Args)]
pub(crate) struct NoteArgs {
    /// Why, for the history.
    #[arg(short, long, value_name = "MSG")]
    message: Option<String>,
    /// Who; the user of this machine unless told.
    #[arg(long, value_name = "NAME", env = "ASOF_AUTHOR", hide_env_values = true)]
    author: Option<String>,
}

impl NoteArgs {
    /// A note with this message.
    pub(crate) fn saying(message: &str) -> Self {
        Self {
            message: Some(message.to_owned()),
            author: None,
        }
    }

    /// The same with the time, and the state of the git repository that `workspace` lies in.
    pub(crate) async fn info(&self, workspace: &Workspace) -> ApplyInfo {
        let user = || std::env::var("USER").or_else(|_| std::env::var("USERNAME")).ok();
        ApplyInfo {
            time: Timestamp::now(),
            author: self
                .author
                .clone()
                .or_else(user)
                .unwrap_or_else(|| "unknown".to_owned()),
            message: self.message.clone(),
            git: git_state(&workspace.root).await,
        }
    }
}

pub(crate) async fn run(global: &Global, args: &ApplyArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let file = match &args.file {
        Some(path) => PlanFile::parse(&fs_err::read_to_string(path)?)?,
        None => super::plan::make(&workspace, args.no_sources, printer).await?,
    };
    let project = &workspace.settings()?.project;
    if file.definitions.project != *project {
        return Err(CliError::refused(format!(
            "the plan is for project `{}`, this repository is `{project}`",
            file.definitions.project
        )));
    }
    let base = file.base_version.map(RegistryVersion);
    let registry = workspace.registry()?;
    if file.plan.is_empty() && base.is_some() {
        let found = registry.current_version().await?;
        if found != base {
            return Err(RegistryError::Conflict { expected: base, found }.into());
        }
        printer.result(
            || render(&file.plan, printer.data_coloring()),
            || serde_json::json!({"applied": false, "version": file.base_version, "plan": file.plan.to_json()}),
        );
        return Ok(());
    }
    let snapshot = registry
        .apply(base, &file.definitions, args.note.info(&workspace).await)
        .await?;
    let version = snapshot.version;
    printer.result(
        || {
            format!(
                "{}\nApplied: registry version {version}",
                render(&file.plan, printer.data_coloring())
            )
        },
        || serde_json::json!({"applied": true, "version": version.0, "plan": file.plan.to_json()}),
    );
    Ok(())
}
