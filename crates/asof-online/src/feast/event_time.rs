//! The event times of Feast's rows.

use prost::Message;
use prost_types::Timestamp;

/// Microseconds since the epoch of an encoded `google.protobuf.Timestamp`; what is finer is floored. No bytes are the
/// epoch itself.
///
/// # Errors
/// What is wrong with the bytes, or that 64 bits of microseconds cannot hold the time.
pub(super) fn micros(bytes: &[u8]) -> Result<i64, String> {
    let time = Timestamp::decode(bytes).map_err(|error| error.to_string())?;
    if !(0..1_000_000_000).contains(&time.nanos) {
        return Err(format!("it has {} nanoseconds beside its seconds", time.nanos));
    }
    let micros = time.seconds.checked_mul(1_000_000);
    let micros = micros.and_then(|micros| micros.checked_add(i64::from(time.nanos / 1000)));
    micros.ok_or_else(|| format!("{} seconds do not fit 64 bits of microseconds", time.seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_microseconds() {
        let golden = [0x08, 0x80, 0xe2, 0xcf, 0xaa, 0x06, 0x10, 0xc0, 0xa9, 0xd3, 0x3a];
        assert_eq!(micros(&golden), Ok(1_700_000_000_123_000));
        let at = |seconds, nanos| micros(&Timestamp { seconds, nanos }.encode_to_vec());
        assert_eq!(at(-1, 999_999_999), Ok(-1));
        assert_eq!(micros(b""), Ok(0));
        // The last second that fits, to its last microsecond that fits.
        assert_eq!(at(9_223_372_036_854, 775_807_999), Ok(i64::MAX));
        for bad in [
            at(9_223_372_036_854, 775_808_000),
            at(i64::MIN, 0),
            at(0, -1),
            at(0, 1_000_000_000),
        ] {
            assert!(bad.is_err(), "{bad:?}");
        }
        for length in [1, 4, 7, 10] {
            assert!(micros(&golden[..length]).is_err(), "{length}");
        }
        assert!(micros(&[0x0d, 1, 2, 3, 4]).is_err());
    }
}
