//! A store with faults that come at the worst moment, and what the registry makes of them.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use asof_registry::RegistryError;
use asof_storage::Location;
use futures::stream::BoxStream;
use object_store::path::Path as ObjectPath;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};

use super::*;

/// What goes wrong with writes.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Somebody else applies just before the write.
    OvertakenBy(Box<Registry>),
    /// The write happens, and the answer is lost.
    AnswerLost,
    /// The write happens, the answer is lost, and the client's second try finds the object in its way.
    AnswerLostThenRepeated,
    /// The write does not happen.
    NotWritten,
}

/// A store that passes everything on but writes.
#[derive(Debug)]
pub(crate) struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    fault: Fault,
}

impl FaultyStore {
    /// A registry at `location` with this fault in its store.
    pub(crate) fn around(location: &Location, fault: Fault) -> Registry {
        let inner = location.store.clone();
        Registry::at(Location {
            store: Arc::new(Self { inner, fault }),
            ..location.clone()
        })
    }
}

fn lost() -> object_store::Error {
    object_store::Error::Generic {
        store: "faulty",
        source: "connection reset".into(),
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faulty({})", self.inner)
    }
}

#[async_trait::async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, location: &ObjectPath, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let put = async |options: PutOptions| self.inner.put_opts(location, payload.clone(), options).await;
        match &self.fault {
            Fault::OvertakenBy(faster) => {
                faster.apply(None, &shop(9), info(0, "fast")).await.unwrap();
                put(options).await
            }
            Fault::AnswerLost => {
                put(options).await?;
                Err(lost())
            }
            Fault::AnswerLostThenRepeated => {
                put(options.clone()).await?;
                put(options).await
            }
            Fault::NotWritten => Err(lost()),
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &ObjectPath,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &ObjectPath, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &ObjectPath, ranges: &[Range<u64>]) -> Result<Vec<bytes::Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<ObjectPath>>,
    ) -> BoxStream<'static, Result<ObjectPath>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&ObjectPath>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&ObjectPath>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &ObjectPath, to: &ObjectPath, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_known_again() {
    for fault in [Fault::AnswerLost, Fault::AnswerLostThenRepeated] {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(folder.path());
        let applied = FaultyStore::around(registry.location(), fault)
            .apply(None, &shop(1), info(1, "ada"))
            .await
            .unwrap();
        assert_eq!(registry.current().await.unwrap(), Some(applied));
    }
}

#[tokio::test]
async fn a_write_that_did_not_happen_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path());
    let faulty = FaultyStore::around(registry.location(), Fault::NotWritten);
    let error = faulty.apply(None, &shop(1), info(1, "ada")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the registry `registry` could not be written: Generic faulty error: connection reset"
    );
    assert_eq!(registry.current().await.unwrap(), None);
}

#[tokio::test]
async fn who_is_overtaken_just_before_the_write_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path());
    let other = super::registry(folder.path());
    let slow = FaultyStore::around(registry.location(), Fault::OvertakenBy(Box::new(other)));
    let error = slow.apply(None, &shop(1), info(1, "slow")).await.unwrap_err();
    assert!(
        matches!(&error, RegistryError::Conflict { found, .. } if *found == version(1)),
        "{error}"
    );
    assert_eq!(*registry.current().await.unwrap().unwrap().definitions, shop(9));
}
