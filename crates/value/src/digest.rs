//! A fingerprint of what values hold, the same however they are encoded: what DEBUG DIGEST tells.
//!
//! Two keyspaces are compared by it, also with one that the reference holds, so it is mixed as there (`debug.c`):
//!
//! ```text
//!   xor(d, x) = d ^ SHA-1(x)                 for what has no order: keys of a database, members, fields
//!   mix(d, x) = SHA-1(xor(d, x))             for what has one: elements of a list, a field and its value
//! ```

use perilune_structures::Item;
use sha1::{Digest as _, Sha1};

use crate::edit::Collection as _;
use crate::list::Side;
use crate::object::Object;
use crate::rdb::Value;

/// Bytes of a fingerprint.
const LEN: usize = 20;

/// A fingerprint that is being made. What is nothing has one of zeros.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest([u8; LEN]);

impl Digest {
    /// Adds what may come in any order.
    pub fn xor(&mut self, bytes: &[u8]) {
        let hash = Sha1::digest(bytes);
        self.0
            .iter_mut()
            .zip(hash)
            .for_each(|(own, other)| *own ^= other);
    }

    /// Adds what has its place in an order.
    pub fn mix(&mut self, bytes: &[u8]) {
        self.xor(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    /// Adds another fingerprint, in any order.
    pub fn xor_digest(&mut self, other: &Digest) {
        self.xor(&other.0);
    }

    /// Adds a value: its type and all that it holds; of fields that expire, that they do, but not when.
    pub fn mix_value(&mut self, value: Value<'_>) {
        self.mix(&type_number(value).to_be_bytes());
        match value {
            Value::Text(text) => self.mix(text.bytes(&mut itoa::Buffer::new())),
            Value::Object(Object::Raw(bytes)) => self.mix(bytes),
            Value::Object(Object::List(list)) => {
                list.show(0, list.len(), Side::Right, |element| self.mix_item(element));
            }
            Value::Object(Object::Set(set)) => {
                set.iter()
                    .for_each(|member| self.xor(member.bytes(&mut itoa::Buffer::new())));
            }
            Value::Object(Object::SortedSet(set)) => {
                for (member, score) in set.iter() {
                    let mut element = Digest::default();
                    element.mix_item(member);
                    element.mix(perilune_digits::Buffer::new().format_short(score));
                    self.xor_digest(&element);
                }
            }
            Value::Object(Object::Hash(hash)) => {
                for field in hash.iter() {
                    let mut element = Digest::default();
                    element.mix_item(field.name);
                    element.mix_item(field.value);
                    if field.expire_at_ms.is_some() {
                        element.xor(b"!!hexpire!!");
                    }
                    self.xor_digest(&element);
                }
            }
        }
    }

    fn mix_item(&mut self, item: Item<'_>) {
        self.mix(item.bytes(&mut itoa::Buffer::new()));
    }

    /// As text: 40 hexadecimal digits.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The reference's numbers of the types.
fn type_number(value: Value<'_>) -> u32 {
    match value {
        Value::Text(_) | Value::Object(Object::Raw(_)) => 0,
        Value::Object(Object::List(_)) => 1,
        Value::Object(Object::Set(_)) => 2,
        Value::Object(Object::SortedSet(_)) => 3,
        Value::Object(Object::Hash(_)) => 4,
    }
}
