//! Which rows a training set is made for: a spine that is given, or one that is made.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use asof_model::definition::Definitions;
use asof_model::retrieval::RetrievalPlan;
use asof_model::{TimeSpan, Timestamp, ViewName};
use asof_offline::{EntitySpine, Spine};
use clap::{ArgGroup, Args};

use crate::error::{CliError, CliResult};

/// Options that name the rows.
#[derive(Debug, Args)]
#[group(skip)]
#[command(
    next_help_heading = "Rows (one of --spine, --spine-sql, --from)",
    group = ArgGroup::new("rows").required(true).args(["spine", "spine_sql", "from"])
)]
pub(crate) struct SpineArgs {
    /// The rows to join to: join keys, as-of times, anything else. A file, a folder, a pattern or a URL; Parquet, or
    /// one file of CSV by its ending.
    #[arg(long, value_name = "FILE")]
    spine: Option<String>,
    /// The rows that a query gives; its tables are the sources.
    #[arg(long, value_name = "SQL")]
    spine_sql: Option<String>,
    /// Without a spine: each entity at each of its event times, from this time on (RFC 3339).
    #[arg(long, value_name = "T", requires = "to")]
    from: Option<Timestamp>,
    /// The end of those times, itself outside (RFC 3339).
    #[arg(long, value_name = "T", requires = "from")]
    to: Option<Timestamp>,
    /// Not at their event times: every entity at --from and each such span later, as `1h`.
    #[arg(long, value_name = "SPAN", requires = "from")]
    every: Option<TimeSpan>,
    /// The feature view whose entities and times these are; the first that is asked for unless told.
    #[arg(long, value_name = "VIEW", requires = "from")]
    spine_view: Option<ViewName>,
}

impl SpineArgs {
    /// A file.
    pub(crate) fn file(path: &Path) -> Self {
        Self {
            spine: Some(path.to_string_lossy().into_owned()),
            spine_sql: None,
            from: None,
            to: None,
            every: None,
            spine_view: None,
        }
    }

    /// The path, when it is one of this machine.
    pub(super) fn path(&self) -> Option<PathBuf> {
        let path = self.spine.as_deref()?;
        (!path.contains("://")).then(|| PathBuf::from(path))
    }

    /// Where the rows come from, as a person wrote it.
    pub(super) fn shown(&self) -> String {
        if let Some(spine) = &self.spine {
            return spine.clone();
        }
        if let Some(sql) = &self.spine_sql {
            return sql.clone();
        }
        let mut shown = vec!["entities".to_owned()];
        let parts = [
            ("of", self.spine_view.as_ref().map(ToString::to_string)),
            ("from", self.from.as_ref().map(ToString::to_string)),
            ("to", self.to.as_ref().map(ToString::to_string)),
            ("every", self.every.as_ref().map(ToString::to_string)),
        ];
        for (word, value) in parts {
            if let Some(value) = value {
                shown.push(format!("{word} {value}"));
            }
        }
        shown.join(" ")
    }

    /// The spine of a plan.
    ///
    /// # Errors
    /// When it is to be made of a view that is not there, or of no time.
    pub(super) fn spine(&self, plan: &RetrievalPlan, definitions: &Definitions) -> CliResult<Spine> {
        if let Some(location) = &self.spine {
            return Ok(Spine::Location(location.clone()));
        }
        if let Some(sql) = &self.spine_sql {
            return Ok(Spine::Query {
                sql: sql.clone(),
                sources: definitions.sources.values().cloned().map(Arc::new).collect(),
            });
        }
        let (Some(from), Some(to)) = (self.from, self.to) else {
            return Err(CliError::refused(
                "no rows are named; give --spine, --spine-sql, or --from and --to",
            ));
        };
        if from >= to {
            return Err(CliError::refused(format!(
                "--from {from} is not before --to {to}, which is itself outside; swap them, or move one"
            )));
        }
        let first = plan.lookups.first().map(|lookup| &lookup.view.name);
        let Some(name) = self.spine_view.as_ref().or(first) else {
            return Err(CliError::refused(
                "no feature view is asked for; name one with --spine-view",
            ));
        };
        let view = definitions.feature_views.get(name).ok_or_else(|| {
            let known = definitions.feature_views.keys().map(ViewName::as_str);
            let hint = asof_model::nearest::clause(name.as_str(), known);
            CliError::refused(format!("--spine-view {name}: there is no such feature view{hint}"))
        })?;
        let lookup = plan.lookups.iter().find(|lookup| lookup.view.name == *name);
        let columns = match lookup {
            // Under another name in the training set, as `origin` under `departure`.
            Some(lookup) => lookup.keys.iter().map(|key| key.column.to_string()).collect(),
            None => view.join_keys.iter().map(|key| key.name.to_string()).collect(),
        };
        Ok(Spine::Entities(EntitySpine {
            source: Arc::new(definitions.sources[&view.source].clone()),
            view: Arc::new(view.clone()),
            columns,
            from,
            to,
            every: self.every,
        }))
    }
}
