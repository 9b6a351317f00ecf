//! Plans of reads.

use asof_model::definition::{Metadata, RowFeature, ViewBody};
use asof_model::{Admission, ScalarType, TimeSpan};

use super::*;
use crate::{LedgerEntry, RowCounts};

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn view(lag: Option<i64>, visible_from_created: bool) -> FeatureView {
    FeatureView {
        name: "v".parse().unwrap(),
        entities: Vec::new(),
        join_keys: Vec::new(),
        source: "s".parse().unwrap(),
        admission: Admission {
            ttl: None,
            availability_lag: lag.map(|lag| TimeSpan::from_micros(lag).unwrap()),
            visible_from_created,
        },
        filter: None,
        body: ViewBody::Rows(vec![RowFeature {
            name: "x".parse().unwrap(),
            value_type: ScalarType::Int64.into(),
            expr: None,
            metadata: Metadata::default(),
        }]),
        online: true,
        schedule: None,
        expectations: Vec::new(),
        metadata: Metadata::default(),
    }
}

fn up_to(to: i64, done: i64) -> Scope {
    Scope::UpTo {
        to: at(to),
        done: Some(LedgerEntry {
            keyspace: String::new(),
            registry_version: 1,
            from: None,
            to: at(done),
            finished: at(0),
            life: None,
            rows: RowCounts::default(),
            files: Vec::new(),
        }),
    }
}

fn added(files: &[&str]) -> FileChanges {
    FileChanges {
        added: files.iter().map(|&f| f.to_owned()).collect(),
        unchanged: vec!["old".to_owned()],
        ..FileChanges::default()
    }
}

fn only_fresh(after: Option<i64>) -> Reads {
    Reads {
        fresh: Some(Fresh { after: after.map(at) }),
        late: None,
    }
}

#[test]
fn nothing_new_reads_nothing() {
    for view in [view(None, false), view(Some(5), false), view(None, true)] {
        let reads = Reads::plan(&view, &up_to(10, 10), &added(&[]));
        assert_eq!(
            reads,
            Reads {
                fresh: None,
                late: None
            }
        );
    }
}

#[test]
fn time_that_passed_reads_what_became_visible_and_new_files_what_came_late() {
    let reads = Reads::plan(&view(Some(3), false), &up_to(20, 10), &added(&["a", "b"]));
    let late = Some(Late {
        at: at(10),
        files: vec!["a".to_owned(), "b".to_owned()],
    });
    assert_eq!(
        reads,
        Reads {
            late,
            ..only_fresh(Some(7))
        }
    );
    let reads = Reads::plan(&view(None, false), &up_to(20, 10), &added(&[]));
    assert_eq!(reads, only_fresh(Some(10)));
}

#[test]
fn whatever_may_reach_back_reads_everything() {
    let everything = only_fresh(None);
    let first = Scope::UpTo { to: at(5), done: None };
    assert_eq!(Reads::plan(&view(None, false), &first, &added(&["a"])), everything);
    assert_eq!(Reads::plan(&view(None, true), &up_to(20, 10), &added(&[])), everything);
    let nothing_was_visible = up_to(0, i64::MIN);
    assert_eq!(
        Reads::plan(&view(Some(1), false), &nothing_was_visible, &added(&[])),
        everything
    );
    for changes in [
        FileChanges {
            rewritten: vec!["a".to_owned()],
            ..FileChanges::default()
        },
        FileChanges {
            deleted: vec!["a".to_owned()],
            ..FileChanges::default()
        },
    ] {
        assert_eq!(Reads::plan(&view(None, false), &up_to(10, 10), &changes), everything);
    }
}

#[test]
fn an_interval_reads_itself() {
    let scope = Scope::Interval { from: at(1), to: at(2) };
    let reads = Reads::plan(&view(None, true), &scope, &added(&[]));
    assert_eq!(reads, only_fresh(Some(1)));
}
