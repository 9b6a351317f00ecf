//! Stores: conformance, several processes, death in the middle of a write, folders that are no store.

#![expect(clippy::unwrap_used, reason = "a test whose ground gives way has failed")]

mod child;
mod faulty;
mod feast;
mod folders;
mod processes;
mod redis;
mod sample;

use std::sync::Arc;

use asof_online::{EmbeddedStore, OnlineStore, conformance};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_store_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/online");
    let open = async || EmbeddedStore::open(&path).map(|store| Arc::new(store) as Arc<dyn OnlineStore>);
    let outcome = conformance::check_all(open).await;
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    // Once more, on a store that holds what the first run left.
    let outcome = conformance::check_all(open).await;
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}

#[tokio::test]
async fn a_repository_names_its_store() {
    let folder = tempfile::tempdir().unwrap();
    let config = asof_model::definition::OnlineStoreConfig::Embedded {
        path: ".asof/online".to_owned(),
    };
    let store = asof_online::open(&config, folder.path()).await.unwrap();
    store.ping().await.unwrap();
    assert!(folder.path().join(".asof/online/data.mdb").exists());
}
