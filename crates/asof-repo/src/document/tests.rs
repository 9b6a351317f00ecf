//! Documents: what is written is read back, and equal definitions have equal bytes.

use asof_testkit::definitions;
use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_written_is_read_back(some in definitions()) {
        let document = to_json(&some);
        let back = from_json(&document, &some.project);
        prop_assert_eq!(back.as_ref(), Ok(&some));
        let text: Value = serde_json::from_str(&document.to_string()).unwrap();
        prop_assert_eq!(to_json(&from_json(&text, &some.project).unwrap()).to_string(), document.to_string());
    }
}

#[test]
fn documents_of_the_first_format_still_open() {
    let text = include_str!("../../tests/fixtures/document/v1.json");
    let document: Value = serde_json::from_str(text).unwrap();
    let definitions = from_json(&document, &"flights".parse().unwrap()).unwrap();
    assert_eq!(format!("{:#}\n", to_json(&definitions)), text);
}

#[test]
fn what_is_wrong_with_a_document_is_said_with_its_place() {
    let document =
        serde_json::json!({"entities": [{"name": "a", "join_keys": [{"name": "k", "type": "float64"}]}], "sauces": []});
    let diagnostics = from_json(&document, &"flights".parse().unwrap()).unwrap_err();
    let found: Vec<_> = diagnostics
        .iter()
        .map(|d| (d.place.file.as_str(), d.place.line))
        .collect();
    assert_eq!(found, [("definitions.json", 8), ("definitions.json", 13)]);
}
