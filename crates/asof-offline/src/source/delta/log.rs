//! The files of a table's log that make up its latest version.

use std::collections::BTreeMap;

use object_store::ObjectMeta;

use super::LOG;

/// What must be read, in this order.
#[derive(Debug)]
pub(super) struct Log {
    /// The latest checkpoint that is whole; nothing if there is none.
    pub(super) checkpoint: Vec<ObjectMeta>,
    /// The versions after it, ascending.
    pub(super) commits: Vec<ObjectMeta>,
}

/// A file of a log, by its name.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Commit(u64),
    /// A checkpoint's version, and which of how many parts it is.
    Checkpoint(u64, usize, usize),
    /// A checkpoint of the second kind.
    OtherCheckpoint(u64),
}

impl Log {
    /// Picks the files out of all that lie in the table's folder.
    ///
    /// # Errors
    /// When versions are missing.
    pub(super) fn of(listed: &[(String, ObjectMeta)]) -> Result<Self, String> {
        let mut commits: BTreeMap<u64, &ObjectMeta> = BTreeMap::new();
        let mut checkpoints: BTreeMap<(u64, usize), BTreeMap<usize, &ObjectMeta>> = BTreeMap::new();
        let mut other = None;
        for (path, meta) in listed {
            match path.strip_prefix(LOG).and_then(entry) {
                Some(Entry::Commit(version)) => {
                    commits.insert(version, meta);
                }
                Some(Entry::Checkpoint(version, part, parts)) => {
                    checkpoints.entry((version, parts)).or_default().insert(part, meta);
                }
                Some(Entry::OtherCheckpoint(version)) => other = other.max(Some(version)),
                None => {}
            }
        }
        let whole = checkpoints
            .iter()
            .rev()
            .find(|((_, parts), found)| found.len() == *parts);
        let start = whole.map_or(0, |((version, _), _)| version + 1);
        let commits: Vec<(u64, &ObjectMeta)> = commits
            .range(start..)
            .map(|(version, meta)| (*version, *meta))
            .collect();
        let missing = (start..)
            .zip(&commits)
            .find(|(expected, (version, _))| expected != version);
        if let Some((missing, _)) = missing {
            let kind = match other {
                Some(version) if version >= missing => {
                    "; its checkpoints are of the second kind, which is not read yet"
                }
                _ => "",
            };
            return Err(format!("its log lacks version {missing}{kind}"));
        }
        if whole.is_none() && commits.is_empty() {
            return Err("its log is empty".to_owned());
        }
        Ok(Self {
            checkpoint: whole
                .into_iter()
                .flat_map(|(_, parts)| parts.values().map(|meta| (*meta).clone()))
                .collect(),
            commits: commits.into_iter().map(|(_, meta)| meta.clone()).collect(),
        })
    }
}

fn entry(name: &str) -> Option<Entry> {
    let (version, kind) = name.split_once('.')?;
    if version.len() != 20 {
        return None;
    }
    let version = version.parse().ok()?;
    let parts: Vec<&str> = kind.split('.').collect();
    match parts[..] {
        ["json"] => Some(Entry::Commit(version)),
        ["checkpoint", "parquet"] => Some(Entry::Checkpoint(version, 1, 1)),
        ["checkpoint", part, parts, "parquet"] => {
            Some(Entry::Checkpoint(version, part.parse().ok()?, parts.parse().ok()?))
        }
        ["checkpoint", _, "parquet" | "json"] => Some(Entry::OtherCheckpoint(version)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(names: &[&str]) -> Result<(Vec<String>, Vec<String>), String> {
        let listed: Vec<_> = names
            .iter()
            .map(|name| {
                let meta = ObjectMeta {
                    location: (*name).into(),
                    last_modified: std::time::SystemTime::UNIX_EPOCH.into(),
                    size: 1,
                    e_tag: None,
                    version: None,
                };
                (format!("{LOG}{name}"), meta)
            })
            .collect();
        let log = Log::of(&listed)?;
        let short = |files: Vec<ObjectMeta>| {
            files
                .iter()
                .map(|file| file.location.to_string().trim_start_matches('0').to_owned())
                .collect()
        };
        Ok((short(log.checkpoint), short(log.commits)))
    }

    fn commit(version: u64) -> String {
        format!("{version:020}.json")
    }

    #[test]
    fn the_log_is_its_last_whole_checkpoint_and_what_comes_after() {
        let (one, two, three) = (commit(1), commit(2), commit(3));
        let zero = commit(0);
        let checkpoint = "00000000000000000001.checkpoint.parquet";
        let parts = [1, 2].map(|part| format!("00000000000000000002.checkpoint.{part:010}.0000000002.parquet"));
        let (checkpoints, commits) = log(&[&one, &zero, "_last_checkpoint", "00000000000000000001.crc"]).unwrap();
        assert_eq!(
            (checkpoints.len(), commits),
            (0, vec![".json".to_owned(), "1.json".to_owned()])
        );
        let (checkpoints, commits) = log(&[&one, &two, &three, checkpoint, &parts[0]]).unwrap();
        assert_eq!(
            (checkpoints, commits),
            (
                vec!["1.checkpoint.parquet".to_owned()],
                vec!["2.json".to_owned(), "3.json".to_owned()]
            )
        );
        let (checkpoints, commits) = log(&[&three, checkpoint, &parts[1], &parts[0]]).unwrap();
        assert_eq!((checkpoints.len(), commits), (2, vec!["3.json".to_owned()]));
        let (checkpoints, commits) = log(&[checkpoint]).unwrap();
        assert_eq!((checkpoints.len(), commits.len()), (1, 0));
    }

    #[test]
    fn a_log_with_gaps_is_refused() {
        let (one, three) = (commit(1), commit(3));
        assert_eq!(log(&[&one]).unwrap_err(), "its log lacks version 0");
        assert_eq!(
            log(&[&three, "00000000000000000001.checkpoint.parquet"]).unwrap_err(),
            "its log lacks version 2"
        );
        let other = "00000000000000000002.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.parquet";
        assert_eq!(
            log(&[&three, other]).unwrap_err(),
            "its log lacks version 0; its checkpoints are of the second kind, which is not read yet"
        );
        assert_eq!(log(&["_last_checkpoint"]).unwrap_err(), "its log is empty");
    }
}
