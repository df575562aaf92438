//! `BITFIELD key [GET encoding offset | [OVERFLOW WRAP | SAT | FAIL] SET encoding offset value |
//! INCRBY encoding offset increment ...]` treats a string as an array of integers of any width: `i1` to `i64` with
//! a sign, `u1` to `u63` without. `BITFIELD_RO` knows GET only.
//!
//! An offset counts bits, or, as `#3`, fields of that width. GET answers the integer, SET the one that was there,
//! INCRBY the sum. OVERFLOW holds for the operations behind it: what does not fit wraps around, stays at the limit,
//! or is left undone, which answers null.
//!
//! ```text
//! > BITFIELD counters SET u8 #1 200 INCRBY u8 #1 100 GET u8 #1
//! 1) (integer) 0
//! 2) (integer) 44
//! 3) (integer) 44
//! > BITFIELD counters OVERFLOW SAT INCRBY u8 #1 300 OVERFLOW FAIL INCRBY u8 #1 1
//! 1) (integer) 255
//! 2) (nil)
//! > BITFIELD_RO counters GET i8 8
//! 1) (integer) -1
//! ```

use perilune_command::{
    Arg, Arguments, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeyPosition,
    KeySpec, Outcome, Spec, errors, is_token,
};
use perilune_keyspace::{EventClass, ReadTxn, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{BitField, Overflow};

use super::offset::field_offset;

/// BITFIELD.
pub const BITFIELD: Command = Command::new(
    Spec {
        name: "bitfield",
        summary: "Performs arbitrary bitfield integer operations on strings.",
        group: Group::Bitmap,
        since: "3.2.0",
        complexity: "O(1) for each subcommand specified",
        arity: -2,
        flags: Flags::DENYOOM,
        keys: &[KeySpec::one(
            1,
            KeyFlags::RW
                .with(KeyFlags::ACCESS)
                .with(KeyFlags::UPDATE)
                .with(KeyFlags::VARIABLE_FLAGS),
        )
        .noted("This command allows both access and modification of the key")],
        arguments: &[
            Arg::key("key", 0),
            Arg::one_of(
                "operation",
                &[
                    Arg::block(
                        "get-block",
                        &[Arg::string("encoding"), Arg::integer("offset")],
                    )
                    .after("GET"),
                    Arg::block(
                        "write",
                        &[
                            Arg::one_of(
                                "overflow-block",
                                &[
                                    Arg::word("wrap", "WRAP"),
                                    Arg::word("sat", "SAT"),
                                    Arg::word("fail", "FAIL"),
                                ],
                            )
                            .after("OVERFLOW")
                            .optional(),
                            Arg::one_of(
                                "write-operation",
                                &[
                                    Arg::block(
                                        "set-block",
                                        &[
                                            Arg::string("encoding"),
                                            Arg::integer("offset"),
                                            Arg::integer("value"),
                                        ],
                                    )
                                    .after("SET"),
                                    Arg::block(
                                        "incrby-block",
                                        &[
                                            Arg::string("encoding"),
                                            Arg::integer("offset"),
                                            Arg::integer("increment"),
                                        ],
                                    )
                                    .after("INCRBY"),
                                ],
                            ),
                        ],
                    ),
                ],
            )
            .optional()
            .multiple(),
        ],
        key_finder: Some(find_key),
        ..Spec::DEFAULT
    },
    DataHandler::Write(bitfield),
);

/// The key, which is only read where all operations are GET.
fn find_key(arguments: &[&[u8]], visit: &mut dyn FnMut(KeyPosition)) {
    let mut operations = Arguments::from(arguments, 2);
    let mut only_reads = true;
    while let Some(operation) = operations.next() {
        let operands = match () {
            () if is_token(operation, "GET") => 2,
            () if is_token(operation, "OVERFLOW") => 1,
            // a change, or a syntax error
            () => usize::MAX,
        };
        if operations.remaining() < operands {
            only_reads = false;
            break;
        }
        operations.by_ref().take(operands).for_each(drop);
    }
    let flags = if only_reads {
        KeyFlags::RO.with(KeyFlags::ACCESS)
    } else {
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE)
    };
    visit(KeyPosition { index: 1, flags });
}

/// BITFIELD_RO.
pub const BITFIELD_RO: Command = Command::new(
    Spec {
        name: "bitfield_ro",
        summary: "Performs arbitrary read-only bitfield integer operations on strings.",
        group: Group::Bitmap,
        since: "6.0.0",
        complexity: "O(1) for each subcommand specified",
        arity: -2,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::block(
                "get-block",
                &[Arg::string("encoding"), Arg::integer("offset")],
            )
            .after("GET")
            .optional()
            .multiple_token(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Read(bitfield_ro),
);

/// One of the operations of a call.
#[derive(Debug, Clone, Copy)]
struct Operation {
    field: BitField,
    offset: u64,
    action: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Get,
    Set(i64, Overflow),
    IncrBy(i64, Overflow),
}

/// What an operation comes to.
struct Effect {
    answer: Option<i64>,
    /// What is to be written, and whether that differs from what is there.
    stored: Option<(i64, bool)>,
}

impl Operation {
    /// What the operation does to a string.
    fn on(&self, bytes: &[u8]) -> Effect {
        let old = self.field.get(bytes, self.offset);
        let store = |new: Option<i64>, answer: i64| Effect {
            answer: new.map(|_| answer),
            stored: new.map(|new| (new, new != old)),
        };
        match self.action {
            Action::Get => Effect {
                answer: Some(old),
                stored: None,
            },
            Action::Set(value, overflow) => store(self.field.fit(value, overflow), old),
            Action::IncrBy(increment, overflow) => {
                let sum = self.field.fit_sum(old, increment, overflow);
                store(sum, sum.unwrap_or(old))
            }
        }
    }

    /// The bytes that a string must have, to be written to.
    fn len_min(&self) -> usize {
        (self.offset + u64::from(self.field.bits())).div_ceil(8) as usize
    }
}

fn parse(arguments: &[&[u8]], len_max: usize) -> Result<Vec<Operation>, CommandError> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::default();
    let mut words = Arguments::from(arguments, 2);
    while let Some(word) = words.next() {
        let left = words.remaining();
        if is_token(word, "OVERFLOW") && left >= 1 {
            overflow = parse_overflow(words.required()?)?;
            continue;
        }
        let is_get = is_token(word, "GET") && left >= 2;
        let is_set = is_token(word, "SET") && left >= 3;
        let is_incrby = is_token(word, "INCRBY") && left >= 3;
        if !(is_get || is_set || is_incrby) {
            return Err(errors::SYNTAX);
        }
        let field = BitField::parse(words.required()?).ok_or(CommandError::new(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        ))?;
        let offset = field_offset(words.required()?, field.bits(), len_max)?;
        let action = match (is_get, is_set) {
            (true, _) => Action::Get,
            (_, true) => Action::Set(words.integer()?, overflow),
            _ => Action::IncrBy(words.integer()?, overflow),
        };
        operations.push(Operation {
            field,
            offset,
            action,
        });
    }
    Ok(operations)
}

fn parse_overflow(word: &[u8]) -> Result<Overflow, CommandError> {
    let names = [
        ("WRAP", Overflow::Wrap),
        ("SAT", Overflow::Saturate),
        ("FAIL", Overflow::Fail),
    ];
    let found = names.into_iter().find(|(name, _)| is_token(word, name));
    found
        .map(|(_, overflow)| overflow)
        .ok_or(CommandError::new("ERR Invalid OVERFLOW type specified"))
}

fn bitfield_ro(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let operations = parse(arguments, txn.string_len_max())?;
    if operations
        .iter()
        .any(|operation| operation.action != Action::Get)
    {
        return Err(CommandError::new("ERR BITFIELD_RO only supports the GET subcommand").into());
    }
    read(txn, arguments[1], &operations, reply)
}

fn bitfield(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let operations = parse(arguments, txn.string_len_max())?;
    let writing = operations
        .iter()
        .filter(|operation| operation.action != Action::Get);
    let Some(len_min) = writing.map(Operation::len_min).max() else {
        return read(txn, arguments[1], &operations, reply);
    };
    let mut slot = txn.slot(arguments[1])?;
    let (old, mut digits) = (slot.text()?, itoa::Buffer::new());
    let bytes = old
        .as_ref()
        .map_or(b"".as_slice(), |text| text.bytes(&mut digits));
    // a write that makes the string longer is a change, whatever it writes
    let grows = bytes.len() < len_min;
    let is_change = |effect: &Effect| effect.stored.is_some_and(|(_, differs)| differs || grows);
    // the string is what it was up to the first change: so it shows whether there is one
    let mut effects: Vec<Effect> = operations
        .iter()
        .map(|operation| operation.on(bytes))
        .collect();
    if effects.iter().any(is_change) {
        effects = slot.edit_bytes(len_min, |bytes| run(&operations, bytes))?;
        slot.notify(EventClass::STRING, "setbit");
        let changes = effects.iter().filter(|effect| is_change(effect)).count() as u64;
        // the edit counts as one already
        txn.count_changes(changes.saturating_sub(1));
    } else {
        // It grows, even if all that was to be written overflows. As in the reference nobody hears of that, but for our log.
        slot.edit_nothing(len_min)?;
        if grows {
            txn.propagate(arguments);
        }
    }
    answer(&effects, reply);
    Ok(())
}

fn run(operations: &[Operation], bytes: &mut [u8]) -> Vec<Effect> {
    let mut effects = Vec::with_capacity(operations.len());
    for operation in operations {
        let effect = operation.on(bytes);
        if let Some((value, _)) = effect.stored {
            operation.field.set(bytes, operation.offset, value);
        }
        effects.push(effect);
    }
    effects
}

/// Runs operations that only read.
fn read(
    txn: &mut ReadTxn<'_, '_>,
    key: &[u8],
    operations: &[Operation],
    reply: &mut dyn Reply,
) -> Outcome {
    let text = txn.find(key)?.map(|found| found.text()).transpose()?;
    let mut digits = itoa::Buffer::new();
    let bytes = text
        .as_ref()
        .map_or(b"".as_slice(), |text| text.bytes(&mut digits));
    let effects: Vec<Effect> = operations
        .iter()
        .map(|operation| operation.on(bytes))
        .collect();
    answer(&effects, reply);
    Ok(())
}

fn answer(effects: &[Effect], reply: &mut dyn Reply) {
    reply.array(effects.len());
    for effect in effects {
        match effect.answer {
            Some(value) => reply.integer(value),
            None => reply.null(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn operations_see_what_those_before_them_did() {
        check(
            r#"
            > BITFIELD k => (empty array)
            > BITFIELD k GET u8 0 GET i64 1000
            1) (integer) 0
            2) (integer) 0
            > GET k => (nil)
            > BITFIELD k SET i5 3 -1 GET u5 3 INCRBY i5 3 -16 GET u16 0
            1) (integer) 0
            2) (integer) 31
            3) (integer) 15
            4) (integer) 3840
            > :changes => 2
            > GET k => "\x0f"
            > :encoding k => raw
            > SET k 12 => OK
            > BITFIELD k GET u8 0 SET u8 #2 51
            1) (integer) 49
            2) (integer) 0
            > GET k => "123"
            "#,
        );
    }

    #[test]
    fn what_overflows_wraps_saturates_or_fails() {
        check(
            r#"
            > BITFIELD k SET u8 0 -1 INCRBY u8 0 257 OVERFLOW SAT INCRBY u8 0 -1000 SET u8 0 -1 SET i8 0 -1000
            1) (integer) 0
            2) (integer) 0
            3) (integer) 0
            4) (integer) 0
            5) (integer) -1
            > GET k => "\x80"
            > BITFIELD k OVERFLOW FAIL INCRBY i8 0 -1 SET u4 4 16 INCRBY i64 0 9223372036854775807
            1) (nil)
            2) (nil)
            3) (integer) -1
            > GET k => "\xff\xff\xff\xff\xff\xff\xff\xff"
            "#,
        );
    }

    #[test]
    fn only_what_changes_something_counts() {
        check(
            r#"
            > BITFIELD k SET u8 0 0 SET u8 8 0 GET u8 0
            1) (integer) 0
            2) (integer) 0
            3) (integer) 0
            > :changes => 2
            > BITFIELD k SET u8 0 0 INCRBY u8 8 0
            1) (integer) 0
            2) (integer) 0
            > :changes => 0
            > BITFIELD k SET u8 0 0 INCRBY u8 8 1
            1) (integer) 0
            2) (integer) 1
            > :changes => 1
            > BITFIELD n OVERFLOW FAIL SET u1 0 2 => 1) (nil)
            > :changes => 0
            > :sent => BITFIELD n OVERFLOW FAIL SET u1 0 2
            > STRLEN n => (integer) 1
            > BITFIELD n OVERFLOW FAIL SET u1 0 2 => 1) (nil)
            > :changes => 0
            > :sent
            > BITFIELD n OVERFLOW FAIL SET u1 80 2 => 1) (nil)
            > :changes => 0
            > STRLEN n => (integer) 11
            > SET i 5 => OK
            > BITFIELD i SET u8 0 53 => 1) (integer) 53
            > :changes => 0
            > :encoding i => raw
            "#,
        );
    }

    #[test]
    fn bitfield_refuses() {
        check(
            r#"
            > BITFIELD k GET u8 => (error) ERR syntax error
            > BITFIELD k SET u8 0 => (error) ERR syntax error
            > BITFIELD k OVERFLOW => (error) ERR syntax error
            > BITFIELD k FOO => (error) ERR syntax error
            > BITFIELD k OVERFLOW FOO => (error) ERR Invalid OVERFLOW type specified
            > BITFIELD k GET u64 0 => (error) ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
            > BITFIELD k GET u8 -1 => (error) ERR bit offset is not an integer or out of range
            > BITFIELD k GET u8 # => (error) ERR bit offset is not an integer or out of range
            > BITFIELD k GET u8 #536870912 => (error) ERR bit offset is not an integer or out of range
            > BITFIELD k SET u8 0 x => (error) ERR value is not an integer or out of range
            > BITFIELD_RO k GET u8 0 SET u8 0 1 => (error) ERR BITFIELD_RO only supports the GET subcommand
            > BITFIELD_RO k => (empty array)
            "#,
        );
    }

    #[test]
    fn no_event_if_all_that_was_to_be_written_overflows() {
        check(
            r#"
            > BITFIELD k OVERFLOW FAIL INCRBY u2 0 5 SET u2 6 1
            1) (nil)
            2) (integer) 0
            > :events
            n new k
            $ setbit k
            > BITFIELD none OVERFLOW FAIL INCRBY u2 0 5 => 1) (nil)
            > :events => n new none
            > BITFIELD k OVERFLOW FAIL INCRBY u2 20 5 => 1) (nil)
            > :events
            "#,
        );
    }
}
