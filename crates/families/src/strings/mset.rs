//! `MSET key value [key value ...]` sets keys; `MSETNX key value [key value ...]` does so only if none of them exists,
//! and answers whether it did. A key that is named twice has the later value.
//!
//! ```text
//! > MSET a 1 b 2
//! OK
//! > MSETNX b 3 c 4
//! (integer) 0
//! > MSETNX c 4 d 5
//! (integer) 1
//! > MGET a b c d
//! 1) "1"
//! 2) "2"
//! 3) "4"
//! 4) "5"
//! ```

use perilune_command::{
    Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec, errors,
};
use perilune_keyspace::{Abort, EventClass, Expiry, WriteTxn};
use perilune_resp::Reply;

/// MSET.
pub const MSET: Command = Command::new(
    Spec {
        name: "mset",
        summary: "Atomically creates or modifies the string values of one or more keys.",
        group: Group::String,
        since: "1.0.1",
        complexity: "O(N) where N is the number of keys to set.",
        arity: -3,
        flags: Flags::DENYOOM,
        keys: &[KeySpec::range(
            1,
            -1,
            2,
            KeyFlags::OW.with(KeyFlags::UPDATE),
        )],
        arguments: &[Arg::block("data", &[Arg::key("key", 0), Arg::string("value")]).multiple()],
        tips: &[
            "request_policy:multi_shard",
            "response_policy:all_succeeded",
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(mset),
);

/// MSETNX.
pub const MSETNX: Command = Command::new(
    Spec {
        name: "msetnx",
        summary: "Atomically modifies the string values of one or more keys only when all keys don't exist.",
        group: Group::String,
        since: "1.0.1",
        complexity: "O(N) where N is the number of keys to set.",
        arity: -3,
        flags: Flags::DENYOOM,
        keys: &[KeySpec::range(
            1,
            -1,
            2,
            KeyFlags::OW.with(KeyFlags::INSERT),
        )],
        arguments: &[Arg::block("data", &[Arg::key("key", 0), Arg::string("value")]).multiple()],
        ..Spec::DEFAULT
    },
    DataHandler::Write(msetnx),
);

fn mset(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    if arguments.len().is_multiple_of(2) {
        return Err(errors::wrong_arity("mset").into());
    }
    set_all(txn, arguments)?;
    reply.ok();
    Ok(())
}

fn msetnx(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    if arguments.len().is_multiple_of(2) {
        return Err(errors::wrong_arity("msetnx").into());
    }
    for key in arguments[1..].iter().step_by(2) {
        if txn.slot(key)?.exists() {
            reply.integer(0);
            return Ok(());
        }
    }
    set_all(txn, arguments)?;
    reply.integer(1);
    Ok(())
}

fn set_all(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]]) -> Result<(), Abort> {
    for pair in arguments[1..].chunks_exact(2) {
        let mut slot = txn.slot(pair[0])?;
        slot.set(pair[1], Expiry::Clear)?;
        slot.notify(EventClass::STRING, "set");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn mset_sets_all_or_none() {
        check(
            r#"
            > MSET k => (error) ERR wrong number of arguments for 'mset' command
            > MSET k v l => (error) ERR wrong number of arguments for 'mset' command
            > MSETNX k v l => (error) ERR wrong number of arguments for 'msetnx' command
            > MSET k 1 l 2 k 3 => OK
            > :changes => 3
            > :sent => MSET k 1 l 2 k 3
            > GET k => "3"
            > MSETNX m 1 l 2 => (integer) 0
            > :changes => 0
            > GET m => (nil)
            > MSETNX m 1 m 2 => (integer) 1
            > GET m => "2"
            > SETEX k 10 v => OK
            > MSET k v => OK
            > :expires k => never
            "#,
        );
    }
}
