//! What an operation on a big collection costs. Prints, and proves nothing:
//! `cargo test --release -p perilune-structures --test speed_collections -- --ignored --nocapture --test-threads 1`
//!
//! Each operation is a function of its own that is never inlined, so that its instructions can be counted on a noisy
//! machine, too: `valgrind --tool=callgrind --collect-atstart=no --toggle-collect='*zset_rank*' <the test's binary>
//! --ignored zsets`.

use std::hint::black_box;
use std::ops::Bound;
use std::sync::LazyLock;
use std::time::Instant;

use perilune_structures::{FieldExpiry, FieldMap, Item, KeyHash, RankedMap};

/// As the server hashes.
struct Hasher(ahash::RandomState);

impl KeyHash for Hasher {
    fn hash_key(&self, key: &[u8]) -> u64 {
        self.0.hash_one(key)
    }
}

fn hasher() -> Hasher {
    Hasher(ahash::RandomState::with_seeds(1, 2, 3, 4))
}

type Zset = RankedMap<Hasher>;
type Map = FieldMap<Hasher>;

/// What this thread has run, in nanoseconds: others may be busy on the machine.
fn cpu_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let run = stat.split(' ').next().and_then(|ns| ns.parse().ok());
    run.unwrap_or_else(|| START.elapsed().as_nanos() as u64)
}

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn per(name: &str, operations: usize, work: impl FnOnce()) {
    let start = cpu_ns();
    work();
    let each = (cpu_ns() - start) as f64 / operations as f64;
    println!("  {name:<40} {each:8.1} ns");
}

fn mix(i: u64) -> u64 {
    let i = (i ^ i >> 31).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (i ^ i >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

/// Names of 16 bytes in random order.
fn names(count: usize) -> Vec<[u8; 16]> {
    (0..count as u64)
        .map(|i| {
            format!("{:016x}", mix(i))
                .into_bytes()
                .try_into()
                .expect("16 bytes")
        })
        .collect()
}

fn score(i: u64) -> f64 {
    (mix(i) >> 11) as f64 / (1u64 << 53) as f64
}

#[inline(never)]
fn zset_add(zset: &mut Zset, members: &[[u8; 16]]) {
    for (i, member) in members.iter().enumerate() {
        zset.insert_or_update(member, score(i as u64));
    }
}

#[inline(never)]
fn zset_update(zset: &mut Zset, members: &[[u8; 16]]) {
    for (i, member) in members.iter().enumerate() {
        zset.insert_or_update(member, score(!(i as u64)));
    }
}

#[inline(never)]
fn zset_nudge(zset: &mut Zset, members: &[[u8; 16]]) {
    for member in members {
        let score = zset.score(member).expect("a member");
        zset.insert_or_update(member, score * (1.0 + 1e-6));
    }
}

#[inline(never)]
fn zset_rank(zset: &Zset, members: &[[u8; 16]]) {
    for member in members {
        black_box(zset.rank(member));
    }
}

#[inline(never)]
fn zset_ten_by_score(zset: &Zset, count: usize) {
    for i in 0..count as u64 {
        let ranks = zset.score_range(Bound::Included(score(i << 20)), Bound::Unbounded);
        for found in zset.range(ranks).take(10) {
            black_box(found);
        }
    }
}

#[inline(never)]
fn zset_remove(zset: &mut Zset, members: &[[u8; 16]]) {
    for member in members {
        zset.remove(member);
    }
}

#[inline(never)]
fn zset_append(zset: &mut Zset, members: &[[u8; 16]]) {
    for (i, member) in members.iter().enumerate() {
        zset.insert_or_update(member, 1.75e12 + i as f64);
    }
}

#[inline(never)]
fn zset_walk(zset: &Zset) {
    for found in zset.iter() {
        black_box(found);
    }
}

#[inline(never)]
fn zset_window(zset: &mut Zset, members: &[[u8; 16]]) {
    for (i, member) in members.iter().enumerate() {
        let now = 2e12 + i as f64;
        let old = zset.score_range(Bound::Unbounded, Bound::Excluded(now - 1000.0));
        zset.remove_range(old, |member, score| {
            black_box((member, score));
        });
        zset.insert_or_update(member, now);
    }
}

fn measure_zset(count: usize) {
    println!("sorted set of {count}");
    let members = names(count);
    let mut zset = Zset::new(hasher());
    per("add random scores", count, || zset_add(&mut zset, &members));
    per("rank", count, || zset_rank(&zset, &members));
    per("ten by score", count, || zset_ten_by_score(&zset, count));
    per("update to another random score", count, || {
        zset_update(&mut zset, &members)
    });
    per("update to a score near by", count, || {
        zset_nudge(&mut zset, &members)
    });
    per("walk", count, || zset_walk(&zset));
    per("remove", count, || zset_remove(&mut zset, &members));
    per("add in order", count, || zset_append(&mut zset, &members));
    per("drop", count, || drop(zset));
    let mut zset = Zset::new(hasher());
    per("sliding window of 1000", count, || {
        zset_window(&mut zset, &members)
    });
}

#[inline(never)]
fn set_add(set: &mut Map, members: &[[u8; 16]]) {
    for member in members {
        set.insert(member);
    }
}

#[inline(never)]
fn set_contains(set: &Map, members: &[[u8; 16]]) {
    for member in members {
        black_box(set.contains(member));
    }
}

#[inline(never)]
fn hash_set(hash: &mut Map, fields: &[[u8; 16]], value: &[u8]) {
    for field in fields {
        hash.set(field, Item::Bytes(value), FieldExpiry::Clear);
    }
}

#[inline(never)]
fn hash_get(hash: &Map, fields: &[[u8; 16]]) {
    for field in fields {
        black_box(hash.get(field));
    }
}

#[inline(never)]
fn hash_increment(hash: &mut Map, fields: &[[u8; 16]]) {
    for field in fields {
        let place = hash.locate(field);
        let old = match hash.at(place).map(|found| found.value) {
            Some(Item::Int(value)) => value,
            _ => 0,
        };
        hash.set_at(place, field, Item::Int(old + 1), FieldExpiry::Keep);
    }
}

#[inline(never)]
fn hash_remove(hash: &mut Map, fields: &[[u8; 16]]) {
    for field in fields {
        hash.remove(field);
    }
}

fn measure_map(count: usize) {
    println!("set and hash of {count}");
    let names = names(count);
    let mut set = Map::new(hasher());
    per("add to a set", count, || set_add(&mut set, &names));
    per("is a member", count, || set_contains(&set, &names));
    per("drop the set", count, || drop(set));
    let mut hash = Map::new(hasher());
    per("set new fields", count, || {
        hash_set(&mut hash, &names, b"0123456789abcdef")
    });
    per("set fields again", count, || {
        hash_set(&mut hash, &names, b"fedcba9876543210")
    });
    per("get", count, || hash_get(&hash, &names));
    per("increment", count, || hash_increment(&mut hash, &names));
    per("remove", count, || hash_remove(&mut hash, &names));
}

#[test]
#[ignore = "prints times"]
fn zsets_of_100_000() {
    measure_zset(100_000);
}

#[test]
#[ignore = "prints times"]
fn zsets_of_1_000_000() {
    measure_zset(1_000_000);
}

#[test]
#[ignore = "prints times"]
fn maps_of_100_000() {
    measure_map(100_000);
}

#[test]
#[ignore = "prints times"]
fn maps_of_1_000_000() {
    measure_map(1_000_000);
}
