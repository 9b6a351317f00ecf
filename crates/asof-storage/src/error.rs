//! What can be wrong with a location before anything is read.

/// Why a location does not lead to a store. Every text names the location and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Nothing was written.
    #[error("a location may not be empty; write a folder, or a URL such as s3://bucket/prefix")]
    Empty,
    /// The URL's scheme is none of ours.
    #[error("`{location}`: `{scheme}://` is not a kind of store{hint}; write a path, or a URL with {known}")]
    UnknownScheme {
        /// The location as written.
        location: String,
        /// The scheme.
        scheme: String,
        /// The nearest known scheme as a clause, or nothing.
        hint: String,
        /// The schemes there are.
        known: String,
    },
    /// An object-store URL without a bucket or container.
    #[error("`{location}`: the bucket is missing; write {scheme}://bucket/prefix")]
    MissingBucket {
        /// The location as written.
        location: String,
        /// The scheme.
        scheme: String,
    },
    /// A path that no store can hold.
    #[error("`{location}`: {problem}; {advice}")]
    InvalidPath {
        /// The location as written.
        location: String,
        /// What is wrong.
        problem: String,
        /// What to write instead.
        advice: &'static str,
    },
    /// An option that the kind of store does not know.
    #[error("`{location}`: `{option}` under `{prefix}` is not an option of {store}{hint}")]
    UnknownOption {
        /// The location as written.
        location: String,
        /// The prefix that the options stand under.
        prefix: String,
        /// The option.
        option: String,
        /// The kind of store.
        store: &'static str,
        /// What to do, as a clause, or nothing.
        hint: String,
    },
    /// An option with a value that it cannot have.
    #[error("`{location}`: `{option}` under `{prefix}` is `{value}`, but it must be {expected}")]
    OptionValue {
        /// The location as written.
        location: String,
        /// The prefix that the options stand under.
        prefix: String,
        /// The option.
        option: String,
        /// Its value.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The store's settings do not fit together.
    #[error("`{location}`: {source}; set it under `offline_store.storage` or in the environment ({variables})")]
    Settings {
        /// The location as written.
        location: String,
        /// The variables that the store reads.
        variables: &'static str,
        /// What the store said.
        source: object_store::Error,
    },
}
