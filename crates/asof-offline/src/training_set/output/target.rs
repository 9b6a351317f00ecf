//! The place of a training set: a file or folder that nobody sees before it is whole.

use std::fs::File;
use std::io::Result;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use tempfile::{Builder, NamedTempFile, TempDir};

use super::options::TrainingSetOutput;
use crate::WriteError;
use crate::training_set::manifest::{self, Manifest, manifest_path};

/// Where a training set is written until it is whole. Dropped before, nothing is left of it.
pub(super) enum Target {
    File { aside: NamedTempFile, place: PathBuf },
    Folder { aside: TempDir, place: PathBuf, files: u32 },
}

impl Target {
    /// Makes the file or folder aside.
    ///
    /// # Errors
    /// When it cannot be made, or the folder that it would replace has anything else in it.
    pub(super) fn create(output: &TrainingSetOutput) -> std::result::Result<Self, WriteError> {
        let place = output.path.clone();
        if output.partition_rows.is_none() || output.tensor.is_some() {
            let aside = file_aside(&place)?;
            return Ok(Self::File { aside, place });
        }
        check_replaceable(&place)?;
        let aside = builder(0o777).tempdir_in(parent(&place))?;
        Ok(Self::Folder { aside, place, files: 0 })
    }

    /// Opens the next file, and says its name.
    pub(super) fn next_file(&mut self) -> Result<(File, String)> {
        match self {
            Self::File { aside, place } => {
                let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
                Ok((aside.as_file().try_clone()?, name))
            }
            Self::Folder { aside, files, .. } => {
                let name = format!("part-{files:05}.parquet");
                *files += 1;
                let file = fs_err::File::create_new(aside.path().join(&name))?;
                Ok((file.into_file(), name))
            }
        }
    }

    /// Gives the training set its name, now that it is whole, with its manifest.
    pub(super) fn publish(self, manifest: Option<&Manifest>) -> std::result::Result<(), WriteError> {
        match self {
            Self::File { aside, place } => Ok(manifest::publish_file(aside, &place, manifest)?),
            Self::Folder { aside, place, .. } => {
                if let Some(manifest) = manifest {
                    let file = manifest_path(aside.path(), true);
                    fs_err::write(&file, manifest.encode())?;
                    fs_err::File::open(&file)?.sync_all()?;
                }
                check_replaceable(&place)?;
                Ok(replace_folder(aside, &place)?)
            }
        }
    }
}

/// An unnamed-looking file in the folder of `file`, which goes away unless it is published.
pub(in super::super) fn file_aside(file: &Path) -> Result<NamedTempFile> {
    builder(0o666).tempfile_in(parent(file))
}

/// What is made aside is made for its owner only, unless told otherwise; what becomes of it is like any other file.
fn builder(mode: u32) -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(".asof-").suffix(".partial");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = mode;
    builder
}

fn parent(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Refuses a folder that has anything in it but a training set of ours.
fn check_replaceable(place: &Path) -> std::result::Result<(), WriteError> {
    let entries = match fs_err::read_dir(place) {
        Ok(entries) => entries.collect::<Result<Vec<_>>>()?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_part = name.starts_with("part-") && name.ends_with(".parquet");
        if name != "_manifest.json" && !(is_part && is_ours(&entry.path())) {
            return Err(WriteError::NotOurs { entry: name });
        }
    }
    Ok(())
}

/// Whether a Parquet file says that it belongs to a training set.
fn is_ours(file: &Path) -> bool {
    let Ok(file) = fs_err::File::open(file) else {
        return false;
    };
    SerializedFileReader::new(file.into_file()).is_ok_and(|reader| {
        let metadata = reader.metadata().file_metadata().key_value_metadata();
        metadata.is_some_and(|entries| entries.iter().any(|entry| entry.key == "asof.format"))
    })
}

/// Gives a whole folder its name. What had it before goes.
fn replace_folder(aside: TempDir, place: &Path) -> Result<()> {
    if !fs_err::exists(place)? {
        fs_err::rename(aside.path(), place)?;
        // It is not there any more, and need not be removed.
        let _ = aside.keep();
        return Ok(());
    }
    // The names change places, so that at no time there is none; dropping the old one under its new name removes it.
    if exchange(aside.path(), place).is_ok() {
        return aside.close();
    }
    let old = builder(0o777).tempdir_in(parent(place))?;
    fs_err::rename(place, old.path().join("old"))?;
    fs_err::rename(aside.path(), place)?;
    let _ = aside.keep();
    old.close()
}

#[cfg(target_os = "linux")]
fn exchange(a: &Path, b: &Path) -> Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)?)
}

#[cfg(not(target_os = "linux"))]
fn exchange(_: &Path, _: &Path) -> Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
