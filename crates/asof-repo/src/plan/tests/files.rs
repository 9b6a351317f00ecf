//! Plan files: what is saved is what is read, and nothing else is.

use super::*;

/// A saved plan with `from` replaced by `to`, and its hash made right again if asked.
fn tampered(from: &str, to: &str) -> String {
    let text = PlanFile::new(Some(3), &parse(SHOP), edited(&[("ttl: 7d", "ttl: 6d")])).to_text();
    assert!(text.contains(from), "{from:?} is not in the plan");
    text.replacen(from, to, 1)
}

fn error(text: &str) -> String {
    PlanFile::parse(text).unwrap_err().to_string()
}

#[test]
fn a_saved_plan_is_read_as_it_was() {
    let first = PlanFile::new(None, &Definitions::empty(parse(SHOP).project), parse(SHOP));
    let later = PlanFile::new(Some(3), &parse(SHOP), edited(&[("ttl: 7d", "ttl: 6d")]));
    for file in [first, later] {
        assert_eq!(PlanFile::parse(&file.to_text()).unwrap(), file);
    }
}

#[test]
fn a_plan_that_was_touched_is_refused() {
    assert_eq!(
        error(&tampered("\"base_version\": 3", "\"base_version\": 4")),
        "the plan was changed after it was saved: its hash is another; save it again with `asof plan --out`"
    );
    assert!(error(&tampered("6d", "5d")).contains("its hash is another"));
    let text = tampered("{", "{");
    assert!(error(&text[..text.len() / 2]).starts_with("the plan is not JSON ("));
}

#[test]
fn other_files_and_later_formats_are_told_apart() {
    assert!(error("[]").starts_with("the file is no plan"));
    assert!(error("{\"project\": \"shop\"}").starts_with("the file is no plan"));
    assert_eq!(
        error(&tampered("\"format_version\": 1", "\"format_version\": 2")),
        "the plan has format 2, this asof reads up to 1; use the asof that saved it"
    );
}

#[test]
fn plan_files_of_the_first_format_still_open() {
    let text = include_str!("../../../tests/fixtures/plan/v1.json");
    let file = PlanFile::new(Some(3), &parse(SHOP), edited(&[("ttl: 7d", "ttl: 6d")]));
    assert_eq!(PlanFile::parse(text).unwrap(), file);
    assert_eq!(file.to_text(), text);
}
