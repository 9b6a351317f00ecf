//! The manifest beside a training set: what it was made from, in enough detail to make it again and to tell what
//! changed when that fails.
//!
//! It stands at `OUT.manifest.json` beside a file `OUT`, and at `OUT/_manifest.json` in a folder. It is JSON, for
//! people and for long; absent facts are left out.
//!
//! ```text
//! {"format": "asof-training-set", "format_version": 1, "asof_version": "0.1.0",
//!  "command": ["get-historical-features", …],     what makes it again, without the program and global options
//!  "project": "rides", "registry_version": 1,
//!  "request": {"service": "…"} | {"features": […]}, "as_of": "event_timestamp",
//!  "definitions": [{"kind": "source", "name": …, "hash": …}, …],     of the canonical documents, as JSON
//!  "spine": {"location": …, "rows": 6, "first": …, "last": …, "hash": …},
//!  "sources": [{"source": …, "files": [{"path": …, "size": …, "rows": …,
//!       "e_tag": … | "footer_hash": … | "modified": …,      in a store, on this machine, in a store without e_tags
//!       "row_groups_read": [0, 1], "row_groups_with_values": [1]}, …]}, …],
//!  "views": [{"view": …, "source": …, "lookups": [{"keys": […], "rows": 6, "matched": 5, …}]}, …],
//!  "output": {"rows": 6, "columns": 9, "files": [{"path": …, "bytes": …, "rows": …, "hash": …}]}}
//! ```
//!
//! All hashes are XXH3 of 128 bits, in hex. Nothing in it tells when or where it was made: the same inputs make the
//! same manifest.

mod fingerprint;
mod place;

use asof_model::Timestamp;
use asof_model::definition::Source;
use serde::{Deserialize, Serialize};

pub(crate) use fingerprint::HashedWriter;
use fingerprint::fingerprint;
pub use fingerprint::hash_file;
pub use place::manifest_path;
pub(super) use place::publish_file;

use super::report::{JoinReport, LookupReport, SourceReport, ViewReport};
use super::{TrainingSetLabels, TrainingSetSelection};
use crate::{OfflineEngine, OfflineError, OfflineOptions, SourceFile};

/// What a manifest says it is.
const FORMAT: &str = "asof-training-set";

/// The version of the format that is written, and the latest that is read.
pub const MANIFEST_FORMAT_VERSION: u64 = 1;

/// What a training set was made from, and what came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: String,
    format_version: u64,
    /// The version of Asof that made it.
    pub asof_version: String,
    /// The command that makes it again: arguments without the program's name and global options.
    pub command: Vec<String>,
    /// The project.
    pub project: String,
    /// The registry version of the definitions; `None` when they were never applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_version: Option<u64>,
    /// What was asked for.
    pub request: TrainingSetSelection,
    /// The spine's column of as-of times.
    pub as_of: String,
    /// The definitions that values follow from, in the order of kinds and names.
    pub definitions: Vec<DefinitionRecord>,
    /// The spine.
    pub spine: SpineRecord,
    /// The sources, by name.
    pub sources: Vec<SourceRecord>,
    /// What was found in each view.
    pub views: Vec<ViewRecord>,
    /// What was written.
    pub output: OutputRecord,
}

/// What the caller of the engine knows for a manifest, beside the [labels](TrainingSetLabels).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestLabels {
    /// The version of Asof.
    pub asof_version: String,
    /// See [`Manifest::command`].
    pub command: Vec<String>,
    /// See [`Manifest::definitions`].
    pub definitions: Vec<DefinitionRecord>,
    /// Where the spine comes from: a path or URL as written, or what makes it.
    pub spine: String,
}

/// A definition, by the hash of its canonical document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DefinitionRecord {
    /// What it defines, in the singular: `entity`, `source`, `feature_view` and so on.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The hash.
    pub hash: String,
}

/// The spine of a training set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpineRecord {
    /// Where it comes from: a path or URL as written, or what makes it.
    pub location: String,
    /// Its rows.
    pub rows: u64,
    /// The first as-of time, as RFC 3339; `None` without rows.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_time")]
    pub first: Option<Timestamp>,
    /// The last as-of time, as RFC 3339; `None` without rows.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_time")]
    pub last: Option<Timestamp>,
    /// The hash of its content.
    pub hash: String,
}

/// A source and the files that it had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// The source.
    pub source: String,
    /// Its files, sorted by path, used or not: a file more or less may change any value.
    pub files: Vec<FileRecord>,
}

/// A file of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its path, as in [`SourceFile::path`].
    pub path: String,
    /// What tells it from other files at the same path.
    #[serde(flatten)]
    pub content: ContentRecord,
    /// How many rows it has.
    pub rows: u64,
    /// The row groups of which keys and times were read, ascending.
    #[serde(default)]
    pub row_groups_read: Vec<u32>,
    /// The row groups that values of the training set come from, ascending.
    #[serde(default)]
    pub row_groups_with_values: Vec<u32>,
}

/// What tells a file from others at the same path.
///
/// A Parquet file's footer has the place, size and statistics of every column of every row group, so writing other
/// rows makes another footer. Bytes that are changed in place, in the data alone, keep it: a checksum of the pages
/// or the hash of the output tells that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentRecord {
    /// Its length in bytes.
    pub size: u64,
    /// The object store's name for this content. Files on this machine have none: copies of a file are equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e_tag: Option<String>,
    /// The hash of the Parquet footer's bytes, for a file on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer_hash: Option<String>,
    /// When it was written last, as RFC 3339, for a file of a store that has no names for contents.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_time")]
    pub modified: Option<Timestamp>,
}

/// What was found in a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewRecord {
    /// The view.
    pub view: String,
    /// Its source.
    pub source: String,
    /// What its lookups found.
    pub lookups: Vec<LookupRecord>,
}

/// What a lookup found; see [`LookupReport`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupRecord {
    /// The spine columns that hold the join keys.
    pub keys: Vec<String>,
    /// Rows of the spine.
    pub rows: u64,
    /// Rows that got a row of the view.
    pub matched: u64,
    /// Rows that had one in time, but all too old.
    pub expired: u64,
    /// Rows with no row of the view in time.
    pub without_row: u64,
    /// Rows with a null in a join key.
    pub null_key: u64,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRecord {
    /// Rows: as many as the spine has.
    pub rows: u64,
    /// Columns of the spine and features.
    pub columns: u64,
    /// The files, in the order of their rows.
    pub files: Vec<OutputFile>,
}

/// A file of a training set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFile {
    /// Its path, from the folder of the manifest.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// The hash of its bytes.
    pub hash: String,
}

/// The manifest of a training set that was written, if `labels` ask for one.
pub(super) fn describe(
    labels: &TrainingSetLabels,
    as_of: &str,
    report: &JoinReport,
    output: OutputRecord,
) -> Option<Manifest> {
    let own = labels.manifest.as_ref()?;
    Some(Manifest::new(labels, own, as_of, report, output))
}

/// What tells the content of each file of a source.
///
/// # Errors
/// When a file of this machine cannot be read, or is no longer what it was when it was listed.
pub(super) async fn contents(
    files: &[SourceFile],
    options: &OfflineOptions,
) -> Result<Vec<ContentRecord>, OfflineError> {
    let (files, base) = (files.to_vec(), options.base.clone());
    let all = move || files.iter().map(|file| fingerprint(file, &base)).collect();
    tokio::task::spawn_blocking(all)
        .await
        .map_err(|error| OfflineError::File { error: error.into() })?
}

impl OfflineEngine {
    /// The files of a source as they are now, as a manifest has them, none of it read.
    ///
    /// # Errors
    /// As [`Self::source_files`].
    pub async fn file_records(&self, source: &Source) -> Result<Vec<FileRecord>, OfflineError> {
        let files = self.source_files(source).await?;
        let contents = contents(&files, &self.options).await?;
        Ok(files
            .iter()
            .zip(contents)
            .map(|(file, content)| FileRecord::new(file, content))
            .collect())
    }
}

impl Manifest {
    /// The manifest of a training set.
    fn new(
        labels: &TrainingSetLabels,
        own: &ManifestLabels,
        as_of: &str,
        report: &JoinReport,
        output: OutputRecord,
    ) -> Self {
        let spine = &report.spine;
        let mut definitions = own.definitions.clone();
        definitions.sort_unstable();
        let mut sources: Vec<SourceRecord> = (report.sources.iter())
            .map(|source| SourceRecord::new(source, &report.views))
            .collect();
        sources.sort_by(|a, b| a.source.cmp(&b.source));
        Self {
            format: FORMAT.to_owned(),
            format_version: MANIFEST_FORMAT_VERSION,
            asof_version: own.asof_version.clone(),
            command: own.command.clone(),
            project: labels.project.clone(),
            registry_version: labels.registry_version,
            request: labels.selection.clone(),
            as_of: as_of.to_owned(),
            definitions,
            spine: SpineRecord {
                location: own.spine.clone(),
                rows: spine.rows,
                first: spine.first,
                last: spine.last,
                hash: spine.hash.clone(),
            },
            sources,
            views: report.views.iter().map(ViewRecord::new).collect(),
            output,
        }
    }

    /// The manifest's text.
    pub fn encode(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("every key is a text, and no number is a float");
        text + "\n"
    }

    /// Reads a manifest; `name` names it in errors.
    ///
    /// # Errors
    /// When it is none, or of a later format.
    pub fn decode(name: &str, text: &str) -> Result<Self, OfflineError> {
        let refused = |problem: String| OfflineError::Manifest {
            file: name.to_owned(),
            problem,
        };
        /// The part of a manifest that every version has.
        #[derive(Deserialize)]
        struct Head {
            format: String,
            format_version: u64,
        }
        let head: Head = serde_json::from_str(text).map_err(|error| refused(error.to_string()))?;
        if head.format != FORMAT {
            return Err(refused(format!("its format is `{}`, not `{FORMAT}`", head.format)));
        }
        if head.format_version > MANIFEST_FORMAT_VERSION {
            return Err(refused(format!(
                "it has format version {}, of a later Asof; this one reads up to {MANIFEST_FORMAT_VERSION}",
                head.format_version
            )));
        }
        serde_json::from_str(text).map_err(|error| refused(error.to_string()))
    }
}

impl SourceRecord {
    fn new(source: &SourceReport, views: &[ViewReport]) -> Self {
        let mut files: Vec<FileRecord> = (source.files.iter().zip(&source.contents))
            .map(|(file, content)| FileRecord::new(file, content.clone()))
            .collect();
        let views = views.iter().filter(|view| view.source == source.source);
        for part in views.flat_map(|view| &view.parts) {
            let Some(file) = files.get_mut(part.file as usize) else {
                continue;
            };
            file.row_groups_read.push(part.row_group);
            if part.has_values {
                file.row_groups_with_values.push(part.row_group);
            }
        }
        for file in &mut files {
            for groups in [&mut file.row_groups_read, &mut file.row_groups_with_values] {
                groups.sort_unstable();
                groups.dedup();
            }
        }
        Self {
            source: source.source.to_string(),
            files,
        }
    }
}

impl FileRecord {
    /// A file of which nothing was read yet.
    fn new(file: &SourceFile, content: ContentRecord) -> Self {
        Self {
            path: file.path.clone(),
            content,
            rows: file.rows,
            row_groups_read: Vec::new(),
            row_groups_with_values: Vec::new(),
        }
    }
}

impl ViewRecord {
    fn new(view: &ViewReport) -> Self {
        Self {
            view: view.view.to_string(),
            source: view.source.to_string(),
            lookups: view.lookups.iter().map(LookupRecord::new).collect(),
        }
    }
}

impl LookupRecord {
    fn new(lookup: &LookupReport) -> Self {
        Self {
            keys: lookup.keys.clone(),
            rows: lookup.rows,
            matched: lookup.matched,
            expired: lookup.expired,
            without_row: lookup.without_row,
            null_key: lookup.null_key,
        }
    }
}

/// Times as RFC 3339, or not there.
mod optional_time {
    use asof_model::Timestamp;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(time: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => to.collect_str(time),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(Error::custom)).transpose()
    }
}
