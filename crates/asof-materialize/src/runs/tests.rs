//! Runs over an object store.

use object_store::memory::InMemory;

use super::*;
use crate::RowCounts;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn runs() -> Runs {
    Runs::new(Arc::new(InMemory::new()), Path::from("a folder"))
}

fn plan() -> RunPlan {
    RunPlan {
        keyspace: "flights/origin_weather@00000000000000f0".parse().unwrap(),
        registry_version: 3,
        from: Some(at(-5)),
        to: at(1_372_939_200_000_000),
        planned: at(1_372_939_260_000_000),
        life: KeyspaceLife {
            birth: 0xff,
            sequence: 2,
        },
        rows_per_shard: 250_000,
        parts: vec![
            Part::Rows { rows: 7 },
            Part::Keys { index: 1, of: 4 },
            Part::Late { files: 2 },
        ],
    }
}

fn done() -> ShardDone {
    ShardDone {
        owner: "host-17".to_owned(),
        at: at(9),
        took: Duration::from_millis(1_500),
        rows: RowCounts {
            read: 7,
            written: 6,
            kept: 1,
        },
        bytes: 1_000,
        checksum: u64::MAX,
        newest: Some(at(8)),
        life: KeyspaceLife {
            birth: 0xff,
            sequence: 3,
        },
    }
}

fn events() -> Vec<ShardEvent> {
    vec![
        ShardEvent::Claimed(Claim::new("host-17", at(1), false)),
        ShardEvent::Claimed(Claim::new("host-17", at(2), true)),
        ShardEvent::Released { at: at(3) },
        ShardEvent::Failed {
            at: at(4),
            problem: "the store is away".to_owned(),
        },
        ShardEvent::Done(done()),
    ]
}

/// Everything that runs write, one object after the other.
fn golden() -> String {
    let end = RunEnd {
        ending: RunEnding::Cancelled,
        at: at(11),
    };
    let mut bytes = format::plan_to_bytes(&plan());
    for event in events() {
        bytes.extend(format::event_to_bytes(&event));
    }
    bytes.extend(format::end_to_bytes(end));
    String::from_utf8(bytes).unwrap()
}

#[test]
fn version_1_is_written_and_read_as_it_always_was() {
    assert_eq!(golden(), include_str!("../../tests/fixtures/runs/v1.txt"));
    assert_eq!(format::plan_from_bytes(&format::plan_to_bytes(&plan())), Ok(plan()));
    for event in events() {
        assert_eq!(format::event_from_bytes(&format::event_to_bytes(&event)), Ok(event));
    }
    for ending in [RunEnding::Done, RunEnding::Cancelled, RunEnding::Lost] {
        let end = RunEnd { ending, at: at(11) };
        assert_eq!(format::end_from_bytes(&format::end_to_bytes(end)), Ok(end));
    }
}

#[test]
fn other_objects_and_damaged_ones_are_refused() {
    let plan = format::plan_to_bytes(&plan());
    assert!(format::end_from_bytes(&plan).unwrap_err().contains("asof-run-plan"));
    assert!(format::plan_from_bytes(&plan[..plan.len() / 2]).is_err());
    let later = String::from_utf8(plan)
        .unwrap()
        .replace("\"version\": 1", "\"version\": 2");
    assert!(
        format::plan_from_bytes(later.as_bytes())
            .unwrap_err()
            .contains("use a newer Asof")
    );
}

#[test]
fn names_of_runs_parse_back() {
    let id: RunId = "origin_weather-00f3a9c51b2d4e67-1".parse().unwrap();
    assert_eq!((id.inputs, id.attempt), (0x00f3_a9c5_1b2d_4e67, 1));
    for bad in [
        "",
        "origin_weather",
        "origin_weather-1",
        "a-00F3a9c51b2d4e67-1",
        "a-0-1",
        "a b-00f3a9c51b2d4e67-1",
    ] {
        assert_eq!(bad.parse::<RunId>(), Err(InvalidRunId(bad.to_owned())));
    }
}

#[tokio::test]
async fn who_has_the_same_to_do_joins_the_open_run_and_not_one_that_ended() {
    let runs = runs();
    let keyspace = plan().keyspace;
    let (id, open) = runs.find(&keyspace, 7).await.unwrap();
    assert!(open.is_none());
    let begun = runs.begin(id.clone(), plan(), Some(b"rows".to_vec())).await.unwrap();
    let mut other = plan();
    other.planned = at(0);
    let joined = runs.begin(id.clone(), other, Some(b"rows".to_vec())).await.unwrap();
    assert_eq!(joined.plan, begun.plan);
    let (same, open) = runs.find(&keyspace, 7).await.unwrap();
    assert_eq!(
        (same.attempt, open.unwrap().rows().await.unwrap()),
        (1, b"rows".to_vec())
    );
    assert_eq!(runs.find(&keyspace, 8).await.unwrap().0.inputs, 8);

    let end = RunEnd {
        ending: RunEnding::Done,
        at: at(3),
    };
    assert!(runs.end(&keyspace.project, &id, end).await.unwrap());
    assert!(!runs.end(&keyspace.project, &id, end).await.unwrap());
    assert!(begun.rows().await.is_err());
    let (next, open) = runs.find(&keyspace, 7).await.unwrap();
    assert_eq!((next.attempt, open.is_none()), (2, true));
    let listed = runs.list(&keyspace.project).await.unwrap();
    assert_eq!((listed.len(), listed[0].end), (1, Some(end)));
}

#[tokio::test]
async fn a_shard_is_claimed_by_one_and_counts_its_attempts() {
    let runs = runs();
    let keyspace = plan().keyspace;
    let (id, _) = runs.find(&keyspace, 7).await.unwrap();
    let open = runs.begin(id.clone(), plan(), None).await.unwrap();
    let claim = |owner: &str, now| ShardEvent::Claimed(Claim::new(owner, at(now), false));
    let (one, two) = (claim("one", 0), claim("two", 0));
    let (first, second) = tokio::join!(open.add(1, 0, &one), open.add(1, 0, &two));
    assert_ne!(first.unwrap(), second.unwrap());
    assert!(open.add(1, 1, &claim("three", 1)).await.unwrap());
    assert!(open.add(1, 2, &ShardEvent::Done(done())).await.unwrap());
    let states = open.states(&[]).await.unwrap();
    assert_eq!((&states[0], &states[2]), (&None, &None));
    assert_eq!(states[1], Some((3, ShardEvent::Done(done()))));
    let status = runs.status(&keyspace.project, &id).await.unwrap().unwrap();
    assert_eq!((status.shards[1].attempts, status.shards[1].done()), (2, Some(&done())));
    assert_eq!(status.shards[0].attempts, 0);
}

#[test]
fn claims_hold_for_a_lease_and_not_for_clocks_far_ahead() {
    let lease = LEASE.as_micros() as i64;
    let claim = Claim::new("another machine/1/2", at(0), false);
    assert!(claim.is_valid(at(0)) && claim.is_valid(at(lease)));
    assert!(!claim.is_valid(at(lease + 1)));
    // Claimed by a clock that is two minutes ahead.
    assert!(!claim.is_valid(at(-4 * lease)));
    let owner = Owner::new();
    let claim = Claim::new(owner.name(), at(0), false);
    assert!(claim.is_valid(at(0)));
    drop(owner);
    assert!(!claim.is_valid(at(0)));
}
