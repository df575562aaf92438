//! What an operation costs. Prints, and proves nothing:
//! `cargo test --release -p perilune-structures --test speed -- --ignored --nocapture --test-threads 1`
//!
//! Three settings: one map of 1,000 keys, in the first cache; one of 100,000, in the last one; and a million keys in
//! 1024 maps, as in the server, in random order, where most accesses miss. Keys have 16 bytes, values 32.

use std::hint::black_box;
use std::time::Instant;

use perilune_structures::{EntryMap, NewEntry, NewPayload, Payload};

type Map = EntryMap<Box<u64>, fn(&[u8]) -> u64>;

/// Keys ahead of the search that prefetches are issued, as a batch of commands would.
const BATCH: usize = 16;
/// The fastest of so many rounds counts, where a round can be repeated.
const ROUNDS: usize = 5;

fn hash(key: &[u8]) -> u64 {
    static STATE: std::sync::LazyLock<ahash::RandomState> =
        std::sync::LazyLock::new(|| ahash::RandomState::with_seeds(1, 2, 3, 4));
    STATE.hash_one(key)
}

struct Key {
    bytes: [u8; 16],
    hash: u64,
}

/// Keys in random order.
fn keys(count: usize, prefix: &str) -> Vec<Key> {
    let mut keys: Vec<Key> = (0..count)
        .map(|i| {
            let bytes: [u8; 16] = format!("{prefix}{i:012}")
                .into_bytes()
                .try_into()
                .expect("16 bytes");
            Key {
                hash: hash(&bytes),
                bytes,
            }
        })
        .collect();
    keys.sort_by_key(|key| key.hash.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    keys
}

/// Prints the time of the fastest of `rounds`.
fn per_key(name: &str, keys: &[Key], rounds: usize, mut work: impl FnMut()) {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    let fastest = (0..rounds).map(time).min().expect("one round at least");
    println!(
        "  {name:<28} {:6.1} ns",
        fastest.as_nanos() as f64 / keys.len() as f64
    );
}

fn measure(maps: &mut [Map], count: usize) {
    let (present, absent) = (keys(count, "key:"), keys(count, "abs:"));
    let shift = 64 - maps.len().trailing_zeros();
    let of = |key: &Key| key.hash.checked_shr(shift).unwrap_or(0) as usize;
    let value = [b'v'; 32];
    println!("{count} keys, {} maps", maps.len());
    per_key("insert", &present, 1, || {
        for key in &present {
            let payload = NewPayload::Bytes(&value);
            let new = NewEntry {
                key: &key.bytes,
                payload,
                encoding: 0,
                expire_at: None,
                access: 0,
            };
            maps[of(key)].insert(0, key.hash, new);
        }
    });
    println!("  {:?}", maps[0].stats(0));
    per_key("find and payload", &present, ROUNDS, || {
        for key in &present {
            let map = &maps[of(key)];
            let handle = map.find(0, key.hash, &key.bytes).expect("present");
            if let Payload::Bytes(bytes) = map.payload(handle) {
                black_box(bytes);
            }
        }
    });
    per_key("the same, prefetched", &present, ROUNDS, || {
        for batch in present.chunks(BATCH) {
            batch
                .iter()
                .for_each(|key| maps[of(key)].prefetch_bucket(0, key.hash));
            batch.iter().for_each(|key| {
                let map = &maps[of(key)];
                if let Some(entry) = map.probable(0, key.hash) {
                    map.prefetch_entry(entry);
                }
            });
            for key in batch {
                let map = &maps[of(key)];
                let handle = map.find(0, key.hash, &key.bytes).expect("present");
                if let Payload::Bytes(bytes) = map.payload(handle) {
                    black_box(bytes);
                }
            }
        }
    });
    per_key("find an absent key", &absent, ROUNDS, || {
        for key in &absent {
            assert!(maps[of(key)].find(0, key.hash, &key.bytes).is_none());
        }
    });
    per_key("find and replace, same size", &present, ROUNDS, || {
        for key in &present {
            let map = &mut maps[of(key)];
            let handle = map.find(0, key.hash, &key.bytes).expect("present");
            black_box(map.replace_payload(0, key.hash, handle, NewPayload::Bytes(&[b'w'; 32]), 1));
        }
    });
    per_key("find and replace, moving", &present, 1, || {
        for key in &present {
            let map = &mut maps[of(key)];
            let handle = map.find(0, key.hash, &key.bytes).expect("present");
            black_box(map.replace_payload(0, key.hash, handle, NewPayload::Bytes(&[b'w'; 64]), 1));
        }
    });
    per_key("find and remove", &present, 1, || {
        for key in &present {
            let map = &mut maps[of(key)];
            let handle = map.find(0, key.hash, &key.bytes).expect("present");
            black_box(map.remove(0, key.hash, handle));
        }
    });
}

fn measure_maps(maps: usize, count: usize) {
    let new_map = || EntryMap::new(hash as fn(&[u8]) -> u64);
    let mut maps: Vec<Map> = std::iter::repeat_with(new_map).take(maps).collect();
    measure(&mut maps, count);
}

#[test]
#[ignore = "prints times"]
fn one_map_of_1_000_keys() {
    measure_maps(1, 1000);
}

#[test]
#[ignore = "prints times"]
fn one_map_of_100_000_keys() {
    measure_maps(1, 100_000);
}

#[test]
#[ignore = "prints times"]
fn a_thousand_maps_of_a_thousand_keys() {
    measure_maps(1024, 1_000_000);
}
