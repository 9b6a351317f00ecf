//! Where a manifest stands, and how it gets there: no output ever has the manifest of another.
//!
//! ```text
//! OUT                    the old output, and its manifest, if there were any
//! OUT.manifest.json
//!   1. both new files are written aside, whole and on disk
//!   2. the old manifest goes                            from here: the old output without a manifest
//!   3. the new output takes its name                    from here: the new output without a manifest
//!   4. the new manifest takes its name                  from here: both
//! ```
//!
//! Whoever is stopped in between leaves an output without a manifest, never with a wrong one. In a folder the manifest
//! is a file like the others, and the folder gets its name when all are in it.

use std::ffi::OsString;
use std::io::{ErrorKind, Result, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Manifest;
use crate::training_set::output::file_aside;

/// Where the manifest of the training set at `out` stands: in it when it is a folder, else beside it.
pub fn manifest_path(out: &Path, is_folder: bool) -> PathBuf {
    if is_folder {
        return out.join("_manifest.json");
    }
    let mut name = out.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".manifest.json");
    out.with_file_name(name)
}

/// Takes away the manifest of an output that is about to be replaced.
fn remove_stale(out: &Path) -> Result<()> {
    match fs_err::remove_file(manifest_path(out, false)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Gives a whole file its name, and its manifest beside it.
pub(crate) fn publish_file(aside: NamedTempFile, out: &Path, manifest: Option<&Manifest>) -> Result<()> {
    let place = manifest_path(out, false);
    let written = match manifest {
        Some(manifest) => {
            let mut aside = file_aside(&place)?;
            aside.write_all(manifest.encode().as_bytes())?;
            aside.as_file().sync_all()?;
            Some(aside)
        }
        None => None,
    };
    remove_stale(out)?;
    aside.persist(out).map_err(|error| error.error)?;
    if let Some(written) = written {
        written.persist(&place).map_err(|error| error.error)?;
    }
    Ok(())
}
