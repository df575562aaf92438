//! When fields expire: HTTL and its kin tell it.
//!
//! | command                                            | tells                            |
//! |----------------------------------------------------|----------------------------------|
//! | `HTTL key FIELDS numfields field [field ...]`      | the seconds that are left        |
//! | `HPTTL key FIELDS ...`                             | the milliseconds that are left   |
//! | `HEXPIRETIME key FIELDS ...`                       | the Unix time in seconds         |
//! | `HPEXPIRETIME key FIELDS ...`                      | the Unix time in milliseconds    |
//!
//! For each field; -1 for one that does not expire, -2 for one that is not there. Seconds are rounded up.
//!
//! ```text
//! > HSETEX session PXAT 33177117420123 FIELDS 1 token abc
//! (integer) 1
//! > HEXPIRETIME session FIELDS 2 token user
//! 1) (integer) 33177117421
//! 2) (integer) -2
//! > HPEXPIRETIME session FIELDS 1 token
//! 1) (integer) 33177117420123
//! > HPEXPIRE session 1500 FIELDS 1 token
//! 1) (integer) 1
//! > HPTTL session FIELDS 1 token
//! 1) (integer) 1500
//! > HTTL session FIELDS 1 token
//! 1) (integer) 2
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{Fields, ReadTxn};
use perilune_resp::Reply;
use perilune_value::{Hash, WrongType};

use super::fields::{NO_FIELD, NUMBER_NOT_POSITIVE, named};
use super::read;

/// A command of this kind.
const fn command(
    name: &'static str,
    summary: &'static str,
    tips: &'static [&'static str],
    run: perilune_command::ReadHandler,
) -> Command {
    Command::new(
        Spec {
            name,
            summary,
            group: Group::Hash,
            since: "7.4.0",
            complexity: "O(N) where N is the number of specified fields",
            arity: -5,
            flags: Flags::FAST,
            keys: KEYS,
            arguments: ARGUMENTS,
            tips,
            ..Spec::DEFAULT
        },
        DataHandler::Read(run),
    )
}

const KEYS: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))];

const ARGUMENTS: &[Arg] = &[
    Arg::key("key", 0),
    Arg::block(
        "fields",
        &[Arg::integer("numfields"), Arg::string("field").multiple()],
    )
    .after("FIELDS"),
];

/// HTTL.
pub const HTTL: Command = command(
    "httl",
    "Returns the TTL in seconds of a hash field.",
    &["nondeterministic_output"],
    |txn, arguments, reply| {
        let now_ms = txn.now_ms();
        tell(txn, arguments, |at_ms| seconds(at_ms - now_ms), reply)
    },
);

/// HPTTL.
pub const HPTTL: Command = command(
    "hpttl",
    "Returns the TTL in milliseconds of a hash field.",
    &["nondeterministic_output"],
    |txn, arguments, reply| {
        let now_ms = txn.now_ms();
        tell(txn, arguments, |at_ms| at_ms - now_ms, reply)
    },
);

/// HEXPIRETIME.
pub const HEXPIRETIME: Command = command(
    "hexpiretime",
    "Returns the expiration time of a hash field as a Unix timestamp, in seconds.",
    &[],
    |txn, arguments, reply| tell(txn, arguments, seconds, reply),
);

/// HPEXPIRETIME.
pub const HPEXPIRETIME: Command = command(
    "hpexpiretime",
    "Returns the expiration time of a hash field as a Unix timestamp, in msec.",
    &[],
    |txn, arguments, reply| tell(txn, arguments, |at_ms| at_ms, reply),
);

/// The field does not expire.
const NO_EXPIRY: i64 = -1;

/// Seconds, rounded up.
fn seconds(ms: i64) -> i64 {
    ms.saturating_add(999) / 1000
}

/// Answers `shown` of the time that each field expires at, in Unix milliseconds.
fn tell(
    txn: &mut ReadTxn<'_, '_>,
    arguments: &[&[u8]],
    shown: impl Fn(i64) -> i64,
    reply: &mut dyn Reply,
) -> Outcome {
    // what type the key holds is asked first
    if let Some(found) = txn.peek(arguments[1])?
        && found.collection::<Hash>().is_err()
    {
        // a use all the same
        txn.find(arguments[1])?;
        return Err(WrongType.into());
    }
    let fields = match named(arguments, 4, NUMBER_NOT_POSITIVE) {
        Ok(fields) => fields,
        Err(error) => {
            // the key has been looked up by then, as a miss or a hit
            txn.find(arguments[1])?;
            return Err(error.into());
        }
    };
    read(txn, arguments[1], Fields::NONE, |hash| {
        reply.array(fields.len());
        for field in fields {
            let field = hash.and_then(|hash| hash.get(field));
            reply.integer(match field.map(|field| field.expire_at_ms) {
                Some(Some(at_ms)) => shown(at_ms),
                Some(None) => NO_EXPIRY,
                None => NO_FIELD,
            });
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn times_are_told() {
        check(
            r#"
            > HSET h a 1 b 2 => (integer) 2
            > HTTL h FIELDS 1 a => 1) (integer) -1
            > HPEXPIRE h 1001 FIELDS 1 a => 1) (integer) 1
            > HTTL h FIELDS 3 a b c
            1) (integer) 2
            2) (integer) -1
            3) (integer) -2
            > HPTTL h fields 1 a => 1) (integer) 1001
            > HEXPIRETIME h FIELDS 1 a => 1) (integer) 1002
            > HPEXPIRETIME h FIELDS 1 a => 1) (integer) 1001001
            > HPTTL none FIELDS 1 a => 1) (integer) -2
            > :wait 1001
            > HPTTL h FIELDS 1 a => 1) (integer) -2
            > HLEN h => (integer) 2
            "#,
        );
    }

    #[test]
    fn httl_refuses() {
        check(
            r#"
            > SET s v => OK
            > HTTL s FOO 1 a => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HTTL h FOO 1 a => (error) ERR Mandatory argument FIELDS is missing or not at the right position
            > HPTTL h FIELDS 0 a => (error) ERR Number of fields must be a positive integer
            > HEXPIRETIME h FIELDS x a => (error) ERR Number of fields must be a positive integer
            > HPEXPIRETIME h FIELDS 2 a => (error) ERR The `numfields` parameter must match the number of arguments
            > HTTL h FIELDS 1 => (error) ERR wrong number of arguments for 'httl' command
            "#,
        );
    }
}
