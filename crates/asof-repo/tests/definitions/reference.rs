//! What the documentation says is what the code does: the list of diagnostics, and the settings that are shown.

use std::collections::BTreeMap;
use std::path::Path;

use asof_repo::Repository;

use crate::file;

#[test]
fn the_page_of_diagnostics_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/diagnostics.md");
    let page = asof_repo::diagnostics_reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "docs/reference/diagnostics.md is out of date; run this test with UPDATE_DOCS=1"
    );
}

#[test]
fn the_settings_that_the_documentation_shows_are_right() {
    let secrets = ["AWS_SECRET_ACCESS_KEY", "REDIS_PASSWORD"];
    let env: BTreeMap<_, _> = secrets.map(|name| (name.to_owned(), "s3cret".to_owned())).into();
    for (name, count) in [("definitions.md", 3), ("redis.md", 6)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
        let page = std::fs::read_to_string(path).expect("the page can be read");
        let blocks = page.split("```yaml\n").skip(1);
        let blocks = blocks.map(|block| block.split("```").next().expect("a block ends"));
        let mut shown = 0;
        for block in blocks {
            let text = match block {
                _ if block.starts_with("project:") => block.to_owned(),
                _ if block.starts_with("online_store:") => format!("project: p\n{block}"),
                _ => continue,
            };
            let repository = Repository::parse(&[file("feature_store.yaml", text)], &env, None);
            assert_eq!(repository.diagnostics, [], "{block}");
            shown += 1;
        }
        assert_eq!(
            shown, count,
            "blocks of {name} that begin with `project:` or `online_store:`"
        );
    }
}
