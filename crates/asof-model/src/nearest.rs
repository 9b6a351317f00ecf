//! The nearest known name, for errors that hint at a slip of the hand.

/// The known name nearest to `name`, if any is near enough to be meant.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= (name.len().max(candidate.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The same as a clause to put behind an error: `; did you mean …?`, or nothing.
pub fn clause<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known)
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_hinted_at_and_far_ones_are_not() {
        let known = ["origin_weather", "carrier_delays"];
        assert_eq!(nearest("orign_weather", known.into_iter()), Some("origin_weather"));
        assert_eq!(nearest("Origin_Weather", known.into_iter()), Some("origin_weather"));
        assert_eq!(nearest("planes", known.into_iter()), None);
        assert_eq!(
            clause("carrier_delay", known.into_iter()),
            "; did you mean `carrier_delays`?"
        );
    }
}
