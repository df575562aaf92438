//! What an entry costs, all included, counted at the global allocator.
//!
//! The counter is the test thread's own, as the test harness allocates too. It adds the sizes that are asked for; what an allocator rounds up is not seen here, but chunks and buckets are asked for in sizes
//! that allocators have.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use perilune_structures::{
    EntryMap, FieldExpiry, FieldMap, Fill, Item, NewEntry, NewPayload, QuickList, RankedMap,
};

struct Counting;

thread_local! {
    /// Begins high, as the thread also frees what others have allocated.
    static ALLOCATED: Cell<usize> = const { Cell::new(1 << 40) };
}

fn allocated() -> usize {
    ALLOCATED.get()
}

// SAFETY: every call is passed on to the system's allocator as it is.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.set(ALLOCATED.get().wrapping_add(layout.size()));
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        ALLOCATED.set(ALLOCATED.get().wrapping_sub(layout.size()));
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn hash(key: &[u8]) -> u64 {
    ahash::RandomState::with_seeds(1, 2, 3, 4).hash_one(key)
}

type Map = EntryMap<Box<u64>, fn(&[u8]) -> u64>;

fn insert(map: &mut Map, key: &[u8], value: &[u8], expire_at: Option<i64>) {
    let payload = NewPayload::Bytes(value);
    map.insert(
        0,
        hash(key),
        NewEntry {
            key,
            payload,
            encoding: 0,
            expire_at,
            access: 0,
        },
    );
}

/// Bytes for each of `keys` entries of 16 + 32 bytes in each of 64 stripes; the maps themselves included.
fn bytes_per_key(keys: usize, expire_at: Option<i64>) -> f64 {
    const STRIPES: usize = 64;
    let before = allocated();
    let mut maps: Vec<Map> = Vec::with_capacity(STRIPES);
    maps.resize_with(STRIPES, || EntryMap::new(hash));
    for (stripe, map) in maps.iter_mut().enumerate() {
        for i in 0..keys {
            insert(
                map,
                format!("key:{:012}", stripe * 10_000_000 + i).as_bytes(),
                &[b'v'; 32],
                expire_at,
            );
        }
    }
    let used = allocated() - before;
    let counted: usize = maps.iter().map(Map::memory_bytes).sum();
    assert_eq!(
        counted + STRIPES * size_of::<Map>(),
        used,
        "memory_bytes() tells the truth"
    );
    if std::env::var_os("STATS").is_some() {
        println!("{:?}", maps[0].stats(0));
    }
    used as f64 / (keys * STRIPES) as f64
}

/// The cost of 100 entries of ten sizes, over what their keys and values take.
fn mixed_overhead() -> f64 {
    let before = allocated();
    let mut map: Map = EntryMap::new(hash);
    let mut payload = 0;
    for i in 0..100 {
        let (key, value) = (format!("key:{i:012}"), vec![b'v'; 10 + i % 10 * 40]);
        payload += key.len() + value.len();
        insert(&mut map, key.as_bytes(), &value, None);
    }
    (allocated() - before + size_of::<Map>()) as f64 / payload as f64
}

#[test]
fn an_entry_costs_no_more_than_promised() {
    let empty = allocated();
    let mut map: Map = EntryMap::new(hash);
    assert_eq!(allocated(), empty, "an empty map allocates nothing");
    map.swap_dbs(0, 15);
    let with_dbs = allocated() - empty + size_of::<Map>();
    println!("an empty map with 16 databases: {with_dbs} bytes");
    assert!(1024 * with_dbs < 1_000_000);
    drop(map);

    let (mut sum, mut worst, mut count) = (0.0, 0f64, 0.0);
    for keys in (700..=1900).step_by(50) {
        let bytes = bytes_per_key(keys, None);
        println!("{keys} keys: {bytes:.2} bytes per key");
        (sum, worst, count) = (sum + bytes, worst.max(bytes), count + 1.0);
    }
    println!("mean {:.2}, worst {worst:.2}", sum / count);
    assert!(worst <= 66.0);

    let expiring = bytes_per_key(1000, Some(1 << 41));
    println!("1000 keys with expiry: {expiring:.2}");
    assert!(expiring <= 74.0);

    for keys in [1, 10, 100, 10_000] {
        println!("{keys} keys: {:.2}", bytes_per_key(keys, None));
    }
    let mixed = mixed_overhead();
    println!("100 keys of 10 sizes: {mixed:.3} of their bytes");
    assert!(mixed < 1.5);
}

/// Bytes for each of a million elements that `add` puts into a collection, the collection itself included.
fn bytes_per_element<C>(mut collection: C, mut add: impl FnMut(&mut C, u64)) -> f64 {
    const ELEMENTS: u64 = 1_000_000;
    let before = allocated();
    (0..ELEMENTS).for_each(|i| add(&mut collection, i));
    (allocated() - before + size_of::<C>()) as f64 / ELEMENTS as f64
}

fn sixteen(i: u64) -> String {
    format!("{:016}", i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 12)
}

#[test]
fn an_element_of_a_big_collection_costs_no_more_than_promised() {
    let set = bytes_per_element(FieldMap::new(hash), |set, i| {
        assert!(set.insert(sixteen(i).as_bytes()));
    });
    let hash_map = bytes_per_element(FieldMap::new(hash), |map, i| {
        let text = sixteen(i);
        map.set(
            text.as_bytes(),
            Item::Bytes(text.as_bytes()),
            FieldExpiry::Keep,
        );
    });
    let sorted_set = bytes_per_element(RankedMap::new(hash), |map, i| {
        let score = (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) as f64 / (1u64 << 53) as f64;
        map.insert_or_update(sixteen(i).as_bytes(), score);
    });
    // times in milliseconds, and the other way round
    let ordered = [1.0, -1.0].map(|sign| {
        bytes_per_element(RankedMap::new(hash), |map, i| {
            map.insert_or_update(sixteen(i).as_bytes(), sign * (1.75e12 + i as f64));
        })
    });
    println!("sorted sets in order {ordered:.1?}");
    println!("set {set:.1}, hash {hash_map:.1}, sorted set {sorted_set:.1} bytes for each element");
    assert!(set <= 33.6 && hash_map <= 44.8 && sorted_set <= 46.8);
    assert!(ordered.iter().all(|&bytes| bytes <= 42.0));
}

#[test]
fn an_element_of_a_list_costs_no_more_than_promised() {
    let fill = Fill::new(-2);
    let element = |i: u64| format!("e{i:015}");
    let back = bytes_per_element(QuickList::new(), |list, i| {
        list.push_back(element(i).as_bytes(), fill);
    });
    let front = bytes_per_element(QuickList::new(), |list, i| {
        list.push_front(element(i).as_bytes(), fill);
    });
    println!("list {back:.2}, pushed to the front {front:.2} bytes for each element");
    assert!(back <= 18.3 && front <= 18.3);
}

#[test]
fn a_list_knows_what_it_owns() {
    let before = allocated();
    let (fill, mut list) = (Fill::new(-1), QuickList::new());
    let check = |list: &QuickList| assert_eq!(list.heap_bytes(), allocated() - before);
    check(&list);
    let mut random = 1u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        (random >> 33) as usize % below
    };
    for step in 0..5000 {
        let text = [b'x'; 5000];
        let text = &text[..[10, 70, 1000, 5000][next(4)]];
        match next(12) {
            0..3 => list.push_front(text, fill),
            3..6 => list.push_back(text, fill),
            6 => drop(list.pop_front(|item| assert!(item.len() >= 10))),
            7 => drop(list.pop_back(|item| assert!(item.len() >= 10))),
            8 => list.insert(next(list.len() + 1), text, fill),
            9 => drop(list.set(next(list.len() + 1) as i64, text, fill)),
            10 => {
                let cut = list.cut(next(list.len() + 1), next(20));
                check_both(&list, cut.list(), allocated() - before);
                list.heal(cut);
            }
            _ => drop(list.remove_matching(text, step % 2 == 0, next(3), None)),
        }
        check(&list);
    }
    list.remove_range(0, list.len());
    assert_eq!(list.len(), 0);
    check(&list);
}

fn check_both(a: &QuickList, b: &QuickList, allocated: usize) {
    assert_eq!(a.heap_bytes() + b.heap_bytes(), allocated);
}
