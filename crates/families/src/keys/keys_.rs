//! `KEYS pattern` answers the names of all keys that match a glob pattern, in no order.
//!
//! Walks over the whole database. Outside of a script or transaction it sees each part of the keyspace at one
//! moment, but not all of them at the same; inside, it is as atomic as everything there.
//!
//! ```text
//! > SET hello 1
//! OK
//! > KEYS h?llo
//! 1) "hello"
//! ```

use std::ops::ControlFlow;

use perilune_command::{Arg, Category, Command, DataHandler, Group, Outcome, PlanKind, Spec};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;
use perilune_value::Glob;

/// KEYS.
pub const KEYS: Command = Command::new(
    Spec {
        name: "keys",
        summary: "Returns all key names that match a pattern.",
        group: Group::Generic,
        since: "1.0.0",
        complexity: "O(N) with N being the number of keys in the database, under the assumption that the key names in the database and the given pattern have limited length.",
        arity: 2,
        categories: Category::KEYSPACE.with(Category::DANGEROUS),
        arguments: &[Arg::pattern("pattern")],
        tips: &["request_policy:all_shards", "nondeterministic_output_order"],
        plan: PlanKind::Walk,
        ..Spec::DEFAULT
    },
    DataHandler::Read(keys),
);

fn keys(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let pattern = Glob::new(arguments[1]);
    let mut matching: Vec<Vec<u8>> = Vec::new();
    txn.for_each(&mut |found| {
        if pattern.selects(found.key()) {
            matching.push(found.key().to_vec());
        }
        ControlFlow::Continue(())
    })?;
    reply.array(matching.len());
    for key in &matching {
        reply.bulk(key);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn only_matching_keys_of_the_database_are_shown() {
        check(
            r#"
            > KEYS * => (empty array)
            > MSET hello 1 world 2 h 3 => OK
            > KEYS he*
            1) "hello"
            > KEYS [^h]* => 1) "world"
            > KEYS h? => (empty array)
            > :select 1
            > KEYS * => (empty array)
            > SET "" empty => OK
            > KEYS * => 1) ""
            > KEYS ** => (empty array)
            "#,
        );
    }

    #[test]
    fn what_has_expired_is_not_shown() {
        check(
            "
            > SET a 1 PX 10 => OK
            > :wait 10
            > KEYS * => (empty array)
            ",
        );
    }
}
