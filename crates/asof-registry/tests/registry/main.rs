//! The registry as its users see it: on a folder, on a store that speaks S3, with others beside it, and killed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod damaged;
mod faulty;
mod git;
mod golden;
mod killed;
mod races;
mod s3;
mod versions;

use std::collections::BTreeMap;
use std::path::Path;

use asof_model::definition::{Definitions, Entity, JoinKey, Metadata};
use asof_model::{ScalarType, Timestamp};
use asof_registry::{ApplyInfo, Registry, RegistryVersion};

/// The registry of a folder.
fn registry(folder: &Path) -> Registry {
    Registry::open("registry", folder, &BTreeMap::new()).unwrap()
}

/// Definitions of `project` with `count` entities.
fn definitions(project: &str, count: usize) -> Definitions {
    let mut all = Definitions::empty(project.parse().unwrap());
    for at in 0..count {
        let entity = Entity {
            name: format!("entity{at}").parse().unwrap(),
            join_keys: vec![JoinKey {
                name: format!("key{at}").parse().unwrap(),
                key_type: ScalarType::String,
            }],
            key_metadata: BTreeMap::new(),
            metadata: Metadata::default(),
        };
        all.entities.insert(entity.name.clone(), entity);
    }
    all
}

fn shop(count: usize) -> Definitions {
    definitions("shop", count)
}

/// Made at second `time` by `author`.
fn info(time: i64, author: &str) -> ApplyInfo {
    ApplyInfo {
        time: Timestamp::from_micros(time * 1_000_000),
        author: author.to_owned(),
        message: None,
        git: None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what is compared with it may be no version")]
fn version(number: u64) -> Option<RegistryVersion> {
    Some(RegistryVersion(number))
}
