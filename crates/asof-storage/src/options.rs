//! Options of object stores, by the prefix of the locations that they hold for.

use std::collections::BTreeMap;

/// Options by location prefix, then by name, as under `offline_store.storage` in `feature_store.yaml`.
///
/// ```text
/// s3://            {region: eu-west-1}                        all of S3
/// s3://lake/raw    {region: us-east-1, endpoint: http://…}    only below lake/raw
/// ```
pub type StorageOptions = BTreeMap<String, BTreeMap<String, String>>;

/// The options for `location`: those of the longest prefix that covers it, and nothing of shorter ones.
///
/// A prefix covers whole path segments: `s3://lake/raw` covers `s3://lake/raw/a`, not `s3://lake/raw2`.
pub(crate) fn options_for<'a>(
    location: &str,
    options: &'a StorageOptions,
) -> Option<(&'a str, &'a BTreeMap<String, String>)> {
    options
        .iter()
        .filter(|(prefix, _)| covers(prefix, location))
        .max_by_key(|(prefix, _)| prefix.len())
        .map(|(prefix, values)| (prefix.as_str(), values))
}

fn covers(prefix: &str, location: &str) -> bool {
    !prefix.is_empty()
        && location
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_of_whole_segments_wins() {
        let options: StorageOptions = ["s3://", "s3://lake", "s3://lake/raw", "gs://"]
            .into_iter()
            .map(|prefix| (prefix.to_owned(), BTreeMap::new()))
            .collect();
        let prefix = |location| options_for(location, &options).map(|(prefix, _)| prefix);
        assert_eq!(prefix("s3://lake/raw/a"), Some("s3://lake/raw"));
        assert_eq!(prefix("s3://lake/raw"), Some("s3://lake/raw"));
        assert_eq!(prefix("s3://lake/raw2"), Some("s3://lake"));
        assert_eq!(prefix("s3://lakes"), Some("s3://"));
        assert_eq!(prefix("az://lake"), None);
        assert_eq!(prefix("data"), None);
    }
}
