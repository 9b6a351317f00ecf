//! Where a training set may go: nowhere that something else would be lost, or read as a source.

use std::path::{Path, PathBuf};

use asof_model::definition::Source;

use crate::error::{CliError, CliResult};
use crate::workspace::Workspace;

/// Refuses an `out` that cannot be written, or that must not be: a spine, or a file of a source.
///
/// # Errors
/// Why, and what to do.
pub(super) fn check<'a>(
    out: &Path,
    spine: &Path,
    sources: impl IntoIterator<Item = &'a Source>,
    workspace: &Workspace,
) -> CliResult {
    let shown = out.display();
    let refused = |problem: String| Err(CliError::refused(problem));
    let file = resolved(out);
    if file.is_some() && file == fs_err::canonicalize(spine).ok() {
        return refused(format!(
            "`{shown}` is the spine, which the training set would replace; name another file"
        ));
    }
    let ending = out.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    if let Some(ending @ ("csv" | "json" | "tsv")) = ending.as_deref() {
        return refused(format!(
            "`{shown}` would not be {}: training sets are Parquet; name a file that ends in .parquet",
            ending.to_uppercase()
        ));
    }
    if out.is_dir() {
        return refused(format!("`{shown}` is a folder; name a file in it"));
    }
    let Some(file) = file else {
        return refused(format!("the folder of `{shown}` does not exist; make it first"));
    };
    for source in sources {
        if holds(source, &file, workspace)? {
            return refused(format!(
                "`{shown}` lies in the source `{}`, which would be changed by it; name another file",
                source.name
            ));
        }
    }
    Ok(())
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

/// Whether `file` is, or would become, a file of `source`.
fn holds(source: &Source, file: &Path, workspace: &Workspace) -> CliResult<bool> {
    let root = fs_err::canonicalize(&workspace.root)?;
    let location = asof_storage::resolve(&source.path, &root, &workspace.settings()?.storage)?;
    let Some(path) = location.local else {
        return Ok(false);
    };
    if let Ok(path) = fs_err::canonicalize(&path) {
        let is_parquet = file.extension().is_some_and(|ending| ending == "parquet");
        return Ok(file == path || is_parquet && path.is_dir() && file.starts_with(&path));
    }
    let pattern = path.to_string_lossy();
    Ok(glob::Pattern::new(&pattern).is_ok_and(|pattern| pattern.matches_path(file)))
}
