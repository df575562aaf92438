//! An entry of COMMAND INFO: ten fields in a row.
//!
//! name, arity, flags, first key, last key, step, ACL categories, tips, key specs, subcommands.

use perilune_resp::Reply;

use crate::handler::HasAccess;
use crate::keys::LegacyRange;
use crate::registry::{Entry, Registry};
use crate::spec::{BeginSearch, FindKeys, KeySpec};

pub fn entry<H: HasAccess + Copy>(registry: &Registry<H>, entry: &Entry<H>, reply: &mut dyn Reply) {
    let LegacyRange {
        first, last, step, ..
    } = LegacyRange::of(entry.spec.keys);
    reply.array(10);
    reply.bulk(entry.full_name.as_bytes());
    reply.integer(i64::from(entry.spec.arity));
    names(entry.flags.names(), reply);
    reply.integer(first);
    reply.integer(last);
    reply.integer(step);
    names(entry.categories.names(), reply);
    reply.set(entry.spec.tips.len());
    for tip in entry.spec.tips {
        reply.bulk(tip.as_bytes());
    }
    reply.set(entry.spec.keys.len());
    for spec in entry.spec.keys {
        key_spec(spec, reply);
    }
    match entry.subcommands.as_slice() {
        [] => reply.set(0),
        subcommands => {
            reply.array(subcommands.len());
            for &id in subcommands {
                self::entry(registry, &registry.entries()[id], reply);
            }
        }
    }
}

/// A set of flag names.
pub fn names(names: impl Iterator<Item = &'static str>, reply: &mut dyn Reply) {
    let names: Vec<&str> = names.collect();
    reply.set(names.len());
    for name in names {
        reply.status(name);
    }
}

fn key_spec(spec: &KeySpec, reply: &mut dyn Reply) {
    reply.map(3 + usize::from(spec.notes.is_some()));
    if let Some(notes) = spec.notes {
        reply.bulk(b"notes");
        reply.bulk(notes.as_bytes());
    }
    reply.bulk(b"flags");
    names(spec.flags.names(), reply);
    reply.bulk(b"begin_search");
    match spec.begin {
        BeginSearch::Index(index) => typed("index", &[("index", index as i64)], reply),
        BeginSearch::Keyword(keyword, from) => {
            reply.map(2);
            reply.bulk(b"type");
            reply.bulk(b"keyword");
            reply.bulk(b"spec");
            reply.map(2);
            reply.bulk(b"keyword");
            reply.bulk(keyword.as_bytes());
            reply.bulk(b"startfrom");
            reply.integer(i64::from(from));
        }
        BeginSearch::Unknown => typed("unknown", &[], reply),
    }
    reply.bulk(b"find_keys");
    match spec.find {
        FindKeys::Range { last, step, limit } => {
            let fields = [
                ("lastkey", i64::from(last)),
                ("keystep", step as i64),
                ("limit", limit as i64),
            ];
            typed("range", &fields, reply);
        }
        FindKeys::KeyNum {
            number,
            first,
            step,
        } => {
            let fields = [
                ("keynumidx", number as i64),
                ("firstkey", first as i64),
                ("keystep", step as i64),
            ];
            typed("keynum", &fields, reply);
        }
        FindKeys::Unknown => typed("unknown", &[], reply),
    }
}

fn typed(kind: &str, fields: &[(&str, i64)], reply: &mut dyn Reply) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(fields.len());
    for (name, value) in fields {
        reply.bulk(name.as_bytes());
        reply.integer(*value);
    }
}
