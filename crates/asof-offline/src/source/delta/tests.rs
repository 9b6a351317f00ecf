//! Logs that are followed to their end, and tables that are refused.

use object_store::memory::InMemory;

use super::*;

const PROTOCOL: &str = r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#;
const METADATA: &str = r#"{"metaData":{"schemaString":"{\"fields\":[{\"name\":\"day\",\"type\":\"date\"},{\"name\":\"x\",\"type\":\"long\"}]}","partitionColumns":["day"],"configuration":{}}}"#;

fn add(path: &str, day: &str) -> String {
    format!(r#"{{"add":{{"path":"{path}","size":3,"partitionValues":{{"day":{day}}},"dataChange":true}}}}"#)
}

fn remove(path: &str) -> String {
    format!(r#"{{"remove":{{"path":"{path}","dataChange":true}}}}"#)
}

/// The files of a table with these commits whose folder has the files `a`, `b` and `c d`, of three bytes each.
async fn files(commits: &[&[&str]]) -> Result<Vec<String>, String> {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut listed = Vec::new();
    let commits = commits.iter().enumerate();
    let commits = commits.map(|(version, lines)| (format!("{LOG}{version:020}.json"), lines.join("\n")));
    let data = ["a", "b", "c d"].map(|name| (name.to_owned(), "abc".to_owned()));
    for (path, content) in commits.chain(data) {
        store
            .put(&path.as_str().into(), content.into_bytes().into())
            .await
            .unwrap();
        listed.push((path.clone(), store.head(&path.as_str().into()).await.unwrap()));
    }
    let table = read(&store, &listed).await?;
    let mut files = Vec::new();
    for (meta, partitions) in table.files {
        let values: Vec<String> = partitions
            .iter()
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        files.push(format!("{} {}", meta.location, values.join(" ")));
    }
    Ok(files)
}

#[tokio::test]
async fn what_was_removed_is_not_there_and_what_came_back_is() {
    let (a, b) = (add("a", r#""2024-01-01""#), add("b", r#""""#));
    let (c, no_a) = (add("c%20d", "null"), remove("a"));
    let first: &[&str] = &[PROTOCOL, METADATA, &a, "", &b];
    let after = files(&[first, &[&no_a, &c]]).await.unwrap();
    assert_eq!(after, ["b day=None", "c d day=None"]);
    let back = files(&[first, &[&no_a], &[&a]]).await.unwrap();
    assert_eq!(back, [r#"a day=Some("2024-01-01")"#, "b day=None"]);
}

#[tokio::test]
async fn a_deletion_vector_is_told_from_another_of_the_same_file() {
    let vector =
        r#""deletionVector":{"storageType":"u","pathOrInlineDv":"x","offset":1,"sizeInBytes":1,"cardinality":1}"#;
    let with = format!(r#"{{"add":{{"path":"a","size":3,"partitionValues":{{}},{vector}}}}}"#);
    let without = format!(r#"{{"remove":{{"path":"a",{vector}}}}}"#);
    let a = add("a", "null");
    // A file gets its vector, then is whole again.
    let whole = files(&[&[PROTOCOL, METADATA, &a], &[&with, &remove("a")], &[&a, &without]])
        .await
        .unwrap();
    assert_eq!(whole, ["a day=None"]);
    let refused = files(&[&[PROTOCOL, METADATA, &a], &[&with, &remove("a")]])
        .await
        .unwrap_err();
    assert!(
        refused.starts_with("rows of `a` are marked as deleted (a deletion vector)"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_cannot_be_read_right_is_refused() {
    let protocol = |features: &str| {
        format!(r#"{{"protocol":{{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":[{features}]}}}}"#)
    };
    let mapped = METADATA.replace(
        r#""configuration":{}"#,
        r#""configuration":{"delta.columnMapping.mode":"name"}"#,
    );
    let (a, odd, lost) = (add("a", "null"), add("a", r#""soon""#), add("z", "null"));
    let long = a.replace(":3,", ":4,");
    let known = protocol(r#""timestampNtz","deletionVectors""#);
    assert_eq!(files(&[&[&known, METADATA, &a]]).await.unwrap(), ["a day=None"]);
    let mut refusals = Vec::new();
    for lines in [
        [&protocol(r#""variantType","timestampNtz""#), METADATA, a.as_str()],
        [&PROTOCOL.replace(":1,", ":4,"), METADATA, &a],
        [PROTOCOL, &mapped, &a],
        [PROTOCOL, METADATA, &odd],
        [PROTOCOL, METADATA, &lost],
        [PROTOCOL, METADATA, &long],
        [PROTOCOL, METADATA, "{\"add\":"],
        [PROTOCOL, "", &a],
        ["", METADATA, &a],
    ] {
        refusals.push(files(&[&lines]).await.unwrap_err());
    }
    insta::assert_snapshot!(refusals.join("\n"));
}
