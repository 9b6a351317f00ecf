//! The one classification of errors: what an edge needs to know to choose an exit code or a status.

/// The class of an error that may reach an edge, which turns it into its own codes in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// What was asked is wrong, and stays wrong when asked again.
    InvalidInput,
    /// Something named is not there.
    NotFound,
    /// Something that should be new is there already.
    AlreadyExists,
    /// Somebody else changed it in the meantime.
    Conflict,
    /// Nobody said who is asking.
    Unauthenticated,
    /// Whoever asks may not.
    Forbidden,
    /// A resource is used up: disk, memory, quota.
    Exhausted,
    /// Something needed cannot be reached now; the same request may succeed later.
    Unavailable,
    /// It took too long.
    Timeout,
    /// Asof's fault, or damaged data.
    Internal,
}
