//! When a key expires: EXPIRE and its kin set it.
//!
//! | command                        | the key expires                    |
//! |--------------------------------|------------------------------------|
//! | `EXPIRE key seconds`           | so many seconds from now           |
//! | `PEXPIRE key milliseconds`     | so many milliseconds from now      |
//! | `EXPIREAT key unix-time`       | at this Unix time in seconds       |
//! | `PEXPIREAT key unix-time-ms`   | at this Unix time in milliseconds  |
//!
//! Each takes a condition: `NX` (only if it does not expire yet), `XX` (only if it does), `GT` (only if that is
//! later than what is set; not to expire counts as the latest of all), `LT` (only if earlier). The answer is 1 if
//! the expiry was set, 0 if not. A time that has passed removes the key at once.
//!
//! The log gets the absolute time, or the removal: what happened must not depend on when it is replayed.
//!
//! ```text
//! > SET a 1
//! OK
//! > EXPIRE a 100
//! (integer) 1
//! > EXPIRE a 50 GT
//! (integer) 0
//! > PEXPIRE a 50
//! (integer) 1
//! > EXPIREAT a 33177117420
//! (integer) 1
//! > PEXPIREAT a 33177117420000
//! (integer) 1
//! ```

use perilune_command::{
    Arg, Category, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome,
    Spec, integer, is_token,
};
use perilune_keyspace::{EventClass, WriteTxn};
use perilune_resp::Reply;

/// The last argument of each.
const CONDITION: Arg = Arg::one_of(
    "condition",
    &[
        Arg::word("nx", "NX"),
        Arg::word("xx", "XX"),
        Arg::word("gt", "GT"),
        Arg::word("lt", "LT"),
    ],
)
.since("7.0.0")
.optional();

/// What the four have in common.
const SPEC: Spec = Spec {
    group: Group::Generic,
    complexity: "O(1)",
    arity: -3,
    flags: Flags::FAST,
    categories: Category::KEYSPACE,
    keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::UPDATE))],
    history: &[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")],
    ..Spec::DEFAULT
};

/// EXPIRE.
pub const EXPIRE: Command = Command::new(
    Spec {
        name: "expire",
        summary: "Sets the expiration time of a key in seconds.",
        since: "1.0.0",
        arguments: &[Arg::key("key", 0), Arg::integer("seconds"), CONDITION],
        ..SPEC
    },
    DataHandler::Write(expire),
);

/// PEXPIRE.
pub const PEXPIRE: Command = Command::new(
    Spec {
        name: "pexpire",
        summary: "Sets the expiration time of a key in milliseconds.",
        since: "2.6.0",
        arguments: &[Arg::key("key", 0), Arg::integer("milliseconds"), CONDITION],
        ..SPEC
    },
    DataHandler::Write(pexpire),
);

/// EXPIREAT.
pub const EXPIREAT: Command = Command::new(
    Spec {
        name: "expireat",
        summary: "Sets the expiration time of a key to a Unix timestamp.",
        since: "1.2.0",
        arguments: &[
            Arg::key("key", 0),
            Arg::unix_time("unix-time-seconds"),
            CONDITION,
        ],
        ..SPEC
    },
    DataHandler::Write(expireat),
);

/// PEXPIREAT.
pub const PEXPIREAT: Command = Command::new(
    Spec {
        name: "pexpireat",
        summary: "Sets the expiration time of a key to a Unix milliseconds timestamp.",
        since: "2.6.0",
        arguments: &[
            Arg::key("key", 0),
            Arg::unix_time("unix-time-milliseconds"),
            CONDITION,
        ],
        ..SPEC
    },
    DataHandler::Write(pexpireat),
);

fn expire(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let now_ms = txn.now_ms();
    run(
        txn,
        arguments,
        Unit {
            name: "expire",
            ms: 1000,
            base_ms: now_ms,
        },
        reply,
    )
}

fn pexpire(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let now_ms = txn.now_ms();
    run(
        txn,
        arguments,
        Unit {
            name: "pexpire",
            ms: 1,
            base_ms: now_ms,
        },
        reply,
    )
}

fn expireat(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    run(
        txn,
        arguments,
        Unit {
            name: "expireat",
            ms: 1000,
            base_ms: 0,
        },
        reply,
    )
}

fn pexpireat(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    run(
        txn,
        arguments,
        Unit {
            name: "pexpireat",
            ms: 1,
            base_ms: 0,
        },
        reply,
    )
}

/// What the number of a command of this kind means.
struct Unit {
    /// The command, for error texts.
    name: &'static str,
    /// What one stands for, in milliseconds.
    ms: i64,
    /// Where it counts from.
    base_ms: i64,
}

impl Unit {
    /// The point in time that an argument means, in milliseconds since the Unix epoch.
    fn expire_at_ms(&self, argument: &[u8]) -> Result<i64, CommandError> {
        let out_of_range = || {
            CommandError::from_text(format!(
                "ERR invalid expire time in '{}' command",
                self.name
            ))
        };
        integer(argument)?
            .checked_mul(self.ms)
            .and_then(|ms| ms.checked_add(self.base_ms))
            .ok_or_else(out_of_range)
    }
}

/// On which condition the expiry is set. All of them must hold.
#[derive(Default)]
struct Conditions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Conditions {
    fn parse(arguments: &[&[u8]]) -> Result<Self, CommandError> {
        let mut conditions = Self::default();
        for argument in arguments {
            let condition = match () {
                () if is_token(argument, "NX") => &mut conditions.nx,
                () if is_token(argument, "XX") => &mut conditions.xx,
                () if is_token(argument, "GT") => &mut conditions.gt,
                () if is_token(argument, "LT") => &mut conditions.lt,
                () => {
                    return Err(CommandError::quoting(&[
                        b"ERR Unsupported option ",
                        argument,
                    ]));
                }
            };
            *condition = true;
        }
        let Self { nx, xx, gt, lt } = conditions;
        if nx && (xx || gt || lt) {
            return Err(CommandError::new(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if gt && lt {
            return Err(CommandError::new(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(conditions)
    }

    /// Whether they allow `new` after `old`.
    fn allow(&self, old: Option<i64>, new: i64) -> bool {
        !(self.nx && old.is_some()
            || self.xx && old.is_none()
            || self.gt && old.is_none_or(|old| new <= old)
            || self.lt && old.is_some_and(|old| new >= old))
    }
}

fn run(
    txn: &mut WriteTxn<'_, '_>,
    arguments: &[&[u8]],
    unit: Unit,
    reply: &mut dyn Reply,
) -> Outcome {
    let key = arguments[1];
    let conditions = Conditions::parse(&arguments[3..])?;
    let expire_at_ms = unit.expire_at_ms(arguments[2])?;
    let now_ms = txn.now_ms();

    let mut slot = txn.slot(key)?;
    if !slot.exists() || !conditions.allow(slot.expire_at_ms(), expire_at_ms) {
        reply.integer(0);
        return Ok(());
    }
    if expire_at_ms <= now_ms {
        slot.delete_expired()?;
        txn.propagate(&[b"UNLINK", key]);
    } else {
        slot.set_expiry(Some(expire_at_ms))?;
        slot.notify(EventClass::GENERIC, "expire");
        if unit.name != "pexpireat" {
            let mut digits = itoa::Buffer::new();
            txn.propagate_with(|| {
                let at = digits.format(expire_at_ms).as_bytes();
                let mut effect = vec![b"PEXPIREAT".as_slice(), key, at];
                effect.extend_from_slice(&arguments[3..]);
                effect
            });
        }
    }
    reply.integer(1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn the_log_gets_the_time_or_the_removal() {
        check(
            "
            > SET a 1 => OK
            > EXPIRE a 100 NX => (integer) 1
            > :sent => PEXPIREAT a 1100000 NX
            > PEXPIRE a 100 => (integer) 1
            > :sent => PEXPIREAT a 1000100
            > EXPIREAT a 2000 => (integer) 1
            > :sent => PEXPIREAT a 2000000
            > PEXPIREAT a 2000001 xx => (integer) 1
            > :sent => PEXPIREAT a 2000001 xx
            > :changes => 1
            > EXPIRE a 0 => (integer) 1
            > :sent => UNLINK a
            > :changes => 1
            > EXISTS a => (integer) 0
            > EXPIRE a 10 => (integer) 0
            > :sent
            > SET a 1 => OK
            > PEXPIREAT a -1 => (integer) 1
            > EXISTS a => (integer) 0
            ",
        );
    }

    #[test]
    fn a_condition_compares_with_the_expiry_that_is_set() {
        check(
            "
            > SET a 1 => OK
            > EXPIRE a 100 XX => (integer) 0
            > EXPIRE a 100 GT => (integer) 0
            > EXPIRE a 100 LT => (integer) 1
            > EXPIRE a 100 NX => (integer) 0
            > EXPIRE a 100 GT => (integer) 0
            > EXPIRE a 100 LT => (integer) 0
            > EXPIRE a 101 XX GT => (integer) 1
            > EXPIRE a 100 XX LT => (integer) 1
            > :expires a => 1100000
            > EXPIRE a -1 GT => (integer) 0
            > EXPIRE a -1 NX => (integer) 0
            > EXPIRE a -1 LT => (integer) 1
            > EXISTS a => (integer) 0
            ",
        );
    }

    #[test]
    fn options_are_wrong_before_numbers_and_numbers_before_keys() {
        check(
            "
            > EXPIRE nothing x foo => (error) ERR Unsupported option foo
            > EXPIRE nothing x \"foo\\x00bar\" => (error) ERR Unsupported option foo
            > EXPIRE nothing x NX foo => (error) ERR Unsupported option foo
            > EXPIRE nothing x NX GT => (error) ERR NX and XX, GT or LT options at the same time are not compatible
            > EXPIRE nothing x NX XX => (error) ERR NX and XX, GT or LT options at the same time are not compatible
            > EXPIRE nothing x GT LT => (error) ERR GT and LT options at the same time are not compatible
            > EXPIRE nothing x NX => (error) ERR value is not an integer or out of range
            > EXPIRE nothing 9223372036854775807 => (error) ERR invalid expire time in 'expire' command
            > EXPIRE nothing 9223372036854775 => (error) ERR invalid expire time in 'expire' command
            > EXPIRE nothing -9223372036854775808 => (error) ERR invalid expire time in 'expire' command
            > PEXPIRE nothing 9223372036854775807 => (error) ERR invalid expire time in 'pexpire' command
            > EXPIREAT nothing 9223372036854775807 => (error) ERR invalid expire time in 'expireat' command
            > PEXPIREAT nothing 9223372036854775807 => (integer) 0
            ",
        );
    }

    #[test]
    fn events() {
        check(
            r#"
            > EXPIRE a 10 => (integer) 0
            > :events
            > SET a 1 => OK
            > EXPIRE a 10 => (integer) 1
            > :events => g expire a
            > PERSIST a => (integer) 1
            > :events => g persist a
            > PERSIST a => (integer) 0
            > :events
            > EXPIREAT a 1 => (integer) 1
            > :events => x expired a
            "#,
        );
    }
}
