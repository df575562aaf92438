//! What commands that take from the first of several keys have in common, and those that wait for one.

use std::ops::Range;
use std::time::Duration;

use perilune_command::Outcome;
use perilune_keyspace::{Wait, WriteTxn};
use perilune_resp::Reply;
use perilune_value::Collection;

/// The first of these keys that holds a collection of this type; an error if one before it holds something else. When this
/// serves a command that has waited, only keys at hand are looked at.
pub fn first_with<'k, T: Collection>(
    txn: &mut WriteTxn<'_, '_>,
    keys: &[&'k [u8]],
) -> Outcome<Option<&'k [u8]>> {
    for key in keys {
        if txn.has_at_hand(key) && txn.slot(key)?.collection::<T>()?.is_some() {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// Waits for a value of this type (as TYPE names it) at one of the keys that stand there among the arguments; answers
/// `denied` where that is not allowed.
pub fn wait(
    txn: &mut WriteTxn<'_, '_>,
    type_name: &'static str,
    keys: Range<usize>,
    timeout: Option<Duration>,
    reply: &mut dyn Reply,
    denied: impl FnOnce(&mut dyn Reply),
) -> Outcome {
    let waits = txn.wait(Wait {
        keys,
        type_name,
        timeout,
    });
    if !waits {
        denied(reply);
    }
    Ok(())
}
