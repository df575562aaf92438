//! Numbers as text: doubles digit for digit as the reference server prints them, integers as it reads them.
//!
//! A crate of its own because rooms that must not know each other need the same digits: the protocol (`resp`), the packed
//! encoding of sorted sets (`value`), which stores scores as text, and packed collections (`structures`), where a text that
//! is an integer becomes one.

mod double;
mod general;
mod integer;

pub use double::{Buffer, TEXT_LEN_MAX};
pub use general::general_17;
pub use integer::parse_i64;
