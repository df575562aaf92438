//! `FLUSHDB [ASYNC | SYNC]` removes all keys of the selected database, `FLUSHALL [ASYNC | SYNC]` those of all
//! databases. The memory is given back in the background, or with SYNC before the answer.
//!
//! ```text
//! > SET a 1
//! OK
//! > FLUSHALL
//! OK
//! > DBSIZE
//! (integer) 0
//! > SET b 2
//! OK
//! > FLUSHDB ASYNC
//! OK
//! ```

use std::ops::Range;

use perilune_command::{
    Arg, Arguments, Category, Command, CommandError, DataHandler, Group, Outcome, PlanKind, Spec,
    errors,
};
use perilune_keyspace::WriteTxn;
use perilune_resp::Reply;

/// FLUSHDB.
pub const FLUSHDB: Command = Command::new(
    Spec {
        name: "flushdb",
        summary: "Remove all keys from the current database.",
        group: Group::Server,
        since: "1.0.0",
        complexity: "O(N) where N is the number of keys in the selected database",
        arity: -1,
        categories: Category::KEYSPACE.with(Category::DANGEROUS),
        arguments: &[Arg::one_of(
            "flush-type",
            &[
                Arg::word("async", "ASYNC").since("4.0.0"),
                Arg::word("sync", "SYNC").since("6.2.0"),
            ],
        )
        .optional()],
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        history: &[
            ("4.0.0", "Added the `ASYNC` flushing mode modifier."),
            ("6.2.0", "Added the `SYNC` flushing mode modifier."),
        ],
        plan: PlanKind::AllStripes,
        ..Spec::DEFAULT
    },
    DataHandler::Write(flushdb),
);

/// FLUSHALL.
pub const FLUSHALL: Command = Command::new(
    Spec {
        name: "flushall",
        summary: "Removes all keys from all databases.",
        group: Group::Server,
        since: "1.0.0",
        complexity: "O(N) where N is the total number of keys in all databases",
        arity: -1,
        categories: Category::KEYSPACE.with(Category::DANGEROUS),
        arguments: &[Arg::one_of(
            "flush-type",
            &[
                Arg::word("async", "ASYNC").since("4.0.0"),
                Arg::word("sync", "SYNC").since("6.2.0"),
            ],
        )
        .optional()],
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        history: &[
            ("4.0.0", "Added the `ASYNC` flushing mode modifier."),
            ("6.2.0", "Added the `SYNC` flushing mode modifier."),
        ],
        plan: PlanKind::AllStripes,
        ..Spec::DEFAULT
    },
    DataHandler::Write(flushall),
);

fn flushdb(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let database = txn.database();
    flush(txn, arguments, database..database + 1, reply)
}

fn flushall(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let databases = 0..txn.database_count();
    flush(txn, arguments, databases, reply)
}

fn flush(
    txn: &mut WriteTxn<'_, '_>,
    arguments: &[&[u8]],
    databases: Range<usize>,
    reply: &mut dyn Reply,
) -> Outcome {
    if validate(arguments)? == Freeing::Sync {
        txn.free_before_answer();
    }
    let mut removed = 0;
    for database in databases {
        removed += txn.clear(database)?;
    }
    txn.count_changes(removed);
    // even where there was nothing to remove: on a replica there may be
    txn.propagate(arguments);
    reply.ok();
    Ok(())
}

/// When the memory is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freeing {
    /// At some time after the answer.
    Async,
    /// Before the answer.
    Sync,
}

fn validate(arguments: &[&[u8]]) -> Result<Freeing, CommandError> {
    let mut options = Arguments::from(arguments, 1);
    let freeing = if !options.take_token("ASYNC") && options.take_token("SYNC") {
        Freeing::Sync
    } else {
        Freeing::Async
    };
    if options.remaining() == 0 {
        Ok(freeing)
    } else {
        Err(errors::SYNTAX)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn flushing_is_sent_even_of_nothing() {
        check(
            "
            > FLUSHALL => OK
            > :changes => 0
            > :sent => FLUSHALL
            > MSET a 1 b 2 => OK
            > :select 3
            > SET c 3 => OK
            > FLUSHDB => OK
            > :changes => 1
            > :sent => FLUSHDB
            > DBSIZE => (integer) 0
            > :select 0
            > DBSIZE => (integer) 2
            > FLUSHALL ASYNC => OK
            > :changes => 2
            > DBSIZE => (integer) 0
            ",
        );
    }

    #[test]
    fn one_option_at_most() {
        check(
            "
            > FLUSHALL SYNC => OK
            > FLUSHALL foo => (error) ERR syntax error
            > FLUSHALL async sync => (error) ERR syntax error
            > FLUSHDB ASYNC foo => (error) ERR syntax error
            ",
        );
    }
}
