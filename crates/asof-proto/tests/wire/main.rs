//! The wire format, byte by byte: what is encoded equals bytes written by hand from the field numbers, and they
//! decode to the same message. Field numbers that move, or a type that changes, break clients; they break this first.

mod asof;
mod descriptors;
mod feast;

use std::fmt::Debug;

use prost::Message;

/// Joins the pieces in which a test spells a message.
fn bytes(pieces: &[&[u8]]) -> Vec<u8> {
    pieces.concat()
}

/// Checks that a message and its golden bytes are one and the same, in both directions.
fn check<M: Message + Default + PartialEq + Debug>(message: &M, golden: &[u8]) {
    assert_eq!(message.encode_to_vec(), golden);
    assert_eq!(&M::decode(golden).expect("golden bytes decode"), message);
}
