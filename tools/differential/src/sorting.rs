//! Arguments of SORT and SORT_RO.
//!
//! What they compare is of one order only without ALPHA: elements of equal weight are ordered by themselves there. With ALPHA
//! those that the locale takes for equal come in any order, and a set that is not sorted at all has none.

use fastrand::Rng;

use crate::collections::pick;
use crate::{domain, lists, sets};

fn is_one(command: &[u8]) -> bool {
    command.eq_ignore_ascii_case(b"sort") || command.eq_ignore_ascii_case(b"sort_ro")
}

/// A word for the argument `name` of a command, if it is one of these.
pub fn argument(rng: &mut Rng, command: &str, name: &str, kind: &str) -> Option<Vec<u8>> {
    if !is_one(command.as_bytes()) {
        return None;
    }
    Some(match name {
        "destination" => pick(rng, lists::KEYS),
        _ if kind == "key" => match rng.u32(..30) {
            0 => domain::key(rng),
            1..15 => pick(rng, sets::KEYS),
            _ => pick(rng, lists::KEYS),
        },
        "by-pattern" => pick(
            rng,
            &[
                b"k*", b"nosort", b"h*->a", b"*", b"nosuch*", b"k*->", b"", b"h1->*", b"#", b"k1",
            ],
        ),
        "get-pattern" => pick(
            rng,
            &[
                b"#", b"k*", b"h*->a", b"h*->", b"nosuch*", b"*", b"k1", b"h1->*", b"",
            ],
        ),
        "offset" | "count" => match rng.u32(..10) {
            0 => domain::integer(rng),
            _ => rng.i32(-3..9).to_string().into_bytes(),
        },
        _ => return None,
    })
}

/// What an order leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Nothing.
    Full,
    /// The places of some elements; with LIMIT, which of them are there.
    Partial { is_cut: bool },
}

/// How the answer to a SORT is ordered, or what it stores.
pub fn order(words: &[Vec<u8>]) -> Order {
    let options = words.get(2..).unwrap_or_default();
    let has = |name: &str| {
        options
            .iter()
            .any(|word| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    let is_unsorted = options
        .windows(2)
        .any(|pair| pair[0].eq_ignore_ascii_case(b"by") && !pair[1].contains(&b'*'));
    if has("alpha") || is_unsorted {
        Order::Partial {
            is_cut: has("limit"),
        }
    } else {
        Order::Full
    }
}

/// Whether what a SORT stores is the same everywhere.
pub fn is_same_to_store(words: &[Vec<u8>]) -> bool {
    let stores = words.iter().any(|word| word.eq_ignore_ascii_case(b"store"));
    !stores || order(words) == Order::Full
}
