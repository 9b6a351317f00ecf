//! Keys that would match if they were written in the same way.

use std::collections::{BTreeMap, BTreeSet};

/// A way in which the same key is written differently, and what takes the difference away.
type Way = (&'static str, fn(&str) -> String);

const WAYS: [Way; 5] = [
    ("spaces around it", |key| key.trim().to_owned()),
    ("letter case", |key| key.to_lowercase()),
    ("leading zeros", |key| {
        let rest = key.trim_start_matches('0');
        if rest.is_empty() {
            "0".to_owned()
        } else {
            rest.to_owned()
        }
    }),
    ("a decimal point", |key| {
        key.strip_suffix(".0").unwrap_or(key).to_owned()
    }),
    ("punctuation", |key| {
        key.chars().filter(|letter| letter.is_alphanumeric()).collect()
    }),
];

/// Says how keys of the spine and of a source differ, when that is all that keeps them apart: `None` when some are
/// equal, or none would be equal either way.
pub(super) fn hint(spine: &BTreeSet<String>, source: &BTreeSet<String>) -> Option<String> {
    if spine.intersection(source).next().is_some() {
        return None;
    }
    let mut best: Option<(usize, String)> = None;
    for (way, same) in WAYS {
        let known: BTreeMap<String, &String> = source.iter().map(|key| (same(key), key)).collect();
        let pairs: Vec<(&String, &String)> = spine
            .iter()
            .filter_map(|key| Some((key, *known.get(&same(key))?)))
            .collect();
        let Some((here, there)) = pairs.first() else {
            continue;
        };
        if best.as_ref().is_none_or(|(most, _)| pairs.len() > *most) {
            let text = format!("has `{here}` where it is `{there}` (they differ by {way}) in the source");
            best = Some((pairs.len(), text));
        }
    }
    best.map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(spine: &[&str], source: &[&str]) -> String {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        hint(&keys(spine), &keys(source)).unwrap_or_default()
    }

    #[test]
    fn the_way_that_explains_most_is_named() {
        assert_eq!(check(&["a"], &["a", "A"]), "");
        assert_eq!(check(&["a"], &["b"]), "");
        let said = [
            check(&["jfk", "lga"], &["JFK", "LGA", "EWR"]),
            check(&["0042", "0007"], &["42", "7"]),
            check(&["7"], &["007"]),
            check(&["0"], &["000"]),
            check(&["JFK "], &["JFK"]),
            check(&["42.0"], &["42"]),
            check(&["ab-cd"], &["abcd"]),
            check(&["a", "b-c", "d-e"], &["A", "bc", "de"]),
        ];
        insta::assert_snapshot!(said.join("\n"), @r"
        has `jfk` where it is `JFK` (they differ by letter case) in the source
        has `0007` where it is `7` (they differ by leading zeros) in the source
        has `7` where it is `007` (they differ by leading zeros) in the source
        has `0` where it is `000` (they differ by leading zeros) in the source
        has `JFK ` where it is `JFK` (they differ by spaces around it) in the source
        has `42.0` where it is `42` (they differ by a decimal point) in the source
        has `ab-cd` where it is `abcd` (they differ by punctuation) in the source
        has `b-c` where it is `bc` (they differ by punctuation) in the source
        ");
    }
}
