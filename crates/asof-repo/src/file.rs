//! Files of a repository, as the caller has read them.

/// The file with the repository's settings, at its root.
pub const STORE_FILE: &str = "feature_store.yaml";

/// The largest file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The path relative to the repository, with `/` between its parts.
    pub path: String,
    /// What the file holds. Of a file over [`MAX_FILE_BYTES`] one byte more than that is enough.
    pub bytes: Vec<u8>,
}

/// Whether the file at `path` (relative, with `/`) holds definitions: `*.yaml` or `*.yml`, not in a dot-folder, and
/// not in a folder of `exclude`, where an element is a folder's name, or a path of folders from the root.
///
/// ```
/// use asof_repo::is_definition_file;
/// let exclude = ["data".to_owned(), "k8s/overlays".to_owned()];
/// assert!(is_definition_file("views/weather.yml", &exclude));
/// assert!(!is_definition_file("views/data/weather.yml", &exclude));
/// assert!(!is_definition_file("k8s/overlays/a.yaml", &exclude));
/// assert!(!is_definition_file(".github/ci.yaml", &exclude));
/// assert!(!is_definition_file("README.md", &exclude));
/// ```
pub fn is_definition_file(path: &str, exclude: &[String]) -> bool {
    let mut folders: Vec<&str> = path.split('/').collect();
    let name = folders.pop().unwrap_or_default();
    let is_yaml = name
        .rsplit_once('.')
        .is_some_and(|(stem, extension)| !stem.is_empty() && matches!(extension, "yaml" | "yml"));
    let is_excluded = exclude.iter().any(|excluded| {
        let excluded = excluded.trim_start_matches("./").trim_end_matches('/');
        folders.contains(&excluded) || path.strip_prefix(excluded).is_some_and(|rest| rest.starts_with('/'))
    });
    is_yaml && !is_excluded && !folders.iter().any(|folder| folder.starts_with('.'))
}
