//! A feature repository in a temporary folder.

use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;

/// A folder with the given files, removed when dropped.
#[derive(Debug)]
pub struct TempRepository {
    folder: TempDir,
}

impl TempRepository {
    /// A repository of `(relative path, text)` files; folders are made as needed.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn new(files: &[(&str, &str)]) -> Result<Self> {
        let repository = Self {
            folder: tempfile::Builder::new().prefix("asof-test-").tempdir()?,
        };
        for (path, text) in files {
            repository.write(path, text)?;
        }
        Ok(repository)
    }

    /// The repository's folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The path of a file in it.
    pub fn file(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes, or replaces, a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.file(path);
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        Ok(fs_err::write(path, text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stand_in_their_folders_and_go_with_the_value() -> Result<()> {
        let repository = TempRepository::new(&[("feature_store.yaml", "project: p\n"), ("views/v.yaml", "")])?;
        let folder = repository.path().to_owned();
        assert_eq!(
            fs_err::read_to_string(repository.file("feature_store.yaml"))?,
            "project: p\n"
        );
        assert!(repository.file("views/v.yaml").is_file());
        drop(repository);
        assert!(!folder.exists());
        Ok(())
    }
}
