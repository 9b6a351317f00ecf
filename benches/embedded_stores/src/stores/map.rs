//! The floor of reading: the standard library's hash map.

use std::collections::HashMap;

use anyhow::Result;

use super::Store;
use crate::data::Key;
use crate::data::Value;

/// The rows.
#[derive(Default)]
pub(super) struct Rows(HashMap<Key, Value>);

impl Store for Rows {
    fn write(&mut self, rows: &[(Key, Value)]) -> Result<()> {
        self.0.extend(rows.iter().copied());
        Ok(())
    }

    fn read(&self, keys: &[Key], values: &mut Vec<u8>) -> Result<()> {
        for key in keys {
            if let Some(value) = self.0.get(key) {
                values.extend_from_slice(value);
            }
        }
        Ok(())
    }
}
