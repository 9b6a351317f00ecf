//! Time inside Asof: microseconds since the epoch in UTC, and spans of them.

use std::fmt;
use std::str::FromStr;

/// A point in time: microseconds since 1970-01-01T00:00:00Z. Any `i64` is one, also those no calendar can print.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The point `micros` microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The wall clock's time. Only the edges ask for it; everything else is told the time.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_microsecond())
    }

    /// The point `span` later; the last point there is when that would overflow.
    pub fn saturating_add(self, span: TimeSpan) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The point `span` earlier; the first point there is when that would overflow.
    pub fn saturating_sub(self, span: TimeSpan) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with as many decimals as needed; `<micros>us` outside the calendar's range.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(timestamp) => f.pad(&timestamp.to_string()),
            Err(_) => f.pad(&format!("{}us", self.0)),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time; write RFC 3339, as in 2013-07-04T12:00:00Z")]
pub struct InvalidTimestamp(pub String);

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// RFC 3339. A time without a zone is UTC; a date alone is its midnight; nanoseconds are floored.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidTimestamp(text.to_owned());
        let nanos = text
            .parse::<jiff::Timestamp>()
            .map(jiff::Timestamp::as_nanosecond)
            .or_else(|_| {
                let civil: jiff::civil::DateTime = text.parse().map_err(|_| invalid())?;
                let timestamp = jiff::tz::TimeZone::UTC.to_timestamp(civil).map_err(|_| invalid())?;
                Ok::<_, InvalidTimestamp>(timestamp.as_nanosecond())
            })?;
        i64::try_from(nanos.div_euclid(1_000)).map(Self).map_err(|_| invalid())
    }
}

/// A length of time above zero, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeSpan(i64);

const UNITS: [(&str, i64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// Why a text or number is not a span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTimeSpan {
    /// Not a sum of `<number><unit>`.
    #[error("`{0}` is not a duration; write a number and a unit of us, ms, s, m, h or d, as in 90s or 1d12h")]
    Malformed(String),
    /// Zero, which would let nothing through.
    #[error("a duration of zero lets nothing through; leave the key out if none is meant")]
    Zero,
    /// Below zero.
    #[error("a duration may not be negative")]
    Negative,
    /// Over 292,277 years, which does not fit 64 bits of microseconds.
    #[error("the duration does not fit 64 bits of microseconds (about 292 thousand years)")]
    Overflow,
}

impl TimeSpan {
    /// The span of `micros` microseconds.
    ///
    /// # Errors
    /// When `micros` is not above zero.
    pub const fn from_micros(micros: i64) -> Result<Self, InvalidTimeSpan> {
        match micros {
            0 => Err(InvalidTimeSpan::Zero),
            i64::MIN..0 => Err(InvalidTimeSpan::Negative),
            _ => Ok(Self(micros)),
        }
    }

    /// The length in microseconds, above zero.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whether this span is a whole number of `unit`s.
    pub const fn is_multiple_of(self, unit: Self) -> bool {
        self.0 % unit.0 == 0
    }
}

impl fmt::Display for TimeSpan {
    /// The sum of units that a person would write, largest first: `1d12h`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut text = String::new();
        for (unit, micros) in UNITS {
            if rest >= micros {
                text += &(rest / micros).to_string();
                text += unit;
                rest %= micros;
            }
        }
        f.pad(&text)
    }
}

impl fmt::Debug for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TimeSpan {
    type Err = InvalidTimeSpan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || InvalidTimeSpan::Malformed(text.to_owned());
        if text.starts_with('-') && text[1..].parse::<Self>() != Err(InvalidTimeSpan::Malformed(text[1..].to_owned())) {
            return Err(InvalidTimeSpan::Negative);
        }
        let mut rest = text;
        let mut total: i64 = 0;
        if rest.is_empty() {
            return Err(malformed());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(malformed)?;
            let (number, tail) = rest.split_at(digits);
            let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(letters);
            let (_, micros) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(malformed)?;
            if number.is_empty() {
                return Err(malformed());
            }
            let part = number.parse::<i64>().ok().and_then(|n| n.checked_mul(*micros));
            total = part
                .and_then(|p| total.checked_add(p))
                .ok_or(InvalidTimeSpan::Overflow)?;
            rest = tail;
        }
        Self::from_micros(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_sums_of_numbers_with_units() {
        let span = |text: &str| text.parse::<TimeSpan>().map(TimeSpan::micros);
        assert_eq!(span("250us"), Ok(250));
        assert_eq!(span("500ms"), Ok(500_000));
        assert_eq!(span("1d12h"), Ok(129_600_000_000));
        assert_eq!(span("0s"), Err(InvalidTimeSpan::Zero));
        assert_eq!(span("-5m"), Err(InvalidTimeSpan::Negative));
        assert_eq!(span("999999999999d"), Err(InvalidTimeSpan::Overflow));
        assert_eq!(span("99999999999999999999s"), Err(InvalidTimeSpan::Overflow));
        for bad in ["", "5", "h", "5 h", "5w", "1d 2h", "-", "-x", "1.5h"] {
            assert_eq!(span(bad), Err(InvalidTimeSpan::Malformed(bad.to_owned())), "{bad:?}");
        }
        assert_eq!("36h".parse::<TimeSpan>().map(|s| s.to_string()), Ok("1d12h".to_owned()));
    }

    #[test]
    fn times_without_a_zone_are_utc_and_nanoseconds_are_floored() {
        let micros = |text: &str| text.parse::<Timestamp>().map(Timestamp::micros).ok();
        assert_eq!(micros("1970-01-01T00:00:01Z"), Some(1_000_000));
        assert_eq!(micros("1970-01-01T00:00:01"), Some(1_000_000));
        assert_eq!(micros("1970-01-02"), Some(86_400_000_000));
        assert_eq!(micros("1970-01-01T02:00:00+02:00"), Some(0));
        assert_eq!(micros("1969-12-31T23:59:59.999999999Z"), Some(-1));
        assert_eq!(micros("yesterday"), None);
        assert_eq!(Timestamp::from_micros(1_500_000).to_string(), "1970-01-01T00:00:01.5Z");
        assert_eq!(Timestamp::from_micros(i64::MAX).to_string(), "9223372036854775807us");
    }
}
