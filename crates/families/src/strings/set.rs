//! `SET key value [NX | XX | IFEQ comparison-value] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds |
//! PXAT unix-time-milliseconds | KEEPTTL]` sets a key to a string, whatever it held.
//!
//! * `NX`, `XX`, `IFEQ`: only if the key does not exist, exists, holds this string. Otherwise the answer is null.
//! * `GET`: answer what the key held, or null, instead of OK.
//! * The key loses its expiry, unless it gets another or `KEEPTTL`. A time that has passed deletes it.
//!
//! ```text
//! > SET lock me NX EX 10
//! OK
//! > SET lock you NX EX 10
//! (nil)
//! > SET lock you IFEQ me GET
//! "me"
//! > GET lock
//! "you"
//! ```

use perilune_command::{
    Arg, Arguments, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeyPosition,
    KeySpec, Outcome, Spec, errors, is_token,
};
use perilune_keyspace::{EventClass, Expiry, WriteTxn};
use perilune_resp::Reply;

use super::expiry::{Clocking, Deadline, set_until};
use super::reply_text;

/// SET.
pub const SET: Command = Command::new(
    Spec {
        name: "set",
        summary: "Sets the string value of a key, ignoring its type. The key is created if it doesn't exist.",
        group: Group::String,
        since: "1.0.0",
        complexity: "O(1)",
        arity: -3,
        flags: Flags::DENYOOM,
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE).with(KeyFlags::VARIABLE_FLAGS)).noted("RW and ACCESS due to the optional `GET` argument")],
        arguments: &[
            Arg::key("key", 0),
            Arg::string("value"),
            Arg::one_of("condition", &[
                Arg::word("nx", "NX").since("2.6.12"),
                Arg::word("xx", "XX").since("2.6.12"),
                Arg::string("comparison-value").after("IFEQ").since("8.1.0").summary("Sets the key's value only if the current value matches the specified comparison value."),
            ]).optional(),
            Arg::word("get", "GET").optional().since("6.2.0"),
            Arg::one_of("expiration", &[
                Arg::integer("seconds").after("EX").since("2.6.12"),
                Arg::integer("milliseconds").after("PX").since("2.6.12"),
                Arg::unix_time("unix-time-seconds").after("EXAT").since("6.2.0"),
                Arg::unix_time("unix-time-milliseconds").after("PXAT").since("6.2.0"),
                Arg::word("keepttl", "KEEPTTL").since("6.0.0"),
            ]).optional(),
        ],
        history: &[
            ("2.6.12", "Added the `EX`, `PX`, `NX` and `XX` options."),
            ("6.0.0", "Added the `KEEPTTL` option."),
            ("6.2.0", "Added the `GET`, `EXAT` and `PXAT` option."),
            ("7.0.0", "Allowed the `NX` and `GET` options to be used together."),
            ("8.1.0", "Added the `IFEQ` option."),
        ],
        key_finder: Some(find_key),
        ..Spec::DEFAULT
    },
    DataHandler::Write(set),
);

/// The key, which only GET reads.
fn find_key(arguments: &[&[u8]], visit: &mut dyn FnMut(KeyPosition)) {
    let flags = if arguments
        .iter()
        .skip(3)
        .any(|argument| is_token(argument, "GET"))
    {
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE)
    } else {
        KeyFlags::OW.with(KeyFlags::UPDATE)
    };
    visit(KeyPosition { index: 1, flags });
}

/// When to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Condition<'a> {
    #[default]
    Always,
    IfAbsent,
    IfPresent,
    IfEqual(&'a [u8]),
}

impl<'a> Condition<'a> {
    /// Adds another condition: only the same one goes with NX or XX, and none with IFEQ.
    fn and(self, other: Condition<'a>) -> Result<Self, CommandError> {
        match (self, other) {
            (Self::Always, _)
            | (Self::IfAbsent, Self::IfAbsent)
            | (Self::IfPresent, Self::IfPresent) => Ok(other),
            _ => Err(errors::SYNTAX),
        }
    }
}

/// What becomes of the key's expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Lifetime<'a> {
    #[default]
    Endless,
    Kept,
    Until(Deadline<'a>),
}

impl<'a> Lifetime<'a> {
    /// Adds another option: one of the same kind replaces it, others do not go with it.
    fn and(self, other: Lifetime<'a>) -> Result<Self, CommandError> {
        match (self, other) {
            (Self::Endless, _) | (Self::Kept, Self::Kept) => Ok(other),
            (Self::Until(old), Self::Until(new)) if old.clocking == new.clocking => Ok(other),
            _ => Err(errors::SYNTAX),
        }
    }
}

#[derive(Debug, Default)]
struct Options<'a> {
    condition: Condition<'a>,
    lifetime: Lifetime<'a>,
    get: bool,
}

impl<'a> Options<'a> {
    fn parse(arguments: &'a [&'a [u8]]) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut words = Arguments::from(arguments, 3);
        while let Some(word) = words.next() {
            if let Some(clocking) = Clocking::of(word) {
                let deadline = Deadline {
                    clocking,
                    argument: words.required()?,
                };
                options.lifetime = options.lifetime.and(Lifetime::Until(deadline))?;
            } else if is_token(word, "KEEPTTL") {
                options.lifetime = options.lifetime.and(Lifetime::Kept)?;
            } else if is_token(word, "NX") {
                options.condition = options.condition.and(Condition::IfAbsent)?;
            } else if is_token(word, "XX") {
                options.condition = options.condition.and(Condition::IfPresent)?;
            } else if is_token(word, "IFEQ") {
                options.condition = options
                    .condition
                    .and(Condition::IfEqual(words.required()?))?;
            } else if is_token(word, "GET") {
                options.get = true;
            } else {
                return Err(errors::SYNTAX);
            }
        }
        Ok(options)
    }
}

fn set(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (key, value) = (arguments[1], arguments[2]);
    if arguments.len() == 3 {
        // nearly all calls
        let mut slot = txn.slot(key)?;
        slot.set(value, Expiry::Clear)?;
        slot.notify(EventClass::STRING, "set");
        reply.ok();
        return Ok(());
    }
    let options = Options::parse(arguments)?;
    let now_ms = txn.now_ms();
    let expiry = match options.lifetime {
        Lifetime::Endless => Expiry::Clear,
        Lifetime::Kept => Expiry::Keep,
        Lifetime::Until(deadline) => Expiry::At(deadline.expire_at_ms("set", now_ms)?),
    };

    let mut slot = txn.slot(key)?;
    let old = if options.get {
        slot.count_lookup();
        slot.text()?.is_some().then(|| slot.copy())
    } else {
        None
    };
    let is_met = match options.condition {
        Condition::Always => true,
        Condition::IfAbsent => !slot.exists(),
        Condition::IfPresent => slot.exists(),
        Condition::IfEqual(expected) => slot.text()?.is_some_and(|text| text == *expected),
    };
    if is_met {
        match expiry {
            Expiry::At(expire_at_ms) => set_until(txn, key, value, expire_at_ms)?,
            _ => {
                slot.set(value, expiry)?;
                slot.notify(EventClass::STRING, "set");
            }
        }
        // whoever repeats this has nobody to answer, and the condition was met
        match expiry {
            Expiry::Clear if options.get => txn.propagate(&[b"SET", key, value]),
            Expiry::Keep if options.get => {
                txn.propagate(&[b"SET".as_slice(), key, value, b"KEEPTTL"])
            }
            _ => {}
        }
    }
    if options.get {
        reply_text(old.as_ref().and_then(|old| old.text()), reply);
    } else if is_met {
        reply.ok();
    } else {
        reply.null();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn set_replaces_whatever_there_is() {
        check(
            r#"
            > SET k 1 PX 100 => OK
            > SET k "a b\x00" => OK
            > GET k => "a b\x00"
            > :expires k => never
            > :encoding k => embstr
            > SET k -17 => OK
            > :encoding k => int
            > SET k 0000000000111111111122222222223333333333444 => OK
            > :encoding k => embstr
            > SET k 000000000011111111112222222222333333333344444 => OK
            > :encoding k => raw
            > SET "" "" => OK
            > GET "" => ""
            > SET k => (error) ERR wrong number of arguments for 'set' command
            "#,
        );
    }

    #[test]
    fn conditions() {
        check(
            r#"
            > SET k a XX => (nil)
            > SET k a IFEQ a => (nil)
            > :changes => 0
            > SET k a NX => OK
            > SET k b NX => (nil)
            > SET k b nx GET => "a"
            > SET k 5 XX XX => OK
            > SET k 6 ifeq 5 => OK
            > SET k 7 IFEQ 06 => (nil)
            > SET k 7 IFEQ 6 GET => "6"
            > SET k 8 IFEQ 6 GET => "7"
            > SET n 1 GET => (nil)
            > GET n => "1"
            > SET k v NX XX => (error) ERR syntax error
            > SET k v NX IFEQ 1 => (error) ERR syntax error
            > SET k v IFEQ 1 XX => (error) ERR syntax error
            > SET k v IFEQ 1 IFEQ 1 => (error) ERR syntax error
            > SET k v IFEQ => (error) ERR syntax error
            > SET k v FOO => (error) ERR syntax error
            "#,
        );
    }

    #[test]
    fn expiries() {
        check(
            r#"
            > SET k v EX 10 => OK
            > :expires k => 1010000
            > SET k w KEEPTTL => OK
            > :expires k => 1010000
            > SET k w px 10 PX 20 => OK
            > :expires k => 1000020
            > SET k w EXAT 1001 => OK
            > :expires k => 1001000
            > SET k w PXAT 1000500 => OK
            > :wait 499
            > GET k => "w"
            > :wait 1
            > GET k => (nil)
            > SET k v EX 0 => (error) ERR invalid expire time in 'set' command
            > SET k v PX -1 => (error) ERR invalid expire time in 'set' command
            > SET k v EX 9223372036854775 => (error) ERR invalid expire time in 'set' command
            > SET k v PX 9223372036854775807 => (error) ERR invalid expire time in 'set' command
            > SET k v EXAT 9223372036854776 => (error) ERR invalid expire time in 'set' command
            > SET k v PXAT 9223372036854775807 => OK
            > SET k v EX 1.5 => (error) ERR value is not an integer or out of range
            > SET k v EX x FOO => (error) ERR syntax error
            > SET k v EX => (error) ERR syntax error
            > SET k v EX 1 PX 1 => (error) ERR syntax error
            > SET k v EX 1 KEEPTTL => (error) ERR syntax error
            > SET k v KEEPTTL PXAT 1 => (error) ERR syntax error
            > SET k v PERSIST => (error) ERR syntax error
            "#,
        );
    }

    #[test]
    fn a_time_that_has_passed_deletes() {
        check(
            r#"
            > SET k v PXAT 1000000 => OK
            > :changes => 0
            > SET k v => OK
            > SET k w EXAT 1 GET => "v"
            > :sent => UNLINK k
            > GET k => (nil)
            "#,
        );
    }

    #[test]
    fn what_is_repeated_elsewhere() {
        check(
            r#"
            > SET k v => OK
            > :sent => SET k v
            > SET k v EX 10 => OK
            > :sent => SET k v PXAT 1010000
            > SET k v KEEPTTL GET => "v"
            > :sent => SET k v KEEPTTL
            > SET k v GET => "v"
            > :sent => SET k v
            > SET k v NX => (nil)
            > :sent =>
            > SET k v XX => OK
            > :sent => SET k v XX
            "#,
        );
    }

    #[test]
    fn events() {
        check(
            r#"
            > SET k v => OK
            > :events
            n new k
            $ set k
            > SET k v => OK
            > :events => $ set k
            > SET k v EX 10 => OK
            > :events
            $ set k
            g expire k
            > SET k v KEEPTTL => OK
            > :events => $ set k
            > SET other v XX => (nil)
            > :events
            > SET other v NX GET => (nil)
            > :events
            m keymiss other
            n new other
            $ set other
            > SET k v PXAT 1 => OK
            > :events => x expired k
            > SET k v PXAT 1 => OK
            > :events
            "#,
        );
    }
}
