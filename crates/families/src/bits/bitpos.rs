//! `BITPOS key bit [start [end [BYTE | BIT]]]` answers where the first 0 or 1 is, or -1.
//!
//! A string goes on with zeros for ever: so the first 0 of a string of ones is right behind it, unless an `end` is
//! given, behind which nobody looks.
//!
//! ```text
//! > SET k "\xff\xf0\x00"
//! OK
//! > BITPOS k 0
//! (integer) 12
//! > BITPOS k 1 2
//! (integer) -1
//! > BITPOS k 0 0 10 BIT
//! (integer) -1
//! ```

use perilune_command::{
    Arg, Command, CommandError, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec, integer,
};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;
use perilune_value::find_bit;

use super::range::Range;

/// BITPOS.
pub const BITPOS: Command = Command::new(
    Spec {
        name: "bitpos",
        summary: "Finds the first set (1) or clear (0) bit in a string.",
        group: Group::Bitmap,
        since: "2.8.7",
        complexity: "O(N)",
        arity: -3,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("bit"),
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
        history: &[("7.0.0", "Added the `BYTE|BIT` option.")],
        ..Spec::DEFAULT
    },
    DataHandler::Read(bitpos),
);

fn bitpos(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let bit = match integer(arguments[2])? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::new("ERR The bit argument must be 1 or 0.").into()),
    };
    let range = Range::parse(&arguments[3..])?;
    let Some(found) = txn.find(arguments[1])? else {
        reply.integer(if bit { -1 } else { 0 });
        return Ok(());
    };
    let (text, mut digits) = (found.text()?, itoa::Buffer::new());
    let bytes = text.bytes(&mut digits);
    let position = range.bits(bytes.len()).and_then(|bits| {
        let behind = (!bit && range.end.is_none()).then_some(bytes.len() as u64 * 8);
        find_bit(bytes, bit, bits).or(behind)
    });
    reply.integer(position.map_or(-1, |position| position as i64));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn the_first_bit_is_found() {
        check(
            r#"
            > BITPOS nothing 0 => (integer) 0
            > BITPOS nothing 1 => (integer) -1
            > SET e "" => OK
            > BITPOS e 0 => (integer) -1
            > SET k "\xff\xff" => OK
            > BITPOS k 0 => (integer) 16
            > BITPOS k 0 1 => (integer) 16
            > BITPOS k 0 0 -1 => (integer) -1
            > BITPOS k 0 2 => (integer) -1
            > BITPOS k 1 1 => (integer) 8
            > BITPOS k 1 9 12 BIT => (integer) 9
            > SET k 1 => OK
            > BITPOS k 1 => (integer) 2
            "#,
        );
    }

    #[test]
    fn bitpos_refuses() {
        check(
            r#"
            > BITPOS k 2 => (error) ERR The bit argument must be 1 or 0.
            > BITPOS k 2 x => (error) ERR The bit argument must be 1 or 0.
            > BITPOS k x 1 => (error) ERR value is not an integer or out of range
            > BITPOS k 0 0 x => (error) ERR value is not an integer or out of range
            > BITPOS k 0 0 x FOO => (error) ERR syntax error
            > BITPOS k 0 0 1 BIT x => (error) ERR syntax error
            "#,
        );
    }
}
