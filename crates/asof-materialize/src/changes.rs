//! The files of a source now, beside those that the ledger knows.

use std::collections::BTreeMap;

use crate::RecordedFile;

/// A source's files by what became of them since the last complete run; paths in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileChanges {
    /// Files that the ledger does not know.
    pub added: Vec<String>,
    /// Files that are as the ledger knows them.
    pub unchanged: Vec<String>,
    /// Files with another content. Rows that only the former content held may still be online.
    pub rewritten: Vec<String>,
    /// Files that are gone. Their rows may still be online.
    pub deleted: Vec<String>,
}

impl FileChanges {
    /// Compares the files there are with those that were recorded.
    pub(crate) fn between(recorded: &[RecordedFile], present: &[RecordedFile]) -> Self {
        let mut before: BTreeMap<&str, &RecordedFile> = recorded.iter().map(|f| (f.path.as_str(), f)).collect();
        let mut changes = Self::default();
        for file in present {
            let group = match before.remove(file.path.as_str()) {
                None => &mut changes.added,
                Some(known) if known.is_same_content(file) => &mut changes.unchanged,
                Some(_) => &mut changes.rewritten,
            };
            group.push(file.path.clone());
        }
        changes.deleted = before.into_keys().map(str::to_owned).collect();
        for group in [&mut changes.added, &mut changes.unchanged, &mut changes.rewritten] {
            group.sort_unstable();
        }
        changes
    }

    /// Whether what was read before is still what the source holds, whatever was added.
    pub(crate) fn only_grew(&self) -> bool {
        self.rewritten.is_empty() && self.deleted.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_path_and_content() {
        let file = |path: &str, size, etag: &str| RecordedFile {
            path: path.to_owned(),
            size,
            etag: Some(etag.to_owned()),
            modified_micros: 0,
            rows: 1,
        };
        let before = [
            file("a", 1, "x"),
            file("b", 1, "x"),
            file("c", 1, "x"),
            file("d", 1, "x"),
        ];
        let now = [
            file("a", 1, "x"),
            file("b", 2, "x"),
            file("c", 1, "y"),
            file("e", 1, "x"),
        ];
        let changes = FileChanges::between(&before, &now);
        assert_eq!(changes.unchanged, ["a"]);
        assert_eq!(changes.rewritten, ["b", "c"]);
        assert_eq!(changes.deleted, ["d"]);
        assert_eq!(changes.added, ["e"]);
        assert!(!changes.only_grew());
        assert!(FileChanges::between(&before[..1], &before).only_grew());
    }
}
