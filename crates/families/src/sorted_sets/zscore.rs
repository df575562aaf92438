//! `ZSCORE key member` answers the score of a member, or null. `ZMSCORE key member [member ...]` answers those of several.
//!
//! ```text
//! > ZADD board 10 alice 20.5 bob
//! (integer) 2
//! > ZSCORE board bob
//! "20.5"
//! > ZMSCORE board alice carol
//! 1) "10"
//! 2) (nil)
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;

use super::find;

/// ZSCORE.
pub const ZSCORE: Command = Command::new(
    Spec {
        name: "zscore",
        summary: "Returns the score of a member in a sorted set.",
        group: Group::SortedSet,
        since: "1.2.0",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[Arg::key("key", 0), Arg::string("member")],
        ..Spec::DEFAULT
    },
    DataHandler::Read(zscore),
);

/// ZMSCORE.
pub const ZMSCORE: Command = Command::new(
    Spec {
        name: "zmscore",
        summary: "Returns the score of one or more members in a sorted set.",
        group: Group::SortedSet,
        since: "6.2.0",
        complexity: "O(N) where N is the number of members being requested.",
        arity: -3,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[Arg::key("key", 0), Arg::string("member").multiple()],
        ..Spec::DEFAULT
    },
    DataHandler::Read(zmscore),
);

fn zscore(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let set = find(txn, arguments[1])?;
    reply_score(set.and_then(|set| set.score(arguments[2])), reply);
    Ok(())
}

fn zmscore(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let set = find(txn, arguments[1])?;
    reply.array(arguments.len() - 2);
    for member in &arguments[2..] {
        reply_score(set.and_then(|set| set.score(member)), reply);
    }
    Ok(())
}

fn reply_score(score: Option<f64>, reply: &mut dyn Reply) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn scores() {
        check(
            r#"
            > ZSCORE z a => (nil)
            > ZMSCORE z a b
            1) (nil)
            2) (nil)
            > ZADD z 1.5 a 3 7 => (integer) 2
            > ZSCORE z a => "1.5"
            > ZSCORE z 7 => "3"
            > ZSCORE z x => (nil)
            > :resp 3
            > ZMSCORE z a x 7
            1) (double) 1.5
            2) (nil)
            3) (double) 3
            > SET s v => OK
            > ZSCORE s a => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > ZMSCORE s a => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
