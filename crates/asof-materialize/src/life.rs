//! The JSON of a keyspace's life, in the ledger and in runs.

use asof_online::KeyspaceLife;
use serde::{Deserialize, Serialize};

/// A life as it is stored.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredLife {
    /// 16 hexadecimal digits: JSON's numbers are not of 64 bits everywhere.
    birth: String,
    sequence: u64,
}

impl StoredLife {
    pub(crate) fn of(life: KeyspaceLife) -> Self {
        Self {
            birth: format!("{:016x}", life.birth),
            sequence: life.sequence,
        }
    }

    /// The life, or what is wrong with it.
    pub(crate) fn read(&self) -> Result<KeyspaceLife, String> {
        let birth = u64::from_str_radix(&self.birth, 16);
        Ok(KeyspaceLife {
            birth: birth.map_err(|error| format!("`birth` is no number: {error}"))?,
            sequence: self.sequence,
        })
    }
}
