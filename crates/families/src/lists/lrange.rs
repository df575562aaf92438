//! `LRANGE key start stop` answers the elements of a list from `start` to `stop`, both included; negative ones count
//! from its tail.
//!
//! ```text
//! > RPUSH l a b c d
//! (integer) 4
//! > LRANGE l 1 2
//! 1) "b"
//! 2) "c"
//! > LRANGE l -2 -1
//! 1) "c"
//! 2) "d"
//! ```

use std::ops::Range;

use perilune_command::{
    Arg, Command, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec, integer,
};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;
use perilune_value::{Collection, List, Side, range_of};

use crate::items::reply_item;

/// LRANGE.
pub const LRANGE: Command = Command::new(
    Spec {
        name: "lrange",
        summary: "Returns a range of elements from a list.",
        group: Group::List,
        since: "1.0.0",
        complexity: "O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end (HEAD or TAIL) for large lists; and N is the number of elements in the specified range.",
        arity: 4,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("start"),
            Arg::integer("stop"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Read(lrange),
);

fn lrange(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (start, stop) = (integer(arguments[2])?, integer(arguments[3])?);
    let Some(found) = txn.find(arguments[1])? else {
        reply.array(0);
        return Ok(());
    };
    let list = found.collection::<List>()?;
    let range = range_of(start, stop, list.len());
    match reply.as_writer() {
        Some(mut writer) => answer(list, range, &mut writer),
        None => answer(list, range, reply),
    }
    Ok(())
}

#[inline]
fn answer<R: Reply + ?Sized>(list: &List, range: Range<usize>, reply: &mut R) {
    reply.array(range.len());
    list.show(range.start, range.len(), Side::Right, |element| {
        reply_item(element, reply);
    });
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn ranges() {
        check(
            r#"
            > LRANGE none 0 -1 => (empty array)
            > RPUSH l a b c => (integer) 3
            > LRANGE l 0 0 => 1) "a"
            > LRANGE l 2 100 => 1) "c"
            > LRANGE l -100 0 => 1) "a"
            > LRANGE l 2 1 => (empty array)
            > LRANGE l 3 4 => (empty array)
            > LRANGE l 0 -4 => (empty array)
            > LRANGE l x 0 => (error) ERR value is not an integer or out of range
            > LRANGE none 0 x => (error) ERR value is not an integer or out of range
            > SET s 1 => OK
            > LRANGE s 0 -1 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
