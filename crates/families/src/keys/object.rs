//! `OBJECT` tells how a value is kept.
//!
//! | command                | answers                                                                |
//! |------------------------|------------------------------------------------------------------------|
//! | `OBJECT ENCODING key`  | the name of its encoding                                               |
//! | `OBJECT FREQ key`      | how often it is used, where an LFU policy counts that                  |
//! | `OBJECT IDLETIME key`  | the seconds since it was used last                                     |
//! | `OBJECT REFCOUNT key`  | 1: values are never shared                                             |
//! | `OBJECT HELP`          | this, in Redis's words                                                 |
//!
//! Asking is not using: it leaves the idle time as it is.
//!
//! ```text
//! > SET a 1
//! OK
//! > OBJECT ENCODING a
//! "int"
//! > OBJECT REFCOUNT a
//! (integer) 1
//! > OBJECT IDLETIME a
//! (integer) 0
//! > OBJECT FREQ b
//! (nil)
//! ```

use perilune_command::{
    Arg, Category, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome,
    Spec,
};
use perilune_keyspace::{Abort, Found, ReadTxn};
use perilune_resp::Reply;

/// OBJECT.
pub const OBJECT: Command = Command::container(
    Spec {
        name: "object",
        summary: "A container for object introspection commands.",
        group: Group::Generic,
        since: "2.2.3",
        complexity: "Depends on subcommand.",
        arity: -2,
        ..Spec::DEFAULT
    },
    &[ENCODING, FREQ, HELP, IDLETIME, REFCOUNT],
);

/// What those that look at a key have in common.
const OF_KEY: Spec = Spec {
    group: Group::Generic,
    complexity: "O(1)",
    arity: 3,
    categories: Category::KEYSPACE,
    keys: &[KeySpec::one(2, KeyFlags::RO)],
    arguments: &[Arg::key("key", 0)],
    tips: &["nondeterministic_output"],
    ..Spec::DEFAULT
};

const ENCODING: Command = Command::new(
    Spec {
        name: "encoding",
        summary: "Returns the internal encoding of an object.",
        since: "2.2.3",
        ..OF_KEY
    },
    DataHandler::Read(encoding),
);

const FREQ: Command = Command::new(
    Spec {
        name: "freq",
        summary: "Returns the logarithmic access frequency counter of an object.",
        since: "4.0.0",
        ..OF_KEY
    },
    DataHandler::Read(freq),
);

const IDLETIME: Command = Command::new(
    Spec {
        name: "idletime",
        summary: "Returns the time since the last access to an object.",
        since: "2.2.3",
        ..OF_KEY
    },
    DataHandler::Read(idletime),
);

const REFCOUNT: Command = Command::new(
    Spec {
        name: "refcount",
        summary: "Returns the reference count of a value of a key.",
        since: "2.2.3",
        ..OF_KEY
    },
    DataHandler::Read(refcount),
);

const HELP: Command = Command::new(
    Spec {
        name: "help",
        summary: "Returns helpful text about the different subcommands.",
        group: Group::Generic,
        since: "6.2.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::LOADING.with(Flags::STALE),
        categories: Category::KEYSPACE,
        ..Spec::DEFAULT
    },
    DataHandler::Help(&[
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "IDLETIME <key>",
        "    Return the idle time of the <key>, that is the approximated number of",
        "    seconds elapsed since the last access to the key.",
        "REFCOUNT <key>",
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
    ]),
);

/// An entry's access stamp has this many bits: seconds, wrapping around every 194 days.
const ACCESS_CLOCK_BITS: u32 = 24;

const IDLE_TIME_NOT_TRACKED: CommandError = CommandError::new(
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at \
     runtime LRU and LFU data will take some time to adjust.",
);

const FREQUENCY_NOT_TRACKED: CommandError = CommandError::new(
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching \
     between policies at runtime LRU and LFU data will take some time to adjust.",
);

fn encoding(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    match lookup(txn, arguments[2], |found| found.encoding_name())? {
        Some(name) => reply.bulk(name.as_bytes()),
        None => reply.null(),
    }
    Ok(())
}

fn freq(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    match lookup(txn, arguments[2], |found| found.access())? {
        Some(_) if !txn.counts_uses() => return Err(FREQUENCY_NOT_TRACKED.into()),
        Some(stamp) => reply.integer(txn.frequency(stamp).into()),
        None => reply.null(),
    }
    Ok(())
}

fn idletime(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let now = txn.access_clock();
    match lookup(txn, arguments[2], |found| found.access())? {
        Some(_) if txn.counts_uses() => return Err(IDLE_TIME_NOT_TRACKED.into()),
        Some(used) => reply.integer(i64::from(
            now.wrapping_sub(used) & ((1 << ACCESS_CLOCK_BITS) - 1),
        )),
        None => reply.null(),
    }
    Ok(())
}

fn refcount(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    match lookup(txn, arguments[2], |_| ())? {
        Some(()) => reply.integer(1),
        None => reply.null(),
    }
    Ok(())
}

/// Asks about a key without using it. That still counts as a hit or a miss.
fn lookup<R>(
    txn: &mut ReadTxn<'_, '_>,
    key: &[u8],
    ask: impl FnOnce(Found<'_>) -> R,
) -> Result<Option<R>, Abort> {
    let answer = txn.peek(key)?.map(ask);
    txn.count_lookup_quietly(answer.is_some());
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn nothing_is_told_of_nothing() {
        check(
            "
            > OBJECT ENCODING a => (nil)
            > OBJECT FREQ a => (nil)
            > OBJECT IDLETIME a => (nil)
            > OBJECT REFCOUNT a => (nil)
            ",
        );
    }

    #[test]
    fn a_frequency_needs_a_policy_that_counts_it() {
        check(
            "
            > SET a 1 => OK
            > OBJECT FREQ a
            (error) ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
            switching between policies at runtime LRU and LFU data will take some time to adjust.
            ",
        );
    }

    #[test]
    fn help_opens_and_closes_as_all_help_does() {
        check(
            "
            > OBJECT HELP
             1) OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
             2) ENCODING <key>
             3)     Return the kind of internal representation used in order to store the value
             4)     associated with a <key>.
             5) FREQ <key>
             6)     Return the access frequency index of the <key>. The returned integer is
             7)     proportional to the logarithm of the recent access frequency of the key.
             8) IDLETIME <key>
             9)     Return the idle time of the <key>, that is the approximated number of
            10)     seconds elapsed since the last access to the key.
            11) REFCOUNT <key>
            12)     Return the number of references of the value associated with the specified
            13)     <key>.
            14) HELP
            15)     Print this help.
            > OBJECT HELP me => (error) ERR wrong number of arguments for 'object|help' command
            > OBJECT foo => (error) ERR unknown subcommand 'foo'. Try OBJECT HELP.
            > OBJECT => (error) ERR wrong number of arguments for 'object' command
            ",
        );
    }
}
