//! Floating-point numbers as text, digit for digit as the reference server prints them.
//!
//! A crate of its own because two rooms that must not know each other need the same digits: replies (`resp`), and
//! the packed encoding of sorted sets (`value`), which stores scores as text.

mod double;
mod general;

pub use double::{Buffer, TEXT_LEN_MAX};
pub use general::general_17;
