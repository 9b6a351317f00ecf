//! Where things lie: a folder or an object-store URL, as a person writes it, resolved to a store and a path in it.
//!
//! In reading order: [`resolve`], [`StorageOptions`], [`StorageError`].

mod cloud;
mod error;
mod http;
mod local;
mod location;
mod options;

pub use error::StorageError;
pub use location::{Location, resolve};
pub use options::StorageOptions;
