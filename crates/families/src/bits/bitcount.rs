//! `BITCOUNT key [start [end [BYTE | BIT]]]` counts the bits of a string, or of a part of it, that are set.
//!
//! ```text
//! > SET k foobar
//! OK
//! > BITCOUNT k
//! (integer) 26
//! > BITCOUNT k 1 1
//! (integer) 6
//! > BITCOUNT k 5 30 BIT
//! (integer) 17
//! ```

use perilune_command::{Arg, Command, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;
use perilune_value::count_ones_in;

use super::range::Range;

/// BITCOUNT.
pub const BITCOUNT: Command = Command::new(
    Spec {
        name: "bitcount",
        summary: "Counts the number of set bits (population counting) in a string.",
        group: Group::Bitmap,
        since: "2.6.0",
        complexity: "O(N)",
        arity: -2,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::block(
                "range",
                &[
                    Arg::integer("start"),
                    Arg::block(
                        "end-unit-block",
                        &[
                            Arg::integer("end"),
                            Arg::one_of(
                                "unit",
                                &[Arg::word("byte", "BYTE"), Arg::word("bit", "BIT")],
                            )
                            .optional()
                            .since("7.0.0"),
                        ],
                    )
                    .optional(),
                ],
            )
            .optional(),
        ],
        history: &[
            ("7.0.0", "Added the `BYTE|BIT` option."),
            (
                "8.0.0",
                "`end` made optional; when called without argument the command reports the last BYTE.",
            ),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Read(bitcount),
);

fn bitcount(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let range = Range::parse(&arguments[2..])?;
    let Some(found) = txn.find(arguments[1])? else {
        reply.integer(0);
        return Ok(());
    };
    let (text, mut digits) = (found.text()?, itoa::Buffer::new());
    let bytes = text.bytes(&mut digits);
    let bits = range.bits(bytes.len()).filter(|_| !range.is_reversed());
    reply.integer(bits.map_or(0, |bits| count_ones_in(bytes, bits)) as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn bits_are_counted() {
        check(
            r#"
            > SET k foobar => OK
            > BITCOUNT k 0 0 => (integer) 4
            > BITCOUNT k 0 -5 => (integer) 10
            > BITCOUNT k 5 => (integer) 4
            > BITCOUNT k 1 1 BYTE => (integer) 6
            > BITCOUNT k -1 -7 => (integer) 0
            > BITCOUNT k 100 200 => (integer) 0
            > BITCOUNT nothing => (integer) 0
            > SET k 7 => OK
            > BITCOUNT k => (integer) 5
            "#,
        );
    }

    #[test]
    fn bitcount_refuses() {
        check(
            r#"
            > BITCOUNT k a => (error) ERR value is not an integer or out of range
            > BITCOUNT k 0 b => (error) ERR value is not an integer or out of range
            > BITCOUNT k 0 b FOO => (error) ERR syntax error
            > BITCOUNT k a b FOO => (error) ERR value is not an integer or out of range
            > BITCOUNT k 0 1 BIT x => (error) ERR syntax error
            "#,
        );
    }
}
