//! Writing values.

use perilune_structures::quicklist::Node;
use perilune_structures::{Item, Listpack};

use super::lzf::Compressor;
use super::{Value, container, kind, special};
use crate::edit::Collection;
use crate::hash::Hash;
use crate::list::List;
use crate::object::Object;
use crate::set::Set;
use crate::sorted_set::SortedSet;

/// Strings up to this length may be integers.
const INTEGER_LEN_MAX: usize = 11;
/// Strings up to this length are never compressed.
const UNCOMPRESSED_LEN_MAX: usize = 20;
/// Bytes that compression has to save.
const SAVING_MIN: usize = 4;

/// Writes values one behind the other.
pub struct Writer {
    bytes: Vec<u8>,
    compressor: Compressor,
}

impl Default for Writer {
    fn default() -> Self {
        Writer::new()
    }
}

impl Writer {
    /// Nothing is written yet.
    pub fn new() -> Writer {
        Writer {
            bytes: Vec::new(),
            compressor: Compressor::new(),
        }
    }

    /// What has been written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The byte that says how a value is written.
    pub(super) fn kind(value: Value<'_>) -> u8 {
        match value {
            Value::Text(_) | Value::Object(Object::Raw(_)) => kind::STRING,
            Value::Object(Object::List(_)) => kind::LIST_OF_LISTPACKS,
            Value::Object(Object::Set(set)) => {
                if set.as_intset().is_some() {
                    kind::SET_INTSET
                } else if set.as_listpack().is_some() {
                    kind::SET_LISTPACK
                } else {
                    kind::SET
                }
            }
            Value::Object(Object::SortedSet(set)) => match set.listpack() {
                Some(_) => kind::SORTED_SET_LISTPACK,
                None => kind::SORTED_SET,
            },
            Value::Object(Object::Hash(hash)) => {
                if hash.as_listpack().is_some() {
                    kind::HASH_LISTPACK
                } else if hash.as_listpack_of_triples().is_some() {
                    kind::HASH_LISTPACK_EXPIRIES
                } else if hash.expire_at_ms_min().is_some() {
                    kind::HASH_EXPIRIES
                } else {
                    kind::HASH
                }
            }
        }
    }

    /// Writes the byte that says how a value is written.
    pub fn put_kind(&mut self, value: Value<'_>) {
        self.bytes.push(Writer::kind(value));
    }

    /// Writes a value, without its kind.
    pub fn put_value(&mut self, value: Value<'_>) {
        match value {
            Value::Text(text) => self.put_string(text.bytes(&mut itoa::Buffer::new())),
            Value::Object(Object::Raw(bytes)) => self.put_string(bytes),
            Value::Object(Object::List(list)) => self.put_list(list),
            Value::Object(Object::Set(set)) => self.put_set(set),
            Value::Object(Object::SortedSet(set)) => self.put_sorted_set(set),
            Value::Object(Object::Hash(hash)) => self.put_hash(hash),
        }
    }

    /// Writes a byte as it is.
    pub fn put_byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Writes a length.
    pub fn put_len(&mut self, len: u64) {
        match len {
            0..0x40 => self.bytes.push(len as u8),
            0x40..0x4000 => self.bytes.extend((len as u16 | 0x4000).to_be_bytes()),
            0x4000..=0xFFFF_FFFF => {
                self.bytes.push(0x80);
                self.bytes.extend((len as u32).to_be_bytes());
            }
            _ => {
                self.bytes.push(0x81);
                self.bytes.extend(len.to_be_bytes());
            }
        }
    }

    /// Writes a string: as an integer if it is a small one, compressed if that makes it shorter.
    pub fn put_string(&mut self, text: &[u8]) {
        if text.len() <= INTEGER_LEN_MAX
            && let Some(int) = Item::of(text).int()
            && self.put_int(int)
        {
            return;
        }
        if text.len() > UNCOMPRESSED_LEN_MAX
            && let Some(compressed) = self.compressor.compress(text, text.len() - SAVING_MIN)
        {
            self.bytes.push(special::LZF);
            self.put_len(compressed.len() as u64);
            self.put_len(text.len() as u64);
            self.bytes.extend(compressed);
            return;
        }
        self.put_len(text.len() as u64);
        self.bytes.extend_from_slice(text);
    }

    /// Writes an integer if it fits four bytes, else nothing and false.
    fn put_int(&mut self, int: i64) -> bool {
        if let Ok(int) = i8::try_from(int) {
            self.bytes.extend([special::INT_8, int as u8]);
        } else if let Ok(int) = i16::try_from(int) {
            self.bytes.push(special::INT_16);
            self.bytes.extend(int.to_le_bytes());
        } else if let Ok(int) = i32::try_from(int) {
            self.bytes.push(special::INT_32);
            self.bytes.extend(int.to_le_bytes());
        } else {
            return false;
        }
        true
    }

    fn put_item(&mut self, item: Item<'_>) {
        self.put_string(item.bytes(&mut itoa::Buffer::new()));
    }

    fn put_pack(&mut self, pack: &Listpack) {
        self.put_string(pack.as_bytes());
    }

    fn put_list(&mut self, list: &List) {
        if let Some(pack) = list.as_listpack() {
            self.put_len(1);
            self.put_len(container::PACKED);
            self.put_pack(pack);
        } else if let Some(list) = list.as_quicklist() {
            let nodes = list.nodes();
            self.put_len(nodes.len() as u64);
            for node in nodes {
                match node {
                    Node::Packed(pack) => {
                        self.put_len(container::PACKED);
                        self.put_pack(pack);
                    }
                    Node::Plain(element) => {
                        self.put_len(container::PLAIN);
                        self.put_string(element);
                    }
                }
            }
        }
    }

    fn put_set(&mut self, set: &Set) {
        if let Some(ints) = set.as_intset() {
            self.put_string(ints.as_bytes());
        } else if let Some(pack) = set.as_listpack() {
            self.put_pack(pack);
        } else {
            self.put_len(set.len() as u64);
            set.iter().for_each(|member| self.put_item(member));
        }
    }

    fn put_sorted_set(&mut self, set: &SortedSet) {
        if let Some(pack) = set.listpack() {
            self.put_pack(pack);
            return;
        }
        self.put_len(set.len() as u64);
        for (member, score) in set.elements(0..set.len(), true) {
            self.put_item(member);
            self.bytes.extend(score.to_le_bytes());
        }
    }

    fn put_hash(&mut self, hash: &Hash) {
        if let Some(pack) = hash.as_listpack() {
            self.put_pack(pack);
            return;
        }
        let first_ms = hash.expire_at_ms_min();
        if let Some(pack) = hash.as_listpack_of_triples() {
            self.bytes.extend(first_ms.unwrap_or(0).to_le_bytes());
            self.put_pack(pack);
            return;
        }
        if let Some(first_ms) = first_ms {
            self.bytes.extend(first_ms.to_le_bytes());
        }
        self.put_len(hash.len() as u64);
        for field in hash.iter() {
            if let Some(first_ms) = first_ms {
                // 0 says that there is none
                let behind = field.expire_at_ms.map_or(0, |at_ms| at_ms - first_ms + 1);
                self.put_len(behind as u64);
            }
            self.put_item(field.name);
            self.put_item(field.value);
        }
    }
}
