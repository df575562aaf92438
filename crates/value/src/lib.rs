//! The value types: how a value is encoded, and the primitive changes of it.
//!
//! A value lives in one of two places. What is small stands inline in its entry (see
//! `perilune_structures`): an integer, or the bytes of a string. What is big is an [`Object`] that the entry
//! refers to. This crate knows which is which and what OBJECT ENCODING calls it. It does not know keys other
//! than none, locks, clocks or replies.

mod bits;
mod digest;
mod edit;
mod extended;
mod glob;
mod hash;
mod hasher;
mod lcs;
mod list;
mod number;
mod object;
pub mod rdb;
mod set;
mod sorted_set;
mod string;

pub use bits::{BitField, BitOperation, Overflow, combine, count_ones, count_ones_in, find_bit};
pub use digest::Digest;
pub use edit::{Collection, Edit, InPlace, Inverse, Journal, Limits};
pub use extended::Extended;
pub use glob::{Case, Glob, glob_match};
pub use hash::{Counter, Field, Hash, HashAt, HashInverse, Place, SavedValue};
pub use hasher::MemberHasher;
pub use lcs::{Lcs, LcsMatch, lcs_table_bytes};
pub use list::{Beside, List, ListInverse, Side, range_of};
pub use number::{parse_f64, parse_f64_laxly, parse_i64};
pub use object::{COLLECTION_CODE, Object};
pub use perilune_structures::{FieldExpiry, Item, Previous};
pub use set::{Set, SetInverse};
pub use sorted_set::{
    Added, Adding, Elements, LexBound, LexRange, Removed, ScoreRange, SortedSet, SortedSetInverse,
};
pub use string::{EMBSTR_LEN_MAX, INLINE_LEN_MAX, StringEncoding, Text, WrongType};
