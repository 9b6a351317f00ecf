//! Warnings about views that match suspiciously little, with the usual cause where it shows.

mod keys;
mod times;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;
use arrow::array::{Array, ArrayRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use asof_model::retrieval::{Lookup, RetrievalPlan};
use asof_offline::{JoinReport, LookupReport, OfflineEngine, ViewReport};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::table::plural;

/// A view that matches less than one row in so many is suspicious, whatever the cause.
const FEW: u64 = 20;

/// Keys of either side that are compared to find a hint.
const SAMPLED_KEYS: usize = 20_000;

/// A training set that was made, to be looked at for signs of mistakes.
pub(super) struct Suspect<'a> {
    pub(super) engine: &'a OfflineEngine,
    pub(super) plan: &'a RetrievalPlan,
    pub(super) report: &'a JoinReport,
    /// The first file of the training set.
    pub(super) file: Option<PathBuf>,
}

impl Suspect<'_> {
    /// One line per lookup that matches suspiciously little.
    pub(super) async fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for view in &self.report.views {
            for found in &view.lookups {
                let lookup = self.plan.lookups.iter().find(|lookup| is_of(lookup, view, found));
                if let Some(lookup) = lookup
                    && let Some(cause) = self.cause(view, found, lookup).await
                {
                    let keys = found.keys.join(", ");
                    let by = if keys.is_empty() { keys } else { format!(" by {keys}") };
                    let asked = plural(found.rows - found.null_key, "row", "rows");
                    warnings.push(format!(
                        "`{}`{by} matches {} of {asked}: {cause}",
                        view.view, found.matched
                    ));
                }
            }
        }
        warnings
    }

    /// Why a lookup matches so little; `None`: it does not, or it may well be right.
    async fn cause(&self, view: &ViewReport, found: &LookupReport, lookup: &Lookup) -> Option<String> {
        let asked = found.rows - found.null_key;
        if asked == 0 || found.matched * 2 > asked {
            return None;
        }
        let spine = self.report.spine.first.zip(self.report.spine.last);
        let source = view.first_event.zip(view.last_event);
        if let (Some(spine), Some(source)) = (spine, source)
            && let Some(cause) = times::cause(spine, source, &lookup.view.admission)
        {
            return Some(cause);
        }
        // Of row groups that were left out because of their times, no key was seen.
        let is_out_of_time = view.row_groups > 0 && view.row_groups_pruned_by_time == view.row_groups;
        let unknown = !is_out_of_time && found.unknown_key * 2 > asked;
        if unknown && let Some(hint) = self.key_hint(found, lookup).await {
            return Some(hint);
        }
        if found.matched * FEW > asked {
            return None;
        }
        let source = &view.source;
        Some(if unknown && found.unknown_key == asked {
            format!("no key of the spine is known to the source `{source}`; are these the right columns?")
        } else if unknown {
            format!("most keys of the spine are not known to the source `{source}`")
        } else if found.expired * 2 > asked {
            let ttl = lookup.view.admission.ttl.map(|ttl| ttl.to_string()).unwrap_or_default();
            format!("rows are there, but older than the view's ttl of {ttl}; is the ttl, or a time zone, right?")
        } else if lookup.view.admission.visible_from_created {
            "rows count only from their created time on (`visible_from: created_time`); were they written later than the \
             spine's times?"
                .to_owned()
        } else {
            "rows of its keys are later than the spine's times; is a time zone missing?".to_owned()
        })
    }

    async fn key_hint(&self, found: &LookupReport, lookup: &Lookup) -> Option<String> {
        let sampled = self.engine.sample_keys(lookup, SAMPLED_KEYS).await.ok()?;
        let file = self.file.as_deref()?;
        for (column, source) in found.keys.iter().zip(&sampled) {
            // A hint is a courtesy: what cannot be read gives none.
            let spine = texts(&column_of(file, column).ok()?).ok()?;
            let hint = keys::hint(&spine, &texts(std::slice::from_ref(source)).ok()?);
            if let Some(hint) = hint {
                return Some(format!(
                    "column `{column}` of the spine {hint} `{}`",
                    lookup.source.name
                ));
            }
        }
        None
    }
}

fn is_of(lookup: &Lookup, view: &ViewReport, found: &LookupReport) -> bool {
    let columns = lookup.keys.iter().map(|key| key.column.as_str());
    lookup.view.name == view.view && columns.eq(found.keys.iter().map(String::as_str))
}

/// The first values of a column of a training set.
fn column_of(file: &Path, column: &str) -> Result<Vec<ArrayRef>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs_err::File::open(file)?.into_file())?;
    let mask = ProjectionMask::columns(reader.parquet_schema(), [column]);
    let reader = reader.with_projection(mask).with_limit(SAMPLED_KEYS).build()?;
    let mut parts = Vec::new();
    for batch in reader {
        parts.push(std::sync::Arc::clone(batch?.column(0)));
    }
    Ok(parts)
}

/// The distinct values as texts, without nulls.
fn texts(parts: &[ArrayRef]) -> Result<BTreeSet<String>> {
    let mut texts = BTreeSet::new();
    for part in parts {
        let formatter = ArrayFormatter::try_new(part.as_ref(), &FormatOptions::new())?;
        let values = (0..part.len()).filter(|row| part.is_valid(*row));
        texts.extend(values.map(|row| formatter.value(row).to_string()));
    }
    Ok(texts)
}
