//! `GETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]` answers
//! the string that a key holds, or null, and gives the key another expiry or none. A time that has passed deletes it.
//!
//! ```text
//! > SET session alice
//! OK
//! > GETEX session EX 60
//! "alice"
//! > GETEX session PERSIST
//! "alice"
//! ```

use perilune_command::{
    Arg, Arguments, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome,
    Spec, errors, is_token,
};
use perilune_keyspace::{EventClass, WriteTxn};
use perilune_resp::Reply;

use super::expiry::{Clocking, Deadline, expire};
use super::reply_text;

/// GETEX.
pub const GETEX: Command = Command::new(
    Spec {
        name: "getex",
        summary: "Returns the string value of a key after setting its expiration time.",
        group: Group::String,
        since: "6.2.0",
        complexity: "O(1)",
        arity: -2,
        flags: Flags::FAST,
        keys: &[KeySpec::one(
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE),
        )
        .noted("RW and UPDATE because it changes the TTL")],
        arguments: &[
            Arg::key("key", 0),
            Arg::one_of(
                "expiration",
                &[
                    Arg::integer("seconds").after("EX"),
                    Arg::integer("milliseconds").after("PX"),
                    Arg::unix_time("unix-time-seconds").after("EXAT"),
                    Arg::unix_time("unix-time-milliseconds").after("PXAT"),
                    Arg::word("persist", "PERSIST"),
                ],
            )
            .optional(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(getex),
);

/// What becomes of the key's expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change<'a> {
    Nothing,
    Persist,
    Until(Deadline<'a>),
}

impl<'a> Change<'a> {
    /// One of a kind; the same kind again replaces it.
    fn parse(arguments: &'a [&'a [u8]]) -> Result<Self, CommandError> {
        let mut change = Self::Nothing;
        let mut words = Arguments::from(arguments, 2);
        while let Some(word) = words.next() {
            let next = match Clocking::of(word) {
                Some(clocking) => Self::Until(Deadline {
                    clocking,
                    argument: words.required()?,
                }),
                None if is_token(word, "PERSIST") => Self::Persist,
                None => return Err(errors::SYNTAX),
            };
            change = match (change, next) {
                (Self::Nothing, _) | (Self::Persist, Self::Persist) => next,
                (Self::Until(old), Self::Until(new)) if old.clocking == new.clocking => next,
                _ => return Err(errors::SYNTAX),
            };
        }
        Ok(change)
    }
}

fn getex(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let change = Change::parse(arguments)?;
    let key = arguments[1];
    let now_ms = txn.now_ms();
    let mut slot = txn.slot(key)?;
    slot.count_lookup();
    if slot.text()?.is_none() {
        reply.null();
        return Ok(());
    }
    match change {
        Change::Persist if slot.expire_at_ms().is_some() => {
            slot.set_expiry(None)?;
            slot.notify(EventClass::GENERIC, "persist");
            txn.propagate(&[b"PERSIST".as_slice(), key]);
        }
        Change::Nothing | Change::Persist => {}
        Change::Until(deadline) => {
            let expire_at_ms = deadline.expire_at_ms("getex", now_ms)?;
            if expire_at_ms <= now_ms {
                let value = slot.copy();
                expire(txn, key)?;
                reply_text(value.text(), reply);
                return Ok(());
            }
            slot.set_expiry(Some(expire_at_ms))?;
            slot.notify(EventClass::GENERIC, "expire");
            let mut digits = itoa::Buffer::new();
            txn.propagate(&[
                b"PEXPIREAT".as_slice(),
                key,
                digits.format(expire_at_ms).as_bytes(),
            ]);
        }
    }
    reply_text(txn.slot(key)?.text()?, reply);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn getex_gives_and_takes_expiries() {
        check(
            r#"
            > GETEX k EX 0 => (nil)
            > SET k v => OK
            > GETEX k => "v"
            > :changes => 0
            > GETEX k ex 10 => "v"
            > :expires k => 1010000
            > :sent => PEXPIREAT k 1010000
            > GETEX k => "v"
            > :expires k => 1010000
            > GETEX k PXAT 1000005 => "v"
            > :expires k => 1000005
            > GETEX k PERSIST PERSIST => "v"
            > :sent => PERSIST k
            > GETEX k PERSIST => "v"
            > :changes => 0
            > GETEX k EXAT 1000 => "v"
            > :sent => UNLINK k
            > GETEX k => (nil)
            "#,
        );
    }

    #[test]
    fn getex_refuses() {
        check(
            r#"
            > SET k v => OK
            > GETEX k EX 0 => (error) ERR invalid expire time in 'getex' command
            > GETEX k EX x => (error) ERR value is not an integer or out of range
            > GETEX k EX 1 PERSIST => (error) ERR syntax error
            > GETEX k PERSIST PX 1 => (error) ERR syntax error
            > GETEX k KEEPTTL => (error) ERR syntax error
            > GETEX k NX => (error) ERR syntax error
            > GETEX k EX => (error) ERR syntax error
            "#,
        );
    }

    #[test]
    fn events() {
        check(
            r#"
            > GETEX k => (nil)
            > :events => m keymiss k
            > SET k v => OK
            > GETEX k EX 10 => "v"
            > :events => g expire k
            > GETEX k PERSIST => "v"
            > :events => g persist k
            > GETEX k => "v"
            > :events
            > GETEX k PXAT 1 => "v"
            > :events => x expired k
            "#,
        );
    }
}
