//! `ZRANK key member [WITHSCORE]` answers the rank of a member, which is how many are before it, or null; with its score
//! if it is asked for. `ZREVRANK` counts from the highest score.
//!
//! ```text
//! > ZADD board 10 alice 20 bob
//! (integer) 2
//! > ZRANK board bob
//! (integer) 1
//! > ZREVRANK board bob WITHSCORE
//! 1) (integer) 0
//! 2) "20"
//! ```

use perilune_command::{
    Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec, errors, is_token,
};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;
use perilune_value::Collection;

use super::find;

/// ZRANK.
pub const ZRANK: Command = Command::new(
    Spec {
        name: "zrank",
        summary: "Returns the index of a member in a sorted set ordered by ascending scores.",
        group: Group::SortedSet,
        since: "2.0.0",
        complexity: "O(log(N))",
        arity: -3,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::string("member"),
            Arg::word("withscore", "WITHSCORE").optional(),
        ],
        history: &[("7.2.0", "Added the optional `WITHSCORE` argument.")],
        ..Spec::DEFAULT
    },
    DataHandler::Read(zrank),
);

/// ZREVRANK.
pub const ZREVRANK: Command = Command::new(
    Spec {
        name: "zrevrank",
        summary: "Returns the index of a member in a sorted set ordered by descending scores.",
        group: Group::SortedSet,
        since: "2.0.0",
        complexity: "O(log(N))",
        arity: -3,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::string("member"),
            Arg::word("withscore", "WITHSCORE").optional(),
        ],
        history: &[("7.2.0", "Added the optional `WITHSCORE` argument.")],
        ..Spec::DEFAULT
    },
    DataHandler::Read(zrevrank),
);

fn zrank(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer(txn, arguments, false, reply)
}

fn zrevrank(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer(txn, arguments, true, reply)
}

fn answer(
    txn: &mut ReadTxn<'_, '_>,
    arguments: &[&[u8]],
    reversed: bool,
    reply: &mut dyn Reply,
) -> Outcome {
    let with_score = match arguments[3..] {
        [] => false,
        [word] if is_token(word, "WITHSCORE") => true,
        [_] => return Err(errors::SYNTAX.into()),
        _ => {
            let name = if reversed { "zrevrank" } else { "zrank" };
            return Err(errors::wrong_arity(name).into());
        }
    };
    let set = find(txn, arguments[1])?;
    let found = set.and_then(|set| {
        let (rank, score) = set.rank(arguments[2])?;
        let rank = if reversed { set.len() - 1 - rank } else { rank };
        Some((rank as i64, score))
    });
    match found {
        Some((rank, score)) if with_score => {
            reply.array(2);
            reply.integer(rank);
            reply.double(score);
        }
        Some((rank, _)) => reply.integer(rank),
        None if with_score => reply.null_array(),
        None => reply.null(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn ranks_from_both_ends() {
        check(
            r#"
            > ZRANK z a => (nil)
            > ZRANK z a WITHSCORE => (nil)
            > ZADD z 1 a 2 7 2 b 3 d => (integer) 4
            > ZRANK z a => (integer) 0
            > ZRANK z 7 => (integer) 1
            > ZREVRANK z a => (integer) 3
            > ZRANK z b withscore
            1) (integer) 2
            2) "2"
            > ZRANK z x => (nil)
            > ZREVRANK z x WITHSCORE => (nil)
            > ZRANK z a WITHSCORES => (error) ERR syntax error
            > ZREVRANK z a WITHSCORE 1 => (error) ERR wrong number of arguments for 'zrevrank' command
            > :resp 3
            > ZREVRANK z d WITHSCORE
            1) (integer) 0
            2) (double) 3
            > SET s v => OK
            > ZRANK s a x => (error) ERR syntax error
            > ZRANK s a => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
