//! Finds out whether a second process can use a store while the first has it open, by trying.

use std::path::Path;

use anyhow::Result;
use serde::Deserialize;
use serde::Serialize;

use crate::Subject;
use crate::data;
use crate::phases;
use crate::stores::Kind;

/// How an attempt went: what stood in the way, if anything.
type Outcome = std::result::Result<(), String>;

/// What the second process could do.
#[derive(Serialize, Deserialize)]
pub(crate) struct Attempt {
    reads: Outcome,
    writes: Outcome,
}

/// What two processes can do with a store.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sharing {
    /// The second process opens the store and reads rows.
    pub(crate) reads: Outcome,
    /// The second process writes a row, and the first one, which never closed the store, reads it.
    pub(crate) writes: Outcome,
}

/// The first process: opens a store for reading and writing, uses it, and starts the second.
pub(crate) fn share(kind: Kind, folder: &Path, rows: u64) -> Result<Sharing> {
    let mut store = kind.open(folder)?;
    // Both uses, as some locks are only taken with the first.
    store.write(&data::batch(0..1))?;
    phases::request(store.as_ref(), &[0], &mut Vec::new())?;
    let subject = Subject {
        store: kind,
        folder: folder.to_owned(),
        rows,
    };
    let attempt = crate::start::<Attempt>("second", &subject)?;
    let writes = attempt.writes.and_then(|()| {
        phases::request(store.as_ref(), &[rows], &mut Vec::new())
            .map(drop)
            .map_err(|_| "the first process does not see it".to_owned())
    });
    Ok(Sharing {
        reads: attempt.reads,
        writes,
    })
}

/// The second process.
pub(crate) fn attempt(kind: Kind, folder: &Path, rows: u64) -> Attempt {
    let reads = || {
        let wanted = (0..rows.min(phases::KEYS as u64)).collect::<Vec<_>>();
        let store = kind.open_to_read(folder)?;
        phases::request(store.as_ref(), &wanted, &mut Vec::new()).map(drop)
    };
    let writes = || kind.open(folder)?.write(&data::batch(rows..rows + 1));
    Attempt {
        reads: outcome(reads()),
        writes: outcome(writes()),
    }
}

fn outcome(result: Result<()>) -> Outcome {
    result.map_err(|error| format!("{error:#}"))
}
