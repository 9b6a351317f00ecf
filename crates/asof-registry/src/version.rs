//! Numbers of versions, and the names of their objects.

use std::fmt;
use std::str::FromStr;

/// The number of a version, from 1 on, without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryVersion(pub u64);

/// A text that is no version number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version; write its number, as `asof history` shows it")]
pub struct InvalidVersion(pub String);

impl RegistryVersion {
    /// The version after `current`; the first one when there is none.
    pub(crate) fn after(current: Option<Self>) -> Self {
        Self(current.map_or(0, |version| version.0) + 1)
    }

    /// The name of its object: twenty digits, so that names sort as numbers do.
    pub(crate) fn object_name(self) -> String {
        format!("{:020}.json", self.0)
    }

    /// The version whose object has this name. Anything else in the folder is not ours, and is passed over.
    pub(crate) fn of_object(name: &str) -> Option<Self> {
        let version = Self(name.strip_suffix(".json")?.parse().ok()?);
        (version.0 > 0 && version.object_name() == name).then_some(version)
    }
}

impl fmt::Display for RegistryVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for RegistryVersion {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(number) if number > 0 => Ok(Self(number)),
            _ => Err(InvalidVersion(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_written_here_are_versions() {
        let version = RegistryVersion(12);
        assert_eq!(version.object_name(), "00000000000000000012.json");
        assert_eq!(RegistryVersion::of_object("00000000000000000012.json"), Some(version));
        for foreign in [
            "12.json",
            "00000000000000000012.json#1",
            "00000000000000000000.json",
            "+0000000000000000012.json",
            "99999999999999999999.json",
            "README.md",
        ] {
            assert_eq!(RegistryVersion::of_object(foreign), None, "{foreign}");
        }
        assert!(RegistryVersion(9).object_name() < RegistryVersion(10).object_name());
    }

    #[test]
    fn a_version_is_a_number_from_one_on() {
        assert_eq!("3".parse(), Ok(RegistryVersion(3)));
        for bad in ["0", "-1", "v3", ""] {
            assert_eq!(bad.parse::<RegistryVersion>(), Err(InvalidVersion(bad.to_owned())));
        }
    }
}
