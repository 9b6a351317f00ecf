//! Input that nobody would write: nothing panics, everything ends, and every place lies in its file.

use std::collections::BTreeMap;

use asof_repo::{Coloring, DiagnosticCode, MAX_FILE_BYTES, Repository, SourceFile, render_human, to_json};
use proptest::prelude::*;

use crate::checker::Words;
use crate::{complaints, file, repository};

/// Reads, renders, and checks what must hold of any input.
fn survive(files: &[SourceFile]) -> Repository {
    let repository = Repository::parse(files, &BTreeMap::new(), Some(&Words));
    let is_error = |diagnostic: &asof_repo::Diagnostic| diagnostic.is_error();
    assert_eq!(
        repository.definitions.is_some(),
        !repository.diagnostics.iter().any(is_error)
    );
    for diagnostic in &repository.diagnostics {
        for place in std::iter::once(&diagnostic.place).chain(diagnostic.related.iter().map(|related| &related.place)) {
            assert!(place.line >= 1 && place.column >= 1, "{place:?}");
            if let Some(file) = files.iter().find(|file| file.path == place.file) {
                let text = String::from_utf8_lossy(&file.bytes);
                assert!(text.get(place.range()).is_some(), "{place:?}");
                assert!(
                    !place.range().is_empty() || text.trim().is_empty() || place.start == 0,
                    "{place:?}"
                );
            }
        }
    }
    render_human(&repository.diagnostics, files, Coloring::Colored);
    to_json(&repository.diagnostics);
    repository
}

const WORDS: [&str; 40] = [
    "entities",
    "sources",
    "feature_views",
    "on_demand_feature_views",
    "feature_services",
    "name",
    "type",
    "features",
    "aggregation",
    "inputs",
    "view",
    "as",
    "ttl",
    "expr",
    "window",
    "every",
    "join_keys",
    "project",
    ": ",
    ", ",
    "- ",
    "\n",
    "\n  ",
    "\n    ",
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a",
    "\"",
    "'",
    "|",
    "#",
    "!t ",
    "---\n",
    "é",
    "\t",
    "\r\n",
    "0s",
];

/// A cut of some part of a text, and what is put in its place.
fn edit() -> impl Strategy<Value = (prop::sample::Index, usize, String)> {
    let word = prop::sample::select(&WORDS[..]).prop_map(ToOwned::to_owned);
    (
        any::<prop::sample::Index>(),
        0usize..12,
        prop_oneof![3 => word, 1 => ".{0,3}"],
    )
}

fn mutate(text: &str, edits: &[(prop::sample::Index, usize, String)]) -> String {
    let mut text = text.to_owned();
    for (at, length, replacement) in edits {
        let start = text.floor_char_boundary(at.index(text.len() + 1));
        let end = text.floor_char_boundary((start + length).min(text.len())).max(start);
        text.replace_range(start..end, replacement);
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_of_any_kind(store in prop::collection::vec(any::<u8>(), 0..60), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survive(&[file("feature_store.yaml", store), file("a.yaml", bytes)]);
    }

    #[test]
    fn words_in_any_order(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..60)) {
        survive(&[file("feature_store.yaml", "project: p"), file("a.yaml", words.concat())]);
    }

    #[test]
    fn settings_with_slips(edits in prop::collection::vec(edit(), 1..6)) {
        survive(&[file("feature_store.yaml", mutate(super::redis::EVERYTHING, &edits))]);
    }

    #[test]
    fn definitions_with_slips(edits in prop::collection::vec(edit(), 1..6), store_edits in prop::collection::vec(edit(), 0..2)) {
        let store = mutate("project: p\nregistry: r\nonline_store: {type: embedded, path: o}\n", &store_edits);
        survive(&[file("feature_store.yaml", store), file("a.yaml", mutate(super::valid::EVERYTHING, &edits))]);
    }
}

#[test]
fn a_file_of_ten_megabytes_is_refused_unread() {
    let big = "entities: []\n".repeat(800_000);
    let repository = repository(&big);
    let codes: Vec<_> = repository
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.code)
        .collect();
    assert_eq!(codes, [DiagnosticCode::FileTooLarge]);
    insta::assert_snapshot!(complaints(&repository, &big), @r"
    error[ASOF0102]: `a.yaml` is larger than 1048576 bytes, and is not read
    --> a.yaml:1:1
    ");
}

#[test]
fn a_file_of_the_largest_size_is_read() {
    let line = "  - {name: e, join_keys: [{name: k, type: bool}]}\n";
    let mut text = "entities:\n".to_owned();
    let mut count = 0;
    while text.len() + line.len() + 6 <= MAX_FILE_BYTES {
        text.push_str(&line.replace("name: e", &format!("name: e{count}")));
        count += 1;
    }
    assert_eq!(
        repository(&text)
            .definitions
            .map(|definitions| definitions.entities.len()),
        Some(count)
    );
}

#[test]
fn a_long_chain_and_a_long_circle_of_views_end() {
    let view = |name: usize, reads: usize| {
        format!("  - {{name: v{name}, inputs: [v{reads}], features: [{{name: x, type: bool, expr: v{reads}.x}}]}}\n")
    };
    let views: String = (0..5_000).map(|at| view(at, at + 1)).collect();
    let chain =
        format!("on_demand_feature_views:\n{views}  - {{name: v5000, features: [{{name: x, type: bool, expr: a}}]}}\n");
    let circle = format!("on_demand_feature_views:\n{views}{}", view(5_000, 0));
    for text in [chain, circle] {
        let codes: Vec<_> = repository(&text)
            .diagnostics
            .iter()
            .map(|diagnostic| diagnostic.code)
            .collect();
        assert!(
            matches!(
                codes[..],
                [DiagnosticCode::OnDemandChain | DiagnosticCode::OnDemandCycle]
            ),
            "{codes:?}"
        );
    }
}

#[test]
fn every_one_of_many_problems_is_reported() {
    let line = "  - {nam: e, join_keys: [{name: k, type: bool}]}\n";
    let text = format!("entities:\n{}", line.repeat(2_000));
    let files = [file("feature_store.yaml", "project: p"), file("a.yaml", text)];
    assert_eq!(survive(&files).diagnostics.len(), 2_000);
}
