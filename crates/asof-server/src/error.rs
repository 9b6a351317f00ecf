//! Why a server cannot start or go on. Faults of requests are in `fault`.

/// Why a server cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen for {surface} on {address}: {source}")]
    Bind {
        /// `gRPC` or `HTTP`.
        surface: &'static str,
        /// The address, as given.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The descriptors for reflection are damaged.
    #[error("the descriptors for gRPC reflection cannot be read: {0}")]
    Reflection(String),
    /// A listener ended by itself.
    #[error("the {surface} listener ended: {message}")]
    Ended {
        /// `gRPC` or `HTTP`.
        surface: &'static str,
        /// Why.
        message: String,
    },
}
