//! `RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]` creates a key out of what
//! DUMP has answered.
//!
//! * `ttl` is in milliseconds, with ABSTTL since the Unix epoch; 0 says that the key does not expire. Where that time has
//!   passed nothing is created, and with REPLACE what was there is gone.
//! * IDLETIME says how long the key has not been used; FREQ, how often it was, where an LFU policy counts that.
//!
//! Every byte of the value is looked at before any of it becomes a value: what is accepted is as good as if commands
//! had made it.
//!
//! ```text
//! > SET a 1
//! OK
//! > RESTORE a 0 "\x00\xc0\x01\x0b\x00O\xa7Z\xc5,\x9e\xf8u"
//! (error) BUSYKEY Target key name already exists.
//! > RESTORE b 0 "\x00\xc0\x01\x0b\x00O\xa7Z\xc5,\x9e\xf8u"
//! OK
//! ```

use perilune_command::{
    Arg, Arguments, Category, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec,
    Outcome, Spec, errors, integer, is_token,
};
use perilune_keyspace::{Detached, EventClass, WriteTxn};
use perilune_resp::Reply;
use perilune_value::rdb::{self, RestoreError};

/// RESTORE.
pub const RESTORE: Command = Command::new(
    Spec {
        name: "restore",
        summary: "Creates a key from the serialized representation of a value.",
        group: Group::Generic,
        since: "2.6.0",
        complexity: "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number of objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).",
        arity: -4,
        flags: Flags::DENYOOM,
        categories: Category::KEYSPACE.with(Category::DANGEROUS),
        keys: &[KeySpec::one(1, KeyFlags::OW.with(KeyFlags::UPDATE))],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("ttl"),
            Arg::string("serialized-value"),
            Arg::word("replace", "REPLACE").since("3.0.0").optional(),
            Arg::word("absttl", "ABSTTL").since("5.0.0").optional(),
            Arg::integer("seconds")
                .after("IDLETIME")
                .since("5.0.0")
                .optional(),
            Arg::integer("frequency")
                .after("FREQ")
                .since("5.0.0")
                .optional(),
        ],
        history: &[
            ("3.0.0", "Added the `REPLACE` modifier."),
            ("5.0.0", "Added the `ABSTTL` modifier."),
            ("5.0.0", "Added the `IDLETIME` and `FREQ` options."),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(restore),
);

const BUSY_KEY: CommandError = CommandError::new("BUSYKEY Target key name already exists.");
const NEGATIVE_TTL: CommandError = CommandError::new("ERR Invalid TTL value, must be >= 0");
const NEGATIVE_IDLE_TIME: CommandError =
    CommandError::new("ERR Invalid IDLETIME value, must be >= 0");
const FREQUENCY_OUT_OF_RANGE: CommandError =
    CommandError::new("ERR Invalid FREQ value, must be >= 0 and <= 255");
const WRONG_FOOTER: CommandError =
    CommandError::new("ERR DUMP payload version or checksum are wrong");
const BAD_FORMAT: CommandError = CommandError::new("ERR Bad data format");

/// A key that has not been used for longer is told like one of this: half of what the stamp of an entry tells.
const IDLE_SECONDS_MAX: u32 = (1 << 23) - 1;

#[derive(Default)]
struct Options {
    replace: bool,
    /// The time to live is a point in time.
    absolute: bool,
    idle_seconds: Option<u32>,
    frequency: Option<u8>,
}

impl Options {
    fn parse(mut arguments: Arguments<'_>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        while let Some(option) = arguments.next() {
            let has_value = arguments.remaining() > 0;
            match () {
                () if is_token(option, "REPLACE") => options.replace = true,
                () if is_token(option, "ABSTTL") => options.absolute = true,
                () if is_token(option, "IDLETIME") && has_value && options.frequency.is_none() => {
                    let seconds = u64::try_from(arguments.integer()?)
                        .map_err(|_| NEGATIVE_IDLE_TIME)?
                        .min(IDLE_SECONDS_MAX.into());
                    options.idle_seconds = Some(seconds as u32);
                }
                () if is_token(option, "FREQ") && has_value && options.idle_seconds.is_none() => {
                    let frequency = arguments.integer()?;
                    let frequency = u8::try_from(frequency).map_err(|_| FREQUENCY_OUT_OF_RANGE)?;
                    options.frequency = Some(frequency);
                }
                () => return Err(errors::SYNTAX),
            }
        }
        Ok(options)
    }
}

fn restore(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (key, ttl, payload) = (arguments[1], arguments[2], arguments[3]);
    let options = Options::parse(Arguments::from(arguments, 4))?;
    if !options.replace && txn.slot(key)?.exists() {
        return Err(BUSY_KEY.into());
    }
    let ttl = integer(ttl)?;
    if ttl < 0 {
        return Err(NEGATIVE_TTL.into());
    }
    let object = rdb::restore(
        payload,
        &txn.limits(),
        txn.string_len_max(),
        txn.version_check(),
    )
    .map_err(|error| match error {
        RestoreError::Footer => WRONG_FOOTER,
        RestoreError::Value(_) => BAD_FORMAT,
    })?;
    let now_ms = txn.now_ms();
    let expire_at_ms = match ttl {
        0 => None,
        at_ms if options.absolute => Some(at_ms),
        // a time beyond all times has passed: the reference's sum overflows
        ttl_ms => Some(ttl_ms.wrapping_add(now_ms)),
    };
    let access = txn.use_told(options.idle_seconds, options.frequency);

    let mut slot = txn.slot(key)?;
    if let Some(at_ms) = expire_at_ms
        && at_ms <= now_ms
    {
        if slot.delete()? {
            slot.notify(EventClass::GENERIC, "del");
            txn.propagate(&[b"UNLINK".as_slice(), key]);
        }
        reply.ok();
        return Ok(());
    }
    slot.put(Detached::new(object, access, expire_at_ms))?;
    slot.notify(EventClass::GENERIC, "restore");
    if let Some(at_ms) = expire_at_ms
        && !options.absolute
    {
        let mut digits = itoa::Buffer::new();
        let mut effect = arguments.to_vec();
        effect[2] = digits.format(at_ms).as_bytes();
        effect.push(b"ABSTTL");
        txn.propagate(&effect);
    }
    reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn a_value_comes_back() {
        check(
            r#"
            > RESTORE a 0 "\x00\xc0\x01\x0b\x00O\xa7Z\xc5,\x9e\xf8u" => OK
            > :changes => 1
            > :events
            n new a
            g restore a
            > GET a => "1"
            > :encoding a => int
            > :expires a => never
            > RESTORE a 0 "\x00\xc0\x01\x0b\x00O\xa7Z\xc5,\x9e\xf8u" => (error) BUSYKEY Target key name already exists.
            > RPUSH a b => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > DEL a => (integer) 1
            > RPUSH a b => (integer) 1
            > RESTORE a 0 "\x00\xc0\x01\x0b\x00O\xa7Z\xc5,\x9e\xf8u" REPLACE => OK
            > :events
            n new a
            g restore a
            > :changes => 1
            > GET a => "1"
            "#,
        );
    }

    #[test]
    fn times() {
        check(
            r#"
            > RESTORE a 100 "\x00\xc0\x01\x0b\x00O\xa7Z\xc5,\x9e\xf8u" => OK
            > :expires a => 1000100
            > :sent => RESTORE a 1000100 "\x00\xc0\x01\x0b\x00O\xa7Z\xc5,\x9e\xf8u" ABSTTL
            > RESTORE b 1000001 "\x00\xc0\x01\x0b\x00O\xa7Z\xc5,\x9e\xf8u" ABSTTL IDLETIME 60 => OK
            > :sent => RESTORE b 1000001 "\x00\xc0\x01\x0b\x00O\xa7Z\xc5,\x9e\xf8u" ABSTTL IDLETIME 60
            > RESTORE c 1000000 "\x00\xc0\x01\x0b\x00O\xa7Z\xc5,\x9e\xf8u" ABSTTL => OK
            > :changes => 0
            > EXISTS c => (integer) 0
            > RESTORE c 9223372036854775807 "\x00\xc0\x01\x0b\x00O\xa7Z\xc5,\x9e\xf8u" => OK
            > EXISTS c => (integer) 0
            > RESTORE a 1000000 "\x00\xc0\x01\x0b\x00O\xa7Z\xc5,\x9e\xf8u" ABSTTL REPLACE => OK
            > :changes => 1
            > :sent => UNLINK a
            > :events => g del a
            > EXISTS a => (integer) 0
            "#,
        );
    }

    #[test]
    fn errors_come_in_the_references_order() {
        check(
            r#"
            > SET a 1 => OK
            > RESTORE a x y foo => (error) ERR syntax error
            > RESTORE a x y IDLETIME => (error) ERR syntax error
            > RESTORE a x y IDLETIME 1 FREQ 1 => (error) ERR syntax error
            > RESTORE a x y FREQ 1 IDLETIME 1 => (error) ERR syntax error
            > RESTORE a x y IDLETIME z foo => (error) ERR value is not an integer or out of range
            > RESTORE a x y IDLETIME -1 => (error) ERR Invalid IDLETIME value, must be >= 0
            > RESTORE a x y FREQ -1 => (error) ERR Invalid FREQ value, must be >= 0 and <= 255
            > RESTORE a x y FREQ 256 => (error) ERR Invalid FREQ value, must be >= 0 and <= 255
            > RESTORE a x y => (error) BUSYKEY Target key name already exists.
            > RESTORE a x y REPLACE => (error) ERR value is not an integer or out of range
            > RESTORE a -1 y REPLACE => (error) ERR Invalid TTL value, must be >= 0
            > RESTORE a 0 y REPLACE => (error) ERR DUMP payload version or checksum are wrong
            > RESTORE a 0 "\x00\xc0\x01\x0b\x00O\xa7Z\xc5,\x9e\xf8v" REPLACE => (error) ERR DUMP payload version or checksum are wrong
            > GET a => "1"
            "#,
        );
    }
}
