//! Packed forms are the reference's to the byte: `packed/judge.py` has asked it for what is compared here.

use perilune_structures::quicklist::{Node, NodeBuf};
use perilune_structures::{Fill, Intset, Item, Listpack, QuickList};

/// Hex digits, or `a*300`.
fn text(written: &str) -> Vec<u8> {
    if let Some((letter, count)) = written.split_once('*') {
        return letter.repeat(count.parse().unwrap()).into_bytes();
    }
    let digits = written.strip_prefix('-').unwrap_or(written).as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn fnv(bytes: impl IntoIterator<Item = u8>) -> String {
    let hash = bytes
        .into_iter()
        .fold(0xCBF2_9CE4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        });
    format!("{hash:x}")
}

fn write_block(block: &[u8]) -> String {
    if block.len() <= 300 {
        block.iter().map(|byte| format!("{byte:02x}")).collect()
    } else {
        format!("#{}", fnv(block.iter().copied()))
    }
}

#[test]
fn blocks_are_the_references() {
    for line in include_str!("packed/blocks.txt").lines() {
        let (elements, expected) = line.split_once(" = ").unwrap();
        let (kind, elements) = elements.split_once(' ').unwrap();
        let texts: Vec<Vec<u8>> = elements.split(' ').map(text).collect();
        let block = if kind == "listpack" {
            listpack_both_ways(&texts)
        } else {
            let mut set = Intset::new();
            texts.iter().for_each(|text| {
                set.insert(Item::of(text).int().unwrap());
            });
            assert_eq!(
                Intset::from_bytes(set.as_bytes().to_vec()).as_ref(),
                Ok(&set)
            );
            set.as_bytes().to_vec()
        };
        assert_eq!(write_block(&block), expected, "{line}");
    }
}

fn listpack_both_ways(texts: &[Vec<u8>]) -> Vec<u8> {
    let (mut pack, mut backwards) = (Listpack::new(), Listpack::new());
    texts.iter().for_each(|text| pack.push_back(Item::of(text)));
    texts
        .iter()
        .rev()
        .for_each(|text| backwards.push_front(Item::of(text)));
    assert_eq!(pack, backwards);
    assert!(pack.iter().map(Item::to_vec).eq(texts.iter().cloned()));
    assert_eq!(
        Listpack::from_bytes(pack.as_bytes().to_vec()).as_ref(),
        Ok(&pack)
    );
    pack.as_bytes().to_vec()
}

/// A list as a command sees it: packed into one block, or cut into nodes, by the reference's rules.
enum List {
    Pack(Listpack),
    Quick(QuickList),
}

impl List {
    fn quick(&mut self) -> &mut QuickList {
        if let List::Pack(pack) = self {
            *self = List::Quick(QuickList::from_listpack(std::mem::take(pack)));
        }
        match self {
            List::Quick(list) => list,
            List::Pack(_) => unreachable!(),
        }
    }

    /// Before elements are added.
    fn grow(&mut self, fill: Fill, added: &[Vec<u8>]) {
        if let List::Pack(pack) = self {
            let bytes: usize = added.iter().map(Vec::len).sum();
            if fill.exceeded(pack.byte_len() + bytes, pack.len() + added.len()) {
                self.quick();
            }
        }
    }

    /// After something was removed.
    fn shrink(&mut self, fill: Fill) {
        if let List::Quick(list) = self
            && (list.is_empty() || list.fits_listpack(fill, true))
        {
            let pack = std::mem::take(list).into_listpack();
            *self = List::Pack(pack.unwrap_or_default());
        }
    }

    fn call(&mut self, fill: Fill, line: &str) {
        let (name, arguments) = line.split_once(' ').unwrap();
        let written: Vec<&str> = arguments.split(' ').collect();
        let number = |index: usize| written[index].parse::<i64>().unwrap();
        let added: Vec<Vec<u8>> = match name {
            "RPUSH" | "LPUSH" => written.iter().map(|written| text(written)).collect(),
            "LSET" | "LINSERT" => vec![text(written[written.len() - 1])],
            _ => vec![],
        };
        self.grow(fill, &added);
        // What a listpack does is tested elsewhere; here it may be a list of one node, as long as it stays one.
        let was_pack = matches!(self, List::Pack(_));
        let list = self.quick();
        let len = list.len() as i64;
        // To a list that is a listpack everything fits.
        let roomy = if was_pack { Fill::new(-5) } else { fill };
        match name {
            "RPUSH" => added.iter().for_each(|text| list.push_back(text, roomy)),
            "LPUSH" => added.iter().for_each(|text| list.push_front(text, roomy)),
            "RPOP" => (0..number(0))
                .for_each(|_| assert!(list.pop_back(|_| ()).is_some() || list.is_empty())),
            "LPOP" => (0..number(0))
                .for_each(|_| assert!(list.pop_front(|_| ()).is_some() || list.is_empty())),
            "LSET" => assert!(list.set(number(0), &added[0], roomy)),
            "LINSERT" => {
                let pivot = text(written[1]);
                let at = list
                    .iter()
                    .position(|item| item.is(Item::of(&pivot)))
                    .unwrap();
                match written[0] {
                    "BEFORE" => list.insert_before(at, &added[0], roomy),
                    _ => list.insert_after(at, &added[0], roomy),
                }
            }
            "LREM" => {
                let limit = number(0).unsigned_abs() as usize;
                list.remove_matching(&text(written[1]), number(0) < 0, limit, None);
            }
            "LTRIM" => {
                let keep_end = len + number(1) + 1;
                list.remove_range(keep_end as usize, (len - keep_end) as usize);
                list.remove_range(0, number(0) as usize);
            }
            _ => panic!("{line}"),
        }
        if was_pack {
            let pack = std::mem::take(list).into_listpack();
            *self = List::Pack(pack.unwrap_or_default());
        } else if !matches!(name, "RPUSH" | "LPUSH" | "LINSERT") {
            self.shrink(fill);
        }
    }

    fn describe(&mut self) -> String {
        let was_pack = matches!(self, List::Pack(_));
        let list = self.quick();
        let bytes = list.nodes().flat_map(|node| match node {
            Node::Packed(pack) => [b"P", pack.as_bytes()].concat(),
            Node::Plain(bytes) => [b"L", bytes].concat(),
        });
        let description = format!("= {} {}", list.nodes().len(), fnv(bytes));
        if was_pack {
            let pack = std::mem::take(list).into_listpack();
            *self = List::Pack(pack.unwrap_or_default());
        }
        description
    }
}

#[test]
fn lists_are_cut_as_the_reference_cuts_them() {
    let (mut list, mut fill) = (List::Pack(Listpack::new()), Fill::new(-2));
    let mut compared = 0;
    for (number, line) in include_str!("packed/lists.txt").lines().enumerate() {
        if let Some(settings) = line.strip_prefix("new ") {
            let (size, threshold) = settings.split_once(' ').unwrap();
            fill =
                Fill::new(size.parse().unwrap()).with_packed_threshold(threshold.parse().unwrap());
            list = List::Pack(Listpack::new());
        } else if line.starts_with('=') {
            assert_eq!(list.describe(), line, "line {}", number + 1);
            compared += 1;
        } else {
            list.call(fill, line);
        }
    }
    assert!(compared > 1000);
}

#[test]
fn a_list_can_be_given_its_nodes_back() {
    let fill = Fill::new(2);
    let mut list = QuickList::new();
    for text in [&b"a"[..], b"1", b"b", &[b'x'; 9000], b"c"] {
        list.push_back(text, fill);
    }
    let copies: Vec<NodeBuf> = list
        .nodes()
        .map(|node| match node {
            Node::Packed(pack) => {
                NodeBuf::Packed(Listpack::from_bytes(pack.as_bytes().to_vec()).unwrap())
            }
            Node::Plain(bytes) => NodeBuf::Plain(bytes.into()),
        })
        .collect();
    assert_eq!(copies.len(), 4);
    let copy = QuickList::from_nodes(copies);
    assert!(copy.iter().eq(list.iter()));
    assert_eq!(copy.len(), 5);
}
