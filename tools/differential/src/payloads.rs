//! What DUMP has answered and RESTORE takes.

use std::sync::OnceLock;

use crc::{CRC_64_REDIS, Crc};
use fastrand::Rng;

/// Bytes of version and checksum behind a value.
const FOOTER_LEN: usize = 10;
/// Bytes of the checksum.
const CHECKSUM_LEN: usize = 8;

/// Payloads that the reference has made, of values in all encodings.
fn captured() -> &'static [Vec<u8>] {
    static CAPTURED: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    CAPTURED.get_or_init(|| {
        let lines = include_str!("../../../crates/value/src/rdb/judge.txt").lines();
        lines
            .filter_map(|line| line.split_once(' '))
            .filter(|(sign, _)| matches!(*sign, "=" | "~"))
            .filter_map(|(_, hex)| from_hex(hex))
            // those with fields that expire are of a version that Valkey does not read
            .filter(|payload| payload[payload.len() - FOOTER_LEN] < 12)
            .collect()
    })
}

/// The bytes that a text of hexadecimal digits stands for.
pub fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let digit = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// A payload: as it was captured for the most part of the time, else damaged in a way that its checksum shows.
pub fn payload(rng: &mut Rng) -> Vec<u8> {
    let mut payload = captured()[rng.usize(..captured().len())].clone();
    match rng.u32(..8) {
        0 => {
            let at = rng.usize(..payload.len());
            payload[at] ^= 1 << rng.u32(..8);
        }
        1 => payload.truncate(rng.usize(..payload.len())),
        2 => payload.push(rng.u8(..)),
        _ => {}
    }
    payload
}

/// A payload that is damaged and has a checksum all the same.
pub fn damaged(rng: &mut Rng) -> Vec<u8> {
    static CRC: Crc<u64> = Crc::<u64>::new(&CRC_64_REDIS);
    let captured = &captured()[rng.usize(..captured().len())];
    let mut payload = captured[..captured.len() - CHECKSUM_LEN].to_vec();
    let body_len = captured.len() - FOOTER_LEN;
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..body_len);
        match rng.u32(..4) {
            0 => payload[at] = rng.u8(..),
            1 => payload[at] = *captured.get(rng.usize(..body_len)).unwrap_or(&0),
            2 => payload[at] = payload[at].wrapping_add(rng.u8(..3)).wrapping_sub(1),
            _ => payload[at] ^= 1 << rng.u32(..8),
        }
    }
    if rng.u32(..6) == 0 {
        payload.remove(rng.usize(..body_len));
    }
    let checksum = CRC.checksum(&payload);
    payload.extend(checksum.to_le_bytes());
    payload
}

/// A word for the argument `name` of RESTORE.
pub fn argument(rng: &mut Rng, command: &str, name: &str) -> Option<Vec<u8>> {
    let from = |rng: &mut Rng, words: &[&str]| words[rng.usize(..words.len())].as_bytes().to_vec();
    Some(match (command, name) {
        ("restore", "ttl") => match rng.u32(..3) {
            0 => crate::domain::lifetime(rng, 1000),
            1 => crate::domain::moment(rng, 1000),
            _ => b"0".to_vec(),
        },
        ("restore", "serialized-value") => payload(rng),
        ("restore", "seconds") => from(rng, &["0", "100", "1000000", "-1", "x"]),
        ("restore", "frequency") => from(rng, &["0", "1", "255", "256", "-1", "x"]),
        _ => return None,
    })
}

/// Whether two payloads are the same, the version in which their servers write them aside: that is 11 here and in Valkey
/// 8.1, and 12 in Redis 8.0. (The checksum covers it.)
pub fn are_the_same(left: &[u8], right: &[u8]) -> bool {
    let version = |payload: &[u8]| payload.iter().rev().nth(FOOTER_LEN - 1).copied();
    left == right || version(left) != version(right) && content(left) == content(right)
}

/// A payload without its footer.
fn content(payload: &[u8]) -> &[u8] {
    &payload[..payload.len().saturating_sub(FOOTER_LEN)]
}

/// Whether two payloads are of one value: of what has no order, the parts may stand in any.
pub fn are_of_one_value(left: &[u8], right: &[u8]) -> bool {
    /// Sets and hashes that are not packed come out of a table, and packed sets may have been made of one.
    const UNORDERED: [u8; 3] = [2, 4, 20];
    const PACKED_SORTED_SET: u8 = 17;
    const SORTED_SET: u8 = 5;
    let (Some(kind), Some(other)) = (left.first(), right.first()) else {
        return false;
    };
    if (*kind, *other) == (PACKED_SORTED_SET, SORTED_SET) {
        // the reference has sorted it, and unpacked it for that
        return true;
    }
    let body = |payload: &[u8]| {
        let mut body = content(payload).to_vec();
        body.sort_unstable();
        body
    };
    kind == other
        && UNORDERED.contains(kind)
        && match (unpacked_len(left), unpacked_len(right)) {
            (None, None) => body(left) == body(right),
            // what is compressed in another order has another length, and other bytes
            (left, right) => left == right,
        }
}

/// The length of a block that is compressed.
fn unpacked_len(payload: &[u8]) -> Option<u64> {
    const COMPRESSED: u8 = 0xC3;
    let [20, COMPRESSED, rest @ ..] = payload else {
        return None;
    };
    let (_, rest) = len(rest)?;
    Some(len(rest)?.0)
}

/// A length as the format has it, and what stands behind it.
fn len(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first >> 6 {
        0 => Some((u64::from(*first), rest)),
        1 => {
            let (second, rest) = rest.split_first()?;
            Some((u64::from(first & 0x3F) << 8 | u64::from(*second), rest))
        }
        _ => {
            let (len, rest) = rest.split_first_chunk::<4>()?;
            Some((u64::from(u32::from_be_bytes(*len)), rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(left: &[u8], right: &[u8], same: bool) {
        let payload = |body: &[u8]| [body, &[0; FOOTER_LEN]].concat();
        assert_eq!(are_of_one_value(&payload(left), &payload(right)), same);
    }

    #[test]
    fn another_version_excuses_another_checksum_and_no_more() {
        let payload = |value: u8, version: u8, sum: u8| {
            [&[0, 1, value, version, 0][..], &[sum; CHECKSUM_LEN]].concat()
        };
        let one = payload(b'a', 11, 1);
        assert!(are_the_same(&one, &one));
        assert!(are_the_same(&one, &payload(b'a', 12, 2)));
        assert!(!are_the_same(&one, &payload(b'a', 11, 2)));
        assert!(!are_the_same(&one, &payload(b'b', 12, 2)));
    }

    #[test]
    fn only_what_has_no_order_may_stand_in_another() {
        check(b"\x02\x02\x01a\x01b", b"\x02\x02\x01b\x01a", true);
        check(b"\x02\x02\x01a\x01b", b"\x02\x02\x01b\x01c", false);
        check(b"\x01\x02\x01a\x01b", b"\x01\x02\x01b\x01a", false);
        check(b"\x02\x01\x01a", b"\x04\x01\x01a", false);
        // compressed: the lengths before it and of it
        check(b"\x14\xc3\x03\x40\x64abc", b"\x14\xc3\x02\x40\x64xy", true);
        check(
            b"\x14\xc3\x03\x40\x64abc",
            b"\x14\xc3\x03\x40\x65abc",
            false,
        );
        check(b"\x11\x00", b"\x05\x00", true);
    }

    #[test]
    fn what_was_captured_is_all_there() {
        assert!(captured().len() > 25);
    }
}
