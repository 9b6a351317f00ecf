//! Objects that are not what they should be: a clear error with their name, and never a wrong answer.

use super::*;

/// A registry with one version, whose object is then rewritten.
async fn error_after(rewrite: impl Fn(String) -> String) -> String {
    let folder = tempfile::tempdir().unwrap();
    registry(folder.path())
        .apply(None, &shop(2), info(1, "ada"))
        .await
        .unwrap();
    let object = folder.path().join("registry/versions/00000000000000000001.json");
    let text = rewrite(fs_err::read_to_string(&object).unwrap());
    fs_err::write(&object, text).unwrap();
    let registry = registry(folder.path());
    let error = registry.current().await.unwrap_err().to_string();
    assert!(registry.apply(version(1), &shop(3), info(2, "ada")).await.is_err());
    error.replace(folder.path().to_str().unwrap(), "F")
}

const OBJECT: &str = "`F/registry/versions/00000000000000000001.json`";

#[tokio::test]
async fn a_version_that_was_cut_short_is_damaged() {
    for cut in [0, 1, 100, 400] {
        let error = error_after(|text| text[..cut].to_owned()).await;
        assert!(error.starts_with(&format!("{OBJECT} is damaged: ")), "{error}");
        assert!(error.ends_with("; restore it from a backup"), "{error}");
    }
}

#[tokio::test]
async fn a_version_that_was_edited_is_damaged() {
    let error = error_after(|text| text.replace("key1", "key2")).await;
    assert_eq!(
        error,
        format!("{OBJECT} is damaged: its sha256 is another; restore it from a backup")
    );
}

#[tokio::test]
async fn something_else_is_no_version() {
    let expected = format!(
        "{OBJECT} is not a registry version: it has no `\"format\": \"asof-registry-version\"`; move it elsewhere"
    );
    assert_eq!(error_after(|_| "{\"name\": \"package\"}".to_owned()).await, expected);
    assert_eq!(error_after(|_| "[1, 2]".to_owned()).await, expected);
}

#[tokio::test]
async fn a_later_format_asks_for_a_later_asof() {
    let error = error_after(|text| text.replace("\"format_version\": 1", "\"format_version\": 2")).await;
    assert_eq!(
        error,
        format!("{OBJECT} has format 2, this asof reads up to 1; use a newer asof")
    );
}

#[tokio::test]
async fn a_version_under_another_number_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    registry(folder.path())
        .apply(None, &shop(2), info(1, "ada"))
        .await
        .unwrap();
    let versions = folder.path().join("registry/versions");
    fs_err::copy(
        versions.join("00000000000000000001.json"),
        versions.join("00000000000000000002.json"),
    )
    .unwrap();
    let error = registry(folder.path()).current().await.unwrap_err().to_string();
    assert!(
        error.contains("00000000000000000002.json` is damaged: it says that it is version 1;"),
        "{error}"
    );
}

#[tokio::test]
async fn what_else_lies_in_the_folder_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path());
    registry.apply(None, &shop(2), info(1, "ada")).await.unwrap();
    let versions = folder.path().join("registry/versions");
    let leftover = "00000000000000000002.json#1";
    for name in [leftover, "README.md", "3.json", "00000000000000000003.json.bak"] {
        fs_err::write(versions.join(name), "half a version").unwrap();
    }
    fs_err::create_dir_all(versions.join("old")).unwrap();
    fs_err::write(versions.join("old/00000000000000000009.json"), "{}").unwrap();
    assert_eq!(
        super::registry(folder.path()).current_version().await.unwrap(),
        version(1)
    );
    // What a killed writer left of version 2 does not stand in the way of another.
    let applied = registry.apply(version(1), &shop(3), info(2, "ada")).await.unwrap();
    assert_eq!(applied.version, RegistryVersion(2));
    assert_eq!(registry.history().await.unwrap().len(), 2);
}
