//! Objects next to the registry that are created once and never changed: the records of the ledger, and the runs.

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use crate::MaterializeError;

/// Creates an object; `false`: there is one already, which stays as it is.
pub(crate) async fn create(store: &dyn ObjectStore, path: &Path, bytes: Vec<u8>) -> Result<bool, MaterializeError> {
    let create = PutOptions::from(PutMode::Create);
    match store.put_opts(path, PutPayload::from(bytes), create).await {
        Ok(_) => Ok(true),
        Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
        Err(source) => Err(out_of_reach(path, source)),
    }
}

/// The bytes of an object; `None`: there is none.
pub(crate) async fn read(store: &dyn ObjectStore, path: &Path) -> Result<Option<Vec<u8>>, MaterializeError> {
    match get(store, path).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(source) => Err(out_of_reach(path, source)),
    }
}

/// The bytes of an object that must be there.
pub(crate) async fn read_known(store: &dyn ObjectStore, path: &Path) -> Result<Vec<u8>, MaterializeError> {
    get(store, path).await.map_err(|source| out_of_reach(path, source))
}

async fn get(store: &dyn ObjectStore, path: &Path) -> Result<Vec<u8>, object_store::Error> {
    Ok(store.get(path).await?.bytes().await?.to_vec())
}

/// What was read from an object, or that it cannot be used.
pub(crate) fn usable<T>(path: &Path, read: Result<T, String>) -> Result<T, MaterializeError> {
    read.map_err(|problem| MaterializeError::BadLedgerEntry {
        path: path.to_string(),
        problem,
    })
}

/// That an object or a folder cannot be read or written.
pub(crate) fn out_of_reach(path: &Path, source: object_store::Error) -> MaterializeError {
    MaterializeError::Ledger {
        path: path.to_string(),
        source,
    }
}
