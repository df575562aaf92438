//! `HSETEX key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds |
//! KEEPTTL] FIELDS numfields field value [field value ...]` sets fields and when they expire.
//!
//! `FNX` sets them only if none of them is there, `FXX` only if all are: the answer is 1, or 0 if nothing was set.
//! Without an expiry they do not expire, with `KEEPTTL` as before. With a time that has passed they are gone.
//!
//! ```text
//! > HSETEX session EX 60 FIELDS 2 token abc user 7
//! (integer) 1
//! > HSETEX session FNX FIELDS 1 token def
//! (integer) 0
//! > HTTL session FIELDS 1 token
//! 1) (integer) 60
//! ```

use perilune_command::{
    Arg, Arguments, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome,
    Spec, errors, integer, is_token,
};
use perilune_keyspace::{EventClass, Fields, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{FieldExpiry, Hash, HashAt, Item};

use super::fields::{expire_at_ms, notify_deleted, propagate_deleted};
use super::{check_room, open};
use crate::strings::Clocking;

/// HSETEX.
pub const HSETEX: Command = Command::new(
    Spec {
        name: "hsetex",
        summary: "Set the value of one or more fields of a given hash key, and optionally set their expiration.",
        group: Group::Hash,
        since: "8.0.0",
        complexity: "O(N) where N is the number of fields being set.",
        arity: -6,
        flags: Flags::DENYOOM.with(Flags::FAST),
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::UPDATE))],
        arguments: &[
            Arg::key("key", 0),
            Arg::one_of(
                "condition",
                &[Arg::word("fnx", "FNX"), Arg::word("fxx", "FXX")],
            )
            .optional(),
            Arg::one_of(
                "expiration",
                &[
                    Arg::integer("seconds").after("EX"),
                    Arg::integer("milliseconds").after("PX"),
                    Arg::unix_time("unix-time-seconds").after("EXAT"),
                    Arg::unix_time("unix-time-milliseconds").after("PXAT"),
                    Arg::word("keepttl", "KEEPTTL"),
                ],
            )
            .optional(),
            Arg::block(
                "fields",
                &[
                    Arg::integer("numfields"),
                    Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple(),
                ],
            )
            .after("FIELDS"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(hsetex),
);

/// Which fields must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    None,
    Fnx,
    Fxx,
}

/// A time, and the number of the argument that says it.
#[derive(Debug, Clone, Copy)]
struct Deadline {
    at_ms: i64,
    argument: usize,
    clocking: Clocking,
}

/// What a call means.
struct Options<'a> {
    condition: Condition,
    keeps_expiry: bool,
    deadline: Option<Deadline>,
    /// Fields and values in turn.
    pairs: &'a [&'a [u8]],
}

impl<'a> Options<'a> {
    fn parse(arguments: &'a [&'a [u8]], now_ms: i64) -> Result<Self, CommandError> {
        let mut options = Self {
            condition: Condition::None,
            keeps_expiry: false,
            deadline: None,
            pairs: &[],
        };
        let mut words = Arguments::from(arguments, 2);
        while let Some(word) = words.next() {
            let clocking = Clocking::of(word);
            if is_token(word, "FIELDS") {
                options.pairs = pairs(words.rest())?;
                return Ok(options);
            } else if clocking.is_some() || is_token(word, "KEEPTTL") {
                if options.keeps_expiry || options.deadline.is_some() {
                    return Err(CommandError::new(
                        "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
                    ));
                }
                let Some(clocking) = clocking else {
                    options.keeps_expiry = true;
                    continue;
                };
                let argument = arguments.len() - words.remaining();
                let time = words
                    .next()
                    .ok_or(CommandError::new("ERR missing expire time"))?;
                options.deadline = Some(Deadline {
                    at_ms: expire_at_ms(time, clocking, "hsetex", now_ms)?,
                    argument,
                    clocking,
                });
            } else if is_token(word, "FXX") || is_token(word, "FNX") {
                if options.condition != Condition::None {
                    return Err(CommandError::new(
                        "ERR Only one of FXX or FNX arguments can be specified",
                    ));
                }
                options.condition = match is_token(word, "FXX") {
                    true => Condition::Fxx,
                    false => Condition::Fnx,
                };
            } else {
                return Err(CommandError::quoting(&[b"ERR unknown argument: ", word]));
            }
        }
        Err(errors::wrong_arity("hsetex"))
    }
}

/// The fields and values behind FIELDS, with their number in front.
fn pairs<'a>(words: &'a [&'a [u8]]) -> Result<&'a [&'a [u8]], CommandError> {
    let [number, pairs @ ..] = words else {
        return Err(errors::wrong_arity("hsetex"));
    };
    if pairs.len() < 2 {
        return Err(errors::wrong_arity("hsetex"));
    }
    let number = integer(number)
        .ok()
        .filter(|number| (1..=i64::from(i32::MAX)).contains(number))
        .ok_or(CommandError::new("ERR invalid number of fields"))?;
    if !pairs.len().is_multiple_of(2) || number != pairs.len() as i64 / 2 {
        return Err(errors::wrong_arity("hsetex"));
    }
    Ok(pairs)
}

fn hsetex(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (key, now_ms) = (arguments[1], txn.now_ms());
    let options = Options::parse(arguments, now_ms)?;
    let pairs = options.pairs;
    // who writes over a field need not know whether it has expired
    let met = match options.condition == Condition::None && !options.keeps_expiry {
        true => Fields::NONE,
        false => Fields::with_values(pairs),
    };
    let (mut slot, fields_now_ms) = open(txn, key, met)?;
    let hash = slot.collection::<Hash>()?;
    let exists =
        |field: &&&[u8]| hash.is_some_and(|hash| hash.at(fields_now_ms).get(field).is_some());
    let mut fields = pairs.iter().step_by(2);
    let holds = match options.condition {
        Condition::None => true,
        Condition::Fnx => !fields.any(|field| exists(&field)),
        Condition::Fxx => fields.all(|field| exists(&field)),
    };
    if !holds {
        reply.integer(0);
        return Ok(());
    }
    check_room(hash, pairs)?;
    if let Some(deadline) = options.deadline.filter(|deadline| deadline.at_ms <= now_ms) {
        debug_assert!(deadline.at_ms >= 0);
        return set_and_delete(txn, key, pairs, reply);
    }
    slot.edit::<Hash, _>(|hash| {
        hash.make_room(pairs);
        for pair in pairs.chunks_exact(2) {
            let lives = |hash: HashAt<'_>| hash.get(pair[0]).is_some();
            let expiry = match options.deadline {
                Some(deadline) => FieldExpiry::At(deadline.at_ms),
                None if options.keeps_expiry && lives(hash.at(fields_now_ms)) => FieldExpiry::Keep,
                None => FieldExpiry::Clear,
            };
            hash.set(pair[0], Item::of(pair[1]), expiry);
        }
    })?;
    slot.notify(EventClass::HASH, "hset");
    if let Some(deadline) = options.deadline {
        slot.notify(EventClass::HASH, "hexpire");
        if deadline.clocking != Clocking::PxAt {
            let mut digits = itoa::Buffer::new();
            let mut call = arguments.to_vec();
            call[deadline.argument - 1] = b"PXAT";
            call[deadline.argument] = digits.format(deadline.at_ms).as_bytes();
            txn.propagate(&call);
        }
    }
    reply.integer(1);
    Ok(())
}

/// What becomes of fields that are set until a time that has passed: they are gone. It counts and is announced as if
/// they had been set before.
fn set_and_delete(
    txn: &mut WriteTxn<'_, '_>,
    key: &[u8],
    pairs: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    let fields: Vec<&[u8]> = pairs.iter().step_by(2).copied().collect();
    let mut slot = txn.slot(key)?;
    let mut deleted = 0;
    if !slot.exists() {
        slot.notify(EventClass::NEW, "new");
    } else {
        deleted = slot.edit::<Hash, _>(|hash| {
            hash.make_room(pairs);
            for field in &fields {
                hash.remove(field);
            }
            hash.changes()
        })?;
    }
    slot.count_expired_fields(fields.len());
    slot.notify(EventClass::HASH, "hset");
    notify_deleted(&mut slot);
    txn.count_changes(fields.len() as u64 - deleted);
    propagate_deleted(txn, key, &fields);
    reply.integer(1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn hsetex_sets_fields_and_expiries() {
        check(
            r#"
            > HSETEX h FIELDS 1 a 1 => (integer) 1
            > :sent => HSETEX h FIELDS 1 a 1
            > :events
            n new h
            h hset h
            > :encoding h => listpack
            > HSETEX h EX 10 FIELDS 2 a 2 b 3 => (integer) 1
            > :changes => 2
            > :events
            h hset h
            h hexpire h
            > :sent => HSETEX h PXAT 1010000 FIELDS 2 a 2 b 3
            > HSETEX h px 20 fields 1 a 4 => (integer) 1
            > :sent => HSETEX h PXAT 1000020 fields 1 a 4
            > HSETEX h EXAT 2000 FIELDS 1 a 4 => (integer) 1
            > HSETEX h PXAT 1000030 FIELDS 1 a 4 => (integer) 1
            > :sent => HSETEX h PXAT 1000030 FIELDS 1 a 4
            > HSETEX h KEEPTTL FIELDS 2 a 5 c 6 => (integer) 1
            > HPTTL h FIELDS 3 a b c
            1) (integer) 30
            2) (integer) 10000
            3) (integer) -1
            > HSETEX h FIELDS 1 a 7 => (integer) 1
            > HPTTL h FIELDS 1 a => 1) (integer) -1
            "#,
        );
    }

    #[test]
    fn conditions_are_about_all_fields() {
        check(
            r#"
            > HSETEX h FXX FIELDS 1 a 1 => (integer) 0
            > EXISTS h => (integer) 0
            > HSETEX h FNX FIELDS 2 a 1 b 1 => (integer) 1
            > HSETEX h FNX FIELDS 2 b 2 c 2 => (integer) 0
            > HSETEX h FXX FIELDS 2 b 2 c 2 => (integer) 0
            > :changes => 0
            > HSETEX h PX 10 FXX FIELDS 2 a 3 b 3 => (integer) 1
            > :sent => HSETEX h PXAT 1000010 FXX FIELDS 2 a 3 b 3
            > :wait 10
            > HSETEX h FXX FIELDS 1 a 4 => (integer) 0
            > HSETEX h FNX FIELDS 2 a 4 b 4 => (integer) 1
            > HGETALL h
            1) "a"
            2) "4"
            3) "b"
            4) "4"
            "#,
        );
    }

    #[test]
    fn a_time_that_has_passed_deletes() {
        check(
            r#"
            > HSETEX h PX 0 FIELDS 2 a 1 b 2 => (integer) 1
            > :changes => 2
            > :events
            n new h
            h hset h
            h hdel h
            g del h
            > :sent
            HDEL h a
            HDEL h b
            > EXISTS h => (integer) 0
            > HSET h a 1 b 2 => (integer) 2
            > HSETEX h EXAT 1 FIELDS 2 a 3 c 3 => (integer) 1
            > :changes => 2
            > HGETALL h
            1) "b"
            2) "2"
            "#,
        );
    }

    #[test]
    fn keepttl_does_not_keep_what_has_passed() {
        check(
            r#"
            > HSETEX h PX 10 FIELDS 1 a 1 => (integer) 1
            > :wait 10
            > HSETEX h KEEPTTL FIELDS 1 a 2 => (integer) 1
            > HGET h a => "2"
            > HPTTL h FIELDS 1 a => 1) (integer) -1
            "#,
        );
    }

    #[test]
    fn hsetex_refuses() {
        check(
            r#"
            > SET s v => OK
            > HSETEX s FIELDS 1 a 1 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HSETEX s FOO FIELDS 1 a 1 => (error) ERR unknown argument: FOO
            > HSETEX h FNX FXX FIELDS 1 a 1 => (error) ERR Only one of FXX or FNX arguments can be specified
            > HSETEX h EX 1 KEEPTTL FIELDS 1 a 1 => (error) ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified
            > HSETEX h EX x FIELDS 1 a 1 => (error) ERR value is not an integer or out of range
            > HSETEX h ex fields 1 a 1 => (error) ERR value is not an integer or out of range
            > HSETEX h PXAT -1 FIELDS 1 a 1 => (error) ERR invalid expire time, must be >= 0
            > HSETEX h EXAT 281474976710656 FIELDS 1 a 1 => (error) ERR invalid expire time in 'hsetex' command
            > HSETEX h FIELDS x a 1 => (error) ERR invalid number of fields
            > HSETEX h FIELDS 0 a 1 => (error) ERR invalid number of fields
            > HSETEX h FIELDS 2147483648 a 1 => (error) ERR invalid number of fields
            > HSETEX h FIELDS 2 a 1 => (error) ERR wrong number of arguments for 'hsetex' command
            > HSETEX h FIELDS 1 a 1 b => (error) ERR wrong number of arguments for 'hsetex' command
            > HSETEX h FNX KEEPTTL FIELDS 1 => (error) ERR wrong number of arguments for 'hsetex' command
            > HSETEX h FIELDS 1 a => (error) ERR wrong number of arguments for 'hsetex' command
            "#,
        );
    }
}
