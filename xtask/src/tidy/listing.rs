//! The top of the repository holds what a newcomer should see first, and nothing else.

use std::collections::BTreeSet;

/// Everything that may and must be at the top.
const TOP: [&str; 20] = [
    ".cargo",
    ".ci",
    ".clippy.toml",
    ".config",
    ".gitattributes",
    ".github",
    ".gitignore",
    ".rustfmt.toml",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "crates",
    "docs",
    "feature_repos",
    "proto",
    "rust-toolchain.toml",
    "tests",
    "xtask",
];

/// Compares the top-level names of the tracked files with the list.
pub(super) fn check(files: &[String]) -> Vec<String> {
    let expected = BTreeSet::from(TOP);
    let found = files
        .iter()
        .filter_map(|path| path.split('/').next())
        .collect::<BTreeSet<_>>();
    let stray = found
        .difference(&expected)
        .map(|name| format!("{name}: not expected at the top; move it down, or list it in xtask/src/tidy/listing.rs"));
    let missing = expected.difference(&found).map(|name| {
        format!("{name}: missing at the top; bring it back, or take it from the list in xtask/src/tidy/listing.rs")
    });
    stray.chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| format!("{name}/file")).collect()
    }

    #[test]
    fn the_listing_as_expected_is_fine() {
        assert!(check(&listing(&TOP)).is_empty());
    }

    #[test]
    fn one_more_and_one_less_are_two_problems() {
        let mut files = listing(&TOP[1..]);
        files.push("Makefile".into());
        let problems = check(&files);
        assert_eq!(problems.len(), 2);
        assert!(problems[0].starts_with("Makefile: not expected"));
        assert!(problems[1].starts_with(".cargo: missing"));
    }
}
