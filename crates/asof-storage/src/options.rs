//! Options of object stores, by the prefix of the locations that they hold for.

use std::collections::BTreeMap;
use std::time::Duration;

use object_store::RetryConfig;

use crate::StorageError;

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

/// The options that are of every store and that we read ourselves.
pub(crate) const RETRY_OPTIONS: [&str; 2] = ["max_retries", "retry_timeout"];

/// With the default of ten, a wrong endpoint would keep a person waiting for a minute; six reach about six seconds.
const RETRIES: usize = 6;

/// How often and how long a request is tried again when a store does not answer, or says that it has too much to do.
///
/// # Errors
/// When an option is no number, or no time such as `30s`.
pub(crate) fn retries(
    location: &str,
    options: Option<(&str, &BTreeMap<String, String>)>,
) -> Result<RetryConfig, StorageError> {
    let mut config = RetryConfig {
        max_retries: RETRIES,
        ..RetryConfig::default()
    };
    let Some((prefix, options)) = options else {
        return Ok(config);
    };
    let invalid = |option: &str, expected| StorageError::OptionValue {
        location: location.to_owned(),
        prefix: prefix.to_owned(),
        option: option.to_owned(),
        value: options[option].clone(),
        expected,
    };
    if let Some(retries) = options.get("max_retries") {
        config.max_retries = retries.parse().map_err(|_| invalid("max_retries", "a number"))?;
    }
    if let Some(timeout) = options.get("retry_timeout") {
        let seconds: Option<u64> = timeout.strip_suffix('s').and_then(|seconds| seconds.parse().ok());
        let seconds = seconds.ok_or_else(|| invalid("retry_timeout", "a number of seconds such as `30s`"))?;
        config.retry_timeout = Duration::from_secs(seconds);
    }
    Ok(config)
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
