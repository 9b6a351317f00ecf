//! Locations as people write them, and the errors they can get.

use std::collections::BTreeMap;

use super::*;

fn options(prefix: &str, values: &[(&str, &str)]) -> StorageOptions {
    let values = values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    BTreeMap::from([(prefix.to_owned(), values)])
}

fn place(location: &str) -> (String, String) {
    let found = resolve(location, FilePath::new("/base/repo"), &BTreeMap::new()).unwrap();
    (found.root.to_string(), found.path.to_string())
}

fn error(location: &str, options: &StorageOptions) -> String {
    resolve(location, FilePath::new("/base"), options)
        .unwrap_err()
        .to_string()
}

#[test]
fn paths_and_urls_lead_to_a_store_and_a_path() {
    let cases = [
        ("data/weather/", "file:///", "base/repo/data/weather"),
        (
            "../x #1/day=2013-01-01/*.parquet",
            "file:///",
            "base/x #1/day=2013-01-01/*.parquet",
        ),
        ("/abs/é", "file:///", "abs/é"),
        ("file:///abs/a%20b", "file:///", "abs/a b"),
        (
            "s3://lake/raw/a%20b c?/*.parquet",
            "s3://lake",
            "raw/a%20b c?/*.parquet",
        ),
        ("s3://lake", "s3://lake", ""),
        ("gs://lake/x/", "gs://lake", "x"),
        ("gcs://lake/x", "gs://lake", "x"),
        ("https://host:81/a%20b/x.parquet", "https://host:81/", "a b/x.parquet"),
        (
            "abfss://box@me.dfs.core.windows.net/x",
            "abfss://box@me.dfs.core.windows.net",
            "x",
        ),
        (
            "wasbs://box@me.blob.core.windows.net/x",
            "abfss://box@me.blob.core.windows.net",
            "x",
        ),
    ];
    for (location, root, path) in cases {
        assert_eq!(place(location), (root.to_owned(), path.to_owned()), "{location}");
    }
    let azure = options("az://", &[("account_name", "me")]);
    let found = resolve("az://box/x", FilePath::new("/"), &azure).unwrap();
    assert_eq!((found.root.as_str(), found.path.as_ref()), ("az://box", "x"));
}

#[test]
fn a_relative_base_is_made_absolute() {
    let found = resolve("x", FilePath::new("."), &BTreeMap::new()).unwrap();
    assert_eq!(found.local, Some(std::env::current_dir().unwrap().join("x")));
}

#[test]
fn each_error_names_the_location_and_says_what_to_do() {
    let none = BTreeMap::new();
    assert_eq!(
        error("", &none),
        "a location may not be empty; write a folder, or a URL such as s3://bucket/prefix"
    );
    assert_eq!(
        error("s4://lake/x", &none),
        "`s4://lake/x`: `s4://` is not a kind of store; did you mean `s3`?; \
         write a path, or a URL with file://, s3://, gs://, az:// or https://"
    );
    assert_eq!(
        error("s3:///x", &none),
        "`s3:///x`: the bucket is missing; write s3://bucket/prefix"
    );
    assert!(error("s3://lake/a//b", &none).starts_with("`s3://lake/a//b`: "));
    assert!(error("file://elsewhere/x", &none).contains("it names another machine"));
    assert_eq!(
        error("s3://lake/x", &options("s3://lake", &[("regiom", "eu")])),
        "`s3://lake/x`: `regiom` under `s3://lake` is not an option of S3; did you mean `region`?"
    );
    for location in ["https://host/x?sig=1", "https://me:secret@host/x", "https://"] {
        let error = error(location, &none);
        assert!(
            error.starts_with(&format!("`{location}`: ")) && error.contains("write https://host/path"),
            "{error}"
        );
    }
    assert_eq!(
        error("https://host/x", &options("https://host", &[("timeot", "1s")])),
        "`https://host/x`: `timeot` under `https://host` is not an option of web servers; did you mean `timeout`?"
    );
    for location in ["s3://lake/x", "https://lake/x"] {
        let prefix = &location[..location.len() - 2];
        assert_eq!(
            error(location, &options(prefix, &[("max_retries", "many")])),
            format!("`{location}`: `max_retries` under `{prefix}` is `many`, but it must be a number")
        );
        let lasting = options(
            prefix,
            &[("max_retries", "2"), ("retry_timeout", "30s"), ("timeout", "5s")],
        );
        assert!(resolve(location, FilePath::new("/"), &lasting).is_ok());
    }
    let azure = error("az://box/x", &none);
    assert!(
        azure.contains("`az://box/x`") && azure.contains("AZURE_STORAGE_ACCOUNT_NAME"),
        "{azure}"
    );
}

#[test]
fn options_of_another_prefix_are_not_looked_at() {
    let other = options("s3://other", &[("nonsense", "1")]);
    assert!(resolve("s3://lake/x", FilePath::new("/"), &other).is_ok());
}
