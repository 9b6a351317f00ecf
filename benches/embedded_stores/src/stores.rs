//! What is measured: the stores, and the floors in their place.

mod file;
mod fjall;
mod lmdb;
mod map;
mod redb;

use std::path::Path;

use ::redb::ConcurrencyMode;
use anyhow::Result;
use clap::ValueEnum;

use crate::data::Key;
use crate::data::Value;

/// The cache of the stores that keep one of their own: redb's default. All rows fit.
const CACHE: usize = 1 << 30;

/// Something to measure.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// Rows in a file, one after the other: the floor of writing.
    File,
    /// Rows in a hash map: the floor of reading.
    Map,
    /// LMDB, through heed.
    Lmdb,
    /// redb as it comes: one process.
    Redb,
    /// redb in the mode in which several processes write.
    RedbMany,
    /// fjall.
    Fjall,
}

impl Kind {
    /// In the order of the tables.
    pub(crate) const ALL: [Self; 6] = [
        Self::File,
        Self::Map,
        Self::Lmdb,
        Self::Redb,
        Self::RedbMany,
        Self::Fjall,
    ];

    /// The name on the command line.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Map => "map",
            Self::Lmdb => "lmdb",
            Self::Redb => "redb",
            Self::RedbMany => "redb-many",
            Self::Fjall => "fjall",
        }
    }

    /// The name in the tables.
    pub(crate) fn name(self) -> String {
        match self {
            Self::File => "floor: a file, fsync".to_owned(),
            Self::Map => "floor: a hash map".to_owned(),
            Self::Lmdb => format!("LMDB (heed {})", locked("heed")),
            Self::Redb => format!("redb {}", locked("redb")),
            Self::RedbMany => format!("redb {}, `MultiWriter`", locked("redb")),
            Self::Fjall => format!("fjall {}", locked("fjall")),
        }
    }

    /// Whether rows outlive the process.
    pub(crate) fn lasts(self) -> bool {
        self != Self::Map
    }

    /// Whether rows are found by their keys.
    pub(crate) fn finds(self) -> bool {
        self != Self::File
    }

    /// Whether it is a store rather than a floor.
    pub(crate) fn is_store(self) -> bool {
        self.lasts() && self.finds()
    }

    /// Opens what is in a folder, or makes it.
    pub(crate) fn open(self, folder: &Path) -> Result<Box<dyn Store>> {
        Ok(match self {
            Self::File => Box::new(file::Rows::create(folder)?),
            Self::Map => Box::new(map::Rows::default()),
            Self::Lmdb => Box::new(lmdb::Lmdb::open(folder)?),
            Self::Redb => Box::new(redb::open(folder, ConcurrencyMode::ExclusiveWriter)?),
            Self::RedbMany => Box::new(redb::open(folder, ConcurrencyMode::MultiWriter)?),
            Self::Fjall => Box::new(fjall::Fjall::open(folder)?),
        })
    }

    /// Opens what is in a folder for reading alone, where there is such a thing.
    pub(crate) fn open_to_read(self, folder: &Path) -> Result<Box<dyn Store>> {
        Ok(match self {
            Self::Redb => Box::new(redb::open_to_read(folder, ConcurrencyMode::ExclusiveWriter)?),
            Self::RedbMany => Box::new(redb::open_to_read(folder, ConcurrencyMode::MultiWriter)?),
            _ => return self.open(folder),
        })
    }
}

/// The version of a package in the lock file.
fn locked(package: &str) -> &'static str {
    let head = format!("name = \"{package}\"\nversion = \"");
    include_str!("../Cargo.lock")
        .split_once(&head)
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("?", |(version, _)| version)
}

/// An open store. Closing is dropping.
pub(crate) trait Store {
    /// Writes rows, all or none; they last when it returns.
    fn write(&mut self, rows: &[(Key, Value)]) -> Result<()>;

    /// Copies the values of keys to `values`, one after the other, all from one snapshot; those not found are left
    /// out.
    fn read(&self, keys: &[Key], values: &mut Vec<u8>) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_known_by_its_key_and_version() {
        for kind in Kind::ALL {
            assert!(Kind::from_str(kind.key(), false).is_ok_and(|found| found == kind));
            assert!(!kind.name().contains('?'));
        }
    }
}
