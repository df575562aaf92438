//! `TYPE key` answers the type of the value that a key holds, or `none`.
//!
//! ```text
//! > SET a 1
//! OK
//! > TYPE a
//! string
//! ```

use perilune_command::{
    Arg, Category, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec,
};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;

/// TYPE.
pub const TYPE: Command = Command::new(
    Spec {
        name: "type",
        summary: "Determines the type of value stored at a key.",
        group: Group::Generic,
        since: "1.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::FAST,
        categories: Category::KEYSPACE,
        keys: &[KeySpec::one(1, KeyFlags::RO)],
        arguments: &[Arg::key("key", 0)],
        ..Spec::DEFAULT
    },
    DataHandler::Read(type_),
);

fn type_(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let name = txn.peek(arguments[1])?.map(|found| found.type_name());
    txn.count_lookup(arguments[1], name.is_some());
    reply.status(name.unwrap_or("none"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn what_is_not_there_has_no_type() {
        check(
            "
            > TYPE a => none
            > SET a 1 PX 10 => OK
            > TYPE a => string
            > :wait 10
            > TYPE a => none
            ",
        );
    }
}
