//! When fields expire: HEXPIRE and its kin set it.
//!
//! | command                                                        | the fields expire                 |
//! |----------------------------------------------------------------|-----------------------------------|
//! | `HEXPIRE key seconds FIELDS numfields field [field ...]`       | so many seconds from now          |
//! | `HPEXPIRE key milliseconds FIELDS ...`                         | so many milliseconds from now     |
//! | `HEXPIREAT key unix-time FIELDS ...`                           | at this Unix time in seconds      |
//! | `HPEXPIREAT key unix-time-ms FIELDS ...`                       | at this Unix time in milliseconds |
//!
//! Each takes a condition before `FIELDS`: `NX` (only those that do not expire yet), `XX` (only those that do), `GT`
//! (only those that expire earlier; not to expire counts as the latest of all), `LT` (only those that expire later).
//! The answer is for each field: 1 if its expiry was set, 0 if the condition did not hold, 2 if the time has passed
//! and the field is deleted, -2 if there is no such field.
//!
//! The log gets the absolute time, or the deletions: what happened must not depend on when it is replayed.
//!
//! ```text
//! > HSET session token abc user 7
//! (integer) 2
//! > HEXPIRE session 60 FIELDS 2 token none
//! 1) (integer) 1
//! 2) (integer) -2
//! > HPEXPIRE session 30000 GT FIELDS 1 token
//! 1) (integer) 0
//! > HEXPIREAT session 33177117420 NX FIELDS 1 user
//! 1) (integer) 1
//! > HPEXPIREAT session 1 FIELDS 1 user
//! 1) (integer) 2
//! ```

use perilune_command::{
    Arg, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec,
    is_token,
};
use perilune_keyspace::{EventClass, Fields, WriteTxn};
use perilune_resp::Reply;
use perilune_value::Hash;

use super::fields::{
    NO_FIELD, expire_at_ms, named, notify_deleted, propagate_deleted, propagate_expiry, reply_each,
};
use super::open;
use crate::strings::Clocking;

/// A command of this kind.
const fn command(
    name: &'static str,
    summary: &'static str,
    arguments: &'static [Arg],
    run: perilune_command::WriteHandler,
) -> Command {
    Command::new(
        Spec {
            name,
            summary,
            group: Group::Hash,
            since: "7.4.0",
            complexity: "O(N) where N is the number of specified fields",
            arity: -6,
            flags: Flags::FAST,
            keys: KEYS,
            arguments,
            ..Spec::DEFAULT
        },
        DataHandler::Write(run),
    )
}

const KEYS: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::UPDATE))];

const CONDITION: Arg = Arg::one_of(
    "condition",
    &[
        Arg::word("nx", "NX"),
        Arg::word("xx", "XX"),
        Arg::word("gt", "GT"),
        Arg::word("lt", "LT"),
    ],
)
.optional();

const FIELDS: Arg = Arg::block(
    "fields",
    &[Arg::integer("numfields"), Arg::string("field").multiple()],
)
.after("FIELDS");

/// HEXPIRE.
pub const HEXPIRE: Command = command(
    "hexpire",
    "Set expiry for hash field using relative time to expire (seconds)",
    &[
        Arg::key("key", 0),
        Arg::integer("seconds"),
        CONDITION,
        FIELDS,
    ],
    |txn, arguments, reply| run(txn, "hexpire", Clocking::Ex, arguments, reply),
);

/// HPEXPIRE.
pub const HPEXPIRE: Command = command(
    "hpexpire",
    "Set expiry for hash field using relative time to expire (milliseconds)",
    &[
        Arg::key("key", 0),
        Arg::integer("milliseconds"),
        CONDITION,
        FIELDS,
    ],
    |txn, arguments, reply| run(txn, "hpexpire", Clocking::Px, arguments, reply),
);

/// HEXPIREAT.
pub const HEXPIREAT: Command = command(
    "hexpireat",
    "Set expiry for hash field using an absolute Unix timestamp (seconds)",
    &[
        Arg::key("key", 0),
        Arg::unix_time("unix-time-seconds"),
        CONDITION,
        FIELDS,
    ],
    |txn, arguments, reply| run(txn, "hexpireat", Clocking::ExAt, arguments, reply),
);

/// HPEXPIREAT.
pub const HPEXPIREAT: Command = command(
    "hpexpireat",
    "Set expiry for hash field using an absolute Unix timestamp (milliseconds)",
    &[
        Arg::key("key", 0),
        Arg::unix_time("unix-time-milliseconds"),
        CONDITION,
        FIELDS,
    ],
    |txn, arguments, reply| run(txn, "hpexpireat", Clocking::PxAt, arguments, reply),
);

/// The expiry of a field was set.
const SET: i64 = 1;
/// The condition did not hold.
const NOT_MET: i64 = 0;
/// The time has passed, so the field was deleted.
const DELETED: i64 = 2;

/// On which condition an expiry is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Always,
    Nx,
    Xx,
    Gt,
    Lt,
}

impl Condition {
    /// The condition that this argument is, if it is one.
    fn of(argument: &[u8]) -> Self {
        let names = [
            ("NX", Self::Nx),
            ("XX", Self::Xx),
            ("GT", Self::Gt),
            ("LT", Self::Lt),
        ];
        let found = names.into_iter().find(|(name, _)| is_token(argument, name));
        found.map_or(Self::Always, |(_, condition)| condition)
    }

    /// Whether it holds for a field that expires at `old_ms`, or not at all, and is to expire at `new_ms`.
    fn holds(self, old_ms: Option<i64>, new_ms: i64) -> bool {
        match self {
            Self::Always => true,
            Self::Nx => old_ms.is_none(),
            Self::Xx => old_ms.is_some(),
            Self::Gt => old_ms.is_some_and(|old_ms| new_ms > old_ms),
            Self::Lt => old_ms.is_none_or(|old_ms| new_ms < old_ms),
        }
    }
}

fn run(
    txn: &mut WriteTxn<'_, '_>,
    command: &str,
    clocking: Clocking,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    let key = arguments[1];
    let now_ms = txn.now_ms();
    // what type the key holds is asked first
    txn.slot(key)?.collection::<Hash>()?;
    let expire_at_ms = expire_at_ms(arguments[2], clocking, command, now_ms)?;
    let condition = Condition::of(arguments[3]);
    let has_condition = condition != Condition::Always;
    let fields = named(
        arguments,
        if has_condition { 6 } else { 5 },
        CommandError::new("ERR Parameter `numFields` should be greater than 0"),
    )?;

    let (mut slot, fields_now_ms) = open(txn, key, Fields::each(fields))?;
    if !slot.exists() {
        return reply_each(NO_FIELD, fields.len(), reply);
    }
    let has_passed = expire_at_ms <= now_ms;
    let mut results = Vec::with_capacity(fields.len());
    slot.edit::<Hash, _>(|hash| {
        for field in fields {
            let found = hash.at(fields_now_ms).get(field);
            results.push(match found.map(|found| found.expire_at_ms) {
                None => NO_FIELD,
                Some(old_ms) if !condition.holds(old_ms, expire_at_ms) => NOT_MET,
                Some(_) if has_passed => {
                    hash.remove(field);
                    DELETED
                }
                Some(_) => {
                    hash.set_expiry(field, Some(expire_at_ms));
                    SET
                }
            });
        }
    })?;
    let those = |result: i64| -> Vec<&[u8]> {
        let pairs = fields.iter().zip(&results);
        pairs
            .filter_map(|(&field, &found)| (found == result).then_some(field))
            .collect()
    };
    let (deleted, set) = (those(DELETED), those(SET));
    if !deleted.is_empty() {
        slot.count_expired_fields(deleted.len());
        notify_deleted(&mut slot);
        propagate_deleted(txn, key, &deleted);
    } else if !set.is_empty() {
        slot.notify(EventClass::HASH, "hexpire");
        let condition = has_condition.then_some(arguments[3]);
        propagate_expiry(txn, key, expire_at_ms, condition, &set);
    }
    reply.array(results.len());
    results.iter().for_each(|&result| reply.integer(result));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn fields_get_an_expiry() {
        check(
            r#"
            > HSET h a 1 b 2 => (integer) 2
            > HEXPIRE h 10 FIELDS 3 a x b
            1) (integer) 1
            2) (integer) -2
            3) (integer) 1
            > :changes => 2
            > :sent => HPEXPIREAT h 1010000 FIELDS 2 a b
            > :events => h hexpire h
            > :encoding h => listpackex
            > HPEXPIRE h 500 fields 1 a => 1) (integer) 1
            > :sent => HPEXPIREAT h 1000500 FIELDS 1 a
            > HEXPIREAT h 2000 FIELDS 1 a => 1) (integer) 1
            > :sent => HPEXPIREAT h 2000000 FIELDS 1 a
            > HPEXPIREAT h 1000001 FIELDS 1 a => 1) (integer) 1
            > HPTTL h FIELDS 2 a b
            1) (integer) 1
            2) (integer) 10000
            > HEXPIRE none 10 FIELDS 2 a b
            1) (integer) -2
            2) (integer) -2
            "#,
        );
    }

    #[test]
    fn conditions_compare_with_the_expiry_that_there_is() {
        check(
            r#"
            > HSET h a 1 b 2 => (integer) 2
            > HEXPIRE h 10 NX FIELDS 1 a => 1) (integer) 1
            > :sent => HPEXPIREAT h 1010000 NX FIELDS 1 a
            > HEXPIRE h 20 nx FIELDS 2 a b
            1) (integer) 0
            2) (integer) 1
            > :sent => HPEXPIREAT h 1020000 nx FIELDS 1 b
            > HPERSIST h FIELDS 1 b => 1) (integer) 1
            > HEXPIRE h 10 XX FIELDS 2 a b
            1) (integer) 1
            2) (integer) 0
            > HEXPIRE h 10 GT FIELDS 2 a b
            1) (integer) 0
            2) (integer) 0
            > :changes => 0
            > HEXPIRE h 11 GT FIELDS 1 a => 1) (integer) 1
            > HEXPIRE h 11 LT FIELDS 2 a b
            1) (integer) 0
            2) (integer) 1
            > HEXPIRE h 10 LT FIELDS 2 a b
            1) (integer) 1
            2) (integer) 1
            > HEXPIRE h 99 NX FIELDS 2 b b
            1) (integer) 0
            2) (integer) 0
            "#,
        );
    }

    #[test]
    fn a_time_that_has_passed_deletes() {
        check(
            r#"
            > HSET h a 1 b 2 c 3 d 4 => (integer) 4
            > HEXPIRE h 10 FIELDS 1 d => 1) (integer) 1
            > HPEXPIREAT h 1000000 NX FIELDS 5 a x b a d
            1) (integer) 2
            2) (integer) -2
            3) (integer) 2
            4) (integer) -2
            5) (integer) 0
            > :changes => 2
            > :events => h hdel h
            > :sent
            HDEL h a
            HDEL h b
            > HEXPIRE h 0 FIELDS 2 c d
            1) (integer) 2
            2) (integer) 2
            > :events
            h hdel h
            g del h
            > EXISTS h => (integer) 0
            "#,
        );
    }

    #[test]
    fn what_has_expired_does_not_come_back() {
        check(
            r#"
            > HSETEX h PX 10 FIELDS 2 a 1 b 2 => (integer) 1
            > :wait 10
            > HEXPIRE h 10 FIELDS 1 a => 1) (integer) -2
            > HLEN h => (integer) 1
            > HPEXPIREAT h 0 FIELDS 1 b => 1) (integer) -2
            > EXISTS h => (integer) 0
            "#,
        );
    }

    #[test]
    fn hexpire_refuses() {
        check(
            r#"
            > SET s v => OK
            > HEXPIRE s x FIELDS 1 a => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HEXPIRE h x FOO 1 a => (error) ERR value is not an integer or out of range
            > HEXPIRE h -1 FIELDS 1 a => (error) ERR invalid expire time, must be >= 0
            > HEXPIRE h 70368744178 FIELDS 1 a => (error) ERR invalid expire time in 'hexpire' command
            > HPEXPIRE h 70368743177664 FIELDS 1 a => (error) ERR invalid expire time in 'hpexpire' command
            > HEXPIREAT h 9223372036854775807 FIELDS 1 a => (error) ERR invalid expire time in 'hexpireat' command
            > HPEXPIREAT h 70368744177664 FIELDS 1 a => (error) ERR invalid expire time in 'hpexpireat' command
            > HPEXPIREAT h 70368744177663 FIELDS 1 a => 1) (integer) -2
            > HEXPIRE h 1 FOO 1 a => (error) ERR Mandatory argument FIELDS is missing or not at the right position
            > HEXPIRE h 1 NX NX FIELDS 1 a => (error) ERR Mandatory argument FIELDS is missing or not at the right position
            > HEXPIRE h 1 FIELDS 0 a => (error) ERR Parameter `numFields` should be greater than 0
            > HEXPIRE h 1 FIELDS x a => (error) ERR Parameter `numFields` should be greater than 0
            > HEXPIRE h 1 NX FIELDS 1 => (error) ERR The `numfields` parameter must match the number of arguments
            > HEXPIRE h 1 FIELDS 2 a => (error) ERR The `numfields` parameter must match the number of arguments
            > HEXPIRE h 1 FIELDS 1 a b => (error) ERR The `numfields` parameter must match the number of arguments
            > HEXPIRE h 1 FIELDS 1 => (error) ERR wrong number of arguments for 'hexpire' command
            "#,
        );
    }
}
