//! `SRANDMEMBER key [count]` answers a member chosen at random, or null where there is none; with a count so many different
//! ones, as far as there are; a negative count may choose the same more than once, and answers as many as it says.
//!
//! ```text
//! > SADD coin heads
//! (integer) 1
//! > SRANDMEMBER coin
//! "heads"
//! > SRANDMEMBER coin -2
//! 1) "heads"
//! 2) "heads"
//! > SRANDMEMBER coin 2
//! 1) "heads"
//! ```

use perilune_command::{
    Arg, Command, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec, errors, integer_between,
};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;
use perilune_value::Collection;

use fastrand::Rng;

use super::{find, sample};
use crate::items::reply_item;
use crate::sampling::repeated;

/// SRANDMEMBER.
pub const SRANDMEMBER: Command = Command::new(
    Spec {
        name: "srandmember",
        summary: "Get one or multiple random members from a set",
        group: Group::Set,
        since: "1.0.0",
        complexity: "Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed count.",
        arity: -2,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("count").since("2.6.0").optional(),
        ],
        tips: &["nondeterministic_output"],
        history: &[("2.6.0", "Added the optional `count` argument.")],
        ..Spec::DEFAULT
    },
    DataHandler::Read(srandmember),
);

fn srandmember(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let count = match arguments {
        [_, _] => None,
        [_, _, count] => Some(integer_between(count, -i64::MAX, i64::MAX)?),
        _ => return Err(errors::SYNTAX.into()),
    };
    let mut random = Rng::with_seed(txn.random());
    let string_len_max = txn.string_len_max();
    let set = find(txn, arguments[1])?;
    let (Some(set), Some(count)) = (set, count) else {
        match (set.and_then(|set| set.random(random.u64(..))), count) {
            (_, Some(_)) => reply.array(0),
            (Some(member), None) => reply_item(member, reply),
            (None, None) => reply.null(),
        }
        return Ok(());
    };
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        let wanted = repeated(count, string_len_max)?;
        reply.array(wanted);
        for _ in 0..wanted {
            if let Some(member) = set.random(random.u64(..)) {
                reply_item(member, reply);
            }
        }
        return Ok(());
    }
    if wanted >= set.len() {
        reply.array(set.len());
        set.iter().for_each(|member| reply_item(member, reply));
        return Ok(());
    }
    reply.array(wanted);
    for member in sample(set, wanted, &mut random) {
        reply.bulk(&member);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn members_are_chosen() {
        check(
            r#"
            > SRANDMEMBER none => (nil)
            > SRANDMEMBER none 2 => (empty array)
            > SADD s a => (integer) 1
            > SRANDMEMBER s => "a"
            > SRANDMEMBER s 0 => (empty array)
            > SRANDMEMBER s -4611686018427387904 => (error) ERR value is out of range
            > SRANDMEMBER s 5 => 1) "a"
            > SRANDMEMBER s -2
            1) "a"
            2) "a"
            > :resp 3
            > SRANDMEMBER s 1 => 1) "a"
            > SRANDMEMBER none 2 => (empty array)
            > SRANDMEMBER none => (nil)
            > SET k v => OK
            > SRANDMEMBER k => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > SRANDMEMBER k x => (error) ERR value is not an integer or out of range
            > SRANDMEMBER k 1 2 => (error) ERR syntax error
            > SRANDMEMBER k -9223372036854775808 => (error) ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
            "#,
        );
    }

    #[test]
    fn a_count_chooses_different_ones() {
        use std::collections::BTreeSet;

        use crate::testing::Stage;
        for members in [20, 300] {
            let mut stage = Stage::new();
            for i in 0..members {
                stage.call(&format!("SADD s member:{i}"));
            }
            for count in [2, 10, members - 1] {
                let answer = stage.call(&format!("SRANDMEMBER s {count}"));
                let chosen: BTreeSet<&str> = answer
                    .lines()
                    .filter_map(|line| line.split('"').nth(1))
                    .collect();
                assert_eq!(chosen.len(), count, "{answer}");
            }
        }
    }
}
