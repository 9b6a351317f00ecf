//! Times of the spine that lie beside those of a source altogether.

use asof_model::{Admission, TimeSpan, Timestamp};

/// The units in which times are kept, by how many of them a second has.
const FACTORS: [(i128, &str); 3] = [(1000, "1000"), (1_000_000, "1000000"), (1_000_000_000, "1000000000")];

const HOUR: i128 = 3_600_000_000;

/// The farthest that two clocks on earth differ.
const ZONES: i128 = 26 * HOUR;

/// Says why no row of the source can answer any row of the spine, by their first and last times; `None`: one may.
pub(super) fn cause(
    spine: (Timestamp, Timestamp),
    source: (Timestamp, Timestamp),
    admission: &Admission,
) -> Option<String> {
    let span = |span: Option<TimeSpan>| span.map(|span| i128::from(span.micros()));
    let micros = |time: Timestamp| i128::from(time.micros());
    let (first, last) = (micros(spine.0), micros(spine.1));
    let lag = span(admission.availability_lag).unwrap_or(0);
    let from = micros(source.0) + lag;
    let until = span(admission.ttl).map(|ttl| micros(source.1) + ttl);
    let (fact, gap, direction) = if last < from {
        let known = if lag > 0 { " is known" } else { "" };
        let from = Timestamp::from_micros(i64::try_from(from).unwrap_or(i64::MAX));
        let fact = format!(
            "the spine's last time, {}, is before the first event{known}, {from}",
            spine.1
        );
        (fact, i128::from(from.micros()) - last, "later")
    } else if let Some((until, ttl)) = until.zip(admission.ttl).filter(|(until, _)| first > *until) {
        let fact = format!(
            "the spine's first time, {}, is too late for the last event, {}, with a ttl of {ttl}",
            spine.0, source.1
        );
        (fact, first - until, "earlier")
    } else {
        return None;
    };
    let (event_first, event_last) = (micros(source.0), micros(source.1));
    // A few days more or less are the same date; a wrong unit is decades off.
    let near = |first: i128, last: i128| first <= event_last + 366 * 24 * HOUR && last >= event_first;
    for (factor, shown) in FACTORS {
        if near(first * factor, last * factor) {
            return Some(format!(
                "{fact}; {shown} times as large, they would fit: are the spine's times kept in another unit?"
            ));
        }
        if near(first / factor, last / factor) {
            return Some(format!(
                "{fact}; event times {shown} times as large would fit: does the source keep them in another unit?"
            ));
        }
    }
    if gap <= ZONES {
        let hours = (gap + HOUR - 1) / HOUR;
        let hours = if hours == 1 {
            "1 hour".to_owned()
        } else {
            format!("{hours} hours")
        };
        return Some(format!(
            "{fact}; {hours} {direction}, some would match: is a time zone missing?"
        ));
    }
    Some(fact)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(spine: (&str, &str), source: (&str, &str), ttl: Option<i64>, lag: Option<i64>) -> String {
        let time = |text: &str| -> Timestamp { text.parse().expect("the test has a time") };
        let hours = |hours: Option<i64>| hours.and_then(|hours| TimeSpan::from_micros(hours * HOUR as i64).ok());
        let admission = Admission {
            ttl: hours(ttl),
            availability_lag: hours(lag),
            visible_from_created: false,
        };
        let cause = cause(
            (time(spine.0), time(spine.1)),
            (time(source.0), time(source.1)),
            &admission,
        );
        cause.unwrap_or_else(|| "-".to_owned())
    }

    const DAY: (&str, &str) = ("2013-07-04T00:00:00Z", "2013-07-04T23:00:00Z");

    #[test]
    fn times_that_cannot_meet_have_a_cause() {
        let said = [
            // They meet.
            check(DAY, DAY, Some(1), None),
            check(("2014-01-01T00:00:00Z", "2014-01-01T00:00:00Z"), DAY, None, None),
            // Before, by hours and by years.
            check(("2013-07-03T00:00:00Z", "2013-07-03T20:00:00Z"), DAY, None, None),
            check(("2013-07-04T00:00:00Z", "2013-07-04T00:30:00Z"), DAY, None, Some(2)),
            check(("2001-01-01T00:00:00Z", "2001-01-02T00:00:00Z"), DAY, None, None),
            // After the last one expired.
            check(("2013-07-05T05:00:00Z", "2013-07-06T00:00:00Z"), DAY, Some(2), None),
            check(("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"), DAY, Some(2), None),
            // Milliseconds taken for microseconds, and seconds for milliseconds, on either side.
            check(("1970-01-16T21:22:19.2Z", "1970-01-16T21:22:20Z"), DAY, Some(24), None),
            check(DAY, ("1970-01-16T21:22:19.2Z", "1970-01-16T21:23:42Z"), Some(24), None),
            check(("1970-01-01T00:22:52.9392Z", "1970-01-01T00:22:53Z"), DAY, None, None),
        ];
        insta::assert_snapshot!(said.join("\n"), @r"
        -
        -
        the spine's last time, 2013-07-03T20:00:00Z, is before the first event, 2013-07-04T00:00:00Z; 4 hours later, some would match: is a time zone missing?
        the spine's last time, 2013-07-04T00:30:00Z, is before the first event is known, 2013-07-04T02:00:00Z; 2 hours later, some would match: is a time zone missing?
        the spine's last time, 2001-01-02T00:00:00Z, is before the first event, 2013-07-04T00:00:00Z
        the spine's first time, 2013-07-05T05:00:00Z, is too late for the last event, 2013-07-04T23:00:00Z, with a ttl of 2h; 4 hours earlier, some would match: is a time zone missing?
        the spine's first time, 2020-01-01T00:00:00Z, is too late for the last event, 2013-07-04T23:00:00Z, with a ttl of 2h
        the spine's last time, 1970-01-16T21:22:20Z, is before the first event, 2013-07-04T00:00:00Z; 1000 times as large, they would fit: are the spine's times kept in another unit?
        the spine's first time, 2013-07-04T00:00:00Z, is too late for the last event, 1970-01-16T21:23:42Z, with a ttl of 1d; event times 1000 times as large would fit: does the source keep them in another unit?
        the spine's last time, 1970-01-01T00:22:53Z, is before the first event, 2013-07-04T00:00:00Z; 1000000 times as large, they would fit: are the spine's times kept in another unit?
        ");
    }
}
