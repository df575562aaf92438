//! What DEBUG tells of keys: how they lie there, and what they hold.

use std::ops::ControlFlow;

use perilune_command::{CommandError, Outcome, errors};
use perilune_keyspace::{Abort, Found, ReadTxn, Txn};
use perilune_resp::Reply;
use perilune_value::{Digest, Object, rdb};

use crate::call::Call;

/// `DEBUG OBJECT key [FAST]`: how the entry lies there, expired or not; with FAST without what takes a walk over it.
pub fn object(
    call: &Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    let is_fast = arguments
        .get(3)
        .is_some_and(|word| word.eq_ignore_ascii_case(b"fast"));
    let mut txn = ReadTxn::new(txn);
    let stamp = txn.peek_raw(arguments[2])?.map(|found| found.access());
    let stamp = stamp.ok_or(errors::NO_SUCH_KEY)?;
    let (clock, frequency) = (txn.access_clock(), txn.frequency(stamp));
    let found = txn.peek_raw(arguments[2])?.ok_or(errors::NO_SUCH_KEY)?;
    let mut text = format!(
        "Value at:{:p} refcount:1 encoding:{}",
        found.key().as_ptr(),
        found.encoding_name(),
    );
    if !is_fast {
        let mut writer = rdb::Writer::new();
        writer.put_value(value(found)?);
        text += &format!(" serializedlength:{}", writer.into_bytes().len());
    }
    // of the same bits, whatever the policy
    let (idle_s, minutes) = (clock.wrapping_sub(stamp) & 0x00ff_ffff, stamp >> 8);
    text += &format!(
        " lru:{stamp} lru_seconds_idle:{idle_s} lfu_freq:{frequency} lfu_access_time_minutes:{minutes}"
    );
    if let Some(Object::List(list)) = found.object()
        && let Some((nodes, bytes)) = list.node_figures()
    {
        let settings = &call.server.settings.data;
        text += &format!(
            " ql_nodes:{nodes} ql_avg_node:{:.2} ql_listpack_max:{} ql_compressed:{}",
            perilune_value::Collection::len(list) as f64 / nodes as f64,
            settings.list_max_listpack_size.get(),
            u8::from(settings.list_compress_depth.get() != 0),
        );
        if !is_fast {
            text += &format!(" ql_uncompressed_size:{bytes}");
        }
    }
    reply.status(&text);
    Ok(())
}

fn value(found: Found<'_>) -> Result<rdb::Value<'_>, CommandError> {
    Ok(match found.object() {
        Some(object) => rdb::Value::Object(object),
        None => rdb::Value::Text(found.text()?),
    })
}

/// What a key adds to a fingerprint: its value, and that it expires.
fn mix_entry(digest: &mut Digest, found: Found<'_>) -> Result<(), CommandError> {
    digest.mix_value(value(found)?);
    if found.expire_at_ms().is_some() {
        digest.xor(b"!!expire!!");
    }
    Ok(())
}

/// `DEBUG DIGEST`: a fingerprint of all live keys in all databases.
pub fn digest(txn: &mut Txn<'_>, reply: &mut dyn Reply) -> Outcome {
    let selected = txn.database();
    let mut digest = Digest::default();
    let outcome = (0..txn.keyspace().database_count()).try_for_each(|database| {
        txn.select(database);
        mix_database(&mut digest, txn, database)
    });
    txn.select(selected);
    outcome?;
    reply.status(&digest.hex());
    Ok(())
}

fn mix_database(digest: &mut Digest, txn: &mut Txn<'_>, database: usize) -> Result<(), Abort> {
    let mut is_empty = true;
    ReadTxn::new(txn).for_each(&mut |found| {
        if std::mem::take(&mut is_empty) {
            digest.mix(&(database as u32).to_be_bytes());
        }
        let mut entry = Digest::default();
        entry.mix(found.key());
        // whatever is no object is a string
        let _ = mix_entry(&mut entry, found);
        digest.xor_digest(&entry);
        ControlFlow::Continue(())
    })
}

/// `DEBUG DIGEST-VALUE [key ...]`: a fingerprint of each key's value, expired or not; of nothing, one of zeros.
pub fn digest_value(txn: &mut Txn<'_>, keys: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let mut txn = ReadTxn::new(txn);
    let mut digests = Vec::with_capacity(keys.len());
    for key in keys {
        let mut digest = Digest::default();
        if let Some(found) = txn.peek_raw(key)? {
            mix_entry(&mut digest, found)?;
        }
        digests.push(digest.hex());
    }
    reply.array(digests.len());
    digests.iter().for_each(|digest| reply.status(digest));
    Ok(())
}

/// `DEBUG STRIPES [key ...]`: the number of each key's stripe. Who holds one key may hold up another one of the same number.
pub fn stripes(call: &Call<'_>, keys: &[&[u8]], reply: &mut dyn Reply) {
    reply.array(keys.len());
    for key in keys {
        reply.integer(call.server.keyspace.stripe_of(key).get() as i64);
    }
}

/// `DEBUG LISTPACK key`: prints what a packed value holds.
pub fn listpack(txn: &mut Txn<'_>, key: &[u8], reply: &mut dyn Reply) -> Outcome {
    let mut txn = ReadTxn::new(txn);
    let found = txn.peek(key)?.ok_or(errors::NO_SUCH_KEY)?;
    if !matches!(found.encoding_name(), "listpack" | "listpackex") {
        return Err(CommandError::new("ERR Not a listpack encoded object.").into());
    }
    let mut writer = rdb::Writer::new();
    writer.put_value(value(found)?);
    let bytes = writer.into_bytes();
    println!(
        "the listpack of {}: {} bytes: {}",
        key.escape_ascii(),
        bytes.len(),
        bytes.escape_ascii()
    );
    reply.status("Listpack structure printed on stdout");
    Ok(())
}
