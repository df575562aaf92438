//! How long a key still lives, and when it dies: -1 where it does not expire, -2 where there is no such key.
//!
//! | command           | answers                                |
//! |-------------------|----------------------------------------|
//! | `TTL key`         | the seconds that are left, rounded     |
//! | `PTTL key`        | the milliseconds that are left         |
//! | `EXPIRETIME key`  | the Unix time in seconds, rounded      |
//! | `PEXPIRETIME key` | the Unix time in milliseconds          |
//!
//! ```text
//! > SET a 1 PXAT 33177117420123
//! OK
//! > TTL nothing
//! (integer) -2
//! > PTTL nothing
//! (integer) -2
//! > EXPIRETIME a
//! (integer) 33177117420
//! > PEXPIRETIME a
//! (integer) 33177117420123
//! ```

use perilune_command::{
    Arg, Category, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec,
};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;

/// What the four have in common.
const SPEC: Spec = Spec {
    group: Group::Generic,
    complexity: "O(1)",
    arity: 2,
    flags: Flags::FAST,
    categories: Category::KEYSPACE,
    keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
    arguments: &[Arg::key("key", 0)],
    ..Spec::DEFAULT
};

/// TTL.
pub const TTL: Command = Command::new(
    Spec {
        name: "ttl",
        summary: "Returns the expiration time in seconds of a key.",
        since: "1.0.0",
        tips: &["nondeterministic_output"],
        history: &[("2.8.0", "Added the -2 reply.")],
        ..SPEC
    },
    DataHandler::Read(ttl),
);

/// PTTL.
pub const PTTL: Command = Command::new(
    Spec {
        name: "pttl",
        summary: "Returns the expiration time in milliseconds of a key.",
        since: "2.6.0",
        tips: &["nondeterministic_output"],
        history: &[("2.8.0", "Added the -2 reply.")],
        ..SPEC
    },
    DataHandler::Read(pttl),
);

/// EXPIRETIME.
pub const EXPIRETIME: Command = Command::new(
    Spec {
        name: "expiretime",
        summary: "Returns the expiration time of a key as a Unix timestamp.",
        since: "7.0.0",
        ..SPEC
    },
    DataHandler::Read(expiretime),
);

/// PEXPIRETIME.
pub const PEXPIRETIME: Command = Command::new(
    Spec {
        name: "pexpiretime",
        summary: "Returns the expiration time of a key as a Unix milliseconds timestamp.",
        since: "7.0.0",
        ..SPEC
    },
    DataHandler::Read(pexpiretime),
);

/// The answer where there is no such key.
const NO_KEY: i64 = -2;
/// The answer where the key does not expire.
const NO_EXPIRY: i64 = -1;

fn ttl(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer(txn, arguments[1], reply, |expire_at_ms, now_ms| {
        seconds((expire_at_ms - now_ms).max(0))
    })
}

fn pttl(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer(txn, arguments[1], reply, |expire_at_ms, now_ms| {
        (expire_at_ms - now_ms).max(0)
    })
}

fn expiretime(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer(txn, arguments[1], reply, |expire_at_ms, _| {
        seconds(expire_at_ms)
    })
}

fn pexpiretime(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer(txn, arguments[1], reply, |expire_at_ms, _| expire_at_ms)
}

/// Answers what `shown` makes of the expiry and of now.
fn answer(
    txn: &mut ReadTxn<'_, '_>,
    key: &[u8],
    reply: &mut dyn Reply,
    shown: fn(expire_at_ms: i64, now_ms: i64) -> i64,
) -> Outcome {
    let expiry = txn.peek(key)?.map(|found| found.expire_at_ms());
    txn.count_lookup(key, expiry.is_some());
    reply.integer(match expiry {
        None => NO_KEY,
        Some(None) => NO_EXPIRY,
        Some(Some(expire_at_ms)) => shown(expire_at_ms, txn.now_ms()),
    });
    Ok(())
}

/// Milliseconds, not negative, as whole seconds: half a second counts as one.
fn seconds(ms: i64) -> i64 {
    ms / 1000 + i64::from(ms % 1000 >= 500)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn times_are_rounded_to_seconds() {
        check(
            "
            > TTL a => (integer) -2
            > EXPIRETIME a => (integer) -2
            > SET a 1 => OK
            > TTL a => (integer) -1
            > PTTL a => (integer) -1
            > EXPIRETIME a => (integer) -1
            > PEXPIRETIME a => (integer) -1
            > SET a 1 PX 1500 => OK
            > TTL a => (integer) 2
            > PTTL a => (integer) 1500
            > EXPIRETIME a => (integer) 1002
            > PEXPIRETIME a => (integer) 1001500
            > :wait 1
            > TTL a => (integer) 1
            > :wait 1100
            > TTL a => (integer) 0
            > PTTL a => (integer) 399
            > :wait 399
            > TTL a => (integer) -2
            ",
        );
    }

    #[test]
    fn the_latest_of_all_times_does_not_overflow() {
        check(
            "
            > SET a 1 PXAT 9223372036854775807 => OK
            > EXPIRETIME a => (integer) 9223372036854776
            > PTTL a => (integer) 9223372036853775807
            ",
        );
    }
}
