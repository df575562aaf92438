//! `LINDEX key index` answers the element of a list at an index; negative ones count from its tail.
//!
//! ```text
//! > RPUSH l a b c
//! (integer) 3
//! > LINDEX l 0
//! "a"
//! > LINDEX l -1
//! "c"
//! > LINDEX l 3
//! (nil)
//! ```

use perilune_command::{
    Arg, Command, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec, integer,
};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;
use perilune_value::List;

use crate::items::reply_item;

/// LINDEX.
pub const LINDEX: Command = Command::new(
    Spec {
        name: "lindex",
        summary: "Returns an element from a list by its index.",
        group: Group::List,
        since: "1.0.0",
        complexity: "O(N) where N is the number of elements to traverse to get to the element at index. This makes asking for the first or the last element of the list O(1).",
        arity: 3,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[Arg::key("key", 0), Arg::integer("index")],
        ..Spec::DEFAULT
    },
    DataHandler::Read(lindex),
);

fn lindex(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let Some(found) = txn.find(arguments[1])? else {
        reply.null();
        return Ok(());
    };
    let list = found.collection::<List>()?;
    match list.get(integer(arguments[2])?) {
        Some(element) => reply_item(element, reply),
        None => reply.null(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn elements_by_index() {
        check(
            r#"
            > RPUSH l a 12 => (integer) 2
            > LINDEX l 1 => "12"
            > LINDEX l -2 => "a"
            > LINDEX l -3 => (nil)
            > LINDEX l 9223372036854775807 => (nil)
            > LINDEX l -9223372036854775808 => (nil)
            > LINDEX l x => (error) ERR value is not an integer or out of range
            > LINDEX none x => (nil)
            > SET s 1 => OK
            > LINDEX s x => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
