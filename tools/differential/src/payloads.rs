//! What DUMP has answered and RESTORE takes.

use std::sync::OnceLock;

use fastrand::Rng;

/// Bytes of version and checksum behind a value.
const FOOTER_LEN: usize = 10;

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

fn from_hex(hex: &str) -> Option<Vec<u8>> {
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

/// Whether two payloads are of one value: of what has no order, the parts may stand in any.
pub fn are_of_one_value(left: &[u8], right: &[u8]) -> bool {
    /// Kinds whose elements come out of a table: sets and hashes that are not packed.
    const UNORDERED: [u8; 2] = [2, 4];
    let body = |payload: &[u8]| {
        let mut body = payload[..payload.len().saturating_sub(FOOTER_LEN)].to_vec();
        body.sort_unstable();
        body
    };
    match (left.first(), right.first()) {
        (Some(17), Some(5)) => true,
        (Some(one), Some(other)) => {
            one == other && UNORDERED.contains(one) && body(left) == body(right)
        }
        _ => false,
    }
}
