//! Plans of every class, as values, as text and as files.
