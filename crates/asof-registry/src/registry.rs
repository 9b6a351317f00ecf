//! The registry: reading, listing and making versions.

use std::path::Path as FilePath;
use std::sync::Arc;

use asof_model::definition::Definitions;
use asof_repo::document;
use asof_storage::{Location, StorageOptions};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use parking_lot::Mutex;

use crate::snapshot::{Stored, apply_id};
use crate::{ApplyInfo, RegistryError, RegistryVersion, Snapshot, VersionRecord};

/// How many versions are read at once when the history is asked for.
const CONCURRENT_READS: usize = 16;

/// A registry of one project. Any number of them, in any number of processes, may stand for the same location.
#[derive(Debug)]
pub struct Registry {
    location: Location,
    /// The version read last: versions never change, so it is not read again while it is current.
    last: Mutex<Option<Snapshot>>,
}

impl Registry {
    /// The registry at `location`: a folder (relative ones are relative to `base`) or an object-store URL, with
    /// options by URL prefix. Nothing is read or created yet.
    ///
    /// # Errors
    /// When the location or an option cannot be understood.
    pub fn open(location: &str, base: &FilePath, options: &StorageOptions) -> Result<Self, RegistryError> {
        Ok(Self::at(asof_storage::resolve(location, base, options)?))
    }

    /// The registry at a location that is resolved already.
    pub fn at(location: Location) -> Self {
        Self {
            location,
            last: Mutex::new(None),
        }
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The store it is in, for what others keep beside the versions.
    pub fn object_store(&self) -> &Arc<dyn ObjectStore> {
        &self.location.store
    }

    /// The prefix of everything it holds, in [`Self::object_store`].
    pub fn prefix(&self) -> &Path {
        &self.location.path
    }

    /// The number of the current version; `None`: there is none yet. One listing, of little once a version was read.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn current_version(&self) -> Result<Option<RegistryVersion>, RegistryError> {
        let known = self.last.lock().as_ref().map(|snapshot| snapshot.version);
        if let Some(known) = known {
            // The known version itself is listed too: if it is not there, the folder is another one by now.
            let before = self.object(RegistryVersion(known.0 - 1));
            if let Some(newest) = self.list(Some(&before)).await?.into_iter().max() {
                return Ok(Some(newest));
            }
        }
        Ok(self.list(None).await?.into_iter().max())
    }

    /// The current version; `None`: there is none yet. It is read once, then only its number is asked for.
    ///
    /// # Errors
    /// When the store does not answer, or the version cannot be read.
    pub async fn current(&self) -> Result<Option<Snapshot>, RegistryError> {
        let Some(version) = self.current_version().await? else {
            return Ok(None);
        };
        let last = self.last.lock().clone();
        match last {
            Some(snapshot) if snapshot.version == version => Ok(Some(snapshot)),
            _ => self.get(version).await.map(|snapshot| {
                *self.last.lock() = Some(snapshot.clone());
                Some(snapshot)
            }),
        }
    }

    /// A version by its number.
    ///
    /// # Errors
    /// When there is none, the store does not answer, or the version cannot be read.
    pub async fn get(&self, version: RegistryVersion) -> Result<Snapshot, RegistryError> {
        match self.read(version).await? {
            Some(stored) => {
                let definitions = stored.definitions(&self.object_name(version))?;
                Ok(stored.into_snapshot(Arc::new(definitions)))
            }
            None => Err(RegistryError::UnknownVersion {
                version,
                newest: self.current_version().await?,
            }),
        }
    }

    /// Every version without its definitions, the newest first.
    ///
    /// # Errors
    /// When the store does not answer, or a version cannot be read.
    pub async fn history(&self) -> Result<Vec<VersionRecord>, RegistryError> {
        let mut versions = self.list(None).await?;
        versions.sort_unstable_by(|a, b| b.cmp(a));
        let read = |version| async move {
            let unknown = RegistryError::UnknownVersion { version, newest: None };
            let stored = self.read(version).await?;
            stored.map(|stored| stored.record).ok_or(unknown)
        };
        futures::stream::iter(versions)
            .map(read)
            .buffered(CONCURRENT_READS)
            .try_collect()
            .await
    }

    /// Makes `definitions` the version after `expected`, which must be the current one (`None`: there is none yet).
    /// Atomic: whatever happens, the registry is at the version before or at the whole new one.
    ///
    /// # Errors
    /// [`RegistryError::Conflict`] when another version is current, also when someone else was a moment faster;
    /// when the project is another; when the store does not answer.
    ///
    /// # Cancel safety
    /// When the future is dropped, the version is either made or not.
    pub async fn apply(
        &self,
        expected: Option<RegistryVersion>,
        definitions: &Definitions,
        info: ApplyInfo,
    ) -> Result<Snapshot, RegistryError> {
        self.write(expected, Arc::new(definitions.clone()), info, None).await
    }

    /// Makes a new version with the definitions of the earlier `version`.
    ///
    /// # Errors
    /// As of [`Self::apply`]; when there is no such version, or it is the current one.
    pub async fn rollback(&self, version: RegistryVersion, info: ApplyInfo) -> Result<Snapshot, RegistryError> {
        let current = self.current_version().await?;
        if current == Some(version) {
            return Err(RegistryError::AlreadyCurrent(version));
        }
        let definitions = self.get(version).await?.definitions;
        self.write(current, definitions, info, Some(version)).await
    }

    async fn write(
        &self,
        expected: Option<RegistryVersion>,
        definitions: Arc<Definitions>,
        info: ApplyInfo,
        rollback_to: Option<RegistryVersion>,
    ) -> Result<Snapshot, RegistryError> {
        let found = self.current_version().await?;
        if found != expected {
            return Err(RegistryError::Conflict { expected, found });
        }
        if let Some(current) = expected {
            let theirs = self.read(current).await?.map(|stored| stored.project);
            if let Some(theirs) = theirs.filter(|theirs| *theirs != definitions.project) {
                return Err(RegistryError::OtherProject {
                    theirs: theirs.to_string(),
                    ours: definitions.project.to_string(),
                });
            }
        }
        let version = RegistryVersion::after(expected);
        let stored = Stored {
            record: VersionRecord {
                version,
                info,
                rollback_to,
            },
            project: definitions.project.clone(),
            apply_id: apply_id(),
            document: document::to_json(&definitions),
        };
        let object = self.object(version);
        let payload = PutPayload::from(stored.encode());
        if let Err(source) = self
            .location
            .store
            .put_opts(&object, payload, PutMode::Create.into())
            .await
        {
            // The answer to a write can be lost after the write has happened, and a repeated one then finds its own
            // object in the way: only the object itself tells.
            let there = self.read(version).await?;
            if there.as_ref().is_none_or(|there| there.apply_id != stored.apply_id) {
                return Err(match source {
                    object_store::Error::AlreadyExists { .. } => RegistryError::Conflict {
                        expected,
                        found: self.current_version().await?,
                    },
                    source => self.store_error("written", source),
                });
            }
        }
        self.sync(version).await?;
        let snapshot = stored.into_snapshot(definitions);
        *self.last.lock() = Some(snapshot.clone());
        Ok(snapshot)
    }

    /// Makes a version of a folder outlive a power cut. Object stores see to that themselves.
    async fn sync(&self, version: RegistryVersion) -> Result<(), RegistryError> {
        let Some(folder) = self.location.local.as_ref().map(|folder| folder.join("versions")) else {
            return Ok(());
        };
        let sync = async {
            tokio::fs::File::open(folder.join(version.object_name()))
                .await?
                .sync_all()
                .await?;
            tokio::fs::File::open(&folder).await?.sync_all().await
        };
        sync.await.map_err(|error: std::io::Error| {
            let source = Box::new(error);
            let store = "folder";
            self.store_error("brought to the disk", object_store::Error::Generic { store, source })
        })
    }

    /// A version as it is kept; `None`: there is no such object.
    async fn read(&self, version: RegistryVersion) -> Result<Option<Stored>, RegistryError> {
        let object = self.object(version);
        let bytes = match self.location.store.get(&object).await {
            Ok(found) => found.bytes().await,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => Err(error),
        };
        let bytes = bytes.map_err(|source| self.store_error("read", source))?;
        Stored::decode(&self.object_name(version), version, &bytes).map(Some)
    }

    /// The versions whose objects come after `offset`.
    async fn list(&self, offset: Option<&Path>) -> Result<Vec<RegistryVersion>, RegistryError> {
        let folder = self.versions();
        let objects = match offset {
            Some(offset) => self.location.store.list_with_offset(Some(&folder), offset),
            None => self.location.store.list(Some(&folder)),
        };
        objects
            .try_filter_map(|object| async move {
                let version = object.location.filename().and_then(RegistryVersion::of_object);
                Ok(version.filter(|version| self.object(*version) == object.location))
            })
            .try_collect()
            .await
            .map_err(|source| self.store_error("listed", source))
    }

    fn versions(&self) -> Path {
        self.location.path.clone().join("versions")
    }

    fn object(&self, version: RegistryVersion) -> Path {
        self.versions().join(version.object_name())
    }

    /// The object of a version as a person finds it: an absolute path, or a URL.
    fn object_name(&self, version: RegistryVersion) -> String {
        match &self.location.local {
            Some(folder) => folder
                .join("versions")
                .join(version.object_name())
                .display()
                .to_string(),
            None => format!("{}/{}", self.location.root, self.object(version)),
        }
    }

    fn store_error(&self, action: &'static str, source: object_store::Error) -> RegistryError {
        RegistryError::Store {
            location: self.location.to_string(),
            action,
            source,
        }
    }
}
