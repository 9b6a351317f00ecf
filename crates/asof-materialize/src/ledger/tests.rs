//! The ledger over an object store.

use object_store::memory::InMemory;

use super::*;

fn entry(from: Option<i64>, to: i64) -> LedgerEntry {
    LedgerEntry {
        keyspace: String::new(),
        registry_version: 1,
        from: from.map(Timestamp::from_micros),
        to: Timestamp::from_micros(to),
        finished: Timestamp::from_micros(0),
        rows: RowCounts::default(),
        life: None,
        files: Vec::new(),
    }
}

fn keyspace(view: &str) -> Keyspace {
    Keyspace {
        project: "p".parse().unwrap(),
        view: view.parse().unwrap(),
        fingerprint: 7,
    }
}

#[tokio::test]
async fn only_complete_entries_move_the_watermark_and_it_never_goes_back() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let ledger = Ledger::new(Arc::clone(&store), Path::from("registry"));
    let (a, b) = (keyspace("a"), keyspace("a_b"));
    assert_eq!(ledger.watermark(&a).await.unwrap(), None);
    ledger.append(&a, &entry(Some(0), 50)).await.unwrap();
    assert_eq!(ledger.watermark(&a).await.unwrap(), None);
    ledger.append(&a, &entry(None, 20)).await.unwrap();
    ledger.append(&a, &entry(Some(0), 90)).await.unwrap();
    ledger.append(&a, &entry(None, 10)).await.unwrap();
    ledger.append(&a, &entry(None, 20)).await.unwrap();
    assert_eq!(ledger.watermark(&a).await.unwrap(), Some(Timestamp::from_micros(20)));
    let ends: Vec<i64> = ledger
        .entries(&a)
        .await
        .unwrap()
        .iter()
        .map(|e| e.to.micros())
        .collect();
    assert_eq!(ends, [50, 20, 90, 20]);
    assert_eq!(ledger.entries(&b).await.unwrap(), []);
    let path = Path::from("registry/ledger/p/a@0000000000000007/00000000000000000004.json");
    assert!(store.head(&path).await.is_ok());
}

#[tokio::test]
async fn concurrent_runs_each_get_a_number_of_their_own() {
    let prefix = Path::parse("a folder/100%25").unwrap();
    let ledger = Ledger::new(Arc::new(InMemory::new()), prefix);
    let view = keyspace("v");
    let (first, second) = (entry(None, 5), entry(None, 5));
    let (one, two) = tokio::join!(ledger.append(&view, &first), ledger.append(&view, &second));
    one.unwrap();
    two.unwrap();
    assert_eq!(ledger.entries(&view).await.unwrap().len(), 2);
    let objects: Vec<_> = ledger.store.list(None).try_collect().await.unwrap();
    assert!(
        objects
            .iter()
            .all(|object| object.location.as_ref().starts_with("a folder/100%25/ledger/p/v@"))
    );
}

#[tokio::test]
async fn an_unreadable_entry_is_named() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let ledger = Ledger::new(Arc::clone(&store), Path::from("l"));
    let path = Path::from("l/ledger/p/v@0000000000000007/00000000000000000001.json");
    store.put(&path, PutPayload::from_static(b"{")).await.unwrap();
    let error = ledger.watermark(&keyspace("v")).await.unwrap_err().to_string();
    assert!(error.contains("00000000000000000001.json"), "{error}");
}

/// Whoever loses the race for a number compares again with all that came before the next one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn however_runs_race_no_entry_takes_the_watermark_back() {
    for _ in 0..40 {
        let ledger = Ledger::new(Arc::new(InMemory::new()), Path::from("registry"));
        let view = keyspace("v");
        let mut runs = Vec::new();
        for to in [40, 10, 30, 20, 50, 5] {
            let (ledger, view) = (ledger.clone(), view.clone());
            runs.push(tokio::spawn(
                async move { ledger.append(&view, &entry(None, to)).await },
            ));
        }
        for run in runs {
            run.await.unwrap().unwrap();
        }
        let entries = ledger.entries(&view).await.unwrap();
        assert!(entries.is_sorted_by_key(|entry| entry.to), "{entries:?}");
        assert_eq!(ledger.watermark(&view).await.unwrap(), Some(Timestamp::from_micros(50)));
    }
}
