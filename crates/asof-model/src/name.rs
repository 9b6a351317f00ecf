//! Validated names. One rule for all of them, so that a name can stand in SQL, in a column header and in a key.

use std::fmt;
use std::sync::Arc;

/// The longest name that is accepted, in bytes.
pub const MAX_NAME_LEN: usize = 128;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// The text is empty.
    #[error("a name may not be empty")]
    Empty,
    /// The text is longer than [`MAX_NAME_LEN`] bytes.
    #[error("a name may have at most {MAX_NAME_LEN} characters, this one has {0}")]
    TooLong(usize),
    /// The first character is not an ASCII letter.
    #[error("a name starts with a letter, not with `{0}`")]
    BadStart(char),
    /// A character is not an ASCII letter, a digit or `_`.
    #[error("a name has only letters, digits and `_`, not `{0}`")]
    BadCharacter(char),
    /// The text holds `__`, which separates view and feature in full names.
    #[error("a name may not hold `__`, which separates view and feature in full names")]
    DoubleUnderscore,
}

/// Checks the one rule for names: an ASCII letter, then letters, digits and single underscores.
///
/// # Errors
/// The first part of the rule that `text` breaks.
pub fn check_name(text: &str) -> Result<(), InvalidName> {
    let first = text.chars().next().ok_or(InvalidName::Empty)?;
    if !first.is_ascii_alphabetic() {
        return Err(InvalidName::BadStart(first));
    }
    if let Some(bad) = text.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '_') {
        return Err(InvalidName::BadCharacter(bad));
    }
    if text.contains("__") {
        return Err(InvalidName::DoubleUnderscore);
    }
    if text.len() > MAX_NAME_LEN {
        return Err(InvalidName::TooLong(text.len()));
    }
    Ok(())
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes `text` as a name.
            ///
            /// # Errors
            /// The part of the rule of [`check_name`] that `text` breaks.
            pub fn try_new(text: &str) -> Result<Self, InvalidName> {
                check_name(text).map(|()| Self(Arc::from(text)))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_new(text)
            }
        }
    )*};
}

names! {
    /// The name of a project: the prefix of everything its stores hold.
    ProjectName;
    /// The name of an entity.
    EntityName;
    /// The name of a column of the spine or of a request: a join key or a request field.
    ColumnName;
    /// The name of a source.
    SourceName;
    /// The name of a feature view, an on-demand feature view, or an alias of one.
    ViewName;
    /// The name of a feature inside its view.
    FeatureName;
    /// The name of a feature service.
    ServiceName;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_the_rule_has_its_own_error() {
        let cases = [
            ("", InvalidName::Empty),
            ("1a", InvalidName::BadStart('1')),
            ("_a", InvalidName::BadStart('_')),
            ("a-b", InvalidName::BadCharacter('-')),
            ("é", InvalidName::BadStart('é')),
            ("aé", InvalidName::BadCharacter('é')),
            ("a__b", InvalidName::DoubleUnderscore),
        ];
        for (text, error) in cases {
            assert_eq!(ViewName::try_new(text), Err(error), "{text:?}");
        }
        assert_eq!(check_name(&"a".repeat(129)), Err(InvalidName::TooLong(129)));
        assert!(check_name(&"a".repeat(128)).is_ok());
        assert_eq!(
            ViewName::try_new("origin_weather2").map(|n| n.to_string()),
            Ok("origin_weather2".to_owned())
        );
    }
}
