//! Object stores of the clouds, and whatever speaks their languages.

use std::collections::BTreeMap;
use std::sync::Arc;

use asof_model::nearest;
use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use url::Url;

use crate::options::{RETRY_OPTIONS, options_for, retries};
use crate::{Location, StorageError, StorageOptions};

/// The kinds of object stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cloud {
    S3,
    Google,
    Azure,
}

/// Each scheme with its cloud, and the scheme that the cloud's store understands.
const SCHEMES: [(&str, Cloud, &str); 9] = [
    ("s3", Cloud::S3, "s3"),
    ("s3a", Cloud::S3, "s3a"),
    ("gs", Cloud::Google, "gs"),
    ("gcs", Cloud::Google, "gs"),
    ("az", Cloud::Azure, "az"),
    ("abfs", Cloud::Azure, "abfs"),
    ("abfss", Cloud::Azure, "abfss"),
    ("wasb", Cloud::Azure, "abfs"),
    ("wasbs", Cloud::Azure, "abfss"),
];

/// The schemes there are, for errors.
const KNOWN: &str = "file://, s3://, gs://, az:// or https://";

/// The location of `scheme://bucket/path`. The path is taken as it is written: nothing in it is decoded.
pub(crate) fn resolve(written: &str, scheme: &str, rest: &str, all: &StorageOptions) -> Result<Location, StorageError> {
    let location = || written.to_owned();
    let Some((_, cloud, store_scheme)) = SCHEMES.iter().find(|(name, _, _)| *name == scheme) else {
        return Err(StorageError::UnknownScheme {
            location: location(),
            scheme: scheme.to_owned(),
            hint: nearest::clause(scheme, SCHEMES.iter().map(|(name, _, _)| *name)),
            known: KNOWN.to_owned(),
        });
    };
    let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(StorageError::MissingBucket {
            location: location(),
            scheme: scheme.to_owned(),
        });
    }
    let invalid = |problem: String| StorageError::InvalidPath {
        location: location(),
        problem,
        advice: "write scheme://bucket/prefix without empty parts or dots",
    };
    let root = Url::parse(&format!("{store_scheme}://{bucket}")).map_err(|error| invalid(error.to_string()))?;
    let path = Path::parse(path).map_err(|error| invalid(error.to_string()))?;
    let empty = BTreeMap::new();
    let (prefix, options) = options_for(written, all).unwrap_or((written, &empty));
    Ok(Location {
        store: cloud.store(written, &root, prefix, options)?,
        path,
        root,
        local: None,
        written: location(),
    })
}

impl Cloud {
    /// The store of the bucket that `root` names: the environment first, then the options over it.
    fn store(
        self,
        location: &str,
        root: &Url,
        prefix: &str,
        options: &BTreeMap<String, String>,
    ) -> Result<Arc<dyn ObjectStore>, StorageError> {
        let unknown = |option: &str| StorageError::UnknownOption {
            location: location.to_owned(),
            prefix: prefix.to_owned(),
            option: option.to_owned(),
            store: self.name(),
            hint: nearest::clause(option, self.common_options().iter().copied()),
        };
        let settings = |source| StorageError::Settings {
            location: location.to_owned(),
            variables: self.variables(),
            source,
        };
        let retry = retries(location, Some((prefix, options)))?;
        let options = options
            .iter()
            .filter(|(name, _)| !RETRY_OPTIONS.contains(&name.as_str()));
        let store: Arc<dyn ObjectStore> = match self {
            Self::S3 => {
                let mut builder = AmazonS3Builder::from_env().with_retry(retry);
                for (name, value) in options {
                    let key: AmazonS3ConfigKey = name.to_ascii_lowercase().parse().map_err(|_| unknown(name))?;
                    builder = builder.with_config(key, value);
                }
                Arc::new(builder.with_url(root.as_str()).build().map_err(settings)?)
            }
            Self::Google => {
                let mut builder = GoogleCloudStorageBuilder::from_env().with_retry(retry);
                for (name, value) in options {
                    let key: GoogleConfigKey = name.to_ascii_lowercase().parse().map_err(|_| unknown(name))?;
                    builder = builder.with_config(key, value);
                }
                Arc::new(builder.with_url(root.as_str()).build().map_err(settings)?)
            }
            Self::Azure => {
                let mut builder = MicrosoftAzureBuilder::from_env().with_retry(retry);
                for (name, value) in options {
                    let key: AzureConfigKey = name.to_ascii_lowercase().parse().map_err(|_| unknown(name))?;
                    builder = builder.with_config(key, value);
                }
                Arc::new(builder.with_url(root.as_str()).build().map_err(settings)?)
            }
        };
        Ok(store)
    }

    fn name(self) -> &'static str {
        match self {
            Self::S3 => "S3",
            Self::Google => "Google Cloud Storage",
            Self::Azure => "Azure Blob Storage",
        }
    }

    fn variables(self) -> &'static str {
        match self {
            Self::S3 => "AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, AWS_ALLOW_HTTP",
            Self::Google => "GOOGLE_SERVICE_ACCOUNT, GOOGLE_APPLICATION_CREDENTIALS",
            Self::Azure => "AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY",
        }
    }

    /// The options that people write most, to hint at; many more are understood.
    fn common_options(self) -> &'static [&'static str] {
        match self {
            Self::S3 => &[
                "region",
                "endpoint",
                "access_key_id",
                "secret_access_key",
                "session_token",
                "allow_http",
                "virtual_hosted_style_request",
                "skip_signature",
                "conditional_put",
            ],
            Self::Google => &[
                "service_account",
                "service_account_key",
                "application_credentials",
                "skip_signature",
            ],
            Self::Azure => &[
                "account_name",
                "access_key",
                "sas_key",
                "client_id",
                "client_secret",
                "tenant_id",
                "endpoint",
            ],
        }
    }
}
