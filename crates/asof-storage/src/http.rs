//! Files on web servers.

use std::sync::Arc;

use asof_model::nearest;
use object_store::ClientConfigKey;
use object_store::http::HttpBuilder;
use object_store::path::Path;
use url::Url;

use crate::options::{options_for, retries};
use crate::{Location, StorageError, StorageOptions};

/// The options that people write most, to hint at; every one of the client's is understood.
const OPTIONS: [&str; 5] = [
    "timeout",
    "connect_timeout",
    "proxy_url",
    "max_retries",
    "retry_timeout",
];

/// The location of a URL with `http` or `https`. Its path is percent-encoded, as in every such URL.
pub(crate) fn resolve(written: &str, all: &StorageOptions) -> Result<Location, StorageError> {
    let invalid = |problem: String, advice| StorageError::InvalidPath {
        location: written.to_owned(),
        problem,
        advice,
    };
    let url = Url::parse(written).map_err(|error| invalid(error.to_string(), "write https://host/path"))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid(
            "`?` and `#` are no part of a file's path".to_owned(),
            "write https://host/path; where access is signed, use the store's own URL, such as s3://bucket/path",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(
            "a URL with a user or password would be shown in messages".to_owned(),
            "write https://host/path",
        ));
    }
    let path = Path::from_url_path(url.path())
        .map_err(|error| invalid(error.to_string(), "write https://host/path without empty parts or dots"))?;
    let mut root = url.clone();
    root.set_path("");
    let (prefix, options) = options_for(written, all).unzip();
    let mut builder = HttpBuilder::new().with_url(root.as_str());
    if url.scheme() == "http" {
        builder = builder.with_config(ClientConfigKey::AllowHttp, "true");
    }
    let settings = |source| StorageError::Settings {
        location: written.to_owned(),
        variables: "HTTPS_PROXY, NO_PROXY",
        source,
    };
    for (name, value) in options.into_iter().flatten() {
        if crate::options::RETRY_OPTIONS.contains(&name.as_str()) {
            continue;
        }
        let key: ClientConfigKey = name
            .to_ascii_lowercase()
            .parse()
            .map_err(|_| StorageError::UnknownOption {
                location: written.to_owned(),
                prefix: prefix.unwrap_or_default().to_owned(),
                option: name.clone(),
                store: "web servers",
                hint: nearest::clause(name, OPTIONS.into_iter()),
            })?;
        builder = builder.with_config(key, value);
    }
    let retry = retries(written, prefix.zip(options))?;
    Ok(Location {
        store: Arc::new(builder.with_retry(retry).build().map_err(settings)?),
        path,
        root,
        local: None,
        written: written.to_owned(),
    })
}
