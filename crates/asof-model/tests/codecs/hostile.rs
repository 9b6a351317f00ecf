//! Bytes that are cut off, lengthened or changed: errors, never a panic, never more memory than the bytes are worth.

use arrow::array::{ArrayRef, ListArray};
use asof_model::key::{EncodedKeys, KeyCodec, KeyError};
use asof_model::row::{DecodedRows, RowCodec, RowError, stored_order};
use asof_model::{ScalarType, ValueType};

use super::columns::feature;
use super::row_bytes::{VERSION_2, columns, features};

fn decode(codec: &RowCodec, wanted: &[usize], row: &[u8]) -> Result<DecodedRows, RowError> {
    let mut decoder = codec.decoder(wanted);
    decoder.push(Some(row))?;
    decoder.finish()
}

#[test]
fn a_row_cut_off_anywhere_is_refused_whatever_is_wanted() {
    let codec = RowCodec::new(&features());
    let all: Vec<_> = (0..features().len()).collect();
    for length in 0..VERSION_2.len() {
        let cut = &VERSION_2[..length];
        for wanted in [&all[..], &[0], &[]] {
            let error = decode(&codec, wanted, cut).unwrap_err();
            assert!(matches!(error, RowError::Truncated { .. }), "{length}: {error}");
        }
        assert_eq!(stored_order(cut).is_ok(), length >= 22, "{length}");
    }
    let longer = [VERSION_2, &[0]].concat();
    let error = decode(&codec, &[], &longer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the row is damaged: it is longer than its last value"
    );
}

#[test]
fn a_row_with_a_changed_bit_is_refused_or_is_another_row() {
    let codec = RowCodec::new(&features());
    let all: Vec<_> = (0..features().len()).collect();
    let mut refused = 0;
    for bit in 0..VERSION_2.len() * 8 {
        let mut row = VERSION_2.to_vec();
        row[bit / 8] ^= 1 << (bit % 8);
        match decode(&codec, &all, &row) {
            Err(_) => refused += 1,
            Ok(decoded) => {
                let same = decoded.columns == columns() && stored_order(&row) == stored_order(VERSION_2);
                // What no value is made of: the slot of a null item in `gates`.
                let unused = VERSION_2.len() - 31..VERSION_2.len() - 27;
                assert_eq!(same, unused.contains(&(bit / 8)), "bit {bit}");
            }
        }
    }
    assert!(refused > 300, "{refused}");
}

#[test]
fn versions_and_flags_of_the_future_are_named() {
    let changed = |at: usize, byte: u8| {
        let mut row = VERSION_2.to_vec();
        row[at] = byte;
        stored_order(&row).unwrap_err()
    };
    let error = changed(0, 3);
    assert_eq!(error, RowError::Version(3));
    assert_eq!(
        error.to_string(),
        "unknown row version 3; it was written by another version of asof, or is not a row"
    );
    assert_eq!(changed(1, 0b101), RowError::Flags(0b101));
    // A row of a later version may be shorter than a header of this one.
    assert_eq!(stored_order(&[3]), Err(RowError::Version(3)));
    assert_eq!(stored_order(&[]), Err(RowError::Truncated { length: 0 }));
}

/// A row of one list, whose bytes are `list`.
fn with_list(item: ScalarType, list: &[u8]) -> Result<ArrayRef, RowError> {
    let codec = RowCodec::new(&[feature("list", ValueType::Array(item))]);
    let empty: ArrayRef = std::sync::Arc::new(ListArray::new_null(
        std::sync::Arc::new(arrow::datatypes::Field::new_list_field(item.arrow(), true)),
        1,
    ));
    let rows = codec.encode(&[empty], &vec![1].into(), None).unwrap();
    let mut row = rows.get(0)[..14].to_vec();
    row.push(1);
    row.extend_from_slice(&(list.len() as u16).to_le_bytes());
    row.extend_from_slice(list);
    decode(&codec, &[0], &row).map(|decoded| decoded.columns[0].clone())
}

#[test]
fn lists_that_promise_more_than_they_hold_are_refused() {
    assert!(with_list(ScalarType::Int64, &[0, 0, 0, 0]).is_ok());
    for item in ScalarType::ALL {
        for list in [
            &[][..],
            &[1, 0, 0],
            &[1, 0, 0, 0],
            &[0xff, 0xff, 0xff, 0xff],
            &[0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8],
            // More presence bits than items.
            &[1, 0, 0, 0, 0b11, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            let error = with_list(item, list).unwrap_err();
            let expected = format!("the row is damaged: feature `list` is not a array<{item}>");
            assert_eq!(error.to_string(), expected, "{list:?}");
        }
    }
    // Two items that overlap, and one that is no UTF-8.
    assert!(with_list(ScalarType::String, &[2, 0, 0, 0, 0b11, 2, 0, 0, 0, 1, 0, 0, 0, b'a']).is_err());
    assert!(with_list(ScalarType::String, &[1, 0, 0, 0, 1, 1, 0, 0, 0, 0xff]).is_err());
    assert!(with_list(ScalarType::Bytes, &[1, 0, 0, 0, 1, 1, 0, 0, 0, 0xff]).is_ok());
    assert!(with_list(ScalarType::Bool, &[1, 0, 0, 0, 1, 2]).is_err());
}

#[test]
fn keys_cut_off_lengthened_or_changed_are_refused() {
    let fields = [ScalarType::String, ScalarType::Bool, ScalarType::Timestamp];
    let codec = KeyCodec::new(&fields);
    let key = [&[1, 4, 2, 0, 0, 0, b'a', b'b', 1, 1, 6][..], &7_i64.to_le_bytes()].concat();
    assert!(codec.decode(&key).is_ok());
    let both = |bytes: &[u8]| {
        let keys: EncodedKeys = [Some(bytes)].into_iter().collect();
        let error = codec.decode(bytes).unwrap_err();
        if !bytes.is_empty() {
            assert_eq!(codec.decode_columns(&keys), Err(error.clone()));
        }
        error
    };
    for length in 0..key.len() {
        let error = both(&key[..length]);
        assert!(matches!(error, KeyError::Truncated { .. }), "{length}: {error}");
    }
    assert_eq!(both(&[&key[..], &[0, 0]].concat()), KeyError::Trailing(2));
    let changed = |at: usize, byte: u8| {
        let mut changed = key.clone();
        changed[at] = byte;
        both(&changed)
    };
    let field = |position, expected| KeyError::Field { position, expected };
    assert_eq!(changed(0, 9), KeyError::Version(9));
    assert_eq!(changed(1, 5), field(0, ScalarType::String));
    assert_eq!(changed(5, 0xff), KeyError::Truncated { position: 0 });
    assert_eq!(changed(6, 0xff), field(0, ScalarType::String));
    assert_eq!(changed(9, 2), field(1, ScalarType::Bool));
}
