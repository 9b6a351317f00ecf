//! The ledger over an object store.

use object_store::memory::InMemory;
use object_store::{ObjectStoreExt, PutPayload};

use super::*;
use crate::RowCounts;

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

/// Appends what was planned when there was no record yet.
async fn append(ledger: &Ledger, keyspace: &Keyspace, entry: &LedgerEntry) -> Result<Appended, MaterializeError> {
    ledger.append(keyspace, entry, 0).await
}

fn release(stage: ReleaseStage) -> Release {
    Release {
        keyspace: String::new(),
        registry_version: 2,
        time: Timestamp::from_micros(100),
        stage,
    }
}

#[tokio::test]
async fn only_complete_entries_move_the_watermark_and_it_never_goes_back() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let ledger = Ledger::new(Arc::clone(&store), Path::from("registry"));
    let (a, b) = (keyspace("a"), keyspace("a_b"));
    assert_eq!(ledger.watermark(&a).await.unwrap(), None);
    append(&ledger, &a, &entry(Some(0), 50)).await.unwrap();
    assert_eq!(ledger.watermark(&a).await.unwrap(), None);
    append(&ledger, &a, &entry(None, 20)).await.unwrap();
    append(&ledger, &a, &entry(Some(0), 90)).await.unwrap();
    append(&ledger, &a, &entry(None, 10)).await.unwrap();
    append(&ledger, &a, &entry(None, 20)).await.unwrap();
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
    let (one, two) = tokio::join!(append(&ledger, &view, &first), append(&ledger, &view, &second));
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
                async move { append(&ledger, &view, &entry(None, to)).await },
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

#[tokio::test]
async fn nothing_before_a_release_counts_and_runs_planned_before_it_are_not_recorded() {
    let ledger = Ledger::new(Arc::new(InMemory::new()), Path::from("registry"));
    let view = keyspace("v");
    let project = "p".parse().unwrap();
    assert_eq!(ledger.standing(&view).await.unwrap(), Standing::default());
    ledger.append(&view, &entry(None, 10), 0).await.unwrap();
    assert!(ledger.listing(&project).await.unwrap().released_once.is_empty());
    // A run came after the record by which the release was decided.
    let (begun, ended) = (
        release(ReleaseStage::Begun),
        release(ReleaseStage::Ended { deleted: 1 }),
    );
    assert_eq!(ledger.begin_release(&view, &begun, 0).await.unwrap(), None);
    assert!(ledger.standing(&view).await.unwrap().is_online());
    assert_eq!(ledger.begin_release(&view, &begun, 1).await.unwrap(), Some(2));
    assert!(ledger.standing(&view).await.unwrap().is_going());
    assert_eq!(ledger.watermark(&view).await.unwrap(), None);
    let late = ledger.append(&view, &entry(None, 20), 1).await.unwrap();
    assert_eq!(late, Appended::Released);
    ledger.end_release(&view, &ended).await.unwrap();
    let standing = ledger.standing(&view).await.unwrap();
    assert_eq!((standing.is_online(), standing.is_going()), (false, false));
    // Also one that was planned while rows went.
    let late = ledger.append(&view, &entry(Some(5), 20), 2).await.unwrap();
    assert_eq!(late, Appended::Released);
    assert_eq!(ledger.records(&view).await.unwrap().len(), 3);

    // What was given up can be online again, and an earlier watermark is no going back.
    let again = ledger.append(&view, &entry(None, 5), 3).await.unwrap();
    assert_eq!(again, Appended::Recorded);
    assert_eq!(ledger.watermark(&view).await.unwrap(), Some(Timestamp::from_micros(5)));
    let listing = ledger.listing(&project).await.unwrap();
    assert_eq!(listing.recorded, BTreeSet::from([view.clone()]));
    assert_eq!(listing.released_once, BTreeSet::from([view]));
}

#[tokio::test]
async fn a_keyspace_is_online_since_the_first_run_after_its_last_release() {
    let ledger = Ledger::new(Arc::new(InMemory::new()), Path::from("registry"));
    let view = keyspace("v");
    let run = |finished| LedgerEntry {
        finished: Timestamp::from_micros(finished),
        ..entry(None, finished)
    };
    let since = async |back_to| {
        let since = ledger
            .online_since(&view, Timestamp::from_micros(back_to))
            .await
            .unwrap();
        since.map(Timestamp::micros)
    };
    assert_eq!(since(0).await, None);
    ledger.append(&view, &run(10), 0).await.unwrap();
    ledger.append(&view, &run(20), 1).await.unwrap();
    ledger.append(&view, &run(30), 2).await.unwrap();
    assert_eq!(since(0).await, Some(10));
    assert_eq!(since(25).await, Some(20));
    ledger
        .begin_release(&view, &release(ReleaseStage::Begun), 3)
        .await
        .unwrap();
    assert_eq!(since(0).await, None);
    ledger
        .end_release(&view, &release(ReleaseStage::Ended { deleted: 3 }))
        .await
        .unwrap();
    ledger.append(&view, &run(40), 5).await.unwrap();
    assert_eq!(since(0).await, Some(40));
}
