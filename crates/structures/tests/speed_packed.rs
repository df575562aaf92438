//! What an operation on packed forms and lists costs. Prints, and proves nothing:
//! `cargo test --release -p perilune-structures --test speed_packed -- --ignored --nocapture --test-threads 1`

use std::hint::black_box;
use std::time::Instant;

use perilune_structures::{Fill, Intset, Item, Listpack, QuickList};

/// The fastest of so many rounds counts.
const ROUNDS: usize = 5;

/// Prints the time of each of `count` steps in the fastest round.
fn per_step(name: &str, count: usize, mut round: impl FnMut()) {
    let time = |_| {
        let start = Instant::now();
        round();
        start.elapsed()
    };
    let fastest = (0..ROUNDS).map(time).min().expect("one round at least");
    println!(
        "  {name:<44} {:8.1} ns",
        fastest.as_nanos() as f64 / count as f64
    );
}

fn text(i: usize) -> [u8; 16] {
    format!("el:{i:013}")
        .into_bytes()
        .try_into()
        .expect("16 bytes")
}

fn filled(fill: Fill, count: usize) -> QuickList {
    let mut list = QuickList::new();
    (0..count).for_each(|i| list.push_back(&text(i), fill));
    list
}

#[test]
#[ignore = "measures"]
fn lists() {
    const COUNT: usize = 1_000_000;
    let fill = Fill::new(-2);
    let element = text(7);
    println!("lists of elements of 16 bytes");
    per_step("push_back", COUNT, || {
        let mut list = QuickList::new();
        (0..COUNT).for_each(|_| list.push_back(&element, fill));
        black_box(list.len());
    });
    per_step("push_front", COUNT, || {
        let mut list = QuickList::new();
        (0..COUNT).for_each(|_| list.push_front(&element, fill));
        black_box(list.len());
    });
    let full = filled(fill, COUNT);
    per_step("clone", COUNT, || {
        black_box(full.clone().len());
    });
    per_step("clone, pop_back each", COUNT, || {
        let mut list = full.clone();
        while let Some(len) = list.pop_back(|item| item.len()) {
            black_box(len);
        }
    });
    per_step("clone, pop_front each", COUNT, || {
        let mut list = full.clone();
        while let Some(len) = list.pop_front(|item| item.len()) {
            black_box(len);
        }
    });
    for waiting in [1, 100, 10_000] {
        let mut list = filled(fill, waiting);
        per_step(
            &format!("queue of {waiting}: push_front, pop_back"),
            COUNT,
            || {
                for _ in 0..COUNT {
                    list.push_front(&element, fill);
                    list.pop_back(|item| black_box(item.len()));
                }
            },
        );
    }
    per_step("iterate, each", COUNT, || {
        black_box(full.iter().map(Item::len).sum::<usize>());
    });
    per_step("range of 100 in the middle", 1000, || {
        for i in 0..1000 {
            let items = full.iter_from(COUNT / 2 + i).take(100);
            black_box(items.map(Item::len).sum::<usize>());
        }
    });
    per_step("get in the middle", 1000, || {
        for i in 0..1000 {
            black_box(full.get((COUNT / 2 + i) as i64));
        }
    });
    let mut list = full.clone();
    per_step("insert in the middle", 1000, || {
        (0..1000).for_each(|_| list.insert(list.len() / 2, &element, fill));
    });
}

#[test]
#[ignore = "measures"]
fn listpacks() {
    const COUNT: usize = 100_000;
    println!("a listpack of 128 fields and values of 16 bytes");
    let mut pack = Listpack::new();
    for i in 0..256 {
        pack.push_back(Item::of(&text(i)));
    }
    let last = text(254);
    per_step("find the last field", COUNT, || {
        for _ in 0..COUNT {
            black_box(pack.find(None, black_box(&last), 1));
        }
    });
    per_step("iterate, all", COUNT, || {
        for _ in 0..COUNT {
            black_box(black_box(&pack).iter().map(Item::len).sum::<usize>());
        }
    });
    let middle = text(128);
    per_step("find the middle one, replace its value", COUNT, || {
        for i in 0..COUNT {
            let value = pack.find(None, &middle, 1).and_then(|at| pack.next(at));
            let text = [b'x'; 32];
            pack.replace(
                value.expect("it is there"),
                Item::Bytes(&text[..16 + i % 3]),
            );
        }
    });
    println!("a listpack of 128 integers");
    let mut pack = Listpack::new();
    (0..128).for_each(|i| pack.push_back(Item::Int(i * 1001)));
    per_step("find the last", COUNT, || {
        for _ in 0..COUNT {
            black_box(pack.find(None, black_box(b"127127"), 0));
        }
    });
    println!("listpacks from nothing to 8 items of 16 bytes");
    per_step("push_back, each", COUNT * 8, || {
        for _ in 0..COUNT {
            let mut pack = Listpack::new();
            (0..8).for_each(|_| pack.push_back(Item::Bytes(&last)));
            black_box(pack.len());
        }
    });
}

#[test]
#[ignore = "measures"]
fn intsets() {
    const COUNT: usize = 100_000;
    for len in [16, 512] {
        println!("an intset of {len}");
        let mut set = Intset::new();
        (0..len).for_each(|i| {
            set.insert(i * 1001 % 30_011);
        });
        per_step("contains", COUNT, || {
            for i in 0..COUNT {
                black_box(set.contains((i as i64 * 7919) % 30_011));
            }
        });
        per_step("insert, remove", COUNT, || {
            for i in 0..COUNT {
                let value = 40_000 + i as i64 % 2;
                set.insert(value);
                set.remove(value);
            }
        });
    }
}
